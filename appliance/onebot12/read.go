package onebot12

import (
	"strconv"
	"strings"
)

// reader writes OneBot 11 messages as OneBot 12.
type reader struct {
	o       *Reading
	self    uint64
	message int64 // the message that is read
	group   uint64

	dst []byte
	alt []byte // what the message is to people
}

// segments writes an array of segments. Only those of the message itself are told in alt, not those of a forward in it.
func (r *reader) segments(array value, told bool) {
	r.dst = append(r.dst, '[')
	quotes := "" // whom the segment before quotes
	for s := array.first(); s.ok(); s = array.after(s) {
		kind, data := s.get("type").text(), s.get("data")
		if kind == "" {
			continue
		}
		if quotes != "" && kind == "at" && data.get("qq").text() == quotes {
			quotes = "" // QQ adds it to every reply
			continue
		}
		quotes = ""
		alt := len(r.alt)
		r.dst = comma(r.dst)
		switch kind {
		case "text":
			r.open("text")
			r.dst = texts(r.dst, "text", data.get("text"))
			r.alt = append(r.alt, data.get("text").text()...)
		case "at":
			r.mention(data)
		case "reply":
			quotes = r.reply(data)
		case "image", "mface":
			r.image(data)
		case "record":
			r.medium("voice", "record", data)
			r.alt = append(r.alt, "[语音]"...)
		case "video":
			r.medium("video", "video", data)
			r.alt = append(r.alt, "[视频]"...)
		case "file":
			m := r.medium("file", "file", data)
			r.alt = append(append(append(r.alt, "[文件:"...), m.Name...), ']')
		case "location":
			r.location(data)
		default:
			r.foreign(kind, data)
		}
		r.dst = append(r.dst, "}}"...)
		if !told {
			r.alt = r.alt[:alt]
		}
	}
	r.dst = append(r.dst, ']')
}

// open begins a segment; its data is open.
func (r *reader) open(kind string) {
	r.dst = append(r.dst, `{"type":`...)
	r.dst = append(quotedText(r.dst, kind), `,"data":{`...)
}

func (r *reader) mention(data value) {
	if data.get("qq").text() == "all" {
		r.open("mention_all")
		r.alt = append(r.alt, "@全体成员"...)
		return
	}
	r.open("mention")
	r.dst = idText(r.dst, "user_id", data.get("qq"))
	name := data.get("name").text()
	if name != "" {
		r.dst = quoted(r.dst, "qq.name", name)
	} else {
		name = data.get("qq").id()
	}
	r.alt = append(append(r.alt, '@'), strings.TrimPrefix(name, "@")...)
}

// reply returns the author of what is quoted, "" if nobody knows.
func (r *reader) reply(data value) string {
	author := ""
	if id, ok := data.get("id").integer(); ok && r.o.Author != nil {
		if user, ok := r.o.Author(id); ok && user != 0 {
			author = strconv.FormatUint(user, 10)
		}
	}
	r.open("reply")
	r.dst = idText(r.dst, "message_id", data.get("id"))
	r.dst = word(r.dst, "user_id", author)
	return author
}

func (r *reader) image(data value) {
	r.medium("image", "image", data)
	summary := data.get("summary").text()
	for _, name := range [...]string{"sub_type", "emoji_id", "emoji_package_id", "key", "summary"} {
		c := data.get(name)
		if c.missing() {
			continue
		}
		if n, ok := c.integer(); name == "sub_type" {
			if ok {
				r.dst = number(r.dst, "qq.sub_type", n)
			}
			continue
		}
		r.dst = quoted(r.dst, "qq."+name, c.text())
	}
	if summary = strings.TrimSpace(summary); summary == "" {
		summary = "[图片]"
	}
	r.alt = append(r.alt, summary...)
}

// medium writes what all media have.
func (r *reader) medium(kind, kind11 string, data value) Medium {
	m := Medium{
		Type: kind11, File: data.get("file").text(), FileID: data.get("file_id").text(),
		URL: data.get("url").text(), Origin: data.get("catflap_origin_url").text(),
		MessageID: r.message, Group: r.group,
	}
	if m.File == "" {
		m.File = data.get("emoji_id").text() // of an mface that somebody wrote
	}
	m.Name = data.get("name").text()
	if m.Name == "" && !strings.Contains(m.File, "://") {
		m.Name = m.File
	}
	size := data.get("file_size")
	if size.missing() {
		size = data.get("size")
	}
	m.Size, _ = size.integer()
	r.open(kind)
	r.dst = quoted(r.dst, "file_id", r.fileID(m))
	address := m.URL
	if r.o.OriginURL && (m.Origin != "" || data.get("catflap_origin_url").ok()) {
		address = m.Origin
	}
	if address != "" {
		r.dst = quoted(r.dst, "qq.url", address)
	}
	if m.Name != "" {
		r.dst = quoted(r.dst, "qq.name", m.Name)
	}
	if m.Size > 0 {
		r.dst = number(r.dst, "qq.size", m.Size)
	}
	if m.FileID != "" {
		r.dst = quoted(r.dst, "qq.file_id", m.FileID)
	}
	if note := data.get("catflap_note"); note.ok() {
		r.dst = texts(r.dst, "qq.catflap_note", note)
	}
	return m
}

// fileID is never "": a segment without one is none.
func (r *reader) fileID(m Medium) string {
	if r.o.FileID != nil {
		if id := r.o.FileID(m); id != "" {
			return id
		}
	}
	name := m.FileID
	if name == "" {
		name = m.File
	}
	if name == "" {
		name = m.URL
	}
	return uuid([]byte("file\x00" + strconv.FormatUint(r.self, 10) + "\x00" + m.Type + "\x00" + name))
}

func (r *reader) location(data value) {
	r.open("location")
	for _, names := range [...][2]string{{"latitude", "lat"}, {"longitude", "lon"}} {
		f, err := strconv.ParseFloat(data.get(names[1]).text(), 64)
		if err != nil {
			f = 0
		}
		r.dst = float(key(r.dst, names[0]), f)
	}
	r.dst = texts(r.dst, "title", data.get("title"))
	r.dst = texts(r.dst, "content", data.get("content"))
	r.alt = append(append(append(r.alt, "[位置:"...), data.get("title").text()...), ']')
}
