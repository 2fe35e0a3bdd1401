package config

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// field is one key of the file: the single source for decoding, defaults, hints, JSON Schema, sample and reference.
type field struct {
	key   string
	codec codec
	def   string // the default, written as in the file; "" = none
	en    string // what it means
	zh    string
	bind  func(owner any) any // the place of the value in its owner
	file  bool                // `<key>File` names a file that holds the value
	link  bool                // a change needs a new link or listener
}

// codec reads, writes and describes one kind of value.
//
// The functions that make codecs are not inlined: each of their uses in the tables would carry a copy of their closures,
// 50 KB of the binary.
type codec struct {
	kind   string                                                  // in words, for the reference
	read   func(d *decoder, n *yaml.Node, path string, target any) // reports to d and leaves target alone on errors
	write  func(target any, reveal bool) *yaml.Node                // nil = absent; secrets only with reveal
	schema func() map[string]any
	fields func() []field // of objects and tables, for descriptions
	keyed  string         // tables: what stands for the key, "<id>"
	absent bool           // an absent value differs from an empty one: the target is a pointer to a pointer
	whole  bool           // compared as a whole: it holds more than its fields say
}

// inline reports whether the fields bind to the target itself.
func (c codec) inline() bool {
	return c.fields != nil && c.keyed == "" && !c.absent
}

// of makes a bind function from one that knows its owner's type.
//
//go:noinline
func of[T any](get func(*T) any) func(any) any {
	return func(owner any) any { return get(owner.(*T)) }
}

// place is a position in the file.
type place struct {
	line, column int
}

type decoder struct {
	file     string
	data     []byte
	dir      string // relative names of files are looked up here
	env      func(string) (string, bool)
	issues   []Issue
	warnings []Issue
	at       map[string]place      // where values stand, by path
	keys     map[string]place      // where keys stand, by path
	typed    map[*yaml.Node]bool   // false: the text may be any kind, since it came from the environment or a default
	raw      map[*yaml.Node]string // the text before the environment was put in
	bad      map[*yaml.Node]bool   // already complained about
	broken   map[string]bool       // paths that were complained about
	spans    []span

	elsewhere int // issues that another environment would not have
}

func newDecoder(file string, data []byte, env func(string) (string, bool)) *decoder {
	return &decoder{
		file: file, data: data, env: env,
		at: map[string]place{}, keys: map[string]place{},
		typed: map[*yaml.Node]bool{}, raw: map[*yaml.Node]string{}, bad: map[*yaml.Node]bool{},
		broken: map[string]bool{},
	}
}

// issue makes an Issue. Its line is filled in by sorted, when all secrets in the file are known.
func (d *decoder) issue(p place, path, format string, args ...any) Issue {
	return Issue{File: d.file, Line: p.line, Column: p.column, Path: path, Message: fmt.Sprintf(format, args...)}
}

func (d *decoder) fail(n *yaml.Node, path, format string, args ...any) {
	d.failAt(place{n.Line, n.Column}, path, format, args...)
}

func (d *decoder) failAt(p place, path, format string, args ...any) {
	d.broken[path] = true
	d.issues = append(d.issues, d.issue(p, path, format, args...))
}

func (d *decoder) warnAt(p place, path, format string, args ...any) {
	d.warnings = append(d.warnings, d.issue(p, path, format, args...))
}

// where finds the place of the first path that is in the file: the value's, else the key's; else the start.
func (d *decoder) where(paths ...string) place {
	for _, path := range paths {
		if p, ok := d.at[path]; ok {
			return p
		}
		if p, ok := d.keys[path]; ok {
			return p
		}
	}
	return place{1, 1}
}

// has reports whether a path is in the file.
func (d *decoder) has(path string) bool {
	_, ok := d.at[path]
	return ok
}

// sound reports whether nothing was wrong with the values at these paths, so that checks between keys make sense.
func (d *decoder) sound(paths ...string) bool {
	for _, path := range paths {
		if d.broken[path] {
			return false
		}
	}
	return true
}

// sorted puts issues into the order of the file and adds the masked lines.
func (d *decoder) sorted(issues []Issue) []Issue {
	sort.SliceStable(issues, func(i, j int) bool {
		a, b := issues[i], issues[j]
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
	const most = 100
	if more := len(issues) - most; more > 0 {
		issues = append(issues[:most:most], Issue{File: d.file, Message: fmt.Sprintf("%d more like these", more)})
	}
	lines := strings.Split(string(d.data), "\n")
	for i := range issues {
		if n := issues[i].Line; n > 0 && n <= len(lines) {
			issues[i].Source = mask(lineText(lines[n-1]), n, d.spans)
		}
	}
	return issues
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// free reports whether the text of n may be read as any kind of scalar.
func (d *decoder) free(n *yaml.Node) bool {
	typed, known := d.typed[n]
	return known && !typed
}

// object reads a mapping into owner by its fields.
func (d *decoder) object(n *yaml.Node, path string, fields []field, owner any) {
	if !d.mapping(n, path) {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if d.bad[key] {
			continue
		}
		child := join(path, key.Value)
		f, viaFile := lookup(fields, key.Value)
		if f == nil {
			d.unknown(key, path, fields)
			d.spans = findSecrets(value, true, d.spans) // it may be a secret under a misspelt key
			continue
		}
		d.keys[child], d.at[child] = place{key.Line, key.Column}, place{value.Line, value.Column}
		if d.bad[value] {
			continue
		}
		if viaFile {
			d.fromFile(value, child, join(path, f.key), f, owner)
			continue
		}
		f.codec.read(d, value, child, f.bind(owner))
	}
	for _, f := range fields {
		first, second := join(path, f.key), join(path, f.key+"File")
		if f.file && d.has(first) && d.has(second) {
			d.failAt(d.keys[second], path, "%s and %sFile are both given (%s is in line %d): keep one of them", f.key, f.key, f.key, d.keys[first].line)
		}
	}
}

// mapping reports whether n is one, and complains if not.
func (d *decoder) mapping(n *yaml.Node, path string) bool {
	if d.bad[n] {
		return false
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "expected a mapping of keys and values, found %s", d.found(n))
		return false
	}
	return true
}

func lookup(fields []field, key string) (f *field, viaFile bool) {
	for i := range fields {
		if fields[i].key == key {
			return &fields[i], false
		}
		if fields[i].file && fields[i].key+"File" == key {
			return &fields[i], true
		}
	}
	return nil, false
}

func (d *decoder) unknown(key *yaml.Node, path string, fields []field) {
	known, near := keyNames(fields), nearest(key.Value, keyNames(fields))
	switch name := mask(key.Value, 0, nil); {
	case path == "" && (name == "channels" || name == "plugins"):
		d.fail(key, path, "unknown key %q: this looks like an openclaw.json; run `catflap config import FILE`", name)
		d.broken["accessToken"] = true // it is further down, so nobody should be told that it is missing
	case strings.Contains(name, ":") && !strings.Contains(name, " ") && slices.Contains(known, name[:strings.Index(name, ":")]):
		d.fail(key, path, "unknown key %q: write a space after the colon", shorten(name[:strings.Index(name, ":")+1]))
	case near != "":
		d.fail(key, path, "unknown key %q; did you mean %q?", shorten(name), near)
	case len(known) > 20:
		d.fail(key, path, "unknown key %q; `catflap config schema` lists all keys", shorten(name))
	default:
		d.fail(key, path, "unknown key %q; known here: %s", shorten(name), strings.Join(known, ", "))
	}
}

func keyNames(fields []field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.key)
		if f.file {
			names = append(names, f.key+"File")
		}
	}
	return names
}

// shorten bounds what a message repeats of the file.
func shorten(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return s
}
