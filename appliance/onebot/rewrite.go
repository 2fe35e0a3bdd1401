package onebot

import "bytes"

// Medium is one picture, voice, video or file as its segment names it.
type Medium struct {
	Type   string // image, record, video or file
	File   string // QQ's file name, NapCat's key for looking it up
	FileID string // of files
	URL    string // "" when NapCat gave none
	Size   int64  // of file_size, bytes; 0 = it says nothing
}

// The members that RewriteMedia adds to a segment's data.
const (
	originMember = `"catflap_origin_url":`
	noteMember   = `"catflap_note":`
)

// RewriteMedia gives the media of a message event other addresses: data.url of image, record, video and file segments
// becomes what with says, and what stood there goes on as data.catflap_origin_url behind it. A medium without an address
// gets one at the end of its data, with catflap_origin_url null before it. Where with returns no url the address stays
// and its note, if there is one, becomes data.catflap_note. Every other byte stays as it was, raw_message included.
//
// The frame has its message in array form. It is returned itself, and nothing is allocated, when it has no medium (see
// Head.Media) or none changes. RestoreMedia is the way back.
func RewriteMedia(frame []byte, h *Head, with func(Medium) (url, note string)) []byte {
	if !h.Media {
		return frame
	}
	var out []byte
	copied := 0
	e := elements(frame, h.MessageAt, 2)
	for e.next() {
		s, end := mediumAt(frame, e.at)
		if e.end = end; s.kind == "" || s.marked {
			continue
		}
		url, note := with(s.medium())
		if url == "" && note == "" {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(frame)+(e.end-e.at)+512)
		}
		switch {
		case url == "":
			at := s.dataEnd - 1
			out = append(out, frame[copied:at]...)
			out = s.comma(out)
			out = appendQuoted(append(out, noteMember...), note)
			copied = at
		case s.url != 0:
			at, end := int(s.url>>32), int(uint32(s.url))
			out = appendQuoted(append(out, frame[copied:at]...), url)
			out = append(append(out, ','), originMember...)
			copied = at
			out = append(out, frame[copied:end]...)
			copied = end
		default:
			at := s.dataEnd - 1
			out = append(out, frame[copied:at]...)
			out = append(s.comma(out), originMember...)
			out = appendQuoted(append(out, `null,"url":`...), url)
			copied = at
		}
	}
	if out == nil {
		return frame
	}
	return append(out, frame[copied:]...)
}

// RestoreMedia undoes RewriteMedia: the bytes are those that NapCat sent. The frame itself is returned, and nothing is
// allocated, when nothing was changed in it.
func RestoreMedia(frame []byte, h *Head) []byte {
	if !h.Media {
		return frame
	}
	var out []byte
	copied := 0
	put := func(upTo, next int) {
		if out == nil {
			out = make([]byte, 0, len(frame))
		}
		out = append(out, frame[copied:upTo]...)
		copied = next
	}
	e := elements(frame, h.MessageAt, 2)
	for e.next() {
		s, end := mediumAt(frame, e.at)
		if e.end = end; s.kind == "" || !s.marked {
			continue
		}
		switch rest := frame[:s.dataEnd-1]; {
		case s.noteAt != 0:
			put(s.before(s.noteAt), s.dataEnd-1)
		case s.url != 0 && s.originAt == int(uint32(s.url))+1:
			put(int(s.url>>32), s.originAt+len(originMember))
		case s.originAt != 0 && bytes.HasPrefix(rest[s.originAt:], []byte(originMember+`null,"url":`)):
			put(s.before(s.originAt), s.dataEnd-1)
		}
	}
	if out == nil {
		return frame
	}
	return append(out, frame[copied:]...)
}

// mediumSegment is a segment of a medium as its bytes lie in a frame.
type mediumSegment struct {
	b                       []byte
	kind                    string // "" for any other segment
	url, file, fileID, size uint64 // places of raw values, 0 = absent
	objects                 int    // that are its data
	dataEnd                 int
	empty                   bool // data has no member
	twice                   bool // data has no one url
	marked                  bool // data has a member of catflap's
	originAt, noteAt        int  // where keys of catflap's begin, 0 = absent
}

// mediumAt reads the segment at i and returns its end. It promises nothing about bytes that PeekHead has not seen.
func mediumAt(b []byte, i int) (mediumSegment, int) {
	s := mediumSegment{b: b}
	if i >= len(b) || b[i] != '{' {
		return s, scanValue(b, i, 2)
	}
	m := members(b, i, 3)
	for m.next() {
		switch m.name() {
		case "type":
			m.skip()
			if m.end > 0 {
				s.kind = mediaKind(b[m.at:m.end])
			}
		case "data":
			s.data(&m)
		default:
			m.skip()
		}
	}
	if m.end < 0 || s.objects != 1 || s.twice {
		s.kind = ""
	}
	return s, m.end
}

// data reads the member that m stands at. Of a key that stands twice nobody knows which counts: such a segment is left
// as it is.
func (s *mediumSegment) data(m *object) {
	s.objects++
	if m.at >= len(m.b) || m.b[m.at] != '{' {
		s.twice = true
		m.skip()
		return
	}
	s.empty = true
	d := members(m.b, m.at, m.depth+1)
	for d.next() {
		if d.skip(); d.end < 0 {
			break
		}
		s.empty = false
		where := span(d.at, d.end)
		key := d.key
		if d.escaped {
			var buf [shortName]byte
			key, _ = shortString(buf[:0], d.key)
		}
		switch string(key) {
		case "url":
			s.twice = s.twice || s.url != 0
			s.url = where
		case "file":
			s.file = where
		case "file_id":
			s.fileID = where
		case "file_size":
			s.size = where
		case "catflap_origin_url":
			s.marked, s.originAt = true, d.keyAt
		case "catflap_note":
			s.marked, s.noteAt = true, d.keyAt
		}
	}
	m.end, s.dataEnd = d.end, d.end
}

func (s *mediumSegment) medium() Medium {
	m := Medium{Type: s.kind, File: s.text(s.file), FileID: s.text(s.fileID), URL: s.text(s.url)}
	if s.size != 0 {
		m.Size, _ = readInt(cut(s.b, s.size))
	}
	return m
}

func (s *mediumSegment) text(where uint64) string {
	if where == 0 {
		return ""
	}
	return decodeString(cut(s.b, where))
}

// comma separates what is added to data from what is there.
func (s *mediumSegment) comma(out []byte) []byte {
	if s.empty {
		return out
	}
	return append(out, ',')
}

// before is where an addition to data begins: with its comma, if it has one.
func (s *mediumSegment) before(at int) int {
	if s.b[at-1] == ',' {
		return at - 1
	}
	return at
}

// mediaKind is the type of a medium's segment, "" for all others.
func mediaKind(raw []byte) string {
	switch string(raw) {
	case `"image"`:
		return "image"
	case `"record"`:
		return "record"
	case `"video"`:
		return "video"
	case `"file"`:
		return "file"
	}
	return ""
}
