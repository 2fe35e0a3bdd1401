package simulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const maxValueDepth = 64

// scalar is a node's text, or a problem.
func (r *reading) scalar(n *yaml.Node, what, expected string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.problem(n, "%s: expected %s, found %s", what, expected, describe(n))
		return "", false
	}
	return n.Value, true
}

func (r *reading) text(n *yaml.Node, what string) string {
	s, _ := r.scalar(n, what, "a text")
	return s
}

// id is a QQ number or "me".
func (r *reading) id(n *yaml.Node, what string) uint64 {
	s, ok := r.scalar(n, what, `a QQ number or "me"`)
	if !ok {
		return 0
	}
	if s == "me" {
		if r.self != 0 {
			return r.self
		}
		return meID
	}
	id, err := strconv.ParseUint(s, 10, 53)
	if err != nil || id == 0 {
		r.problem(n, `%s: expected a QQ number or "me", found %s`, what, describe(n))
		return 1 // anything but 0, which would be reported as missing too: a scenario with a problem is never run
	}
	return id
}

func (r *reading) number(n *yaml.Node, what string, least, most int64) int64 {
	s, ok := r.scalar(n, what, "a number")
	if !ok {
		return least
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < least || v > most {
		r.problem(n, "%s: expected a number from %d to %d, found %s", what, least, most, describe(n))
		return least
	}
	return v
}

// duration is Go's form or a bare number of milliseconds.
func (r *reading) duration(n *yaml.Node, what string) time.Duration {
	s, ok := r.scalar(n, what, "a duration like 2s or 500ms")
	if !ok {
		return 0
	}
	if ms, err := strconv.ParseInt(s, 10, 32); err == nil {
		s = fmt.Sprintf("%dms", ms)
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > 24*time.Hour {
		r.problem(n, "%s: expected a duration from 0 to 24h like 2s or 500ms, found %s", what, describe(n))
		return 0
	}
	return d
}

func (r *reading) boolean(n *yaml.Node, what string) bool {
	s, ok := r.scalar(n, what, "true or false")
	if ok && s != "true" && s != "false" {
		r.problem(n, "%s: expected true or false, found %s", what, describe(n))
	}
	return s == "true"
}

func (r *reading) word(n *yaml.Node, what string, words ...string) string {
	expected := "one of " + strings.Join(words, ", ")
	s, ok := r.scalar(n, what, expected)
	if !ok {
		return ""
	}
	for _, w := range words {
		if s == w {
			return s
		}
	}
	r.problem(n, "%s: expected %s, found %s", what, expected, describe(n))
	return ""
}

// value is a node as JSON, keys in the file's order. Scalars stay numbers, texts, booleans or nil.
func (r *reading) value(n *yaml.Node, depth int) any {
	if depth > maxValueDepth {
		r.problem(n, "nested deeper than %d levels", maxValueDepth)
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		o := new(object)
		for i := 0; i+1 < len(n.Content); i += 2 {
			o.add(n.Content[i].Value, r.value(n.Content[i+1], depth+1))
		}
		return json.RawMessage(o.bytes())
	case yaml.SequenceNode:
		out := []byte{'['}
		for i, item := range n.Content {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, encode(r.value(item, depth+1))...)
		}
		return json.RawMessage(append(out, ']'))
	case yaml.ScalarNode:
		return plain(n)
	}
	r.problem(n, "expected a value, found %s", describe(n))
	return nil
}

func plain(n *yaml.Node) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
		var f float64
		if n.Decode(&f) == nil {
			return f // NaN and infinity become null when written
		}
	}
	return n.Value
}
