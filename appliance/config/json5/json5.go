// Package json5 reads JSON5 into ordered values that know their place, and writes them back as plain JSON.
package json5

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind says what a Value is. The zero Kind is Null.
type Kind uint8

// The kinds of JSON5 values.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// MaxDepth is how deep values may nest.
const MaxDepth = 128

// Value is one JSON5 value. Line and Column count from 1; columns count characters.
type Value struct {
	Kind         Kind
	Text         string // String: the decoded text; Number: as JSON writes it; Bool: true or false
	Items        []*Value
	Members      []Member // in the order of the input; names may repeat
	Line, Column int
	Start, End   int  // the input's bytes from Start to End are the value, for those who edit the text in place
	Comma        bool // Array, Object: a comma follows the last item
}

// Member is one name and value of an object.
type Member struct {
	Name         string
	Line, Column int
	Start        int // offset of the name in the input
	Value        *Value
}

// SyntaxError says where the input stops being JSON5.
type SyntaxError struct {
	Line, Column int
	Message      string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
}

// Get returns the value of the last member called name, or nil.
func (v *Value) Get(name string) *Value {
	if v == nil {
		return nil
	}
	for i := len(v.Members) - 1; i >= 0; i-- {
		if v.Members[i].Name == name {
			return v.Members[i].Value
		}
	}
	return nil
}

// Set replaces the value of the member called name, or appends it.
func (v *Value) Set(name string, value *Value) {
	for i := range v.Members {
		if v.Members[i].Name == name {
			v.Members[i].Value = value
			return
		}
	}
	v.Members = append(v.Members, Member{Name: name, Value: value})
}

// Parse reads exactly one value; anything but white space and comments behind it is an error. Errors are *SyntaxError.
func Parse(data []byte) (*Value, error) {
	p := &parser{rest: strings.TrimPrefix(string(data), "\ufeff"), size: len(data), line: 1, column: 1}
	v := p.document()
	if p.failed != nil {
		return nil, p.failed
	}
	return v, nil
}

type parser struct {
	rest         string
	size         int // of the whole input
	line, column int
	depth        int
	failed       *SyntaxError
}

// offset is where the rest begins in the input.
func (p *parser) offset() int { return p.size - len(p.rest) }

func (p *parser) document() *Value {
	if !utf8.ValidString(p.rest) {
		return p.fail("the file is not UTF-8 text")
	}
	p.space()
	v := p.value()
	p.space()
	if p.failed == nil && p.rest != "" {
		return p.fail("expected the end of the file, found %s", p.found())
	}
	return v
}

func (p *parser) fail(format string, args ...any) *Value {
	if p.failed == nil {
		p.failed = &SyntaxError{Line: p.line, Column: p.column, Message: fmt.Sprintf(format, args...)}
	}
	return nil
}

func (p *parser) found() string {
	if p.rest == "" {
		return "the end of the file"
	}
	r, _ := utf8.DecodeRuneInString(p.rest)
	return strconv.QuoteRune(r)
}

// take consumes n bytes and keeps the position.
func (p *parser) take(n int) string {
	s := p.rest[:n]
	p.rest = p.rest[n:]
	for i, r := range s {
		switch {
		case r == '\r' && strings.HasPrefix(s[i+1:]+p.rest, "\n"):
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			p.line++
			p.column = 1
		default:
			p.column++
		}
	}
	return s
}

func (p *parser) eat(b byte) bool {
	if p.failed != nil || p.rest == "" || p.rest[0] != b {
		return false
	}
	p.take(1)
	return true
}

func (p *parser) space() {
	for p.failed == nil && p.rest != "" {
		switch {
		case strings.HasPrefix(p.rest, "//"):
			end := strings.IndexAny(p.rest, "\n\r\u2028\u2029")
			if end < 0 {
				end = len(p.rest)
			}
			p.take(end)
		case strings.HasPrefix(p.rest, "/*"):
			end := strings.Index(p.rest[2:], "*/")
			if end < 0 {
				p.fail("this comment is never closed: add */")
				return
			}
			p.take(end + 4)
		default:
			r, size := utf8.DecodeRuneInString(p.rest)
			if !unicode.IsSpace(r) && r != '\ufeff' {
				return
			}
			p.take(size)
		}
	}
}

func (p *parser) value() *Value {
	if p.failed != nil {
		return nil
	}
	if p.rest == "" {
		return p.fail("expected a value, found the end of the file")
	}
	v := &Value{Line: p.line, Column: p.column, Start: p.offset()}
	switch c := p.rest[0]; {
	case c == '{':
		p.object(v)
	case c == '[':
		p.array(v)
	case c == '"' || c == '\'':
		v.Kind, v.Text = String, p.text()
	default:
		p.word(v)
	}
	if p.failed != nil {
		return nil
	}
	v.End = p.offset()
	return v
}

func (p *parser) enter() bool {
	if p.depth++; p.depth > MaxDepth {
		p.fail("more than %d levels deep", MaxDepth)
		return false
	}
	return true
}

func (p *parser) object(v *Value) {
	v.Kind = Object
	if !p.enter() {
		return
	}
	p.take(1)
	for p.space(); !p.eat('}'); p.space() {
		m := Member{Line: p.line, Column: p.column, Start: p.offset()}
		switch {
		case p.failed != nil:
			return
		case p.rest == "":
			p.fail("expected a name or }, found the end of the file")
		case p.rest[0] == '"' || p.rest[0] == '\'':
			m.Name = p.text()
		default:
			m.Name = p.name()
		}
		p.space()
		if p.failed == nil && !p.eat(':') {
			p.fail("expected : after a name, found %s", p.found())
		}
		p.space()
		m.Value = p.value()
		if p.failed != nil {
			return
		}
		v.Members = append(v.Members, m)
		p.space()
		if v.Comma = p.eat(','); !v.Comma && (p.rest == "" || p.rest[0] != '}') {
			p.fail("expected , or }, found %s", p.found())
			return
		}
	}
	p.depth--
}

func (p *parser) array(v *Value) {
	v.Kind = Array
	if !p.enter() {
		return
	}
	p.take(1)
	for p.space(); !p.eat(']'); p.space() {
		item := p.value()
		if p.failed != nil {
			return
		}
		v.Items = append(v.Items, item)
		p.space()
		if v.Comma = p.eat(','); !v.Comma && (p.rest == "" || p.rest[0] != ']') {
			p.fail("expected , or ], found %s", p.found())
			return
		}
	}
	p.depth--
}

// name reads an unquoted member name.
func (p *parser) name() string {
	n := 0
	for n < len(p.rest) {
		r, size := utf8.DecodeRuneInString(p.rest[n:])
		if r != '$' && r != '_' && !unicode.IsLetter(r) && (n == 0 || !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)) {
			break
		}
		n += size
	}
	if n == 0 {
		p.fail("expected a name or }, found %s", p.found())
	}
	return p.take(n)
}

// word reads true, false, null and numbers.
func (p *parser) word(v *Value) {
	n := strings.IndexFunc(p.rest, func(r rune) bool {
		return !(r == '+' || r == '-' || r == '.' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r))
	})
	if n < 0 {
		n = len(p.rest)
	}
	switch w := p.rest[:n]; w {
	case "":
		p.fail("expected a value, found %s", p.found())
		return
	case "null":
	case "true", "false":
		v.Kind, v.Text = Bool, w
	default:
		text, ok := number(w)
		if !ok {
			p.fail("expected a value, found %q: text needs quotes", w)
			return
		}
		v.Kind, v.Text = Number, text
	}
	p.take(n)
}

// number turns a JSON5 number into a JSON one. Infinity and NaN have no JSON form and are refused.
func number(w string) (string, bool) {
	sign, body := "", strings.TrimPrefix(w, "+")
	if rest, cut := strings.CutPrefix(body, "-"); cut && body == w {
		sign, body = "-", rest
	}
	if len(body) > 2 && body[0] == '0' && (body[1] == 'x' || body[1] == 'X') {
		if len(body) > 66 {
			return "", false
		}
		n, ok := new(big.Int).SetString(body[2:], 16)
		if !ok || body[2] == '-' || body[2] == '+' || strings.Contains(body, "_") {
			return "", false
		}
		return sign + n.String(), true
	}
	if strings.HasPrefix(body, ".") {
		body = "0" + body
	}
	mantissa := body
	if i := strings.IndexAny(body, "eE"); i >= 0 {
		mantissa = body[:i]
	}
	if strings.HasSuffix(mantissa, ".") {
		body = mantissa + "0" + body[len(mantissa):]
	}
	text := sign + body
	if !json.Valid([]byte(text)) || body == "" || body[0] < '0' || body[0] > '9' {
		return "", false
	}
	return text, true
}

// text reads a quoted string with JSON5's escapes.
func (p *parser) text() string {
	quote := p.rest[0]
	line, column := p.line, p.column
	p.take(1)
	var b strings.Builder
	for p.failed == nil {
		i := strings.IndexAny(p.rest, "\\\n\r"+string(quote))
		if i < 0 || p.rest[i] == '\n' || p.rest[i] == '\r' {
			p.line, p.column = line, column
			p.fail("this text is never closed: add %c", quote)
			break
		}
		b.WriteString(p.take(i))
		if p.rest[0] == quote {
			p.take(1)
			break
		}
		p.escape(&b)
	}
	return b.String()
}

func (p *parser) escape(b *strings.Builder) {
	if len(p.rest) < 2 {
		p.fail("this text is never closed")
		return
	}
	r, size := utf8.DecodeRuneInString(p.rest[1:])
	switch r {
	case 'u', 'x':
		p.code(b, r)
		return
	case '\r':
		if strings.HasPrefix(p.rest[2:], "\n") {
			size++
		}
	case '\n', '\u2028', '\u2029':
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		p.fail("JSON5 has no escape \\%c", r)
		return
	default:
		if i := strings.IndexRune("bfnrtv0", r); i >= 0 {
			b.WriteByte("\b\f\n\r\t\v\x00"[i])
		} else {
			b.WriteRune(r)
		}
	}
	p.take(1 + size)
}

// code reads \xHH and \uHHHH; two surrogates become one character, a lone one U+FFFD.
func (p *parser) code(b *strings.Builder, kind rune) {
	digits := 4
	if kind == 'x' {
		digits = 2
	}
	n, ok := hex(p.rest, digits)
	if !ok {
		p.fail("expected %d hexadecimal digits after \\%c", digits, kind)
		return
	}
	p.take(2 + digits)
	if utf16.IsSurrogate(n) {
		if strings.HasPrefix(p.rest, `\u`) {
			if low, ok := hex(p.rest, 4); ok && utf16.DecodeRune(n, low) != utf8.RuneError {
				p.take(6)
				b.WriteRune(utf16.DecodeRune(n, low))
				return
			}
		}
		n = utf8.RuneError
	}
	b.WriteRune(n)
}

func hex(s string, digits int) (rune, bool) {
	if len(s) < 2+digits {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:2+digits], 16, 32)
	return rune(n), err == nil
}
