package web

import "github.com/catflap/catflap/appliance/console"

func (p *page) overview(o overview) {
	p.put("<h1 class=\"hidden\">{}</h1>\n<div data-live=\"/live?page=overview\">\n", p.T("overview.title"))
	p.overviewParts(o)
	p.put("</div>\n")
}

// overviewParts is the part that lives: all but the title.
func (p *page) overviewParts(o overview) {
	p.head(o)
	p.pending(o.Waiting)
	p.silence(o.Silence)
	p.messages(o)
	p.accountCards(o.Accounts)
	p.appCards(o.Apps)
	p.box(o)
	p.alerts(o)
	p.put(`<section data-part="errors" aria-labelledby="errors">`)
	if len(o.Errors) > 0 {
		p.put("\n<h2 id=\"errors\">{}</h2>\n<ul class=\"rows\">", p.T("overview.errors"))
		for _, row := range o.Errors {
			p.put("\n<li class=\"row\">{}</li>", p.record(row))
		}
		p.put("\n</ul>\n<p><a href=\"/logs?level=warn\">{}</a></p>", p.T("overview.log"))
	}
	p.put("\n</section>\n")
}

// head says whether a person is needed, and for what.
func (p *page) head(o overview) {
	class, text := markup("good"), p.T("overview.well")
	if len(o.Troubles) > 0 {
		class, text = "bad", p.T("overview.look", len(o.Troubles))
	}
	p.put("<div class=\"head {}\" data-part=\"head\" role=\"status\">\n<p>{}</p>\n", class, text)
	if len(o.Troubles) > 0 {
		p.put(`<ul>`)
		for _, t := range o.Troubles {
			what, since := fill(`{}`, p.Trouble(t)), markup("")
			if t.Where != "" {
				what = fill(`<a href="#{}">{}</a>`, t.Where, what)
			}
			if !t.Since.IsZero() {
				since = fill(` <small>{} {}</small>`, p.T("overview.since"), p.at(t.Since))
			}
			p.put("\n<li>{}{}</li>", what, since)
		}
		p.put("\n</ul>")
	}
	p.put("\n</div>\n")
}

func (p *page) silence(list []silent) {
	p.put("<section data-part=\"silence\" aria-labelledby=\"silence\">\n<h2 id=\"silence\">{}</h2>\n", p.T("overview.silence"))
	if len(list) == 0 {
		p.put("<p class=\"faint\">{}</p>\n</section>\n", p.T("overview.nosilence"))
		return
	}
	p.put(`<ul class="rows">`)
	for _, one := range list {
		p.put("\n<li class=\"row\"><div class=\"main\">{} <small>{} · {} {}</small></div></li>", p.Reason(one.Reason), p.T("overview.times", one.Count),
			p.T("overview.latest"), p.at(one.Last))
	}
	p.put("\n</ul>\n<p><a href=\"/decisions?show=ignored\">{}</a></p>\n</section>\n", p.T("overview.why"))
}

// messages is a line of how many messages came, by the minute.
func (p *page) messages(o overview) {
	p.put(`<section data-part="messages" aria-labelledby="messages">
<h2 id="messages">{}</h2>
<div class="card spark"><svg viewBox="0 0 236 42" preserveAspectRatio="none" role="img" aria-labelledby="rate"><polyline points="0,41 {} 236,41" class="under"/><polyline points="{}" class="over"/></svg>
<p class="scale faint" aria-hidden="true"><span>{}</span><span>{}</span></p>
<p id="rate">{}</p></div>
</section>
`, p.T("overview.messages"), o.Line(), o.Line(), p.T("overview.ago"), p.T("overview.now"), p.T("overview.rate", o.Last(), o.Sum(), o.Peak()))
}

func (p *page) accountCards(list []console.AccountStatus) {
	p.put("<section data-part=\"accounts\" aria-labelledby=\"accounts\">\n<h2 id=\"accounts\">{}</h2>\n<div class=\"cards\">", p.T("overview.accounts"))
	for _, a := range list {
		name := fill(`{}`, a.Name)
		if a.Title != "" {
			name = fill(`{} <small>{}</small>`, a.Title, a.Name)
		}
		p.put("\n<article class=\"card\">\n<h3>{} {}</h3>\n<dl>\n", name, p.AccountState(a).html())
		p.fact(p.T("account.qq"), p.QQ(a.SelfID))
		p.fact(p.T("account.link"), a.Link)
		p.fact(p.T("account.pending"), a.PendingCalls)
		p.put("</dl>\n{}", with(p.Own(a.LastError), `<p class="note bad">{}</p>`))
		p.hints(a.Hint)
		p.put("\n</article>")
	}
	p.put("\n</div>\n</section>\n")
}

func (p *page) appCards(list []console.AppStatus) {
	p.put("<section data-part=\"apps\" aria-labelledby=\"apps\">\n<h2 id=\"apps\">{}</h2>\n<div class=\"cards\">", p.T("overview.apps"))
	for _, a := range list {
		p.put("\n<article class=\"card\">\n<h3>{} {}</h3>\n<dl>\n", a.Name, p.AppState(a).html())
		p.fact(p.T("app.account"), a.Account)
		p.counts(a)
		p.put("</dl>\n")
		if a.LastError != "" {
			p.put(`<p class="note">{}: {}</p>`, p.T("app.last.error"), p.Own(a.LastError))
		}
		p.hints(a.Hint)
		p.put("\n</article>")
	}
	if len(list) == 0 {
		p.put("\n<p class=\"faint\">{}</p>", p.T("overview.noapps"))
	}
	p.put("\n</div>\n</section>\n")
}

// box is the machine.
func (p *page) box(o overview) {
	p.put("<section data-part=\"box\" aria-labelledby=\"box\">\n<h2 id=\"box\">{}</h2>\n<div class=\"card\">\n<dl class=\"wide\">\n", p.T("overview.box"))
	p.fact(p.T("box.uptime"), p.Time(o.UptimeS))
	p.fact(p.T("box.memory"), p.Bytes(o.Memory.RSS))
	p.fact(p.T("box.go"), p.Bytes(o.Memory.Go))
	p.fact(p.T("box.journal"), p.Bytes(o.Store.JournalBytes))
	p.fact(p.T("box.state"), p.Bytes(o.Store.StateBytes))
	p.fact(p.T("box.unflushed"), p.Bytes(o.Store.UnflushedBytes))
	p.fact(p.T("box.written"), p.Bytes(o.Written()))
	if o.Disk.Total != 0 {
		p.fact(p.T("box.disk"), p.Bytes(o.Disk.Free))
	}
	p.fact(p.T("box.links"), p.T("box.of", o.Links.Used, o.Links.Limit))
	p.put("</dl>\n")
	if n := o.Store.CommitErrors; n != 0 {
		p.put(`<p class="note bad">{}</p>`, p.T("box.errors", n))
	}
	if n := o.Store.DroppedUnflushed; n != 0 {
		p.put("\n<p class=\"note bad\">{}</p>", p.T("box.dropped", n))
	}
	p.put("\n</div>\n</section>\n")
}

func (p *page) alerts(o overview) {
	p.put("<section data-part=\"alerts\" aria-labelledby=\"alerts\">\n<h2 id=\"alerts\">{}</h2>\n", p.T("overview.alerts"))
	if notices := o.Notices(); len(notices) > 0 {
		p.put(`<ul class="rows">`)
		for _, n := range notices {
			p.put("\n<li class=\"row\"><div class=\"main\">{} {} {}</div></li>", p.Notice(n).html(), p.at(n.Time), p.Say(n.Text))
		}
		p.put("\n</ul>\n")
	}
	for _, t := range o.Alerts.Targets {
		class := markup("faint")
		if t.LastError != "" {
			class = "note bad"
		}
		p.put("<p class=\"{}\">{}{}</p>\n", class, p.T("overview.target", t.Target, t.Sent, t.Waiting), with(t.LastError, `<br>{}`))
	}
	if len(o.Alerts.Targets) == 0 {
		p.put("<p class=\"faint\">{}</p>\n", p.T("overview.notargets"))
	}
	if o.Alerts.Held > 0 {
		p.put("<p class=\"faint\">{}</p>\n", p.T("overview.held", o.Alerts.Held))
	}
	p.put("</section>\n")
}
