package command

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"

	"github.com/catflap/catflap/appliance/console"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "hello 世界", "hello 世界"},
		{"line breaks and tabs", "a\nb\r\nc\td", "a b  c d"},
		{"colour", "\x1b[31mred\x1b[0m", "�[31mred�[0m"},
		{"title of the window", "\x1b]0;owned\a", "�]0;owned�"},
		{"C1 control sequence introducer", "x\u009b31mx", "x�31mx"},
		{"bell, backspace, delete", "a\ab\bc\x7f", "a�b�c�"},
		{"right-to-left override", "txt\u202egpj.exe", "txt�gpj.exe"},
		{"isolates and marks", "\u2066a\u2069\u200eb\u200f\u061c", "�a��b��"},
		{"line separators", "a\u2028b\u2029c", "a b c"},
		{"byte order mark", "\ufeffa", "�a"},
		{"not UTF-8", "a\xffb", "a�b"},
		{"a family keeps its joiners", "👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := clean(c.in); got != c.want {
				t.Errorf("clean(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "hello 世界", "\x1b[2J", "\u202e\u009b\n", "\xff\xfe"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := clean(in)
		for _, r := range out {
			if hostile(r) {
				t.Fatalf("clean(%q) = %q keeps %U", in, out, r)
			}
		}
		if again := clean(out); again != out {
			t.Fatalf("clean is not stable: %q, then %q", out, again)
		}
		if w := uniseg.StringWidth(clip(out, 12)); w > 12 {
			t.Fatalf("clip(%q, 12) is %d columns wide", out, w)
		}
	})
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"short", 10, "short"},
		{"exactly ten", 11, "exactly ten"},
		{"longer than that", 7, "longer…"},
		{"中文名字很长", 7, "中文名…"},
		{"中文名字很长", 6, "中文…"},
		{"👨\u200d👩\u200d👧👨\u200d👩\u200d👧", 3, "👨\u200d👩\u200d👧…"},
		{"anything", 0, "anything"},
	} {
		if got := clip(c.in, c.width); got != c.want {
			t.Errorf("clip(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

func TestTableAlignsWideCharacters(t *testing.T) {
	var tab table
	tab.add("NAME", "QQ", "STATE")
	tab.add("猫门", "10001", cell{"away", paint(true).bad})
	tab.note("! look here", nil)
	tab.add("default", "1", "connected")
	tab.add("a\x1b[2Jb", "", "x")
	var b bytes.Buffer
	tab.write(&b)
	want := "NAME     QQ     STATE\n" +
		"猫门     10001  \x1b[31maway\x1b[0m\n" +
		"  ! look here\n" +
		"default  1      connected\n" +
		"a�[2Jb          x\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}

// On a narrow terminal the last columns stand on a second line of their row, and notes are cut at words.
func TestTableFolds(t *testing.T) {
	var tab table
	tab.add("NAME", "STATE", "REASON")
	tab.add("猫门", "drop", "group.not-listed")
	tab.note("! add the group's number", paint(true).warn)
	tab.add("default", "deliver", "delivered")
	tab.add("last", "drop", "")
	var b bytes.Buffer
	tab.writeWithin(&b, 20)
	want := "NAME     STATE\n" +
		"    REASON\n" +
		"猫门     drop\n" +
		"    group.not-listed\n" +
		"  \x1b[33m! add the group's\x1b[0m\n" +
		"    \x1b[33mnumber\x1b[0m\n" +
		"default  deliver\n" +
		"    delivered\n" +
		"last     drop\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in            string
		columns, hang int
		want          []string
	}{
		{"as it is, however long", 0, 2, []string{"as it is, however long"}},
		{"fits", 4, 2, []string{"fits"}},
		{"one two three", 8, 2, []string{"one two", "  three"}},
		{"  one two", 7, 4, []string{"  one", "    two"}},
		{"see ws://127.0.0.1:3001/onebot/v11/ws now", 12, 2, []string{"see", "  ws://127.0.0.1:3001/onebot/v11/ws", "  now"}},
		{"没有人提到机器人。", 8, 2, []string{"没有人提", "  到机器", "  人。"}},
		{"tiny", 1, 2, []string{"tiny"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.in, c.columns, c.hang)); diff != "" {
			t.Errorf("wrap(%q, %d, %d) (-want +got):\n%s", c.in, c.columns, c.hang, diff)
		}
	}
}

func TestPerApp(t *testing.T) {
	for _, c := range []struct {
		apps map[string]console.Outcome
		want string
	}{
		{nil, ""},
		{map[string]console.Outcome{"a": {Outcome: "drop", Reason: "group.not-listed"}}, ""},
		{map[string]console.Outcome{"b": {Outcome: "deliver"}, "a": {Outcome: "deliver", Reason: "delivered"}}, "a, b"},
		{map[string]console.Outcome{"b": {Outcome: "drop", Reason: "app.except"}, "a": {Outcome: "deliver"}, "c": {Outcome: "drop", Reason: "app.except"}},
			"a; not b, c (app.except)"},
	} {
		if got := perApp(c.apps, "group.not-listed"); got != c.want {
			t.Errorf("perApp(%v) = %q, want %q", c.apps, got, c.want)
		}
	}
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	other := filepath.Join(t.TempDir(), "catflap")
	for _, path := range []string{filepath.Join(dir, "catflap"), other} {
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "catflap"},
		{[]string{"catflap"}, "catflap"},
		{[]string{filepath.Join(dir, "catflap")}, "catflap"},
		{[]string{other}, other},
		{[]string{filepath.Join(dir, "gone")}, "catflap"},
	} {
		if got := program(c.args); got != c.want {
			t.Errorf("program(%q) = %q, want %q", c.args, got, c.want)
		}
	}
}

func TestEscapeJSONChangesNoValue(t *testing.T) {
	in := "{\n  \"text\": \"a\u202eb\u009bc\"\n}\n"
	want := "{\n  \"text\": \"a\\u202eb\\u009bc\"\n}\n"
	if got := string(escapeJSON([]byte(in))); got != want {
		t.Errorf("escapeJSON = %q, want %q", got, want)
	}
}
