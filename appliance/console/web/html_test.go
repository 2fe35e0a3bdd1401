package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestFillEscapes(t *testing.T) {
	for _, c := range []struct {
		piece  markup
		values []any
		want   markup
	}{
		{`<p>{}</p>`, []any{`<b a="1" c='2'>&` + "\x00"}, "<p>&lt;b a=&#34;1&#34; c=&#39;2&#39;&gt;&amp;\ufffd</p>"},
		{`<p>{}{}</p>`, []any{markup("<b>"), uint64(7)}, `<p><b>7</p>`},
		{`<i a="{}">{}`, []any{true, "{}"}, `<i a="true">{}`},
		{`{}`, []any{say{"<", ">"}}, `{&lt; &gt;}`},
		{`{5,20}`, nil, `{5,20}`},
	} {
		if got := fill(c.piece, c.values...); got != c.want {
			t.Errorf("%s: %s, want %s", c.piece, got, c.want)
		}
	}
	if got := with("", `<b>{}</b>`) + on(false, `{}`, 1) + with("<", `<b>{}</b>`); got != "<b>&lt;</b>" {
		t.Errorf("with and on: %s", got)
	}
}

// Every piece of HTML is a constant, has a value for each {}, and has its {} where escaping is enough: in a text, in a quoted
// attribute, or, for markup, between the attributes of a tag.
func TestPiecesAreSafe(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	place := map[string]int{"put": 0, "fill": 0, "on": 1, "with": 1} // of the piece among the arguments
	checked := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			called := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				called = f.Name
			case *ast.SelectorExpr:
				called = f.Sel.Name
			}
			at := files.Position(call.Pos())
			if called == "markup" && name != "html.go" {
				if _, constant := call.Args[0].(*ast.BasicLit); !constant {
					t.Errorf("%s: only constants become markup", at)
				}
			}
			i, known := place[called]
			if !known || name == "html.go" && called != "put" && len(call.Args) > i && !isText(call.Args[i]) {
				return true
			}
			piece, ok := call.Args[i].(*ast.BasicLit)
			if !ok {
				if name != "html.go" {
					t.Errorf("%s: the piece of HTML is no constant", at)
				}
				return true
			}
			text, err := strconv.Unquote(piece.Value)
			if err != nil {
				t.Fatal(err)
			}
			values := len(call.Args) - i - 1
			if called == "with" {
				values = 1
			}
			if got := strings.Count(text, "{}"); got != values {
				t.Errorf("%s: %d values for %d places", at, values, got)
			}
			if problem := misplaced(text); problem != "" {
				t.Errorf("%s: %s in %s", at, problem, text)
			}
			checked++
			return true
		})
	}
	if checked < 100 {
		t.Errorf("only %d pieces were found", checked)
	}
}

func isText(e ast.Expr) bool {
	_, ok := e.(*ast.BasicLit)
	return ok
}

// misplaced says what is wrong with the places of {} in a piece of HTML.
func misplaced(piece string) string {
	script := regexp.MustCompile(`(?i)<(script|style)[^>]*>[^<]*\{\}`)
	if script.MatchString(piece) {
		return "a value in a script or a style"
	}
	inTag, quoted, start := strings.HasPrefix(piece, " "), false, 0
	for i := 0; i < len(piece); i++ {
		switch c := piece[i]; {
		case c == '<' && !quoted:
			inTag, start = true, i
		case c == '>' && !quoted:
			inTag = false
		case c == '"' && inTag:
			quoted = !quoted
			if quoted {
				start = i
			}
		case strings.HasPrefix(piece[i:], "{}") && inTag && !quoted:
			// Between attributes: only for markup, and never as a name or as a value without quotes.
			if i > 0 && (piece[i-1] == '=' || piece[i-1] == '<') {
				return "a value without quotes"
			}
		case strings.HasPrefix(piece[i:], "{}") && quoted:
			if before := piece[max(0, start-6):start]; strings.HasSuffix(before, "style=") || regexp.MustCompile(`\son[a-z]*=$`).MatchString(before) {
				return "a value in a script or a style"
			}
		}
	}
	return ""
}

func TestMisplacedFindsMistakes(t *testing.T) {
	for _, bad := range []string{`<a href={}>`, `<{}>`, `<p style="{}">`, `<p onx="{}">`, `<script>{}</script>`, `<style>p{}</style>`} {
		if misplaced(bad) == "" {
			t.Errorf("%s passes", bad)
		}
	}
	for _, good := range []string{`<a href="{}"{}>{}</a>`, `{}`, ` class="{}"`, `<p>"{}"</p>`} {
		if problem := misplaced(good); problem != "" {
			t.Errorf("%s: %s", good, problem)
		}
	}
}

// An address in the footer stays on this site, whatever page was asked for.
func TestChooseStaysHere(t *testing.T) {
	for path, want := range map[string]string{"/access": "/access?lang=zh", "//evil.example/x": "/evil.example/x?lang=zh", "/a b\"<": "/a%20b%22%3C?lang=zh", "": "/?lang=zh"} {
		if got := (view{Path: path}).Choose("lang", "zh"); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
