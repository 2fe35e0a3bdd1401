package web

func (p *page) simulator(m simulator) {
	intro, button := p.T("simulator.dry"), p.T("simulator.try")
	if m.Real() {
		intro, button = p.T("simulator.real"), p.T("simulator.say")
	}
	p.put("<h1>{}</h1>\n<p>{}</p>\n", p.T("simulator.title"), intro)
	if m.Verdict != nil {
		p.put(`<section class="card" role="status" aria-labelledby="verdict"><h2 id="verdict">{}</h2><div class="row">`, p.T("simulator.verdict"))
		p.verdict(*m.Verdict, false)
		p.put("</div></section>\n")
	}
	if m.Real() && m.Talk.Chat != "" {
		p.put(`<div data-live="{}">`, m.Talk.Stream())
		p.bubbles(m.Talk)
		p.put("</div>\n")
	}
	p.put("<form method=\"post\" action=\"/simulator\" class=\"card\">{}\n", p.token())
	if len(m.Accounts) > 1 {
		p.put(`<label for="account">{}</label><select id="account" name="account">`, p.T("access.account"))
		for _, name := range m.Accounts {
			p.put(`<option{}>{}</option>`, on(name == m.Account, ` selected`), name)
		}
		p.put("</select>\n")
	} else {
		p.put("{}\n", hidden("account", m.Account))
	}
	p.put(`<div class="line"><div><label for="user">{}</label><input id="user" name="user" inputmode="numeric" pattern="[0-9]{1,20}" required value="{}" autocomplete="off"></div>
<div><label for="group">{}</label><input id="group" name="group" inputmode="numeric" pattern="[0-9]{1,20}" value="{}" autocomplete="off" aria-describedby="groupnote"></div></div>
<p class="faint" id="groupnote">{}</p>
<label for="said">{}</label><input id="said" name="text" value="{}" maxlength="2000" autocomplete="off"{}>
<p class="check"><input type="checkbox" id="at" name="at" value="1"{}><label for="at">{}</label></p>
<div class="acts"><button>{}</button></div></form>
`, p.T("simulator.user"), m.User, p.T("simulator.group"), m.Group, p.T("simulator.group.note"), p.T("simulator.text"), m.Text, on(m.User != "", ` autofocus`),
		on(m.At, ` checked`), p.T("simulator.at"), button)
	if m.Real() {
		p.put("<p><a href=\"/decisions\">{}</a></p>\n", p.T("simulator.why"))
	}
}
