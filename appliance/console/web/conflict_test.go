package web

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/console"
)

// An editor that was opened before somebody else changed the file does not overwrite that silently: the page says so, and
// offers both ways on.
func TestStaleEditor(t *testing.T) {
	r := newRig(t)
	r.furnish()
	configuration := r.site.API.Configuration
	text, sum := "a: 1\n", "one"
	configuration.Read = func() (console.ConfigFile, error) {
		return console.ConfigFile{Path: "/etc/catflap/catflap.yaml", Text: text, Sum: sum}, nil
	}
	var wrote []string
	configuration.Write = func(_ context.Context, draft, base string) (console.ReloadResult, error) {
		if base != sum {
			return console.ReloadResult{}, console.ErrConfigChanged
		}
		wrote = append(wrote, draft)
		return console.ReloadResult{}, nil
	}
	b := r.logIn()
	csrf := b.csrf()
	const begun, changed = `name="base" value="one"`, `name="base" value="two"`
	if a := b.do("GET", "/config", ""); strings.Count(a.body, begun) != 1 {
		t.Fatalf("the editor does not say what it was opened with: %s", a.body)
	}
	post := func(path, draft, base string) answer {
		return b.do("POST", path, url.Values{"csrf": {csrf}, "text": {draft}, "base": {base}}.Encode(), "Accept-Language", "en")
	}
	if a := post("/config", "a: 1\nmine: 1\n", "one"); a.StatusCode != 200 || strings.Contains(a.body, "changed by somebody else") || strings.Count(a.body, begun) != 2 {
		t.Errorf("nobody else: %d %s", a.StatusCode, a.body)
	}
	text, sum = "a: 1\nswitched: 1\n", "two"
	for _, path := range []string{"/config", "/config/apply"} {
		a := post(path, "a: 1\nmine: 1\n", "one")
		if a.StatusCode != 409 || len(wrote) != 0 {
			t.Errorf("%s: %d, wrote %v", path, a.StatusCode, wrote)
		}
		for _, want := range []string{"changed by somebody else", `<span class="minus">- switched: 1`, `<span class="plus">+ mine: 1`, "Overwrite the file with mine",
			`<a class="button" href="/config">`, begun, changed} { // the editor's own, and that of the button
			if !strings.Contains(a.body, want) {
				t.Errorf("%s has no %s: %s", path, want, a.body)
			}
		}
	}
	if a := post("/config", text, "one"); a.StatusCode != 200 || strings.Contains(a.body, "changed by somebody else") {
		t.Errorf("the same text: %d %s", a.StatusCode, a.body)
	}
	if a := post("/config/apply", "a: 1\nmine: 1\n", "two"); a.StatusCode != 303 || len(wrote) != 1 {
		t.Errorf("the choice to overwrite: %d, wrote %v", a.StatusCode, wrote)
	}
}

// A form that is too large gets a page, also while the browser still sends.
func TestFormTooLarge(t *testing.T) {
	r := newRig(t)
	r.furnish()
	b := r.logIn()
	form := "csrf=" + b.csrf() + "&text=" + strings.Repeat("a", 3*maxConfigForm)
	for _, path := range []string{"/config", "/config/apply", "/access/person"} {
		a := b.do("POST", path, form, "Accept-Language", "en")
		if a.StatusCode != 413 || !strings.Contains(a.body, "The form is too large") || !strings.Contains(a.body, "<nav") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}
