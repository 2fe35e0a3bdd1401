package web

import "github.com/catflap/catflap/appliance/console"

func (p *page) configuration(c configuration) {
	p.put("<h1>{}</h1>\n<p class=\"faint\"><code>{}</code> {}</p>\n", p.T("config.title"), c.Path, p.T("config.note"))
	if c.Checked {
		p.put("<section id=\"review\" aria-labelledby=\"reviewed\" class=\"card\">\n{}", on(c.Moved(), "<p class=\"note bad\" role=\"alert\">{}</p>\n", p.T("config.moved")))
		if c.Check.OK {
			p.changes(c)
		} else {
			p.issues(c.Check.Issues)
		}
		p.put("</section>\n")
	}
	p.put(`<form method="post" action="/config#review">{}{}
<label for="text">{}</label>
<textarea id="text" name="text" class="editor" rows="24" spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off"`, p.token(), hidden("base", c.Base), p.T("config.text"))
	if first := c.First(); first != nil {
		p.put(` aria-invalid="true" data-line="{}" data-column="{}"`, first.Line, first.Column)
	}
	p.put(`>
{}</textarea>
<div class="acts"><button>{}</button></div></form>
`, c.Draft, p.T("config.review"))
	p.versions(c)
}

func (p *page) issues(issues []console.ConfigIssue) {
	p.put("<h2 id=\"reviewed\">{}</h2>\n<div role=\"alert\"><ol class=\"issues\">", p.T("config.wrong", len(issues)))
	for _, issue := range issues {
		where, show := markup(""), markup("")
		if issue.Line != 0 {
			where = fill(`{}`, p.T("config.at", issue.Line, issue.Column))
			show = fill(` <button type="button" class="plain" data-line="{}" data-column="{}">{}</button>`, issue.Line, issue.Column, p.T("config.show"))
		}
		p.put("\n<li><p><strong>{}</strong> {}{}{}</p>{}</li>", where, with(issue.Path, `<code>{}</code>: `), p.Own(issue.Message), show,
			on(issue.Source != "", "<pre tabindex=\"0\">{}\n{}</pre>", issue.Source, p.Mark(issue)))
	}
	p.put("\n</ol></div>\n")
}

// changes is what a draft without mistakes would change.
func (p *page) changes(c configuration) {
	title := p.T("config.compare")
	switch {
	case c.Same:
		title = p.T("config.same")
	case c.Moved():
		title = p.T("config.compare.moved")
	case c.Version != "":
		title = p.T("config.compare.version")
	}
	p.put("<h2 id=\"reviewed\">{}</h2>\n", title)
	for _, issue := range c.Check.Warnings {
		where := ""
		if issue.Line != 0 {
			where = p.T("config.at", issue.Line, issue.Column) + " "
		}
		p.put(`<p class="note">{}{}{}</p>`, where, with(issue.Path, `<code>{}</code>: `), p.Own(issue.Message))
	}
	if c.Same {
		p.put("\n")
		return
	}
	p.put("\n<pre class=\"diff\" tabindex=\"0\">")
	for _, line := range c.Diff {
		p.put("<span class=\"{}\">{} {}\n</span>", line.Class(), line.Sign, line.Text)
	}
	class, apply, other := markup(""), p.T("config.apply"), markup("")
	if c.Moved() {
		class, apply, other = ` class="danger"`, p.T("config.overwrite"), fill(` <a class="button" href="/config">{}</a>`, p.T("config.again"))
	}
	p.put(`</pre>
<form method="post" action="/config/apply">{}{}<textarea name="text" hidden aria-hidden="true">
{}</textarea><div class="acts"><button{}>{}</button>{}</div></form>
`, p.token(), hidden("base", c.Sum), c.Draft, class, apply, other)
}

func (p *page) versions(c configuration) {
	p.put("<section aria-labelledby=\"versions\">\n<h2 id=\"versions\">{}</h2>\n", p.T("config.versions"))
	if len(c.Versions) == 0 {
		p.put("<p class=\"faint\">{}</p>\n</section>\n", p.T("config.noversions"))
		return
	}
	p.put(`<ul class="rows">`)
	for _, v := range c.Versions {
		p.put(`
<li class="row"><div class="main">{} <small>{}</small></div>
<form method="post" action="/config/return" class="acts">{}{}<a class="button" href="/config?version={}">{}</a> <button class="plain" aria-label="{} {}">{}</button></form></li>`,
			p.at(v.Time), p.Bytes(v.Bytes), p.token(), hidden("version", v.ID), v.ID, p.T("config.look"), p.T("config.return"), p.When(v.Time), p.T("config.return"))
	}
	p.put("\n</ul>\n</section>\n")
}
