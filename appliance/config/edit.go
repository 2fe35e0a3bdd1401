package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/catflap/catflap/appliance/config/json5"
	"go.yaml.in/yaml/v3"
)

// ErrNotEditable is returned by Set for a text whose form leaves no safe place for the change.
var ErrNotEditable = errors.New("the file is written in a way that a program cannot change safely: edit it by hand")

// Set gives the key at path a value in the text of a file. One piece is put in or replaced; every other byte, comments
// included, stays as it was. Parents that are missing are made. The result was read again: it means what data meant, with
// that one change. It is not checked as a configuration. Errors are ErrNotEditable, or say that data is no YAML or JSON5.
func Set(data []byte, path []string, value bool) ([]byte, error) {
	if len(path) == 0 || len(data) > maxFile || !utf8.Valid(data) {
		return nil, ErrNotEditable
	}
	e := &editor{data: data, value: strconv.FormatBool(value)}
	var err error
	if e.root, e.json, err = parseTree(data); err != nil {
		return nil, err
	}
	want := withValue(e.root, path, e.value)
	if want == nil {
		return nil, ErrNotEditable
	}
	if sameTree(e.root, want) {
		return bytes.Clone(data), nil
	}
	e.lineStarts()
	for _, cut := range e.candidates(path) {
		out := slices.Concat(data[:cut.from], []byte(cut.text), data[cut.to:])
		if got, _, err := parseTree(out); err == nil && sameTree(got, want) {
			return out, nil
		}
	}
	return nil, ErrNotEditable
}

// parseTree reads a text without looking at what its keys mean.
func parseTree(data []byte) (root *yaml.Node, isJSON bool, err error) {
	if startsLikeJSON(data) {
		if value, err := json5.Parse(data); err == nil {
			return fromValue(value), true, nil
		}
	}
	reader := yaml.NewDecoder(bytes.NewReader(Strip(data)))
	var document, second yaml.Node
	if err := reader.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, false, ErrNotEditable
		}
		return nil, false, fmt.Errorf("reading the file to change it: %w", err)
	}
	if !errors.Is(reader.Decode(&second), io.EOF) || len(document.Content) != 1 {
		return nil, false, ErrNotEditable
	}
	return document.Content[0], false, nil
}

// withValue is a copy of a tree in which path has the value; nil where path leads through something that is no mapping.
func withValue(n *yaml.Node, path []string, value string) *yaml.Node {
	if len(path) == 0 {
		if n != nil && n.Kind != yaml.ScalarNode {
			return nil
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: value}
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	switch {
	case n == nil || isNull(n):
	case n.Kind == yaml.MappingNode:
		*out = *n
		out.Content = slices.Clone(n.Content)
	default:
		return nil
	}
	if i := indexOf(out, path[0]); i >= 0 {
		out.Content[i] = withValue(out.Content[i], path[1:], value)
		if out.Content[i] == nil {
			return nil
		}
		return out
	}
	below := withValue(nil, path[1:], value)
	out.Content = append(out.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: path[0]}, below)
	return out
}

// indexOf is where the value of a key is in a mapping's content; -1 = nowhere.
func indexOf(n *yaml.Node, key string) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == key {
			return i + 1
		}
	}
	return -1
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// sameTree compares what two trees mean; keys may stand in another order.
func sameTree(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Anchor != "" || b.Anchor != "" || len(a.Content) != len(b.Content) {
		return false
	}
	switch a.Kind {
	case yaml.ScalarNode:
		return a.ShortTag() == b.ShortTag() && (a.Value == b.Value || isNull(a))
	case yaml.MappingNode:
		for i := 0; i+1 < len(a.Content); i += 2 {
			if a.Content[i].Kind != yaml.ScalarNode {
				return false
			}
			j := indexOf(b, a.Content[i].Value)
			if j < 0 || indexOf(a, a.Content[i].Value) != i+1 || !sameTree(a.Content[i+1], b.Content[j]) {
				return false
			}
		}
		return true
	case yaml.SequenceNode:
		for i := range a.Content {
			if !sameTree(a.Content[i], b.Content[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// editor finds places in a text.
type editor struct {
	data  []byte
	root  *yaml.Node
	json  bool
	value string
	lines []int // where each line starts
}

// cut is one change: data[from:to] becomes text.
type cut struct {
	from, to int
	text     string
}

// lineStarts counts lines as the YAML library does.
func (e *editor) lineStarts() {
	e.lines = []int{0}
	for i := 0; i < len(e.data); {
		r, size := utf8.DecodeRune(e.data[i:])
		i += size
		switch r {
		case '\r':
			if i < len(e.data) && e.data[i] == '\n' {
				continue
			}
		case '\n':
		case '\u0085', '\u2028', '\u2029':
			if e.json && r == '\u0085' {
				continue
			}
		default:
			continue
		}
		e.lines = append(e.lines, i)
	}
}

// offset is where a node starts; -1 if its position is not in the text.
func (e *editor) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(e.lines) {
		return -1
	}
	at := e.lines[n.Line-1]
	if at == 0 && !e.json && bytes.HasPrefix(e.data, []byte("\ufeff")) {
		at = len("\ufeff") // the library does not count it
	}
	for range n.Column - 1 {
		if at >= len(e.data) {
			return -1
		}
		_, size := utf8.DecodeRune(e.data[at:])
		at += size
	}
	return at
}

// candidates are changes that may do, the best first.
func (e *editor) candidates(path []string) []cut {
	n := e.root
	var key *yaml.Node
	for len(path) > 0 && n.Kind == yaml.MappingNode {
		i := indexOf(n, path[0])
		if i < 0 {
			return e.insertions(n, path)
		}
		key, n, path = n.Content[i-1], n.Content[i], path[1:]
	}
	if n.Kind != yaml.ScalarNode || key == nil {
		return nil
	}
	text := inline(path, e.value)
	if n.Value == "" && isNull(n) { // "key:" and nothing
		end := e.scalarEnd(key)
		if end < 0 || end >= len(e.data) || e.data[end] != ':' {
			return nil
		}
		return []cut{{end + 1, end + 1, " " + text}}
	}
	if from, to := e.offset(n), e.scalarEnd(n); from >= 0 && to >= 0 {
		return []cut{{from, to, text}}
	}
	return nil
}

// scalarEnd is where the text of a scalar ends; -1 where that is not plain to see.
func (e *editor) scalarEnd(n *yaml.Node) int {
	at := e.offset(n)
	if at < 0 || at >= len(e.data) {
		return -1
	}
	rest := string(e.data[at:])
	switch {
	case rest[0] == '"' || rest[0] == '\'':
		return at + quotedLength(rest)
	case strings.HasPrefix(rest, n.Value):
		return at + len(n.Value)
	}
	return -1
}

// inline is the rest of a path and the value on one line.
func inline(path []string, value string) string {
	if len(path) == 0 {
		return value
	}
	return "{" + quotedKey(path[0]) + ": " + inline(path[1:], value) + "}"
}

func quotedKey(key string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(key) // a string can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// insertions put path into a mapping that does not have its first key.
func (e *editor) insertions(n *yaml.Node, path []string) []cut {
	start := e.offset(n)
	if start < 0 || start >= len(e.data) {
		return nil
	}
	if e.json || n.Style&yaml.FlowStyle != 0 {
		entry := quotedKey(path[0]) + ": " + inline(path[1:], e.value)
		if len(n.Content) == 0 {
			return []cut{{start + 1, start + 1, entry}}
		}
		first := e.offset(n.Content[0])
		if first <= start {
			return nil
		}
		between := ", "
		if line := e.lineOf(first); len(bytes.TrimSpace(e.data[line:first])) == 0 && line > start {
			between = "," + e.lineEnd() + string(e.data[line:first])
		}
		return []cut{{first, first, entry + between}}
	}
	if len(n.Content) == 0 {
		return nil
	}
	indent := n.Content[0].Column - 1
	var b strings.Builder
	for i, key := range path {
		b.WriteString(strings.Repeat(" ", indent+2*i) + plainKey(key) + ":")
		if i < len(path)-1 {
			b.WriteString(e.lineEnd())
		}
	}
	b.WriteString(" " + e.value)
	entry := b.String()
	after := e.blockEnd(n, indent)
	last := cut{after, after, entry + e.lineEnd()}
	if after > 0 && e.data[after-1] != '\n' {
		last.text = e.lineEnd() + entry
	}
	first := e.offset(n.Content[0])
	if first < 0 {
		return []cut{last}
	}
	return []cut{last, {first, first, strings.TrimLeft(entry, " ") + e.lineEnd() + strings.Repeat(" ", indent)}}
}

// blockEnd is the end of the last line that belongs to a block mapping indented so far.
func (e *editor) blockEnd(n *yaml.Node, indent int) int {
	value := n.Content[len(n.Content)-1]
	list := value.Kind == yaml.SequenceNode && value.Style&yaml.FlowStyle == 0
	last := n.Content[len(n.Content)-2].Line
lines:
	for i := last; i < len(e.lines); i++ { // those behind the last key's
		line := e.data[e.lines[i]:e.endOf(i)]
		text := bytes.TrimLeft(line, " ")
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		deep := len(line) - len(text)
		switch {
		case deep > indent, deep == indent && (list && text[0] == '-' || indent > 0 && text[0] == '#'):
			last = i + 1
		case text[0] != '#':
			break lines
		}
	}
	return e.endOf(last - 1)
}

// endOf is where a line (from 0) ends, its line end included.
func (e *editor) endOf(line int) int {
	if line+1 < len(e.lines) {
		return e.lines[line+1]
	}
	return len(e.data)
}

// lineOf is the start of the line that an offset is in.
func (e *editor) lineOf(at int) int {
	i, found := slices.BinarySearch(e.lines, at)
	if found {
		return at
	}
	return e.lines[i-1]
}

// lineEnd is how this file ends its lines.
func (e *editor) lineEnd() string {
	if i := bytes.IndexByte(e.data, '\n'); i > 0 && e.data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// plainKey is a key as a person would write it: numbers have to be quoted, words need not.
func plainKey(key string) string {
	if regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`).MatchString(key) {
		switch strings.ToLower(key) {
		case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		default:
			return key
		}
	}
	return quotedKey(key)
}

// Has reports whether the text of a file has a value at path.
func Has(data []byte, path []string) bool {
	n, _, err := parseTree(data)
	if err != nil {
		return false
	}
	for _, key := range path {
		if n.Kind != yaml.MappingNode {
			return false
		}
		i := indexOf(n, key)
		if i < 0 {
			return false
		}
		n = n.Content[i]
	}
	return true
}
