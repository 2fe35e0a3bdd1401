package web

func (p *page) decisions(d verdicts) {
	stream := markup("decisions")
	if d.Ignored {
		stream = "ignored"
	}
	p.put(`<h1>{}</h1>
<p class="tabs"><a href="/decisions"{}>{}</a> <a href="/decisions?show=ignored"{}>{}</a></p>
<p class="faint">{}</p>
<div data-live="/live?page={}">
`, p.T("decisions.title"), on(!d.Ignored, ` aria-current="true"`), p.T("decisions.all"), on(d.Ignored, ` aria-current="true"`), p.T("decisions.ignored"),
		p.T("decisions.note"), stream)
	p.verdicts(d)
	p.put("</div>\n")
}

// verdicts is the part that lives.
func (p *page) verdicts(d verdicts) {
	p.put("<div data-part=\"rows\">\n<ul class=\"rows\" data-keyed>")
	for _, row := range d.Rows {
		p.put("\n<li class=\"row\" data-key=\"{}\">", row.Key)
		p.verdict(row, d.Many)
		p.put(`</li>`)
	}
	p.put("\n</ul>\n{}\n</div>\n", on(len(d.Rows) == 0, `<p class="faint">{}</p>`, p.T("decisions.none")))
}

func (p *page) verdict(row verdictRow, many bool) {
	where := fill(`{}`, row.Account)
	switch {
	case row.Group != 0 && row.Name != "":
		where = fill(`<bdi>{}</bdi>`, row.Name)
	case row.Group != 0:
		where = fill(`{}`, p.T("chat.group"))
	case row.User != 0:
		where = fill(`{}`, p.T("chat.private"))
	}
	p.put(`<div class="main"><p>{} {} <strong>{}</strong> <small>{}`, p.Outcome(row.Outcome).html(), p.at(row.Time), where,
		on(row.Group != 0, `{} · `, row.Group))
	p.put(`{}`, on(many, `{} · `, row.Account))
	if row.User != 0 {
		p.put(`{} · `, p.T("decisions.by", row.User))
	}
	p.put("{}</small></p>\n<p>{} <code class=\"faint\">{}</code></p>\n", p.Kind(row.Kind), p.Reason(row.Reason), row.Reason)
	if len(row.Apps) > 0 {
		p.put(`<p class="faint">`)
		for i, a := range row.Apps {
			p.put(`{}{}: {}{}`, on(i > 0, ` · `), a.Name, p.Outcome(a.Outcome).Word, on(a.Reason != row.Reason, ` ({})`, p.Reason(a.Reason)))
		}
		p.put(`</p>`)
	}
	p.put("</div>\n")
	p.allow(row)
}

// allow is what would let the next such event through.
func (p *page) allow(row verdictRow) {
	group := func(button markup, word string) {
		p.put("<form method=\"post\" action=\"/access/group\" class=\"acts\">{}{}{}{}{}<button class=\"plain\" {}>{}</button></form>\n", p.token(),
			hidden("back", "/decisions"), hidden("show", row.Show), hidden("account", row.Account), hidden("group", row.Group), button, word)
	}
	switch row.Allow {
	case "person":
		p.put("<form method=\"post\" action=\"/access/person\" class=\"acts\">{}{}{}{}{}{}<button class=\"plain\" name=\"verb\" value=\"approve\">{}</button></form>\n", p.token(),
			hidden("back", "/decisions"), hidden("show", row.Show), hidden("account", row.Account), hidden("who", row.User), hidden("force", 1), p.T("allow.person"))
	case "unblock":
		p.put("<p class=\"acts\"><a class=\"button\" href=\"/access#blocked\">{}</a></p>\n", p.T("allow.unblock"))
	case "group":
		group(`name="enabled" value="true"`, p.T("allow.group"))
	case "mention":
		group(`name="mention" value="false"`, p.T("allow.mention"))
	case "settled":
		p.put("<p class=\"acts faint\">{}</p>\n", p.T("allow.settled"))
	case "apps":
		p.put("<p class=\"acts\"><a class=\"button\" href=\"/#apps\">{}</a></p>\n", p.T("allow.apps"))
	case "config":
		p.put("<p class=\"acts\"><a class=\"button\" href=\"/config\">{}</a></p>\n", p.T("allow.config"))
	}
}
