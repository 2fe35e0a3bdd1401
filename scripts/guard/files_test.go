package guard

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// systems are the endings of file names that the Go tool gives a meaning to.
var systems = []string{"test", "linux", "unix", "windows", "darwin", "other", "amd64", "arm64", "arm", "386"}

func TestGoFileNamesHaveNoUnderscores(t *testing.T) {
	for _, name := range files(t) {
		base, isGo := strings.CutSuffix(path.Base(name), ".go")
		if !isGo {
			continue
		}
		words := strings.Split(base, "_")
		for len(words) > 1 && slices.Contains(systems, words[len(words)-1]) {
			words = words[:len(words)-1]
		}
		if len(words) > 1 {
			t.Errorf("%s: a Go file name has no underscore but before test or a system's name", name)
		}
	}
}

// foreign are texts that belong to one machine or to somebody's infrastructure. They are written in pieces so that
// this file does not contain what it looks for.
func foreign(t *testing.T) []string {
	t.Helper()
	texts := []string{
		"/work" + "/main", "/work" + "/shared", "/work" + "/.library", "/work" + "/.mirror", "/work" + "/steering", "/fa" + "rm/", "/tmp" + "/brief",
		"registry.npm" + "js.org", "registry.npm" + "mirror.com", "pypi" + ".org", "files.python" + "hosted.org", "proxy.gol" + "ang.org", "sum.gol" + "ang.org",
		"goproxy" + ".cn", "goproxy" + ".io", "static.crates" + ".io", "repo.maven." + "apache.org", "deb.deb" + "ian.org",
	}
	// And whatever this machine is set up with, for mirrors nobody thought of. A client that is not installed names none.
	host := regexp.MustCompile(`https?://([^/\s,|]+)`)
	for _, ask := range [][]string{{"go", "env", "GOPROXY"}, {"npm", "config", "get", "registry"}, {"pip", "config", "get", "global.index-url"}} {
		out, err := exec.CommandContext(t.Context(), ask[0], ask[1:]...).Output()
		if err != nil {
			continue
		}
		for _, found := range host.FindAllStringSubmatch(string(out), -1) {
			texts = append(texts, found[1])
		}
	}
	return texts
}

func TestNothingNamesAMachineOrARegistry(t *testing.T) {
	texts := foreign(t)
	for _, name := range files(t) {
		data := read(t, name)
		if bytes.IndexByte(data, 0) >= 0 {
			continue // not text
		}
		number := 0
		for line := range bytes.Lines(data) {
			number++
			for _, text := range texts {
				if bytes.Contains(line, []byte(text)) {
					t.Errorf("%s:%d names %s", name, number, text)
				}
			}
		}
	}
}

func TestNoFileIsLarge(t *testing.T) {
	for _, name := range files(t) {
		if n := len(read(t, name)); n > 1<<20 {
			t.Errorf("%s has %d KiB; nothing over 1 MiB belongs into the repository", name, n>>10)
		}
	}
}

// parsed is one Go file of the tree.
type parsed struct {
	name string
	set  *token.FileSet
	file *ast.File
}

func goFiles(t *testing.T) []parsed {
	t.Helper()
	var list []parsed
	for _, name := range files(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		list = append(list, parsed{name, set, file})
	}
	return list
}

// imports tells whether a file imports a path.
func (p parsed) imports(path string) bool {
	return slices.ContainsFunc(p.file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"`+path+`"` })
}

// A skipped test proves nothing, and a sleep hopes. Inside a synctest bubble time is not real: there a sleep is the
// way to let it pass, so files that use synctest may sleep.
func TestTestsNeitherSkipNorSleep(t *testing.T) {
	for _, p := range goFiles(t) {
		if !strings.HasSuffix(p.name, "_test.go") {
			continue
		}
		bubble := p.imports("testing/synctest")
		ast.Inspect(p.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			receiver, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			at := p.set.Position(call.Pos())
			switch sel.Sel.Name {
			case "Skip", "Skipf", "SkipNow":
				if slices.Contains([]string{"t", "b", "f", "tb"}, receiver.Name) {
					t.Errorf("%s:%d skips: a test runs or fails", p.name, at.Line)
				}
			case "Sleep":
				if receiver.Name == "time" && !bubble {
					t.Errorf("%s:%d sleeps: wait for a condition, or use testing/synctest", p.name, at.Line)
				}
			}
			return true
		})
	}
}

// Nothing happens at import, and nothing is left half done without a word in the documentation.
func TestProductHasNoInitAndNoLooseEnds(t *testing.T) {
	loose := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)
	for _, p := range goFiles(t) {
		for _, d := range p.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d has an init function", p.name, p.set.Position(f.Pos()).Line)
			}
		}
		for _, group := range p.file.Comments {
			for _, c := range group.List {
				if word := loose.FindString(c.Text); word != "" {
					t.Errorf("%s:%d says %s", p.name, p.set.Position(c.Pos()).Line, word)
				}
			}
		}
	}
}
