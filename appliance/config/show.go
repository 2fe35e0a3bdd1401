package config

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// Show is the effective configuration as YAML: defaults and inheritance filled in, secrets as ***, what is absent left out.
func (c *Config) Show() []byte {
	return render(c.node(false))
}

// node is the whole configuration as a tree.
func (c *Config) node(reveal bool) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if len(c.Accounts) == 1 && c.Accounts[0].Name == DefaultAccount {
		out = encode(accountFields(), &c.Accounts[0], reveal)
	} else {
		accounts := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for i := range c.Accounts {
			put(accounts, c.Accounts[i].Name, encode(accountFields(), &c.Accounts[i], reveal))
		}
		put(out, "accounts", accounts)
	}
	if len(c.Apps) > 0 {
		apps := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for i := range c.Apps {
			put(apps, c.Apps[i].Name, c.Apps[i].node(reveal))
		}
		put(out, "apps", apps)
	}
	out.Content = append(out.Content, encode(sectionFields(), c, reveal).Content...)
	return out
}

// node leaves out what has no meaning for the app: agents' keys elsewhere, and lists that mean "all" when absent.
func (a *App) node(reveal bool) *yaml.Node {
	fields := appFields()
	if a.Protocol != "agent" {
		fields = fields[:len(fields)-len(agentFields())]
	}
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, f := range fields {
		if f.key == "accounts" && a.Accounts == nil {
			continue
		}
		n := f.codec.write(f.bind(a), reveal)
		if n != nil && (f.key == "only" || f.key == "except") {
			n = filled(n)
		}
		if n == nil {
			continue
		}
		put(out, f.key, n)
	}
	return out
}

// filled is a mapping without its empty lists, nil if nothing is left.
func filled(n *yaml.Node) *yaml.Node {
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag}
	for i := 1; i < len(n.Content); i += 2 {
		if v := n.Content[i]; v.Kind == yaml.ScalarNode || len(v.Content) > 0 {
			out.Content = append(out.Content, n.Content[i-1], v)
		}
	}
	if len(out.Content) == 0 {
		return nil
	}
	return out
}

// render writes a tree as YAML.
func render(n *yaml.Node) []byte {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return nil // a tree of this package always encodes
	}
	if err := e.Close(); err != nil {
		return nil
	}
	return b.Bytes()
}
