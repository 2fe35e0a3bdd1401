package onebot12

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"

	"github.com/catflap/catflap/appliance/onebot12/msgpack"
)

// Upload are the params of upload_file.
type Upload struct {
	Type    string // url, path or data
	Name    string
	URL     string
	Headers [][2]string // in the order they came
	Path    string
	Data    []byte // base64 text, checked; may point into the request: see Decoder and DecodedLen
	SHA256  string // lower case hex, "" = not given
}

// Piece are the params of the fragmented transfers; which of them are set, the kind says.
type Piece struct {
	FileID string
	Name   string
	Total  int64
	Offset int64
	Size   int64
	Data   []byte // as Upload.Data
	SHA256 string
}

// Get are the params of get_file.
type Get struct {
	FileID string
	Type   string // url, path or data
	Format string // qq.out_format: the sound format that a voice is wanted in, "" = as it is
}

// maxHeaders bounds the headers of an upload by address.
const maxHeaders = 32

// file plans the file actions.
func (r *Request) file() (*Plan, *Fault) {
	switch r.Action {
	case "upload_file":
		return r.upload()
	case "upload_file_fragmented":
		return r.fragments(true)
	case "get_file_fragmented":
		return r.fragments(false)
	}
	p := &Plan{Kind: GetFile}
	var bad *Fault
	if p.Get.FileID, bad = r.filled("file_id"); bad != nil {
		return nil, bad
	}
	if p.Get.Type, bad = r.way(); bad != nil {
		return nil, bad
	}
	p.Get.Format = r.param("out_format").text()
	return p, nil
}

// filled is a text that may not be empty.
func (r *Request) filled(name string) (string, *Fault) {
	text, bad := r.text(name)
	if bad == nil && text == "" {
		bad = fault(BadParam, "params.%s is empty", name)
	}
	return text, bad
}

// way is the parameter type of the file actions.
func (r *Request) way() (string, *Fault) {
	kind, bad := r.text("type")
	if bad != nil {
		return "", bad
	}
	switch kind {
	case "url", "path", "data":
		return kind, nil
	}
	return "", fault(UnsupportedParam, "params.type is %.32q: send url, path or data", kind)
}

func (r *Request) upload() (*Plan, *Fault) {
	p := &Plan{Kind: UploadFile}
	u := &p.Upload
	var bad *Fault
	if u.Type, bad = r.way(); bad != nil {
		return nil, bad
	}
	if u.Name, bad = r.filled("name"); bad != nil {
		return nil, bad
	}
	if u.SHA256, bad = r.sum(false); bad != nil {
		return nil, bad
	}
	switch u.Type {
	case "url":
		if u.URL, bad = r.filled("url"); bad == nil {
			u.Headers, bad = r.headers()
		}
	case "path":
		u.Path, bad = r.filled("path")
	case "data":
		u.Data, bad = r.bytes("data")
	}
	if bad != nil {
		return nil, bad
	}
	return p, nil
}

func (r *Request) headers() ([][2]string, *Fault) {
	v := r.params.get("headers")
	if v.missing() {
		return nil, nil
	}
	if v.kind() != '{' {
		return nil, fault(BadParam, "params.headers is not an object of strings")
	}
	var out [][2]string
	for c := v.first(); c.ok(); c = v.after(c) {
		if c.kind() != '"' {
			return nil, fault(BadParam, "params.headers is not an object of strings")
		}
		if !isHeader(c.name(), c.text()) {
			return nil, fault(BadParam, "params.headers has a member that no HTTP header can be")
		}
		if out = append(out, [2]string{c.name(), c.text()}); len(out) > maxHeaders {
			return nil, fault(BadParam, "params.headers has more than %d members", maxHeaders)
		}
	}
	return out, nil
}

// isHeader reports whether a name and a value can be an HTTP header (RFC 9110, section 5).
func isHeader(name, value string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", c)
	}) && !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// sum is the parameter sha256.
func (r *Request) sum(needed bool) (string, *Fault) {
	v := r.params.get("sha256")
	if !needed && (v.missing() || v.kind() == '"' && v.text() == "") {
		return "", nil
	}
	text := strings.ToLower(stringOf(v))
	if _, err := hex.DecodeString(text); err != nil || len(text) != 64 {
		return "", fault(BadParam, "params.sha256 is not 64 hexadecimal digits")
	}
	return text, nil
}

// bytes is a parameter that is base64.
func (r *Request) bytes(name string) ([]byte, *Fault) {
	v := r.params.get(name)
	if v.kind() != '"' {
		return nil, fault(BadParam, "params.%s is missing or not a base64 string", name)
	}
	body := v.raw()
	if body = body[1 : len(body)-1]; hasEscape(body) { // some write \/ for /
		body = msgpack.AppendText(nil, body)
	}
	if _, err := io.Copy(io.Discard, Decoder(body)); err != nil {
		return nil, fault(BadParam, "params.%s is not base64 with its padding", name)
	}
	return body, nil
}

// fragments plans the stages of a fragmented transfer.
func (r *Request) fragments(up bool) (*Plan, *Fault) {
	stage, bad := r.text("stage")
	if bad != nil {
		return nil, bad
	}
	p := &Plan{}
	piece := &p.Piece
	var id, name, total, offset, size, data, sum bool // which are needed
	switch {
	case stage == "prepare" && up:
		p.Kind, name, total = UploadPrepare, true, true
	case stage == "prepare":
		p.Kind, id = GetPrepare, true
	case stage == "transfer" && up:
		p.Kind, id, offset, data = UploadTransfer, true, true, true
	case stage == "transfer":
		p.Kind, id, offset, size = GetTransfer, true, true, true
	case stage == "finish" && up:
		p.Kind, id, sum = UploadFinish, true, true
	default:
		return nil, fault(UnsupportedParam, "params.stage is %.32q, which %s does not have", stage, r.Action)
	}
	steps := []struct {
		needed bool
		read   func()
	}{
		{id, func() { piece.FileID, bad = r.filled("file_id") }},
		{name, func() { piece.Name, bad = r.filled("name") }},
		{total, func() { piece.Total, bad = r.count("total_size", true) }},
		{offset, func() { piece.Offset, bad = r.count("offset", true) }},
		{size, func() { piece.Size, bad = r.count("size", true) }},
		{data, func() { piece.Data, bad = r.bytes("data") }},
		{sum, func() { piece.SHA256, bad = r.sum(true) }},
	}
	for _, s := range steps {
		if s.needed {
			if s.read(); bad != nil {
				return nil, bad
			}
		}
	}
	return p, nil
}

// Decoder reads the bytes behind the base64 text of a plan, without holding them.
func Decoder(text []byte) io.Reader {
	return base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text))
}

// DecodedLen is how many bytes that will be.
func DecodedLen(text []byte) int64 {
	idle := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + bytes.Count(text, []byte("="))
	return int64(len(text)-idle)/4*3 + int64((len(text)-idle)%4*6/8)
}
