package web

func (p *page) logs(l logPage) {
	stream := markup("logs")
	if l.Level != "" {
		stream = "warnings"
	}
	p.put(`<h1>{}</h1>
<p class="tabs"><a href="/logs"{}>{}</a> <a href="/logs?level=warn"{}>{}</a></p>
<p class="faint">{}</p>
<div data-live="/live?page={}">
`, p.T("logs.title"), on(l.Level == "", ` aria-current="true"`), p.T("logs.all"), on(l.Level != "", ` aria-current="true"`), p.T("logs.warn"),
		p.T("logs.note"), stream)
	p.records(l)
	p.put("</div>\n")
}

// records is the part that lives.
func (p *page) records(l logPage) {
	p.put("<div data-part=\"rows\">\n<ul class=\"rows\" data-keyed>")
	for _, row := range l.Rows {
		p.put("\n<li class=\"row\" data-key=\"{}\">{}</li>", row.Key, p.record(row))
	}
	p.put("\n</ul>\n{}\n</div>\n", on(len(l.Rows) == 0, `<p class="faint">{}</p>`, p.T("logs.none")))
}

func (p *page) record(l logRow) markup {
	return fill(`<div class="main"><p><span class="badge {}">{}</span> {} {}</p>{}</div>`, l.Class(), p.T(l.Word()), p.at(l.Time), l.Message,
		with(l.Details, `<p class="faint"><code>{}</code></p>`))
}
