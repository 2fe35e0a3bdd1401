package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/console"
)

// say is something that the console says, in both languages. Verbs like %d are the same in both.
type say struct{ en, zh string }

// languages are those of the pages, by the tag that HTML wants.
func languages() map[string]string { return map[string]string{"en": "en", "zh": "zh-CN"} }

// word gives a text of the catalogue in a language. A key that is missing shows itself.
func (d *drawing) word(language, key string, args ...any) string {
	text := key
	if both, ok := d.words[key]; ok {
		text = both.en
		if language == "zh" {
			text = both.zh
		}
	}
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

// say gives a text in the language of a request.
func (s *Site) say(r *http.Request, key string) string {
	d, err := s.drawing()
	if err != nil {
		return key
	}
	return d.word(s.language(r), key)
}

// pick chooses from a text in both languages.
func pick(language string, t console.Text) string {
	if language == "zh" && t.ZH != "" || t.EN == "" {
		return t.ZH
	}
	return t.EN
}

// language is that of a request: by choice (cookie), by configuration, by what the browser asks for.
func (s *Site) language(r *http.Request) string {
	set := s.settings.Load()
	for _, choice := range []string{cookie(r, languageCookie), set.Language, accepted(r.Header.Get("Accept-Language")), set.Fallback} {
		if _, ok := languages()[choice]; ok {
			return choice
		}
	}
	return "zh"
}

// accepted finds the language that a browser likes best; empty if it names neither.
func accepted(header string) string {
	if len(header) > 500 {
		return ""
	}
	best, weight := "", 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(quality), "q="); ok {
			q, _ = strconv.ParseFloat(value, 64)
		}
		if _, ok := languages()[base]; ok && q > weight {
			best, weight = base, q
		}
	}
	return best
}
