package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// scalar makes a codec for one value that fits in a line. parse returns what was wrong, worded as "expected ...".
type scalar[T any] struct {
	kind   string
	tags   []string // the YAML tags that may be read
	expect string   // "a duration such as 5s or a number of milliseconds"
	parse  func(text string) (T, string)
	format func(T) (text, tag string) // tag "" = absent
	secret bool
	schema map[string]any
}

func (s scalar[T]) codec() codec {
	return codec{
		kind: s.kind,
		read: func(d *decoder, n *yaml.Node, path string, target any) {
			if d.bad[n] {
				return
			}
			if n.Kind != yaml.ScalarNode || !d.free(n) && !slices.Contains(s.tags, n.Tag) {
				d.fail(n, path, "expected %s, found %s%s", s.expect, s.found(d, n), s.hint(n))
				return
			}
			value, problem := s.parse(n.Value)
			if problem != "" {
				if s.secret {
					d.fail(n, path, "%s", problem)
				} else {
					d.fail(n, path, "%s, found %s", problem, d.found(n))
				}
				return
			}
			*target.(*T) = value
		},
		write: func(target any, reveal bool) *yaml.Node {
			text, tag := s.format(*target.(*T))
			if tag == "" {
				return nil
			}
			if s.secret && !reveal {
				text = "***"
			}
			return textNode(text, tag)
		},
		schema: func() map[string]any { return s.schema },
	}
}

func (s scalar[T]) found(d *decoder, n *yaml.Node) string {
	if s.secret && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return "another kind of value"
	}
	return d.found(n)
}

func (s scalar[T]) hint(n *yaml.Node) string {
	switch {
	case n.Tag == "!!null":
		return ": write a value or remove the key"
	case n.Kind == yaml.ScalarNode && slices.Contains(s.tags, "!!str") && n.Tag != "!!str":
		return ": put it in quotes"
	case n.Kind == yaml.ScalarNode && n.Tag == "!!str" && n.Style != 0 && !slices.Contains(s.tags, "!!str"):
		return ": write it without quotes"
	}
	return ""
}

func textNode(text, tag string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
	if tag == "!!str" && needsQuotes(text) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// needsQuotes errs on the safe side: what could be read as anything but text is quoted.
func needsQuotes(text string) bool {
	if text == "" || strings.TrimSpace(text) != text || strings.ContainsAny(text, "#&*!|>'\"%@`{}[],\\\n\t") || strings.HasPrefix(text, "//") || strings.Contains(text, " //") || strings.HasPrefix(text, "/*") || strings.HasSuffix(text, ":") || strings.Contains(text, ": ") {
		return true
	}
	var n yaml.Node
	if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) != 1 {
		return true
	}
	return n.Content[0].Kind != yaml.ScalarNode || n.Content[0].Tag != "!!str" || n.Content[0].Value != text
}

// noProblem accepts every text.
func noProblem(string) string { return "" }

// text is a string; check says what is wrong with one, worded as "expected ...".
//
//go:noinline
func text(kind string, check func(string) string) codec {
	return scalar[string]{
		kind: kind, tags: []string{"!!str", "!!timestamp"}, expect: "text",
		parse: func(s string) (string, string) { return s, check(s) },
		format: func(s string) (string, string) {
			if s == "" {
				return "", ""
			}
			return s, "!!str"
		},
		schema: map[string]any{"type": "string"},
	}.codec()
}

func plainText() codec { return text("text", noProblem) }

// secret is a string that is never shown.
//
//go:noinline
func secret() codec {
	return scalar[string]{
		kind: "text (secret)", tags: []string{"!!str"}, expect: "text", secret: true,
		parse: func(s string) (string, string) {
			for _, r := range s {
				if r < ' ' || r == 0x7f {
					return "", "expected text in one line: remove the control characters from this secret"
				}
			}
			return s, ""
		},
		format: func(s string) (string, string) {
			if s == "" {
				return "", ""
			}
			return s, "!!str"
		},
		schema: map[string]any{"type": "string", "writeOnly": true},
	}.codec()
}

//go:noinline
func boolean() codec {
	return scalar[bool]{
		kind: "boolean", tags: []string{"!!bool"}, expect: "true or false",
		parse: func(s string) (bool, string) {
			switch s {
			case "true", "True", "TRUE":
				return true, ""
			case "false", "False", "FALSE":
				return false, ""
			}
			return false, "expected true or false"
		},
		format: func(b bool) (string, string) { return strconv.FormatBool(b), "!!bool" },
		schema: orReference(map[string]any{"type": "boolean"}),
	}.codec()
}

// integer is a whole number within bounds.
//
//go:noinline
func integer[T int | int64 | uint16](low, high int64) codec {
	expect := fmt.Sprintf("a whole number from %d to %d", low, high)
	return scalar[T]{
		kind: fmt.Sprintf("number %d..%d", low, high), tags: []string{"!!int"}, expect: expect,
		parse: func(s string) (T, string) {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || n < low || n > high {
				return 0, "expected " + expect
			}
			return T(n), ""
		},
		format: func(n T) (string, string) { return strconv.FormatInt(int64(n), 10), "!!int" },
		schema: orReference(map[string]any{"type": "integer", "minimum": low, "maximum": high}),
	}.codec()
}

func decimal(low, high float64) codec {
	expect := fmt.Sprintf("a number from %g to %g", low, high)
	return scalar[float64]{
		kind: fmt.Sprintf("number %g..%g", low, high), tags: []string{"!!int", "!!float"}, expect: expect,
		parse: func(s string) (float64, string) {
			n, err := strconv.ParseFloat(s, 64)
			if err != nil || !(n >= low && n <= high) {
				return 0, "expected " + expect
			}
			return n, ""
		},
		format: func(n float64) (string, string) {
			text := strconv.FormatFloat(n, 'f', -1, 64)
			if strings.Contains(text, ".") {
				return text, "!!float"
			}
			return text, "!!int"
		},
		schema: orReference(map[string]any{"type": "number", "minimum": low, "maximum": high}),
	}.codec()
}

// duration is a Go duration or a bare number of milliseconds, within bounds; zero is allowed beside them when orZero.
//
//go:noinline
func duration(low, high time.Duration, orZero bool) codec {
	bounds := fmt.Sprintf("from %s to %s", formatDuration(low), formatDuration(high))
	if orZero {
		bounds = "0 or " + bounds
	}
	return scalar[time.Duration]{
		kind: "duration, " + bounds, tags: []string{"!!int", "!!float", "!!str"},
		expect: "a duration such as 5s, or a number of milliseconds",
		parse: func(s string) (time.Duration, string) {
			v, ok := parseDuration(s)
			if !ok {
				return 0, "expected a duration such as 5s, 10m or 24h, or a number of milliseconds"
			}
			if (v < low || v > high) && !(orZero && v == 0) {
				return 0, "expected a duration " + bounds
			}
			return v, ""
		},
		format: func(v time.Duration) (string, string) {
			if v == 0 {
				return "0", "!!int"
			}
			return formatDuration(v), "!!str"
		},
		schema: map[string]any{"$ref": "#/$defs/duration"},
	}.codec()
}

func size(low, high int64) codec {
	return scalar[int64]{
		kind: fmt.Sprintf("size, from %s to %s", formatSize(low), formatSize(high)), tags: []string{"!!int", "!!str"},
		expect: "a size such as 48MiB",
		parse: func(s string) (int64, string) {
			n, ok := parseSize(s)
			if !ok {
				return 0, "expected a size such as 48MiB, 512MB or a number of bytes"
			}
			if n < low || n > high {
				return 0, fmt.Sprintf("expected a size from %s to %s", formatSize(low), formatSize(high))
			}
			return n, ""
		},
		format: func(n int64) (string, string) { return formatSize(n), "!!str" },
		schema: map[string]any{"$ref": "#/$defs/size"},
	}.codec()
}

// rate is a number per second, minute or hour.
func rate() codec {
	return scalar[float64]{
		kind: "rate", tags: []string{"!!str"}, expect: "a rate such as 1/s or 30/m",
		parse: func(s string) (float64, string) {
			r, ok := parseRate(s)
			if !ok {
				return 0, "expected a rate such as 1/s, 30/m or 100/h, more than 0 and at most 100/s"
			}
			return r, ""
		},
		format: func(r float64) (string, string) { return formatRate(r), "!!str" },
		schema: map[string]any{"$ref": "#/$defs/rate"},
	}.codec()
}

// enum is one of a few words; aliases are accepted and replaced.
//
//go:noinline
func enum(words []string, aliases map[string]string) codec {
	accepted := slices.Clone(words)
	for alias := range aliases {
		accepted = append(accepted, alias)
	}
	slices.Sort(accepted[len(words):])
	return scalar[string]{
		kind: strings.Join(words, " \\| "), tags: []string{"!!str", "!!bool"}, expect: orList(accepted),
		parse: func(s string) (string, string) {
			if canonical, ok := aliases[s]; ok {
				return canonical, ""
			}
			if !slices.Contains(words, s) {
				return "", "expected " + orList(accepted) + didYouMean(s, accepted)
			}
			return s, ""
		},
		format: func(s string) (string, string) {
			if s == "" {
				return "", ""
			}
			return s, "!!str"
		},
		schema: map[string]any{"enum": accepted},
	}.codec()
}

func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" && len(known) > 3 {
		return fmt.Sprintf(" (did you mean %s?)", near)
	}
	return ""
}

func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// orReference lets a typed value be a reference to the environment as well.
func orReference(schema map[string]any) map[string]any {
	return map[string]any{"anyOf": []any{schema, map[string]any{"$ref": "#/$defs/environment"}}}
}

// number is a QQ number: digits, as a number or as text.
//
//go:noinline
func number() codec {
	return scalar[uint64]{
		kind: "QQ number", tags: []string{"!!int", "!!float", "!!str"}, expect: "a QQ number",
		parse: func(s string) (uint64, string) {
			n, ok := parseID(s)
			if !ok {
				return 0, "expected a QQ number (digits only, not 0)"
			}
			return n, ""
		},
		format: func(n uint64) (string, string) {
			if n == 0 {
				return "", ""
			}
			return strconv.FormatUint(n, 10), "!!int"
		},
		schema: map[string]any{"$ref": "#/$defs/id"},
	}.codec()
}

// entry is a QQ number, "*", or one of the prefixes before a QQ number, kept as text.
func entry(star bool, prefixes ...string) codec {
	var forms []string
	forms = append(forms, "a QQ number")
	for _, p := range prefixes {
		forms = append(forms, p+"123")
	}
	if star {
		forms = append(forms, `"*"`)
	}
	expect := orList(forms)
	return scalar[string]{
		kind: expect, tags: []string{"!!int", "!!float", "!!str"}, expect: expect,
		parse: func(s string) (string, string) {
			if s == "*" && star {
				return s, ""
			}
			prefix := ""
			for _, p := range prefixes {
				if strings.HasPrefix(s, p) {
					prefix = p
				}
			}
			n, ok := parseID(s[len(prefix):])
			if !ok {
				return "", "expected " + expect
			}
			return prefix + strconv.FormatUint(n, 10), ""
		},
		format: func(s string) (string, string) {
			if _, ok := parseID(s); ok {
				return s, "!!int"
			}
			return s, "!!str"
		},
		schema: map[string]any{"$ref": "#/$defs/entry"},
	}.codec()
}
