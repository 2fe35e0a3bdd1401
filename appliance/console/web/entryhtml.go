package web

// refusal says why a password was not taken.
func (p *page) refusal(key string, wait int64) {
	text := ""
	switch key {
	case "":
		return
	case "login.wait":
		text = p.T(key, wait)
	default:
		text = p.T(key)
	}
	p.put("<p class=\"note bad\" role=\"alert\">{}</p>\n", text)
}

func (p *page) login(f loginForm) {
	p.put("<section class=\"narrow card\">\n<h1>{}</h1>\n", p.T("login.title"))
	p.refusal(f.Problem, f.Wait)
	switch {
	case f.Key != "":
		p.put(`<p>{}</p>
<form method="post" action="/login">
{}
{}
<button>{}</button>
</form>
`, p.T("login.link"), hidden("key", f.Key), hidden("next", f.Next), p.T("login.link.go"))
	case f.Password:
		p.put(`<form method="post" action="/login">
{}
<input type="text" name="username" value="owner" autocomplete="username" hidden>
<label for="password">{}</label>
<input type="password" id="password" name="password" autocomplete="current-password" required autofocus>
<button>{}</button>
</form>
<p class="faint">{} <code>catflap console link</code></p>
`, hidden("next", f.Next), p.T("login.password"), p.T("login.go"), p.T("login.lost"))
	default:
		p.put(`<p>{}</p>
<pre tabindex="0">catflap console password
catflap console link</pre>
`, p.T("login.none"))
	}
	p.put("</section>\n")
}

func (p *page) password(f passwordForm) {
	p.put("<section class=\"narrow card\">\n<h1>{}</h1>\n", p.T("password.title"))
	p.refusal(f.Problem, f.Wait)
	p.put(`<form method="post" action="/password">
{}
<input type="text" name="username" value="owner" autocomplete="username" hidden>
`, p.token())
	if f.Ask {
		p.put(`<label for="current">{}</label>
<input type="password" id="current" name="current" autocomplete="current-password" required>
`, p.T("password.current"))
	}
	p.put(`<label for="new">{}</label>
<input type="password" id="new" name="password" autocomplete="new-password" minlength="8" required aria-describedby="rule">
<p class="faint" id="rule">{} {}</p>
<label for="again">{}</label>
<input type="password" id="again" name="again" autocomplete="new-password" minlength="8" required>
<button>{}</button>
</form>
`, p.T("password.new"), p.T("password.rule"), p.T("password.ends"), p.T("password.again"), p.T("password.go"))
	p.put(`<form class="apart" method="post" action="/logout">
{}{}
<span>{}</span>
<button class="plain">{}</button>
</form>
</section>
`, p.token(), hidden("all", "yes"), p.T("password.sessions", f.Sessions), p.T("password.all"))
}
