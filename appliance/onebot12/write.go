package onebot12

import (
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// maxParts bounds the messages that one becomes.
const maxParts = 32

// writer makes OneBot 11 messages of OneBot 12's. Whatever NapCat would drop without a word, or fail at, is refused
// before anything is sent.
type writer struct {
	o       *PlanOptions
	private bool

	parts   [][]byte // arrays of segments, to be sent one after the other
	forward []byte   // array of nodes instead
}

// message reads a message in any of its forms: text, one segment, an array of them.
func (w *writer) message(v value) *Fault {
	var list []value
	switch v.kind() {
	case '"':
		if len(v.raw()) == len(`""`) {
			return fault(BadParam, "params.message is empty")
		}
		part := append([]byte(`[{"type":"text","data":{"text":`), v.raw()...)
		w.parts = [][]byte{append(part, "}}]"...)}
		return nil
	case '{':
		list = []value{v}
	case '[':
		for c := v.first(); c.ok(); c = v.after(c) {
			list = append(list, c)
		}
	default:
		return fault(BadParam, "params.message is missing, or neither a string nor a segment nor an array of segments")
	}
	if len(list) == 0 {
		return fault(BadParam, "params.message is empty")
	}
	nodes := 0
	for _, s := range list {
		if stringOf(s.get("type")) == "qq.node" {
			nodes++
		}
	}
	switch {
	case nodes == len(list):
		var bad *Fault
		if v.kind() == '{' {
			w.forward = []byte{'['}
			if w.forward, bad = w.node(w.forward, v, "message"); bad == nil {
				w.forward = append(w.forward, ']')
			}
			return bad
		}
		w.forward, bad = w.nodes(nil, v, true)
		return bad
	case nodes > 0:
		return fault(BadSegment, "params.message mixes qq.node with other segments: a forward is nodes only")
	}
	return w.split(list)
}

// split writes the segments of a message. A file stands alone.
func (w *writer) split(list []value) *Fault {
	part, said := []byte{'['}, false
	end := func() {
		if said {
			w.parts = append(w.parts, append(part, ']'))
		}
		part, said = []byte{'['}, false
	}
	for i, s := range list {
		kind, data, bad := segmentOf(s, i)
		if bad != nil {
			return bad
		}
		if kind == "text" && data.get("text").kind() == '"' && len(data.get("text").raw()) == len(`""`) {
			continue
		}
		var reply []byte // which waits for words behind the file
		if kind == "file" {
			if !said {
				reply = part
			}
			end()
		}
		if part, bad = w.segment(comma(part), kind, data, i); bad != nil {
			return bad
		}
		said = said || kind != "reply" // which is no message by itself
		if kind == "file" {
			end()
			if reply != nil {
				part = reply
			}
		}
	}
	end()
	switch {
	case len(w.parts) == 0:
		return fault(BadParam, "params.message says nothing")
	case len(w.parts) > maxParts:
		return fault(BadParam, "params.message makes %d messages, more than %d: send fewer files at once", len(w.parts), maxParts)
	}
	return nil
}

// segmentOf reads what all segments have.
func segmentOf(s value, i int) (kind string, data value, bad *Fault) {
	if s.kind() != '{' {
		return "", value{}, fault(BadParam, "params.message[%d] is not a segment", i)
	}
	if kind = stringOf(s.get("type")); kind == "" {
		return "", value{}, fault(BadSegment, "params.message[%d] has no type", i)
	}
	if data = s.get("data"); data.kind() != '{' {
		return "", value{}, fault(BadSegment, "params.message[%d] (%.32s) has no data: send {} for none", i, kind)
	}
	return kind, data, nil
}

// segment appends one segment of OneBot 11.
func (w *writer) segment(dst []byte, kind string, data value, i int) ([]byte, *Fault) {
	wrong := func(format string, args ...any) *Fault {
		f := fault(BadSegment, format, args...)
		f.Message = "params.message[" + strconv.Itoa(i) + "] (" + kind + "): " + f.Message
		return f
	}
	switch kind {
	case "text":
		text := data.get("text")
		if text.kind() != '"' {
			return dst, wrong("data.text is missing or not a string")
		}
		return append(append(append(dst, `{"type":"text","data":{"text":`...), text.raw()...), "}}"...), nil
	case "mention":
		user, ok := data.get("user_id").uin()
		if !ok {
			return dst, wrong("data.user_id is no QQ number")
		}
		id := strconv.FormatUint(user, 10)
		if w.private { // NapCat would drop it
			return textSegment(dst, "@"+id), nil
		}
		return append(append(append(dst, `{"type":"at","data":{"qq":"`...), id...), `"}}`...), nil
	case "mention_all":
		if w.private {
			return textSegment(dst, "@全体成员"), nil
		}
		return append(dst, `{"type":"at","data":{"qq":"all"}}`...), nil
	case "reply":
		id, ok := data.get("message_id").integer()
		if !ok {
			return dst, wrong("data.message_id is no decimal number of 64 bits")
		}
		dst = strconv.AppendInt(append(dst, `{"type":"reply","data":{"id":"`...), id, 10)
		return append(dst, `"}}`...), nil
	case "image":
		if set, id, hash := extra(data, "emoji_package_id"), extra(data, "emoji_id"), extra(data, "key"); set.text() != "" && id.text() != "" && hash.text() != "" {
			return marketFace(dst, set, id, hash, extra(data, "summary")), nil
		}
		return w.medium(dst, "image", kind, data, wrong)
	case "voice", "audio":
		return w.medium(dst, "record", kind, data, wrong)
	case "video", "file":
		return w.medium(dst, kind, kind, data, wrong)
	case "location":
		return w.location(dst, data, wrong)
	}
	name, ours := strings.CutPrefix(kind, Platform+".")
	if !ours {
		return dst, refusal(i, kind, "")
	}
	return w.extension(dst, name, data, i, wrong)
}

// refusal is for segments that cannot be sent.
func refusal(i int, kind, remedy string) *Fault {
	return fault(UnsupportedSegment, "params.message[%d] (%.64s): NapCat cannot send it%s", i, kind, remedy)
}

func textSegment(dst []byte, text string) []byte {
	dst = append(dst, `{"type":"text","data":{"text":`...)
	return append(quotedText(dst, text), "}}"...)
}

func marketFace(dst []byte, set, id, hash, summary value) []byte {
	dst = append(dst, `{"type":"mface","data":{`...)
	if n, ok := set.integer(); ok {
		dst = number(dst, "emoji_package_id", n)
	} else {
		dst = texts(dst, "emoji_package_id", set)
	}
	dst = texts(dst, "emoji_id", id)
	dst = texts(dst, "key", hash)
	if summary.kind() == '"' {
		dst = texts(dst, "summary", summary)
	}
	return append(dst, "}}"...)
}

// medium appends a medium. NapCat prefers an url to a file, so there is never one beside it.
func (w *writer) medium(dst []byte, as, kind string, data value, wrong func(string, ...any) *Fault) ([]byte, *Fault) {
	id := stringOf(data.get("file_id"))
	if id == "" {
		return dst, wrong("data.file_id is missing or not a string: upload_file gives one")
	}
	var f File
	known := false
	if w.o.Open != nil {
		f, known = w.o.Open(id)
	}
	if !known && !w.o.Files { // its id says nothing to anybody; what it came with may
		f.File = stringOf(extra(data, "url"))
		known = strings.HasPrefix(f.File, "http://") || strings.HasPrefix(f.File, "https://")
	}
	if !known || f.File == "" {
		bad := wrong("the file %.64q is unknown, or no longer to be had: upload it again", id)
		if !w.o.Files {
			bad = wrong("%s", noMedia)
		}
		bad.Code = FileUnknown
		return dst, bad
	}
	dst = append(append(dst, `{"type":"`...), as...)
	dst = append(dst, `","data":{`...)
	dst = quoted(dst, "file", f.File)
	switch as {
	case "image":
		if n, ok := extra(data, "sub_type").integer(); ok {
			dst = number(dst, "sub_type", n)
		}
		if summary := extra(data, "summary"); summary.kind() == '"' {
			dst = texts(dst, "summary", summary)
		}
	case "file", "video":
		name := stringOf(extra(data, "name"))
		if name == "" {
			name = f.Name
		}
		if name != "" {
			dst = quoted(dst, "name", name)
		}
	}
	return append(dst, "}}"...), nil
}

func (w *writer) location(dst []byte, data value, wrong func(string, ...any) *Fault) ([]byte, *Fault) {
	var at [2]string
	for i, name := range [...]string{"latitude", "longitude"} {
		v := data.get(name)
		if _, err := strconv.ParseFloat(v.text(), 64); err != nil {
			return dst, wrong("data.%s is missing or not a number", name)
		}
		at[i] = v.text()
	}
	if !w.o.LocationText {
		bad := wrong("NapCat cannot send it: send text")
		bad.Code = UnsupportedSegment
		return dst, bad
	}
	text := "[位置]"
	for _, part := range [...]string{data.get("title").text(), data.get("content").text(), at[0] + "," + at[1]} {
		if part != "" {
			text += " " + part
		}
	}
	return textSegment(dst, text), nil
}

// extension appends a segment that is ours: OneBot 11's under its own name.
func (w *writer) extension(dst []byte, name string, data value, i int, wrong func(string, ...any) *Fault) ([]byte, *Fault) {
	need := ""
	switch name {
	case "face", "forward", "contact":
		need = "id"
	case "json":
		need = "data"
	case "markdown":
		need = "content"
	case "mface":
		need = "emoji_id"
	case "music":
		need = "type"
	case "dice", "rps":
	case "poke":
		return dst, refusal(i, "qq.poke", ": call qq.send_poke")
	default:
		return dst, refusal(i, "qq."+name, "")
	}
	found := false
	dst = append(append(dst, `{"type":"`...), name...)
	dst = append(dst, `","data":{`...)
	eachFlat(data, func(member string, v value) {
		found = found || member == need && !v.missing() && (v.kind() != '"' || len(v.raw()) > len(`""`))
		dst = append(append(comma(dst), onebot.Quoted(member)...), ':')
		dst = append(dst, v.raw()...)
	})
	if need != "" && !found {
		return dst, wrong("data.%s is missing", need)
	}
	return append(dst, "}}"...), nil
}
