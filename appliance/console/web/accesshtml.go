package web

import "github.com/catflap/catflap/appliance/console"

func (p *page) access(a access) {
	p.put("<h1>{}</h1>\n<div data-live=\"/live?page=access\">\n", p.T("access.title"))
	p.pending(a)
	p.put("</div>\n")
	p.groups(a)
	p.approved(a)
	p.blocked(a)
}

// pending is the part that lives: who waits to be let in.
func (p *page) pending(a access) {
	p.put(`<section data-part="pending" aria-labelledby="pending">
<h2 id="pending">{}{}</h2>
`, p.T("access.pending"), on(len(a.Pending) > 0, ` <span class="badge warn">{}</span>`, len(a.Pending)))
	if len(a.Pending) == 0 {
		p.put("<p class=\"faint\">{}</p>\n</section>\n", p.T("access.nopending"))
		return
	}
	p.put(`<ul class="rows" data-keyed>`)
	for _, e := range a.Pending {
		p.put(`
<li class="row" data-key="{}-{}"><div class="main">{} <code>{}</code> <small>{}{}</small></div>
`, e.Account, e.Code, a.who(e.UserID), e.Code, on(a.Many(), `{} · `, e.Account), p.T("access.left", p.Left(e)))
		p.put(`<form method="post" action="/access/person" class="acts">{}{}{}{}
`, p.token(), on(a.Back != "", `{}`, hidden("back", a.Back)), hidden("account", e.Account), hidden("who", e.Code))
		p.verb("", "approve", p.T("access.approve"), e.UserID)
		p.verb("plain", "deny", p.T("access.deny"), e.UserID)
		p.verb("plain danger", "block", p.T("access.block"), e.UserID)
		p.put(`</form></li>`)
	}
	p.put("\n</ul>\n</section>\n")
}

// who is somebody's nickname and number, or the number alone.
func (a access) who(id uint64) markup {
	if name := a.Names[id]; name != "" {
		return fill(`<strong><bdi>{}</bdi></strong> {}`, name, id)
	}
	return fill(`<strong>{}</strong>`, id)
}

// verb is a button of a form about somebody.
func (p *page) verb(class markup, verb markup, word string, who uint64) {
	p.put(`<button{} name="verb" value="{}" aria-label="{} {}">{}</button>`, on(class != "", ` class="{}"`, class), verb, word, who, word)
}

func (p *page) groups(a access) {
	p.put("<section aria-labelledby=\"groups\">\n<h2 id=\"groups\">{}</h2>\n", p.T("access.groups"))
	if len(a.Groups) == 0 {
		p.put("<p class=\"faint\">{}</p>\n</section>\n", p.T("access.nogroups"))
		return
	}
	if len(a.Groups) > 8 {
		p.put("<p><label for=\"filter\">{}</label><input type=\"search\" id=\"filter\" data-filter=\"grouplist\" autocomplete=\"off\"></p>\n", p.T("access.filter"))
	}
	p.put(`<ul class="rows" id="grouplist">`)
	for _, g := range a.Groups {
		name := with(g.Name, `<bdi>{}</bdi>`)
		if g.Name == "" {
			name = fill(`{}`, p.T("access.noname"))
		}
		p.put(`
<li class="row">
<div class="main"><strong>{}</strong> <small>{}{}`, name, g.GroupID, on(a.Many(), ` · {}`, g.Account))
		if g.Members != 0 {
			p.put(` · {}`, p.T("access.members", g.Members))
		}
		p.put(`{}</small>
{}</div>
<form method="post" action="/access/group" class="acts">
{}{}{}
`, on(!g.Joined, ` · {}`, p.T("access.notin")), with(p.GroupWhy(g), `<p class="faint">{}</p>`), p.token(), hidden("account", g.Account), hidden("group", g.GroupID))
		p.put(`<button class="switch" role="switch" aria-checked="{}" name="enabled" value="{}" aria-label="{}">{}</button>
<button class="switch" role="switch" aria-checked="{}" name="mention" value="{}" aria-label="{}"{}>{}</button>
</form>
</li>`, g.Enabled, !g.Enabled, p.T("access.switch.enabled", g.GroupID), p.T("access.enabled"),
			g.RequireMention, !g.RequireMention, p.T("access.switch.mention", g.GroupID), on(!g.Enabled, ` disabled`), p.T("access.mention"))
	}
	p.put("\n</ul>\n<p class=\"faint\">{}</p>\n</section>\n", p.T("access.groups.note"))
}

func (p *page) approved(a access) {
	p.put("<section aria-labelledby=\"approved\">\n<h2 id=\"approved\">{}</h2>\n", p.T("access.approved"))
	if len(a.Approved) == 0 {
		p.put("<p class=\"faint\">{}</p>\n", p.T("access.noapproved"))
	} else {
		p.put(`<ul class="rows">`)
		for _, e := range a.Approved {
			p.person(a, e)
			p.verb("plain", "revoke", p.T("access.revoke"), e.UserID)
			p.verb("plain danger", "block", p.T("access.block"), e.UserID)
			p.put(`</form></li>`)
		}
		p.put("\n</ul>\n")
	}
	p.put(`<details class="card"><summary>{}</summary>
<form method="post" action="/access/person" class="line">{}{}
<div><label for="who">{}</label><input id="who" name="who" inputmode="numeric" pattern="[0-9]{5,20}" required autocomplete="off"></div>
`, p.T("access.add"), p.token(), hidden("force", 1), p.T("access.qq"))
	if a.Many() {
		p.put("<div><label for=\"whose\">{}</label><select id=\"whose\" name=\"account\">", p.T("access.account"))
		for _, name := range a.Accounts {
			p.put(`<option>{}</option>`, name)
		}
		p.put("</select></div>\n")
	}
	p.put(`<div class="acts"><button name="verb" value="approve">{}</button> <button class="plain danger" name="verb" value="block">{}</button></div></form></details>
</section>
`, p.T("access.approve"), p.T("access.block"))
}

func (p *page) blocked(a access) {
	if len(a.Blocked) == 0 {
		return
	}
	p.put("<section aria-labelledby=\"blocked\">\n<h2 id=\"blocked\">{}</h2>\n<ul class=\"rows\">", p.T("access.blocked"))
	for _, e := range a.Blocked {
		if e.Configured {
			p.put(`
<li class="row"><div class="main"><strong>{}</strong> <small>{}{}</small></div><p class="acts"><a class="button" href="/config">{}</a></p></li>`,
				e.UserID, on(a.Many(), `{} · `, e.Account), p.T("access.configured"), p.T("allow.config"))
			continue
		}
		p.person(a, e)
		p.verb("plain", "unblock", p.T("access.unblock"), e.UserID)
		p.put(`</form></li>`)
	}
	p.put("\n</ul>\n</section>\n")
}

// person begins the row of somebody who was decided about, and the form in it.
func (p *page) person(a access, e console.PairingEntry) {
	p.put(`
<li class="row"><div class="main">{} <small>{}{} {}</small></div>
<form method="post" action="/access/person" class="acts">{}{}{}
`, a.who(e.UserID), on(a.Many(), `{} · `, e.Account), p.T("access.since"), p.at(e.Created), p.token(), hidden("account", e.Account), hidden("who", e.UserID))
}
