package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// defaults puts the default of every field into owner.
func (d *decoder) defaults(fields []field, owner any) {
	for _, f := range fields {
		switch {
		case f.def != "":
			n := defaultNode(f.def)
			d.typed[n] = false
			for _, item := range n.Content {
				d.typed[item] = false
			}
			f.codec.read(d, n, "", f.bind(owner))
			delete(d.typed, n)
			for _, item := range n.Content {
				delete(d.typed, item)
			}
		case f.codec.inline():
			d.defaults(f.codec.fields(), f.bind(owner))
		}
	}
}

// defaultNode makes the node of a default: a scalar, or a list of plain words in brackets.
func defaultNode(text string) *yaml.Node {
	if inner, isList := strings.CutPrefix(text, "["); isList {
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, word := range strings.FieldsFunc(strings.TrimSuffix(inner, "]"), func(r rune) bool { return r == ',' || r == ' ' }) {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: word})
		}
		return n
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// found describes a node as it stands in the file, for messages about fields that hold no secret.
func (d *decoder) found(n *yaml.Node) string {
	if raw, ok := d.raw[n]; ok {
		return fmt.Sprintf("%q from the environment", shorten(raw))
	}
	return describe(n)
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return n.Value
	case "!!int", "!!float":
		return "the number " + shorten(n.Value)
	}
	return fmt.Sprintf("%q", shorten(mask(n.Value, 0, nil)))
}
