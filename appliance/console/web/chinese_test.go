package web

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// TestMistakesHaveChineseWords holds the translations to what the configuration, the API and the appliance can say.
func TestMistakesHaveChineseWords(t *testing.T) {
	texts := sentences(t, "../../config", "..", "../..")
	if len(texts) < 120 {
		t.Fatalf("only %d sentences were found: the search is broken", len(texts))
	}
	d, err := newDrawing()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		sample := regexp.MustCompile(`%(\[\d\])?[sdvwgq]`).ReplaceAllStringFunc(text, func(verb string) string {
			if strings.HasSuffix(verb, "q") {
				return `"x7"`
			}
			return "x7"
		})
		if !strings.ContainsFunc(d.chinese(sample), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("no Chinese for %q", text)
		}
	}
}

// sentences are the formats that these packages hand to people as mistakes, problems and remedies.
func sentences(t *testing.T, dirs ...string) []string {
	t.Helper()
	var out []string
	add := func(e ast.Expr) {
		if text, ok := literal(e); ok && !slices.Contains(out, text) && len(strings.Trim(regexp.MustCompile(`%[sdvwgq]|found`).ReplaceAllString(text, ""), " ,;:.")) > 0 {
			out = append(out, text)
		}
	}
	for _, dir := range dirs {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatal(err, dir)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "openclaw.go") { // `config import` is the command line's
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					switch called(n.Fun) {
					case "fail", "failAt", "warnAt":
						add(n.Args[2])
					case "wrongUse":
						add(n.Args[0])
						add(n.Args[1])
					}
				case *ast.CompositeLit:
					if called(n.Type) == "Problem" {
						for _, e := range n.Elts {
							if pair, ok := e.(*ast.KeyValueExpr); ok && slices.Contains([]string{"Message", "Remedy"}, fmt.Sprint(pair.Key)) {
								add(pair.Value)
							}
						}
					}
				case *ast.BasicLit:
					if text, ok := literal(n); ok && strings.HasPrefix(text, "expected ") && text != "expected " {
						add(n)
					}
				}
				return true
			})
		}
	}
	return out
}

// called is the last word of a function's or type's name.
func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// literal is a text with x7 for each part that is not written out; not ok when nothing of it is.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		left, lok := literal(e.X)
		right, rok := literal(e.Y)
		if !lok {
			left = "x7"
		}
		if !rok {
			right = "x7"
		}
		return left + right, lok || rok
	case *ast.CallExpr:
		if called(e.Fun) == "Sprintf" {
			return literal(e.Args[0])
		}
	case *ast.Ident:
		if e.Name == "tokenRequired" {
			return "accessToken is required", true
		}
	}
	return "", false
}

func TestChinese(t *testing.T) {
	d, err := newDrawing()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ en, zh string }{
		{`expected a whole number from 0 to 65535, found "many"`, `应为 0 到 65535 的整数，实际是 "many"`},
		{`expected a whole number from 0 to 65535, found "1": write it without quotes`, `应为 0 到 65535 的整数，实际是 "1"：请去掉引号`},
		{`expected a QQ number, found nothing: write a value or remove the key`, `应为 QQ 号，实际是 空：请写上值，或删除这个键`},
		{`expected reverse, forward, http or sse (did you mean forward?), found "forwrd"`, `应为 reverse、forward、http 或 sse（是不是 forward？），实际是 "forwrd"`},
		{`unknown key "wsPrt"; did you mean "wsPort"?`, `未知的键 "wsPrt"；是不是 "wsPort"？`},
		{`there is no app "koi, shi"`, `没有应用 "koi, shi"`},
		{`line 3, column 9: wsPort: expected a QQ number, found "{2}"`, `第 3 行第 9 列：wsPort：应为 QQ 号，实际是 "{2}"`},
		{`line 3, column 1 of the file: unknown key "{2}"; did you mean "x"?`, `第 3 行第 1 列：未知的键 "{2}"；是不是 "x"？`},
		{`"12345" is not blocked`, `"12345" 没有被拉黑`},
		{`expected open, allowlist or closed, found "a or b"`, `应为 open、allowlist 或 closed，实际是 "a or b"`},
		{"what nobody has translated", "what nobody has translated"},
		{"", ""},
	} {
		if got := d.chinese(tt.en); got != tt.zh {
			t.Errorf("%q:\n got %q\nwant %q", tt.en, got, tt.zh)
		}
	}
	// However long and repetitive, a sentence takes no time to speak of.
	d.chinese("expected " + strings.Repeat(", found : ", 2000))
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          []string
		ok            bool
	}{
		{"a", "a", nil, true},
		{"a", "ab", nil, false},
		{"a {}", "a b", []string{"b"}, true},
		{"a {}", "a ", nil, false},
		{"{} a {}", "1 a 2 a 3", []string{"1", "2 a 3"}, true},
		{"{} a {} b", "1 a 2 b 3 b", []string{"1", "2 b 3"}, true},
		{"{}: x", "1: x: x", []string{"1: x"}, true},
		{"{}: x", ": x", nil, false},
	} {
		got, ok := match(tt.pattern, tt.text)
		if ok != tt.ok || !slices.Equal(got, tt.want) {
			t.Errorf("%q with %q: %q, %v", tt.pattern, tt.text, got, ok)
		}
	}
}
