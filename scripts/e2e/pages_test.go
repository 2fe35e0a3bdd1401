package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// page is one of docs/frameworks, whose snippets the tests use, so that it cannot go stale.
type page struct {
	name   string
	blocks []block
}

// block is a fenced block of a page: the heading that it stands under, its language and its text.
type block struct{ heading, language, text string }

func readPage(t *testing.T, name string) page {
	t.Helper()
	return readMarkdown(t, filepath.Join("../../docs/frameworks", name))
}

func readMarkdown(t *testing.T, path string) page {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := page{name: filepath.Base(path)}
	heading, open := "", -1
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		switch {
		case open < 0 && strings.HasPrefix(line, "```"):
			open = i
		case open >= 0 && line == "```":
			p.blocks = append(p.blocks, block{heading, strings.TrimPrefix(lines[open], "```"), strings.Join(lines[open+1:i], "\n") + "\n"})
			open = -1
		case open < 0 && strings.HasPrefix(line, "## "):
			heading = strings.TrimPrefix(line, "## ")
		}
	}
	if open >= 0 {
		t.Fatalf("%s: the block of line %d has no end", name(path), open+1)
	}
	return p
}

func name(path string) string { return filepath.Base(path) }

// snippet is the n-th block of a language under the heading that begins with the text, counted from 0. Catflap's own blocks are
// those whose text begins with apps.
func (p page) snippet(t *testing.T, heading, language string, n int) string {
	t.Helper()
	var found []string
	for _, b := range p.blocks {
		if strings.HasPrefix(b.heading, heading) && b.language == language {
			found = append(found, b.text)
		}
	}
	if n >= len(found) {
		t.Fatalf("%s has %d blocks of %s under %q, want more than %d", p.name, len(found), language, heading, n)
	}
	return found[n]
}

// apps is the block of catflap.yaml under a heading.
func (p page) apps(t *testing.T, heading string) string {
	t.Helper()
	for _, b := range p.blocks {
		if strings.HasPrefix(b.heading, heading) && strings.HasPrefix(b.text, "apps:") {
			return b.text
		}
	}
	t.Fatalf("%s has no block of apps under %q", p.name, heading)
	return ""
}

// adapt puts a test's ports and words in the place of the page's. Each has to be there.
func adapt(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the snippet does not hold %q:\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// file writes a text into the test's own folder.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every page has its Chinese twin with the same snippets, and every block of catflap's is a valid configuration.
func TestFrameworkPages(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/frameworks/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	pages = append(pages, "../../docs/openclaw.md", "../../docs/openclaw.zh-CN.md")
	b := newBox(t, "")
	for _, path := range pages {
		if strings.HasSuffix(path, ".zh-CN.md") {
			if !slices.Contains(pages, strings.TrimSuffix(path, ".zh-CN.md")+".md") {
				t.Errorf("%s has no English twin", name(path))
			}
			continue
		}
		english, chinese := readMarkdown(t, path), readMarkdown(t, strings.TrimSuffix(path, ".md")+".zh-CN.md")
		if diff := cmp.Diff(codes(english), codes(chinese)); diff != "" {
			t.Errorf("%s: snippets (-English +Chinese):\n%s", name(path), diff)
		}
		for _, block := range english.blocks {
			if !strings.HasPrefix(block.text, "apps:") || strings.Contains(block.text, "# beside the keys above") {
				continue
			}
			b.write(t, block.text)
			if out, err := b.try("config", "check"); err != nil {
				t.Errorf("%s, %s: %v\n%s%s", name(path), block.heading, err, block.text, out)
			}
		}
	}
}

var comment = regexp.MustCompile(`(?m) *(#|//) .*$`)

// codes are the snippets of a page without what is said in them to people.
func codes(p page) []string {
	var out []string
	for _, b := range p.blocks {
		out = append(out, b.language+"\n"+comment.ReplaceAllString(b.text, ""))
	}
	return out
}
