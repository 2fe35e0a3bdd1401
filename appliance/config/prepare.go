package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// prepare walks the whole tree once: it refuses anchors and repeated keys, and puts the environment in.
func (d *decoder) prepare(n *yaml.Node, path string, depth int) {
	if depth > 64 {
		d.fail(n, path, "more than 64 levels deep")
		d.bad[n] = true
		return
	}
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		d.fail(n, path, "anchors (&) and aliases (*) are not supported: write the value out, or quote text that starts with & or *")
		d.bad[n] = true
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		d.prepareMapping(n, path, depth)
	case yaml.SequenceNode:
		for i, child := range n.Content {
			d.prepare(child, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	case yaml.ScalarNode:
		if err := d.expand(n); err != "" {
			d.fail(n, path, "%s", err)
			d.bad[n] = true
		}
	}
}

func (d *decoder) prepareMapping(n *yaml.Node, path string, depth int) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fail(key, path, "expected a key, found %s", describe(key))
			d.bad[key] = true
			continue
		case key.Tag == "!!merge":
			d.fail(key, path, "merge keys (<<) are not supported: write the values out")
			d.bad[key] = true
			continue
		}
		if line, twice := seen[key.Value]; twice {
			d.fail(key, path, "key %q is given twice, first in line %d: keep one of them", shorten(key.Value), line)
			d.bad[key] = true
			continue
		}
		seen[key.Value] = key.Line
		d.prepare(value, join(path, key.Value), depth+1)
	}
}

// expand replaces ${NAME} in a value by the environment's text; $${ stands for ${.
func (d *decoder) expand(n *yaml.Node) (problem string) {
	if !strings.Contains(n.Value, "${") {
		return ""
	}
	var b strings.Builder
	rest, replaced := n.Value, false
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			break
		}
		if i > 0 && rest[i-1] == '$' {
			b.WriteString(rest[:i-1] + "${")
			rest = rest[i+2:]
			continue
		}
		end := strings.IndexByte(rest[i:], '}')
		if end < 0 || !isVariable(rest[i+2:i+end]) {
			return "expected ${NAME} with a name of letters, digits and _: write $${ for the characters ${"
		}
		name := rest[i+2 : i+end]
		value, ok := d.env(name)
		if !ok {
			d.elsewhere++
			return fmt.Sprintf("environment variable %s is not set: set it, or write $${%s} for that text itself", name, name)
		}
		b.WriteString(rest[:i] + value)
		rest, replaced = rest[i+end+1:], true
	}
	b.WriteString(rest)
	d.raw[n] = n.Value
	n.Value = b.String()
	if replaced {
		d.typed[n] = false
	}
	return ""
}

func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
