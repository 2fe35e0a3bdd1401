package web

import (
	"fmt"
	"strings"
)

// markup is HTML. Constants of the program are markup as they stand; everything else comes in by fill, which escapes it.
// Pages are drawn by functions and not by html/template since that keeps every exported method of the program alive in
// the binary, a tenth of it.
type markup string

// escaped replaces what means something in a text or in a quoted attribute.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\x00", "\ufffd")

// fill puts a value for each {} of a piece of HTML. Values are escaped unless they are markup themselves, so a {} may stand
// in a text or in a quoted attribute, and nowhere else. A test holds all pieces to that.
func fill(piece markup, values ...any) markup {
	if len(values) == 0 {
		return piece
	}
	var b strings.Builder
	rest := string(piece)
	for _, value := range values {
		before, after, _ := strings.Cut(rest, "{}")
		b.WriteString(before)
		switch v := value.(type) {
		case markup:
			b.WriteString(string(v))
		case string:
			_, _ = escaped.WriteString(&b, v)
		default:
			_, _ = escaped.WriteString(&b, fmt.Sprint(v))
		}
		rest = after
	}
	b.WriteString(rest)
	return markup(b.String())
}

// on is a piece of HTML that is there on a condition.
func on(yes bool, piece markup, values ...any) markup {
	if !yes {
		return ""
	}
	return fill(piece, values...)
}

// with is a piece of HTML around a text, nothing when the text is empty.
func with(text string, piece markup) markup { return on(text != "", piece, text) }

// page is a page, or a part of one, that is being drawn.
type page struct {
	view
	html strings.Builder
}

// put adds what fill makes of its arguments.
func (p *page) put(piece markup, values ...any) { p.html.WriteString(string(fill(piece, values...))) }

// hidden is a field of a form that nobody sees.
func hidden(name string, value any) markup {
	return fill(`<input type="hidden" name="{}" value="{}">`, name, value)
}

// token is the field by which a form shows that it comes from a page of this session.
func (p *page) token() markup { return hidden("csrf", p.CSRF) }

func (b badge) html() markup { return fill(`<span class="badge {}">{}</span>`, b.Class, b.Word) }
