package web

import "github.com/catflap/catflap/appliance/console"

func (p *page) apps(cards []appCard) {
	p.put("<h1>{}</h1>\n<div class=\"cards wide\" data-live=\"/live?page=apps\">", p.T("apps.title"))
	for _, c := range cards {
		p.put(`
<article class="card" aria-labelledby="{}">
<h2 id="{}">{} <small>{} · {}</small></h2>
`, c.Key(), c.Key(), c.Name, c.Protocol, p.T("apps.way."+c.Way))
		p.appState(c)
		p.put("\n<h3>{}</h3>\n<p>{}{}<br>{}</p>\n", p.T("apps.rights"), p.mayCall(c),
			on(c.DenyList() != "", `<br>{} <code>{}</code>`, p.T("apps.denied"), c.DenyList()), p.mayReach(c))
		p.appActs(c)
		p.put(`
<form method="post" action="/apps/steer" class="line">{}{}
<div><label for="last-{}">{}</label><input id="last-{}" name="last" type="number" min="1" max="1000" value="10" required></div>
<div class="acts"><button class="plain" name="verb" value="replay" aria-label="{} {}">{}</button></div></form>
</article>`, p.token(), hidden("app", c.Name), c.Key(), p.T("apps.replay.last"), c.Key(), p.T("apps.replay"), c.Name, p.T("apps.replay"))
	}
	if len(cards) == 0 {
		p.put("\n<p class=\"faint\">{}</p>", p.T("overview.noapps"))
	}
	p.put("\n</div>\n<p class=\"faint\">{}</p>\n", p.T("apps.note"))
}

// mayCall says which actions an app may call.
func (p *page) mayCall(c appCard) markup {
	switch {
	case c.Nothing():
		return fill(`{}`, p.T("apps.nothing"))
	case c.AllowList() != "":
		return fill(`{} <code>{}</code>`, p.T("apps.only"), c.AllowList())
	}
	return fill(`{}`, p.T("apps.everything"))
}

// mayReach says which chats an app may write to.
func (p *page) mayReach(c appCard) string {
	if c.Rights.Targets == "policy" {
		return p.T("apps.targets.policy")
	}
	return p.T("apps.targets.any")
}

// appParts is what lives of the page: the states and the buttons.
func (p *page) appParts(cards []appCard) {
	for _, c := range cards {
		p.appState(c)
		p.appActs(c)
	}
}

func (p *page) appActs(c appCard) {
	verb, class, word := markup("pause"), markup(` class="plain"`), p.T("apps.pause")
	if c.Paused {
		verb, class, word = "resume", "", p.T("apps.resume")
	}
	p.put(`<div data-part="acts-{}"><form method="post" action="/apps/steer" class="acts">{}{}
<button{} name="verb" value="{}" aria-label="{} {}">{}</button>
<button class="plain" name="verb" value="test" aria-label="{} {}">{}</button></form></div>
`, c.Key(), p.token(), hidden("app", c.Name), class, verb, word, c.Name, word, p.T("apps.test"), c.Name, p.T("apps.test"))
}

func (p *page) appState(c appCard) {
	p.put(`<div data-part="{}">`, c.Key())
	for _, a := range c.On {
		p.put("\n<h3>{} {}</h3>\n<dl>\n", a.Account, p.AppState(a).html())
		p.counts(a)
		if ack := p.Ack(a.Ack); ack != "" {
			p.fact(p.T("app.ack"), ack)
		}
		if a.Agent != nil {
			p.fact(p.T("app.model"), a.Agent.Model)
			p.fact(p.T("app.answers"), a.Agent.AnswersToday)
			p.fact(p.T("app.tokens"), a.Agent.TokensToday)
		}
		p.put("</dl>\n")
		if a.LastError != "" {
			p.put(`<p class="note">{}: {}</p>`, p.T("app.last.error"), p.Own(a.LastError))
		}
		p.hints(a.Hint)
	}
	p.put("\n</div>\n")
}

// counts is what becomes of an app's events.
func (p *page) counts(a console.AppStatus) {
	p.fact(p.T("app.waiting"), a.Backlog)
	p.fact(p.T("app.dropped"), a.Dropped)
	p.fact(p.T("app.skipped"), a.Skipped)
	p.fact(p.T("app.repeated"), a.Repeated)
}

// fact is one line of a list of facts.
func (p *page) fact(name string, value any) {
	p.put("<div><dt>{}</dt><dd>{}</dd></div>\n", name, value)
}

func (p *page) hints(hints []console.Text) {
	for _, h := range hints {
		p.put("\n<p class=\"note\">{}</p>", p.Say(h))
	}
}
