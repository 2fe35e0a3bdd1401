package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/catflap/catflap/appliance/config/json5"
	"go.yaml.in/yaml/v3"
)

// tree turns the file into nodes, JSON5 or YAML, and returns the top mapping; nil after complaints.
func (d *decoder) tree() *yaml.Node {
	if len(d.data) > maxFile {
		d.failAt(place{}, "", "the file is larger than %d KiB", maxFile>>10)
		return nil
	}
	if !utf8.Valid(d.data) {
		line := 1
		for rest := d.data; ; line++ {
			text, more, found := bytes.Cut(rest, []byte("\n"))
			if !utf8.Valid(text) || !found {
				break
			}
			rest = more
		}
		d.failAt(place{line, 1}, "", "the file is not UTF-8 text: save it as UTF-8")
		return nil
	}
	var root *yaml.Node
	if startsLikeJSON(d.data) {
		root = d.fromJSON5()
	} else {
		root = d.fromYAML(true)
	}
	if root == nil {
		return nil
	}
	d.spans = findSecrets(root, false, nil)
	if root.Kind != yaml.MappingNode {
		d.fail(root, "", "expected a mapping of keys and values, found %s: write keys such as `wsPort: 3001`", describe(root))
		return nil
	}
	d.prepare(root, "", 0)
	return root
}

// fromJSON5 reads a pasted object. YAML's own brackets are tried as well, since they may hold plain words.
func (d *decoder) fromJSON5() *yaml.Node {
	value, err := json5.Parse(d.data)
	if err == nil {
		return fromValue(value)
	}
	if root := d.fromYAML(false); root != nil && knowsKeys(root) {
		return root
	}
	var syntax *json5.SyntaxError
	if errors.As(err, &syntax) {
		d.failAt(place{syntax.Line, syntax.Column}, "", "%s", syntax.Message)
	}
	return nil
}

// knowsKeys reports whether a tree that YAML's looser rules made is likely what was meant.
func knowsKeys(n *yaml.Node) bool {
	fields := rootFields()
	for _, key := range mappingKeys(n) {
		if f, _ := lookup(fields, key); f == nil {
			return false
		}
	}
	return n.Kind == yaml.MappingNode
}

func fromValue(v *json5.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: v.Line, Column: v.Column, Value: v.Text}
	switch v.Kind {
	case json5.Null:
		n.Tag, n.Value = "!!null", "null"
	case json5.Bool:
		n.Tag = "!!bool"
	case json5.Number:
		n.Tag = "!!int"
		if strings.ContainsAny(v.Text, ".eE") {
			n.Tag = "!!float"
		}
	case json5.String:
		n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	case json5.Array:
		n.Kind, n.Tag, n.Value = yaml.SequenceNode, "!!seq", ""
		for _, item := range v.Items {
			n.Content = append(n.Content, fromValue(item))
		}
	case json5.Object:
		n.Kind, n.Tag, n.Value = yaml.MappingNode, "!!map", ""
		for _, m := range v.Members {
			key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: m.Name, Line: m.Line, Column: m.Column}
			n.Content = append(n.Content, key, fromValue(m.Value))
		}
	}
	return n
}

// fromYAML reads one YAML document; complaints are recorded only when report is set.
func (d *decoder) fromYAML(report bool) *yaml.Node {
	text := Strip(d.data)
	var document yaml.Node
	reader := yaml.NewDecoder(bytes.NewReader(text))
	err := reader.Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		if report {
			d.failAt(place{1, 1}, "", "the file is empty: run `catflap init` to write one")
		}
		return nil
	case err != nil:
		if report {
			d.syntax(text, err)
		}
		return nil
	}
	var second yaml.Node
	if err := reader.Decode(&second); !errors.Is(err, io.EOF) {
		if report {
			d.failAt(place{max(second.Line, 1), max(second.Column, 1)}, "", "a second document starts here: keep one document and remove the --- line")
		}
		return nil
	}
	if len(document.Content) != 1 {
		return nil
	}
	return document.Content[0]
}

// syntax positions an error of the YAML parser, which knows at most a line.
func (d *decoder) syntax(text []byte, err error) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	p := place{1, 1}
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(message); m != nil {
		p.line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
		if strings.HasPrefix(message, "did not find expected") {
			p.line++ // the library counts these from 0
		}
	}
	if line, column := tabIndent(text); line > 0 && strings.Contains(message, "cannot start any token") {
		d.failAt(place{line, column}, "", "a tab starts this line: indent with spaces")
		return
	}
	lines := strings.Split(string(text), "\n")
	p.line = min(p.line, len(lines))
	line := lines[p.line-1]
	p.column += utf8.RuneCountInString(line) - utf8.RuneCountInString(strings.TrimLeft(line, " \t"))
	if i := strings.IndexByte(message, '`'); i >= 0 {
		message = message[:i] // what follows may repeat a value
	}
	d.failAt(p, "", "not valid YAML here or just before: %s", message)
}

// tabIndent finds the first line that is indented with a tab.
func tabIndent(text []byte) (line, column int) {
	for i, l := range strings.Split(string(text), "\n") {
		trimmed := strings.TrimLeft(l, " ")
		if strings.HasPrefix(trimmed, "\t") && strings.TrimSpace(trimmed) != "" {
			return i + 1, len(l) - len(trimmed) + 1
		}
	}
	return 0, 0
}
