package web

import (
	"strconv"

	"github.com/catflap/catflap/appliance/console"
)

func (p *page) chats(c chats) {
	p.put(`<h1>{}</h1>
<form method="get" action="/chats" class="line" role="search"><div><label for="q">{}</label><input type="search" id="q" name="q" value="{}" maxlength="200"></div><div class="acts"><button class="plain">{}</button></div></form>
`, p.T("chats.title"), p.T("chats.search"), c.Query, p.T("chats.go"))
	switch {
	case c.Query != "":
		p.hits(c)
	case len(c.Rows) > 0:
		p.put(`<ul class="rows">`)
		for _, row := range c.Rows {
			p.put(`
<li class="row"><div class="main"><a href="{}"><strong>{}</strong> {}</a> <small>{}{} · {}</small></div></li>`,
				row.Link(), p.chatName(row), row.ID, on(c.Many, `{} · `, row.Account), p.T("chats.messages", row.Messages), p.at(row.Last))
		}
		p.put("\n</ul>\n<p><a href=\"/api/v1/history/export\" download=\"catflap-history.ndjson\">{}</a></p>\n", p.T("chats.export.all"))
	default:
		p.put("<p class=\"faint\">{}</p>\n", p.T("chats.none"))
	}
}

// chatName is that of a group or of a person, or what kind of chat it is.
func (p *page) chatName(c chatRow) markup {
	switch {
	case c.Name != "":
		return fill(`<bdi>{}</bdi>`, c.Name)
	case c.Group:
		return fill(`{}`, p.T("chat.group"))
	}
	return fill(`{}`, p.T("chat.private"))
}

// hits is what a search has found.
func (p *page) hits(c chats) {
	p.put("<h2>{}</h2>\n<ul class=\"rows\">", p.T("chats.found", len(c.Hits)))
	for _, h := range c.Hits {
		name := p.chatName(h.Of)
		if h.Of.Name == "" {
			name = fill(`{} {}`, name, h.Of.ID)
		}
		said := h.Says()
		switch {
		case h.Recalled:
			said = p.T("chats.recalled")
		case said == "":
			said = h.Summary
		}
		p.put(`
<li class="row"><div class="main"><p><a href="{}#{}">{}</a> <small><bdi>{}</bdi> · {}</small></p><p>{}</p></div></li>`,
			h.Of.Link(), h.Key, name, h.Sender, p.at(h.Time), said)
	}
	p.put("\n</ul>{}\n<p><a href=\"/chats\">{}</a></p>\n", on(c.Full, "\n<p class=\"faint\">{}</p>", p.T("chats.more")), p.T("chats.all"))
}

func (p *page) talk(t talk) {
	p.put(`<p><a href="/chats">← {}</a></p>
<h1>{} <small>{}{}</small></h1>
`, p.T("chats.title"), p.chatName(t.chatRow), t.ID, on(t.Many, ` · {}`, t.Account))
	p.put(`<form method="get" action="/chats/talk" class="line" role="search">{}{}<div><label for="q">{}</label><input type="search" id="q" name="q" value="{}" maxlength="200"></div><div class="acts"><button class="plain">{}</button></div></form>
`, hidden("account", t.Account), hidden("chat", t.Chat), p.T("talk.search"), t.Query, p.T("chats.go"))
	p.put("<div{}>\n", on(t.Query == "", ` data-live="{}"`, t.Stream()))
	p.bubbles(t)
	p.put(`</div>
<div class="apart"><a href="{}" download="{}">{}</a>
<details><summary>{}</summary><form method="post" action="/chats/clear">{}{}{}<p>{}</p><button class="danger">{}</button></form></details></div>
`, t.Export(), t.File(), p.T("talk.export"), p.T("talk.clear"), p.token(), hidden("account", t.Account), hidden("chat", t.Chat), p.T("talk.sure"), p.T("talk.clear"))
}

// bubbles is the part that lives: what was said.
func (p *page) bubbles(t talk) {
	p.put("<div data-part=\"talk\">\n<ol class=\"talk\" data-keyed=\"end\" aria-label=\"{}\">", p.T("talk.messages"))
	for _, b := range t.Bubbles {
		who := fill(`{}`, p.T("talk.bot"))
		if !b.Own() {
			who = fill(`<bdi>{}</bdi> <small>{}</small>`, said(b.HistoryMessage), b.UserID)
		}
		p.put(`
<li class="bubble{}{}" id="{}" data-key="{}"><p class="who">{} {}</p>
`, on(b.Own(), ` own`), on(b.Context, ` context`), b.Key, b.Key, who, p.at(b.Time))
		if b.Recalled {
			p.put(`<p class="faint">{}</p>`, p.T("chats.recalled"))
		} else {
			p.message(b)
		}
		p.put(`{}</li>`, on(b.Context, `<p class="faint">{}</p>`, p.T("talk.context")))
	}
	p.put("\n</ol>\n{}\n</div>\n", on(len(t.Bubbles) == 0, `<p class="faint">{}</p>`, p.T("talk.none")))
}

// said is who said something: a name, else the number.
func said(m console.HistoryMessage) string {
	if m.Sender != "" {
		return m.Sender
	}
	return strconv.FormatUint(m.UserID, 10)
}

// message is what a message quotes, its text and its media.
func (p *page) message(b bubble) {
	switch {
	case b.Quote != "":
		p.put(`<blockquote>{}<bdi>{}</bdi></blockquote>`, with(b.QuotedBy, `<b><bdi>{}</bdi></b> `), b.Quote)
	case b.ReplyTo != 0:
		p.put(`<blockquote class="faint">{}</blockquote>`, p.T("talk.quote.gone"))
	}
	p.put(`{}`, with(b.Says(), `<p class="said">{}</p>`))
	for _, m := range b.Media {
		p.put(`<p class="medium">{}</p>`, p.medium(m))
	}
}

func (p *page) medium(m console.Medium) markup {
	word := p.T("medium." + m.Type)
	switch {
	case m.Key == "":
		return fill(`<span class="badge">{}</span> <small class="faint"><bdi>{}</bdi></small>`, word, m.File)
	case m.Type == "image" || m.Type == "mface":
		return fill(`<a href="/media/{}"><img src="/media/{}" alt="{} {}" loading="lazy"></a>{}`, m.Key, m.Key, word, m.File, p.lost(word))
	case m.Type == "record":
		return fill(`<audio controls preload="none" src="/media/{}" aria-label="{}"></audio>{}`, m.Key, word, p.lost(word))
	case m.Type == "video":
		return fill(`<video controls preload="none" src="/media/{}" aria-label="{}"></video>{}`, m.Key, word, p.lost(word))
	}
	return fill(`<a href="/media/{}" download>{} <bdi>{}</bdi></a>`, m.Key, p.T("medium.file"), m.File)
}

// lost stands for a medium that is not to be had; it shows where the script has seen that.
func (p *page) lost(word string) markup {
	return fill(`<span class="lost faint">{}</span>`, p.T("medium.lost", word))
}
