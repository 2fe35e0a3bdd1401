package onebot

import (
	"bytes"
	"unicode"
)

// LocalPaths lists the files of some disk that an action names, as the app
// wrote them: file: URLs, and every value of a file parameter that is a path
// (full, relative, of Windows, from home), since NapCat opens an existing path
// without any scheme (napcat-onebot11.md, 5 and trap 11). It looks into the
// parameters themselves, segments in all forms, CQ codes and nested nodes. Web
// addresses, base64:// and data: payloads, and names without a separator, by
// which NapCat finds what it has cached, are none.
//
// Params are the action's raw ones; the suffix may still be on the name. The
// result is nil for nearly all actions, which costs no allocation.
func LocalPaths(name string, params []byte) []string {
	base, _ := Normalise(name)
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' || base == "check_url_safely" {
		return nil
	}
	w := pathWalk{src: params, base: base}
	w.walk(i)
	return w.out
}

// walk visits the params, an object that begins at i.
func (w *pathWalk) walk(i int) {
	escaped := escapedMessage(w.base, w.src, i)
	m := members(w.src, i, 1)
	for m.next() {
		if escaped && m.at < len(w.src) && w.src[m.at] == '"' && m.name() == "message" {
			m.skip() // it is shown as it is
			continue
		}
		if w.base == ".handle_quick_operation" && m.name() != "operation" {
			m.skip() // the event, whose paths are NapCat's own
			continue
		}
		w.member(&m, 1)
	}
}

// escapedMessage reports whether NapCat takes a message that is a string for
// nothing but text. Compose makes a text segment of it in any case.
func escapedMessage(base string, params []byte, i int) bool {
	if base != "send_msg" && base != "send_private_msg" && base != "send_group_msg" {
		return false
	}
	escaped := false
	m := members(params, i, 1)
	for m.next() {
		if v := m.value(); m.is("auto_escape") {
			escaped = string(v) == "true" || string(v) == `"true"`
		}
	}
	return m.end >= 0 && escaped
}

// pathWalk goes through an action's params.
type pathWalk struct {
	src  []byte
	base string
	out  []string
	// visit sees each text that may name files instead: where its literal lies in src, and what it says.
	visit func(at, end int, text []byte, key pathKey)
}

// pathKey tells what the value under a key is.
type pathKey uint8

const (
	keyOther   pathKey = iota
	keyURL             // in segments the first of url, file, path that is not blank counts
	keyFile            //
	keyPath            //
	keyMedia           // names a file beside those
	keyToken           // names a file, or has the form of QQ's own file ids
	keyMessage         // segments, or a CQ string
	keyData
)

// keyOf reads a member's key. Some keys name files in single actions only.
func (w *pathWalk) keyOf(key []byte) pathKey {
	switch string(key) {
	case "url":
		return keyURL
	case "file":
		if w.reads() {
			return keyToken
		}
		return keyFile
	case "path":
		return keyPath
	case "files", "file_path", "filepath", "folder_path", "image", "images", "picture", "pic", "thumb", "thumb_path", "cover",
		"audio", "voice", "record", "video", "avatar":
		return keyMedia
	case "message", "messages", "content", "reply":
		return keyMessage
	case "data":
		return keyData
	case "file_id":
		if w.reads() {
			return keyToken
		}
	case "filename", "stream_id": // NapCat joins them to its folder as they are
		if w.base == "upload_file_stream" {
			return keyMedia
		}
	case "name":
		if w.base == "download_file" {
			return keyMedia
		}
	}
	return keyOther
}

// reads: the action gives the content of a file that NapCat has cached, or finds.
func (w *pathWalk) reads() bool {
	switch w.base {
	case "get_file", "get_image", "get_record", "download_file_stream", "download_file_image_stream", "download_file_record_stream":
		return true
	}
	return false
}

// member visits one member of an object that is no segment's data.
func (w *pathWalk) member(m *object, depth int) {
	key := w.key(m)
	if key == keyData && m.at < len(w.src) && w.src[m.at] == '{' {
		m.end = w.data(m.at, depth+1)
		return
	}
	m.end = w.value(m.at, depth, key)
}

func (w *pathWalk) key(m *object) pathKey {
	if !m.escaped {
		return w.keyOf(m.key)
	}
	var buf [shortName]byte
	text, _ := shortString(buf[:0], m.key)
	return w.keyOf(text)
}

// value visits the value at i and returns its end. Arrays hand their key down.
func (w *pathWalk) value(i, depth int, key pathKey) int {
	if i >= len(w.src) {
		return ^i
	}
	switch w.src[i] {
	case '{':
		m := members(w.src, i, depth+1)
		for m.next() {
			w.member(&m, depth+1)
		}
		return m.end
	case '[':
		e := elements(w.src, i, depth+1)
		for e.next() {
			e.end = w.value(e.at, depth+1, key)
		}
		return e.end
	case '"':
		end := scanString(w.src, i+1)
		if end > 0 {
			w.text(i, end, key)
		}
		return end
	}
	return scanValue(w.src, i, depth)
}

// data visits the data of a segment. What lies in its own "data" is a card,
// whose addresses nobody opens.
func (w *pathWalk) data(i, depth int) int {
	var media [3]int // places of url, file and path
	m := members(w.src, i, depth)
	for m.next() {
		switch key := w.key(&m); {
		case key == keyData:
			m.skip()
		case key == keyURL, key == keyFile, key == keyPath:
			media[key-keyURL] = m.at
			m.skip()
		default:
			m.end = w.value(m.at, depth, key)
		}
	}
	if m.end < 0 {
		return m.end
	}
	for _, at := range media {
		if at == 0 {
			continue
		}
		end := w.value(at, depth, keyMedia)
		if w.src[at] == '"' && !blank(w.src[at+1:end-1], true) {
			break
		}
	}
	return m.end
}

// text judges the JSON string at src[at:end] under a key.
func (w *pathWalk) text(at, end int, key pathKey) {
	if key == keyOther || key == keyData {
		return
	}
	text := w.src[at+1 : end-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		if escapedPayload(text) {
			return
		}
		text = appendString(nil, text)
	}
	if w.visit != nil {
		w.visit(at, end, text, key)
		return
	}
	if key == keyMessage {
		w.codes(text, 0)
		return
	}
	w.judge(text, key)
}

func (w *pathWalk) judge(text []byte, key pathKey) {
	if isLocalPath(text) && !(key == keyToken && isFileToken(text)) {
		w.out = append(w.out, string(text))
	}
}

// maxNestedCodes bounds CQ strings within CQ strings; whoever goes deeper
// hides something.
const maxNestedCodes = 4

// codes visits the CQ codes of a text.
func (w *pathWalk) codes(text []byte, level int) {
	for i := 0; ; {
		c, ok := nextCode(text, i)
		if !ok {
			return
		}
		i = c.end
		var media [3][]byte
		for rest := c.params; ; {
			key, value, more, ok := pair(rest)
			if !ok {
				break
			}
			rest = more
			switch key := w.keyOf(key); {
			case key == keyURL, key == keyFile, key == keyPath:
				media[key-keyURL] = value
			case key == keyMedia, key == keyToken:
				w.judge(appendUnescaped(nil, value), key)
			case key == keyMessage && level < maxNestedCodes:
				w.codes(appendUnescaped(nil, value), level+1)
			case key == keyMessage && bytes.Contains(value, []byte("CQ:")):
				w.out = append(w.out, string(value))
			}
		}
		for _, value := range media {
			if value = appendUnescaped(nil, value); !blank(value, false) {
				w.judge(value, keyMedia)
				break
			}
		}
	}
}

// isLocalPath reports whether a file parameter's value can be a path on disk.
func isLocalPath(text []byte) bool {
	text = bytes.TrimFunc(text, isBlank)
	switch {
	case len(text) == 0:
		return false
	case foldPrefix(text, "http://"), foldPrefix(text, "https://"), foldPrefix(text, "base64://"), foldPrefix(text, "data:"):
		return climbs(text)
	case foldPrefix(text, "file:"), string(text) == "~", string(text) == ".", string(text) == "..":
		return true
	case len(text) > 1 && text[1] == ':' && 'a' <= text[0]|0x20 && text[0]|0x20 <= 'z':
		return true
	}
	return bytes.ContainsAny(text, `/\`)
}

// climbs reports whether an address, read as a path, leaves the folder that
// its scheme would be: NapCat asks the disk first, and "http://../../etc/x"
// is the file ../etc/x to it.
func climbs(text []byte) bool {
	if !bytes.Contains(text, []byte("..")) {
		return false
	}
	return leaves(text, "/") || leaves(text, `/\`)
}

func leaves(text []byte, separators string) bool {
	depth := 0
	for len(text) > 0 {
		part := text
		if i := bytes.IndexAny(text, separators); i >= 0 {
			part, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		switch string(part) {
		case "", ".":
		case "..":
			if depth--; depth <= 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}

// isFileToken: group files have ids such as /2f1c0e8a-....
func isFileToken(text []byte) bool {
	const form = "/xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(text) != len(form) {
		return false
	}
	for i, c := range text {
		if want := form[i]; want == 'x' && class[c]&classHex == 0 || want != 'x' && c != want {
			return false
		}
	}
	return true
}

// escapedPayload: the body of a JSON string is base64:// with escaped slashes,
// as PHP writes them; it is not worth a copy.
func escapedPayload(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte(`base64:\/\/`))
	return ok && bytes.IndexByte(rest, '.') < 0 && !bytes.Contains(rest, []byte(`\u`))
}

// blank reports whether a text is nothing but white space, as JavaScript's
// trim sees it.
func blank(text []byte, escaped bool) bool {
	var buf [8]byte
	if !escaped {
		return len(bytes.TrimFunc(text, isBlank)) == 0
	}
	for i := 0; i < len(text); {
		at := i
		if text[i] == '\\' {
			var r []byte
			if r, i = appendRune(buf[:0], text, i); len(bytes.TrimFunc(r, isBlank)) > 0 {
				return false
			}
			continue
		}
		for i < len(text) && text[i] != '\\' {
			i++
		}
		if len(bytes.TrimLeftFunc(text[at:i], isBlank)) > 0 {
			return false
		}
	}
	return true
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }
