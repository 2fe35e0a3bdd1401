package onebot12

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// AppendOK appends a successful answer; data is raw JSON, nil for null. echo is Request.Echo.
func AppendOK(dst, echo, data []byte) []byte {
	if data == nil {
		data = []byte("null")
	}
	dst = slices.Grow(dst, len(data)+len(echo)+96) // a file may be in it, of which one copy is enough
	dst = append(append(dst, `{"status":"ok","retcode":0,"data":`...), data...)
	return endAnswer(append(dst, `,"message":""`...), echo)
}

// AppendFault appends a failed answer.
func AppendFault(dst, echo []byte, f *Fault) []byte {
	dst = strconv.AppendInt(append(dst, `{"status":"failed","retcode":`...), int64(f.Code), 10)
	dst = append(dst, `,"data":`...)
	if f.Data == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, f.Data...)
	}
	return endAnswer(quoted(dst, "message", f.Message), echo)
}

func endAnswer(dst, echo []byte) []byte {
	if echo != nil {
		dst = append(append(dst, `,"echo":`...), echo...)
	}
	return append(dst, '}')
}

// Failed reports whether an OneBot 11 answer is a failure: the calls behind it are not made.
func Failed(frame []byte) bool {
	var h onebot.Head
	return onebot.PeekHead(frame, &h) != nil || failed(&h)
}

func failed(h *onebot.Head) bool { return h.Retcode != 0 && !async(h) }

// async: the call was taken and nobody says how it went.
func async(h *onebot.Head) bool { return h.Status == "async" || h.Retcode == 1 && h.Status != "failed" }

// Answer appends the answer to a plan of kind Upstream. frames are the OneBot 11 answers to its calls in order: all of
// them, or those up to the first failure. now is when the last one came.
func (p *Plan) Answer(dst, echo []byte, frames [][]byte, now time.Time, o *Reading) []byte {
	if p.shape == shapeSend {
		return p.sent(dst, echo, frames, now)
	}
	var h onebot.Head
	if len(frames) == 0 || len(p.Calls) == 0 {
		return AppendFault(dst, echo, fault(Uncertain, "no answer came"))
	}
	if err := onebot.PeekHead(frames[0], &h); err != nil {
		return AppendFault(dst, echo, fault(UpstreamFault, "the answer cannot be read: %v", err))
	}
	if failed(&h) {
		return AppendFault(dst, echo, upstream(p.Calls[0].Action, &h))
	}
	if h.Data == nil || h.Data[0] == 'n' || p.shape == shapeNull {
		return AppendOK(dst, echo, nil)
	}
	v := read(h.Data)
	if !v.ok() {
		return AppendFault(dst, echo, fault(UpstreamFault, "the answer cannot be read"))
	}
	dst = append(dst, `{"status":"ok","retcode":0,"data":`...)
	dst = p.data(dst, v, o)
	return endAnswer(append(dst, `,"message":""`...), echo)
}

// sent answers send_message, which may have been several.
func (p *Plan) sent(dst, echo []byte, frames [][]byte, now time.Time) []byte {
	var ids []string
	resource := ""
	var bad *Fault
	for i, frame := range frames {
		var h onebot.Head
		if i >= len(p.Calls) {
			break
		}
		if err := onebot.PeekHead(frame, &h); err != nil {
			bad = fault(UpstreamFault, "the answer cannot be read: %v", err)
			break
		}
		var data value
		if len(h.Data) > 0 {
			data = read(h.Data)
		}
		first := len(ids)
		for list, c := data.get("catflap_message_ids"), (value{}); ; { // a long text that the router has sent in pieces
			if c = step(list, c); !c.ok() {
				break
			}
			ids = append(ids, c.id())
		}
		if failed(&h) {
			bad = upstream(p.Calls[i].Action, &h)
			break
		}
		if id := data.get("message_id").id(); len(ids) == first {
			if id == "" {
				bad = fault(UpstreamFault, "NapCat did not say which message it sent")
				break
			}
			ids = append(ids, id)
		}
		if resource == "" {
			resource = stringOf(data.get("res_id"))
		}
	}
	if bad == nil && len(frames) < len(p.Calls) {
		bad = fault(Uncertain, "no answer came; the message may have been sent")
	}
	data := []byte(nil)
	if len(ids) > 0 {
		data = quoted([]byte{'{'}, "message_id", ids[0])
		if bad == nil {
			data = float(key(data, "time"), float64(now.UnixMilli())/1000)
		}
		if len(ids) > 1 || bad != nil {
			data = append(key(data, "qq.message_ids"), '[')
			for _, id := range ids {
				data = quotedText(comma(data), id)
			}
			data = append(data, ']')
		}
		if resource != "" {
			data = quoted(data, "qq.res_id", resource)
		}
		data = append(data, '}')
	}
	if bad != nil {
		bad.Data = data
		if len(ids) > 0 {
			bad.Message += " (a part of the message was sent before)"
			if bad.Code < 34000 || bad.Code > 34999 { // a part that is out is a matter of the platform, whatever the rest was
				bad.Code = UpstreamFault
			}
		}
		return AppendFault(dst, echo, bad)
	}
	return AppendOK(dst, echo, data)
}

// step is the value behind c in a list, the first one for the zero value.
func step(list, c value) value {
	if list.kind() != '[' {
		return value{}
	}
	if !c.ok() {
		return list.first()
	}
	return list.after(c)
}

// AppendEvents appends the data of get_latest_events: events as Event made them.
func AppendEvents(dst []byte, events [][]byte) []byte {
	dst = append(dst, '[')
	dst = append(dst, bytes.Join(events, []byte{','})...)
	return append(dst, ']')
}

// FileInfo is a file as the file actions tell of it.
type FileInfo struct {
	Name   string
	Size   int64
	SHA256 string // "" = not known
	URL    string // for type url
	Path   string // for type path
	Data   []byte // for type data: the file's bytes
}

// AppendFileID appends the data of upload_file, and of prepare and finish of upload_file_fragmented.
func AppendFileID(dst []byte, fileID string) []byte {
	return append(quoted(append(dst, '{'), "file_id", fileID), '}')
}

// AppendFile appends the data of get_file of the type that was asked for.
func AppendFile(dst []byte, kind string, f FileInfo) []byte {
	dst = quoted(append(dst, '{'), "name", f.Name)
	switch kind {
	case "url":
		dst = quoted(dst, "url", f.URL)
	case "path":
		dst = quoted(dst, "path", f.Path)
	case "data":
		dst = encoded(key(dst, "data"), f.Data)
	}
	if f.SHA256 != "" {
		dst = quoted(dst, "sha256", f.SHA256)
	}
	return append(dst, '}')
}

// AppendFileInfo appends the data of get_file_fragmented, stage prepare.
func AppendFileInfo(dst []byte, f FileInfo) []byte {
	dst = quoted(append(dst, '{'), "name", f.Name)
	dst = number(dst, "total_size", f.Size)
	return append(quoted(dst, "sha256", f.SHA256), '}')
}

// AppendFileData appends the data of get_file_fragmented, stage transfer.
func AppendFileData(dst, piece []byte) []byte {
	return append(encoded(key(append(dst, '{'), "data"), piece), '}')
}

func encoded(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}
