package config

import (
	"fmt"
	"sort"

	"go.yaml.in/yaml/v3"
)

// object is a mapping with known keys.
//
//go:noinline
func object(fields func() []field) codec {
	return codec{
		kind:   "mapping",
		read:   func(d *decoder, n *yaml.Node, path string, target any) { d.object(n, path, fields(), target) },
		write:  func(target any, reveal bool) *yaml.Node { return encode(fields(), target, reveal) },
		schema: func() map[string]any { return objectSchema(fields()) },
		fields: fields,
	}
}

// encode writes owner's fields as a mapping.
func encode(fields []field, owner any, reveal bool) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fields {
		if n := f.codec.write(f.bind(owner), reveal); n != nil {
			put(out, f.key, n)
		}
	}
	return out
}

// put appends a key and its value to a mapping.
func put(mapping *yaml.Node, key string, value *yaml.Node) {
	mapping.Content = append(mapping.Content, textNode(key, "!!str"), value)
}

// list is a list of values of one kind. An empty list is nil: where absent and empty differ the list is optional.
//
//go:noinline
func list[T any](element codec) codec {
	return codec{
		kind: "list of: " + element.kind,
		read: func(d *decoder, n *yaml.Node, path string, target any) {
			if d.bad[n] {
				return
			}
			if n.Kind != yaml.SequenceNode {
				d.fail(n, path, "expected a list such as [a, b], found %s", foundBesideList(d, n))
				return
			}
			var values []T
			for i, item := range n.Content {
				var value T
				at := itemPath(path, i)
				if item.Line > 0 {
					d.at[at] = place{item.Line, item.Column}
				}
				element.read(d, item, at, &value)
				values = append(values, value)
			}
			*target.(*[]T) = values
		},
		write: func(target any, reveal bool) *yaml.Node {
			out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
			values := *target.(*[]T)
			for i := range values {
				if n := element.write(&values[i], reveal); n != nil {
					out.Content = append(out.Content, n)
				}
			}
			return out
		},
		schema: func() map[string]any { return map[string]any{"type": "array", "items": element.schema()} },
	}
}

func itemPath(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// foundBesideList does not repeat text: it may be one secret where a list of them belongs.
func foundBesideList(d *decoder, n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		return "text"
	}
	return d.found(n)
}

// optional is a value that may be absent, which is not the same as empty.
//
//go:noinline
func optional[T any](inner codec) codec {
	out := inner
	out.absent = true
	out.read = func(d *decoder, n *yaml.Node, path string, target any) {
		value := new(T)
		before := len(d.issues)
		inner.read(d, n, path, value)
		if len(d.issues) == before && !d.bad[n] {
			*target.(**T) = value
		}
	}
	out.write = func(target any, reveal bool) *yaml.Node {
		value := *target.(**T)
		if value == nil {
			return nil
		}
		return inner.write(value, reveal)
	}
	return out
}

// table is a mapping with keys of the user's own. key checks and normalises one; it says what was wrong, worded as "expected ...".
//
//go:noinline
func table[T any](keyed string, fields func() []field, key func(string) (string, string)) codec {
	return codec{
		kind: "mapping of " + keyed,
		read: func(d *decoder, n *yaml.Node, path string, target any) {
			if !d.mapping(n, path) {
				return
			}
			entries := map[string]T{}
			for i := 0; i+1 < len(n.Content); i += 2 {
				k, v := n.Content[i], n.Content[i+1]
				if d.bad[k] {
					continue
				}
				name, problem := key(k.Value)
				if problem != "" {
					d.fail(k, path, "%s, found %q", problem, shorten(k.Value))
					name = k.Value // what is below it is checked as well
				}
				child := join(path, name)
				d.keys[child], d.at[child] = place{k.Line, k.Column}, place{v.Line, v.Column}
				var entry T
				d.defaults(fields(), &entry)
				d.object(v, child, fields(), &entry)
				entries[name] = entry
			}
			if len(entries) > 0 {
				*target.(*map[string]T) = entries
			} else {
				*target.(*map[string]T) = nil
			}
		},
		write: func(target any, reveal bool) *yaml.Node {
			entries := *target.(*map[string]T)
			if len(entries) == 0 {
				return nil
			}
			out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			for _, name := range sortedKeys(entries) {
				entry := entries[name]
				put(out, name, encode(fields(), &entry, reveal))
			}
			return out
		},
		schema: func() map[string]any {
			return map[string]any{"type": "object", "additionalProperties": objectSchema(fields())}
		},
		fields: fields,
		keyed:  keyed,
	}
}

// headers is a mapping of header names and secret values.
func headers() codec {
	return codec{
		kind: "mapping of text (secret)",
		read: func(d *decoder, n *yaml.Node, path string, target any) {
			if !d.mapping(n, path) {
				return
			}
			values := map[string]string{}
			for i := 0; i+1 < len(n.Content); i += 2 {
				k, v := n.Content[i], n.Content[i+1]
				if d.bad[k] {
					continue
				}
				var value string
				secret().read(d, v, join(path, k.Value), &value)
				values[k.Value] = value
			}
			if len(values) > 0 {
				*target.(*map[string]string) = values
			}
		},
		write: func(target any, reveal bool) *yaml.Node {
			values := *target.(*map[string]string)
			if len(values) == 0 {
				return nil
			}
			out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			for _, name := range sortedKeys(values) {
				value := values[name]
				if !reveal {
					value = "***"
				}
				put(out, name, textNode(value, "!!str"))
			}
			return out
		},
		schema: func() map[string]any {
			return map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string", "writeOnly": true}}
		},
	}
}

func sortedKeys[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// paced is the pacing object, or the word off.
func paced() codec {
	inner := object(pacingFields)
	out := inner
	out.kind, out.whole = "mapping, or off", true
	out.read = func(d *decoder, n *yaml.Node, path string, target any) {
		p := target.(*Pacing)
		if n.Kind == yaml.ScalarNode {
			if d.bad[n] {
				return
			}
			if n.Value != "off" && !(n.Tag == "!!bool" && n.Value == "false") {
				d.fail(n, path, "expected off, or rates such as {chat: 1/s, chatBurst: 3, account: 2/s, accountBurst: 10}, found %s", d.found(n))
				return
			}
			p.Off = true
			return
		}
		p.Off = false
		inner.read(d, n, path, target)
	}
	out.write = func(target any, reveal bool) *yaml.Node {
		if target.(*Pacing).Off {
			return textNode("off", "!!str")
		}
		return inner.write(target, reveal)
	}
	out.schema = func() map[string]any {
		return map[string]any{"anyOf": []any{inner.schema(), map[string]any{"enum": []any{"off", false}}}}
	}
	return out
}
