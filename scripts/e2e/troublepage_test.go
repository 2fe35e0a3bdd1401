package e2e

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	inlineCommand = regexp.MustCompile("`catflap ([^`]*)`")
	wordOfCommand = regexp.MustCompile(`^[a-z]+$`)
	reasonInCode  = regexp.MustCompile(`Reason = "([^"]+)"`)
	reasonOnPage  = regexp.MustCompile("`([a-z]+\\.[a-z-]+|delivered|duplicate|blocked)`")
)

// Each command that the pages about troubles name is there, with the flags that they name, and every reason of `catflap explain`
// is explained.
func TestTroubleshootingPages(t *testing.T) {
	t.Parallel()
	b := newBox(t, "")
	code, err := os.ReadFile("../../policy/reason.go")
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, m := range reasonInCode.FindAllStringSubmatch(string(code), -1) {
		reasons = append(reasons, m[1])
	}
	slices.Sort(reasons)
	helps := make(map[string]string)
	var commands [2][]string
	for i, page := range []string{"troubleshooting.md", "troubleshooting.zh-CN.md"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inlineCommand.FindAllStringSubmatch(string(text), -1) {
			commands[i] = append(commands[i], m[1])
			args := strings.Fields(m[1])
			n := 0
			for n < len(args) && wordOfCommand.MatchString(args[n]) {
				n++
			}
			name := strings.Join(args[:n], " ")
			if helps[name] == "" {
				helps[name] = b.cli(t, append(slices.Clone(args[:n]), "--help")...)
				if !strings.Contains(helps[name], "catflap "+name) {
					t.Errorf("%s names `catflap %s`, and there is no such command:\n%s", page, name, helps[name])
				}
			}
			for _, arg := range args[n:] {
				if strings.HasPrefix(arg, "--") && !strings.Contains(helps[name], arg) {
					t.Errorf("%s names `catflap %s`, whose help does not know %s", page, m[1], arg)
				}
			}
		}
		_, table, found := strings.Cut(string(text), "## "+map[string]string{"troubleshooting.md": "All reasons", "troubleshooting.zh-CN.md": "`catflap explain` 的全部原因"}[page])
		if !found {
			t.Fatalf("%s has no table of reasons", page)
		}
		var told []string
		for line := range strings.Lines(table) {
			first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
			for _, m := range reasonOnPage.FindAllStringSubmatch(first, -1) {
				told = append(told, m[1])
			}
		}
		slices.Sort(told)
		if !slices.Equal(told, reasons) {
			t.Errorf("%s explains the reasons %v, and there are %v", page, told, reasons)
		}
	}
	if len(commands[0]) < 20 || !slices.Equal(commands[0], commands[1]) {
		t.Errorf("the pages name different commands:\n%q\n%q", commands[0], commands[1])
	}
}
