package config

import (
	"path/filepath"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// root owns the top level while it is read: one account's worth of values, the sections, and what is read afterwards.
type root struct {
	account        Account
	config         *Config
	accounts, apps *yaml.Node
}

// rootFields are all keys of the top level.
func rootFields() []field {
	var fields []field
	for _, f := range accountFields() {
		bind := f.bind
		f.bind = func(owner any) any { return bind(&owner.(*root).account) }
		fields = append(fields, f)
	}
	fields = append(fields,
		field{key: "accounts", codec: later("<name>", accountFields), bind: of(func(r *root) any { return &r.accounts }),
			en: "several accounts; the top level then only supplies defaults", zh: "多账号；此时顶层只提供默认值"},
		field{key: "apps", codec: later("<name>", appFields), bind: of(func(r *root) any { return &r.apps }),
			en: "the programs that serve the accounts", zh: "接入的应用"})
	for _, f := range sectionFields() {
		bind := f.bind
		f.bind = func(owner any) any { return bind(owner.(*root).config) }
		fields = append(fields, f)
	}
	return fields
}

// later keeps a table's node until everything it depends on has been read.
func later(keyed string, fields func() []field) codec {
	return codec{
		kind:  "mapping of " + keyed,
		read:  func(_ *decoder, n *yaml.Node, _ string, target any) { *target.(**yaml.Node) = n },
		write: func(any, bool) *yaml.Node { return nil },
		schema: func() map[string]any {
			return map[string]any{"type": "object", "additionalProperties": objectSchema(fields())}
		},
		fields: fields,
		keyed:  keyed,
	}
}

// config reads the whole tree into c and checks it.
func (d *decoder) config(n *yaml.Node, c *Config) {
	r := &root{config: c}
	fields := rootFields()
	d.defaults(fields, r)
	r.account.Name = DefaultAccount
	d.object(n, "", fields, r)
	d.readAccounts(r, c)
	d.readApps(r, c)
	c.DataDir = dataDir(c, d.env)
	d.check(c)
	sort.SliceStable(c.Accounts, func(i, j int) bool { return c.Accounts[i].Name < c.Accounts[j].Name })
}

// entries walks a table of the user's names.
func (d *decoder) entries(n *yaml.Node, path string, limit int, read func(name, path string, value *yaml.Node)) {
	if !d.mapping(n, path) {
		return
	}
	count := 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if d.bad[key] {
			continue
		}
		if problem := checkName(key.Value); problem != "" {
			d.fail(key, path, "%s, found %q", problem, shorten(key.Value))
			continue
		}
		if count++; count == limit+1 {
			d.fail(key, path, "more than %d entries: remove some", limit)
			return
		}
		child := join(path, key.Value)
		d.keys[child], d.at[child] = place{key.Line, key.Column}, place{key.Line, key.Column}
		read(key.Value, child, value)
	}
}

func (d *decoder) readAccounts(r *root, c *Config) {
	finish := func(a *Account) {
		a.WSPath = strings.ReplaceAll(a.WSPath, "{account}", a.Name)
		a.HTTPPath = strings.ReplaceAll(a.HTTPPath, "{account}", a.Name)
		a.CAFile = d.local(a.CAFile)
	}
	if r.accounts == nil {
		finish(&r.account)
		c.Accounts = []Account{r.account}
		return
	}
	fields := accountFields()
	d.entries(r.accounts, "accounts", MaxAccounts, func(name, path string, value *yaml.Node) {
		a := r.account // slices and maps are replaced as a whole, so a plain copy is enough
		a.Name = name
		d.object(value, path, fields, &a)
		finish(&a)
		c.Accounts = append(c.Accounts, a)
	})
	if len(r.accounts.Content) == 0 && r.accounts.Kind == yaml.MappingNode {
		d.failAt(d.where("accounts"), "accounts", "no account is named: add one, or remove this key")
	}
}

func (d *decoder) readApps(r *root, c *Config) {
	if r.apps == nil {
		return
	}
	fields := appFields()
	d.entries(r.apps, "apps", MaxApps, func(name, path string, value *yaml.Node) {
		a := App{Name: name}
		d.defaults(fields, &a)
		a.Reconnect.Enabled = true
		d.object(value, path, fields, &a)
		a.CAFile = d.local(a.CAFile)
		if a.Markdown == "" {
			a.Markdown = "forward"
			if a.Protocol == "agent" {
				a.Markdown = "plain"
			}
		}
		c.Apps = append(c.Apps, a)
	})
}

// local makes the name of a file absolute or relative to the working directory, as the configuration's own name is.
func (d *decoder) local(name string) string {
	if name == "" {
		return ""
	}
	return absolute(d.dir, name)
}

func absolute(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}
