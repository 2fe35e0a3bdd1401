package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func addGood(f *testing.F) {
	f.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "good", "*"))
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// FuzzParse: no panic; an error has places inside of the file; what is accepted can be shown and read again unchanged.
func FuzzParse(f *testing.F) {
	addGood(f)
	for _, seed := range []string{"accessToken: ${X}", "a: &b [*b]", "<<: {a: 1}", "? {a: b}\n: c", "{a: 1}{", "accounts: {a: {}, b: {}}\naccessToken: x", "groups: {'*': {tools: {toolsBySender: {'user:1': {allow: []}}}}}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		env := func(name string) (string, bool) { return "5", len(name) == 1 }
		c, err := Parse("f.yaml", data, env)
		if err != nil {
			var list *Errors
			if !errors.As(err, &list) || len(list.Issues) == 0 || c != nil {
				t.Fatalf("got %v, %v", c, err)
			}
			lines := 2 // the parsers know more line ends than the newline
			for _, r := range string(data) {
				if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) {
					lines++
				}
			}
			for _, i := range list.Issues {
				if i.Line < 0 || i.Line > lines || i.Message == "" {
					t.Fatalf("issue out of the file: %+v", i)
				}
			}
			_ = err.Error()
			return
		}
		text := strings.ReplaceAll(string(render(c.node(true))), "${", "$${")
		again, err := Parse("f.yaml", []byte(text), env)
		if err != nil {
			t.Fatalf("shown, but not readable: %v\n%s", err, text)
		}
		if diff := Diff(c, again); len(diff) != 0 {
			t.Fatalf("shown and read again differs: %+v\n%s", diff, text)
		}
	})
}

func FuzzImportOpenClaw(f *testing.F) {
	f.Add([]byte(`{channels: {napcatqq: {wsPort: 1, groups: {"1": {}}, x: [1]}}}`))
	f.Add([]byte(`{channels: {napcatqq: {accounts: {a: {accessToken: "${T}"}}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, _, err := ImportOpenClaw(data)
		if (err == nil) != (out != nil) {
			t.Fatalf("got %q and %v", out, err)
		}
	})
}
