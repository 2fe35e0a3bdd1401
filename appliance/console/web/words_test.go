package web

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Both languages have every text, with the same verbs, and whatever the code asks for is there and is all there is.
func TestCatalogueIsWhole(t *testing.T) {
	words := catalogue()
	verbs := regexp.MustCompile(`%[a-z]`)
	for key, both := range words {
		if both.en == "" || both.zh == "" {
			t.Errorf("%s: a language is missing: %q, %q", key, both.en, both.zh)
		}
		if !slices.Equal(verbs.FindAllString(both.en, -1), verbs.FindAllString(both.zh, -1)) {
			t.Errorf("%s: the verbs differ: %q, %q", key, both.en, both.zh)
		}
		if !regexp.MustCompile(`\p{Han}`).MatchString(both.zh) && !strings.ContainsAny(both.zh, "%") {
			t.Errorf("%s: %q is not Chinese", key, both.zh)
		}
	}
	asked := make(map[string]bool)
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile(`"((?:login|password|problem|overview|account|app|time|nav|notice|outcome|kind|simulator)\.[a-z.]+)"`)
	spoken, named := regexp.MustCompile(`\.T\("([^"]+[^."])"`), regexp.MustCompile(`view\{Name: "([^"]+)"`)
	for _, name := range sources {
		if slices.Contains([]string{"words.go", "catalogue.go", "pagewords.go", "toolwords.go", "reasonwords.go", "mistakes.go"}, name) || strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range quoted.FindAllSubmatch(readFile(t, name), -1) {
			asked[string(m[1])] = true
		}
		for _, m := range spoken.FindAllSubmatch(readFile(t, name), -1) {
			asked[string(m[1])] = true
		}
		for _, m := range named.FindAllSubmatch(readFile(t, name), -1) {
			asked[string(m[1])+".title"] = true
		}
	}
	for key, wanted := range asked {
		if _, ok := words[key]; wanted && !ok {
			t.Errorf("%s is asked for and is not in the catalogue", key)
		}
	}
	// Families are asked for by what the program itself calls things.
	family := regexp.MustCompile(`^(ack|reason|kind|apps\.way|medium|logs\.level|done)\.`)
	for key := range words {
		if !asked[key] && !family.MatchString(key) {
			t.Errorf("nobody asks for %s", key)
		}
	}
}

// Every reason of the policy has plain words, and nothing else has.
func TestEveryReasonHasWords(t *testing.T) {
	words := catalogue()
	reasons := make(map[string]bool)
	for _, m := range regexp.MustCompile(`Reason\w+ +Reason = "([^"]+)"`).FindAllSubmatch(readFile(t, "../../../policy/reason.go"), -1) {
		key := "reason." + string(m[1])
		reasons[key] = true
		if words[key].en == "" || words[key].zh == "" {
			t.Errorf("%s has no words", m[1])
		}
	}
	if len(reasons) < 20 {
		t.Errorf("only %d reasons were found", len(reasons))
	}
	for key := range words {
		if strings.HasPrefix(key, "reason.") && !reasons[key] {
			t.Errorf("%s is no reason of the policy", key)
		}
	}
	// What a form says it has done is in the catalogue.
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	said := make(map[string]bool)
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text := readFile(t, name)
		for key := range words {
			if short, ok := strings.CutPrefix(key, "done."); ok && bytes.Contains(text, []byte(`"`+short+`"`)) {
				said[key] = true
			}
		}
		for _, m := range regexp.MustCompile(`s\.done\(w, r, "[^"]+", "([^"]+)"`).FindAllSubmatch(text, -1) {
			if words["done."+string(m[1])].en == "" {
				t.Errorf("%s: done.%s is not in the catalogue", name, m[1])
			}
		}
	}
	for key := range words {
		if strings.HasPrefix(key, "done.") && !said[key] {
			t.Errorf("nothing says %s", key)
		}
	}
}

// What a browser loads at first stays small.
func TestFirstLoadIsSmall(t *testing.T) {
	d, err := newDrawing()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for name, a := range d.assets {
		if a.kind == "" {
			t.Errorf("%s has no kind", name)
		}
		total += len(a.content)
	}
	t.Logf("assets: %d bytes", total)
	if total > 100<<10 {
		t.Errorf("the assets have %d bytes", total)
	}
}

// Pages load nothing from elsewhere, and have no script or style in them: their policy forbids it.
func TestPagesStandAlone(t *testing.T) {
	assets, err := filepath.Glob("assets/*")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("*html.go")
	if err != nil {
		t.Fatal(err)
	}
	files := slices.Concat(assets, pages)
	bad := regexp.MustCompile(`(?i)(src|href|action|url\()\s*=?\s*["']?https?:|<style|\sstyle=|\son[a-z]+=|<script>|javascript:|@import`)
	for _, name := range files {
		if found := bad.Find(bytes.ReplaceAll(readFile(t, name), []byte(`xmlns="http://www.w3.org/2000/svg"`), nil)); found != nil {
			t.Errorf("%s has %s", name, found)
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
