package onebot

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxSafe is the largest integer that a double holds exactly: NapCat would round a larger number.
const maxSafe = 1<<53 - 1

// Form makes an action's raw params of the values of a query or an HTML form, where everything is text: the catalogue
// says what is a number, true or false, or a list. A text that does not look like the type stays text, as do the
// parameters that the catalogue does not know. `message` is a CQ string, or segments where its text is a JSON array of
// such and auto_escape does not make it plain text. A name that stands several
// times becomes an array, as NapCat's own server has it. Names are in order. Text that is not UTF-8 gets U+FFFD in its
// place.
func Form(name string, values map[string][]string) []byte {
	base, _ := Normalise(name)
	info, _ := Lookup(base)
	dst := []byte{'{'}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		texts := values[key]
		if len(texts) == 0 {
			continue
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, key), ':')
		dst = appendField(dst, info.kindIn(key, values), texts)
	}
	return append(dst, '}')
}

// FormBeside gives raw params the values of a query that stands beside a body, as NapCat's own server and go-cqhttp join
// them. What the body names, null included, the body says. Params that lack nothing are returned themselves.
func FormBeside(name string, params []byte, values map[string][]string) []byte {
	i := space(params, 0)
	if len(values) == 0 || i >= len(params) || params[i] != '{' {
		return params
	}
	rest := maps.Clone(values)
	s := splicer{src: params, open: i, out: make([]byte, 0, 2*len(params))}
	m := members(params, i, 1)
	for m.next() {
		if m.skip(); m.end < 0 {
			return params
		}
		s.begin(&m)
		s.keep(&m)
		delete(rest, m.text())
	}
	if m.end < 0 || len(rest) == 0 {
		return params
	}
	base, _ := Normalise(name)
	info, _ := Lookup(base)
	for _, key := range slices.Sorted(maps.Keys(rest)) {
		if texts := rest[key]; len(texts) > 0 {
			s.add(string(append(appendQuoted(nil, key), ':')), appendField(nil, info.kindIn(key, values), texts))
		}
	}
	return s.finish()
}

// fieldKind is how the text of a parameter is read.
type fieldKind uint8

const (
	fieldText   fieldKind = iota
	fieldNumber           // any JSON number
	fieldID               // number or string: a number where that loses nothing
	fieldBool
	fieldTexts    // a list
	fieldIDs      // a list
	fieldJSON     // an object, or a list of them
	fieldSegments // a message: text, or a list of segments
)

// kindIn is kind, where another parameter has a say.
func (a *ActionInfo) kindIn(key string, values map[string][]string) fieldKind {
	kind := a.kind(key)
	if kind == fieldSegments {
		for _, text := range values["auto_escape"] {
			if plain, known := Truth(appendQuoted(nil, text)); plain || !known {
				return fieldText
			}
		}
	}
	return kind
}

// kind reads the type that the catalogue gives a parameter, such as "number|string/optional(default 0)".
func (a *ActionInfo) kind(key string) fieldKind {
	if key == "self_id" {
		return fieldID
	}
	i := space(a.Params, 0)
	if i >= len(a.Params) {
		return fieldText
	}
	var spec string
	for m := members(a.Params, i, 1); m.next(); {
		if v := m.value(); m.is(key) {
			spec = decodeString(v)
		}
	}
	types, _, _ := strings.Cut(spec, "/")
	switch types {
	case "number", "number(ms)", "enum(1,4,16,64,128)":
		return fieldNumber
	case "number|string", "string|number":
		return fieldID
	case "boolean", "boolean|string", "string|boolean":
		return fieldBool
	case "array<string>":
		return fieldTexts
	case "array<number|string>":
		return fieldIDs
	case "object", "array<node>", "array<{text}>":
		return fieldJSON
	case "message":
		return fieldSegments
	}
	return fieldText
}

func appendField(dst []byte, kind fieldKind, texts []string) []byte {
	list := kind == fieldTexts || kind == fieldIDs
	switch {
	case list && len(texts) == 1 && isJSON(texts[0], '['):
		return append(dst, texts[0]...)
	case !list && len(texts) == 1:
		return appendTyped(dst, kind, texts[0])
	case kind == fieldIDs:
		kind = fieldID
	}
	dst = append(dst, '[')
	for i, text := range texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTyped(dst, kind, text)
	}
	return append(dst, ']')
}

func appendTyped(dst []byte, kind fieldKind, text string) []byte {
	switch kind {
	case fieldNumber:
		if text != "" && isNumber([]byte(text)) && scanNumber([]byte(text), 0) == len(text) {
			return append(dst, text...)
		}
	case fieldID:
		// 007 or +1 is a text that somebody meant to be one; 19 digits are an id that must not be rounded.
		if v, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(v, 10) == text && -maxSafe <= v && v <= maxSafe {
			return append(dst, text...)
		}
	case fieldBool:
		switch strings.ToLower(text) {
		case "true", "1", "yes":
			return append(dst, "true"...)
		case "false", "0", "no":
			return append(dst, "false"...)
		}
	case fieldSegments:
		if isSegments(text) {
			return append(dst, text...)
		}
	case fieldJSON:
		if isJSON(text, '{') || isJSON(text, '[') {
			return append(dst, text...)
		}
	}
	return appendQuoted(dst, text)
}

// isJSON reports whether text is one JSON value that begins with open.
func isJSON(text string, open byte) bool {
	if text == "" || text[0] != open {
		return false
	}
	b := []byte(text)
	return scanValue(b, 0, 2) == len(b) // as deep as in a frame: frame, params
}

// isSegments reports whether a text is a JSON array of segments; a list of anything else is what somebody says.
func isSegments(text string) bool {
	if !isJSON(text, '[') {
		return false
	}
	n := 0
	for e := elements([]byte(text), 0, 2); e.next(); n++ {
		v := e.value()
		if len(v) == 0 || v[0] != '{' || decodeString(datum(v, 0, "type")) == "" {
			return false
		}
	}
	return n > 0
}
