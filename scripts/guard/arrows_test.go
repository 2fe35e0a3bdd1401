package guard

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/catflap/catflap"

// unit is one package as `go list -json` shows it.
type unit struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// name is the package's path inside the module; "." is package main.
func (u unit) name() string {
	if u.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(u.ImportPath, module+"/")
}

func list(t *testing.T, args ...string) []unit {
	t.Helper()
	out := output(t, "go", append([]string{"list", "-tags", tags, "-json=ImportPath,Standard,Imports,TestImports,XTestImports"}, args...)...)
	var units []unit
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var u unit
		if err := d.Decode(&u); errors.Is(err, io.EOF) {
			return units
		} else if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		units = append(units, u)
	}
}

// floors is the house from the roof to the ground. A package may import only packages of floors below its own.
// A new package gets its place here on purpose, not by accident.
var floors = [][]string{
	{"."},
	{"appliance/command"},
	{"appliance", "appliance/doctor"},
	{"appliance/console/web"},
	{"appliance/router", "appliance/console", "appliance/service", "appliance/update", "appliance/agent", "appliance/alert", "appliance/metrics", "appliance/bench"},
	{"appliance/napcat", "appliance/apps", "appliance/media", "appliance/simulator"},
	{"appliance/gate", "appliance/logbook", "appliance/console/login", "appliance/napcat/settings", "appliance/backup", "appliance/agent/tools"},
	{"appliance/link", "appliance/link/bare", "appliance/config", "appliance/onebot12", "appliance/agent/prompt"},
	{"appliance/onebot", "appliance/onebot12/msgpack", "appliance/config/json5", "appliance/localfile", "appliance/fence", "appliance/alert/address", "appliance/agent/endpoint", "appliance/agent/mcp"},
	{"store", "packaging", "appliance/command/cli"},
	{"policy"},
}

// beside are packages that tests and tools of the project use; nothing of the product imports them.
var beside = []string{"scripts/", "docs"}

func floor(name string) (int, bool) {
	for i, names := range floors {
		if slices.Contains(names, name) {
			return i, true
		}
	}
	return 0, false
}

func isBeside(name string) bool {
	return slices.ContainsFunc(beside, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func TestImportsGoDown(t *testing.T) {
	for _, u := range list(t, "./...") {
		if isBeside(u.name()) {
			continue
		}
		from, ok := floor(u.name())
		if !ok {
			t.Errorf("package %s has no floor: give it one in the table of this test, where its imports may point down only", u.name())
			continue
		}
		for _, path := range u.Imports {
			imported, ours := strings.CutPrefix(path, module+"/")
			if !ours {
				continue
			}
			to, ok := floor(imported)
			if !ok {
				t.Errorf("package %s imports %s, which has no floor", u.name(), imported)
			} else if to <= from {
				t.Errorf("package %s imports %s: imports point down the table only", u.name(), imported)
			}
		}
	}
}

// third tells whether a path belongs to somebody else's module.
func third(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && path != module && !strings.HasPrefix(path, module+"/")
}

// only says which packages may import something outside the module, or a heavy part of the standard library.
// The name is a path prefix; "tests" lets test files of any package import it.
var only = []struct {
	path  string
	who   []string
	tests bool
	why   string
}{
	{"github.com/lxzan/gws", []string{"appliance/link", "appliance/link/bare"}, false, "package link is the one place that knows the WebSocket library (and link/bare, which catflap is measured against)"},
	{"go.etcd.io/bbolt", []string{"store"}, true, "package store is the one place that knows the database"},
	{"github.com/kardianos/service", []string{"appliance/service"}, false, "service managers are one package's business"},
	{"aead.dev/minisign", []string{"appliance/command", "appliance/update", "scripts/release"}, true, "signatures of releases are checked in one place and made in another"},
	{"go.yaml.in/yaml/v3", []string{"appliance/config", "appliance/simulator", "appliance/agent/tools", "scripts/guard"}, true, "files that people write are read by package config, scenarios by the simulator, heads of skills by the agent's tools"},
	{"text/template", nil, false, "it keeps every exported method of the binary alive"},
	{"html/template", nil, false, "it keeps every exported method of the binary alive"},
	{"net/http/pprof", nil, false, "it registers handlers at import"},
	{"github.com/google/go-cmp", nil, true, "it is for tests"},
	{"go.uber.org/goleak", nil, true, "it is for tests"},
	{"pgregory.net/rapid", nil, true, "it is for tests"},
	{"github.com/rogpeppe/go-internal", nil, true, "it is for tests"},
}

func TestImportsHaveOneHome(t *testing.T) {
	units := list(t, "./...")
	under := func(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }
	for _, rule := range only {
		for _, u := range units {
			if slices.Contains(rule.who, u.name()) {
				continue
			}
			imports := u.Imports
			if !rule.tests {
				imports = slices.Concat(u.Imports, u.TestImports, u.XTestImports)
			}
			for _, path := range imports {
				if under(path, rule.path) {
					t.Errorf("package %s imports %s: %s", u.name(), path, rule.why)
				}
			}
		}
	}
}

// bare are packages that may not import a path at all, because of what they promise.
var bare = []struct {
	who  string
	not  []string
	why  string
	std  bool     // only the standard library and `also`
	also []string // third-party paths allowed beside it
}{
	{who: "policy", std: true, not: []string{"net", "os", "log", "log/slog", "encoding/json", "reflect", "sync"}, why: "decisions are pure: no clock, no files, no sockets"},
	{who: "store", also: []string{"go.etcd.io/bbolt", module + "/policy", "golang.org/x/sys"}, std: true, not: []string{"net", "net/http"}, why: "the store is a leaf"},
	{who: "appliance/onebot", also: []string{"github.com/rivo/uniseg"}, std: true, not: []string{"net", "net/http", "os", "log", "log/slog"}, why: "the wire format does no input or output"},
	{who: "appliance/onebot12", std: true, also: []string{module + "/appliance/onebot", module + "/appliance/onebot12/msgpack"}, not: []string{"net", "net/http", "os", "log", "log/slog", "encoding/json"}, why: "translation does no input or output"},
	{who: "appliance/onebot12/msgpack", std: true, not: []string{"net", "net/http", "os", "log", "log/slog", "encoding/json"}, why: "it turns bytes into bytes"},
	{who: "appliance/localfile", std: true, not: []string{"net", "net/http", "log", "log/slog"}, why: "it judges paths and opens files, no more"},
	{who: "appliance/fence", std: true, not: []string{"os", "log", "log/slog", "encoding/json"}, why: "the guard stands alone"},
	{who: "appliance/alert", std: true, also: []string{module + "/appliance/alert/address"}, why: "alerts are decided from facts that others bring"},
	{who: "appliance/alert/address", std: true, not: []string{"net/http/httptest", "os", "log/slog"}, why: "reading an address does no input or output"},
	{who: "appliance/agent/endpoint", std: true, not: []string{"os", "log", "log/slog"}, why: "it speaks to one endpoint and knows nothing of QQ"},
	{who: "appliance/agent/tools", not: []string{"net", "net/http", "os", "log", "log/slog"}, why: "what a model may do is decided from facts that others bring"},
	{who: "appliance/agent/prompt", std: true, also: []string{module + "/appliance/onebot"}, not: []string{"net", "net/http", "os", "log", "log/slog", "math/rand/v2", "crypto/rand"}, why: "what the model is told is decided from facts that others bring"},
	{who: "appliance/link", std: true, also: []string{"github.com/lxzan/gws"}, not: []string{"encoding/json", "log/slog"}, why: "a link moves bytes; it reads none of them"},
	{who: "appliance/router", not: []string{"net", "net/http", module + "/appliance/link"}, why: "the router knows no transport"},
}

func TestImportsKeepPromises(t *testing.T) {
	found := make(map[string]unit)
	for _, u := range list(t, "./...") {
		found[u.name()] = u
	}
	for _, rule := range bare {
		u, ok := found[rule.who]
		if !ok {
			t.Errorf("package %s, which this test guards, does not exist", rule.who)
			continue
		}
		for _, path := range u.Imports {
			allowed := slices.ContainsFunc(rule.also, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
			ours := strings.HasPrefix(path, module+"/")
			if rule.std && (third(path) || ours) && !allowed {
				t.Errorf("package %s imports %s: %s", u.name(), path, rule.why)
			}
			if slices.Contains(rule.not, path) {
				t.Errorf("package %s imports %s: %s", u.name(), path, rule.why)
			}
		}
	}
}

// Nothing brings text/template into the binary: a tenth of it would be methods that nobody calls.
func TestNoTemplatesInTheBinary(t *testing.T) {
	for _, u := range list(t, "-deps", ".") {
		if u.ImportPath == "html/template" || u.ImportPath == "text/template" {
			t.Errorf("%s is in the binary", u.ImportPath)
		}
	}
}

// Each module that the product imports directly has its paragraph in docs/dependencies.md, and no more than 14 do.
func TestDependenciesAreExplained(t *testing.T) {
	page := string(read(t, "docs/dependencies.md"))
	direct := make(map[string]bool)
	for _, u := range list(t, "./...") {
		for _, path := range slices.Concat(u.Imports, u.TestImports, u.XTestImports) {
			if third(path) {
				direct[moduleOf(t, path)] = true
			}
		}
	}
	for path := range direct {
		if !strings.Contains(page, "`"+path+"`") {
			t.Errorf("docs/dependencies.md says nothing about %s", path)
		}
	}
	if len(direct) > 14 {
		t.Errorf("%d direct dependencies; the budget is 14", len(direct))
	}
}

// moduleOf finds the longest requirement in go.mod that a package path belongs to.
func moduleOf(t *testing.T, path string) string {
	t.Helper()
	best := ""
	for line := range strings.Lines(string(read(t, "go.mod"))) {
		for word := range strings.FieldsSeq(line) {
			if (path == word || strings.HasPrefix(path, word+"/")) && len(word) > len(best) {
				best = word
			}
		}
	}
	if best == "" {
		t.Fatalf("%s belongs to no requirement of go.mod", path)
	}
	return best
}
