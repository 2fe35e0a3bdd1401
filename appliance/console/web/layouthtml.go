package web

import (
	"fmt"
	"time"
)

// at is a moment.
func (p *page) at(t time.Time) markup {
	return fill(`<time datetime="{}">{}</time>`, p.Stamp(t), p.When(t))
}

// whole draws a page around its content.
func (p *page) whole() error {
	p.top()
	switch data := p.Data.(type) {
	case string:
		p.problem(data)
	case loginForm:
		p.login(data)
	case passwordForm:
		p.password(data)
	case overview:
		p.overview(data)
	case access:
		p.access(data)
	case verdicts:
		p.decisions(data)
	case []appCard:
		p.apps(data)
	case chats:
		p.chats(data)
	case talk:
		p.talk(data)
	case gallery:
		p.gallery(data)
	case configuration:
		p.configuration(data)
	case logPage:
		p.logs(data)
	case simulator:
		p.simulator(data)
	default:
		return fmt.Errorf("there is no page for %T", data)
	}
	p.bottom()
	return nil
}

// part draws what lives of a page.
func (p *page) part() error {
	switch data := p.Data.(type) {
	case overview:
		p.overviewParts(data)
	case access:
		p.pending(data)
	case verdicts:
		p.verdicts(data)
	case []appCard:
		p.appParts(data)
	case logPage:
		p.records(data)
	case talk:
		p.bubbles(data)
	default:
		return fmt.Errorf("nothing lives in a page for %T", data)
	}
	return nil
}

func (p *page) top() {
	p.put(`<!doctype html>
<html lang="{}" data-theme="{}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{}<title>{} · {}</title>
<link rel="icon" href="{}" type="image/svg+xml">
<link rel="stylesheet" href="{}">
<script src="{}" defer></script>
</head>
<body>
<a class="skip" href="#content">{}</a>
<header class="top">
<a class="brand" href="/"><img src="{}" alt="" width="28" height="28"><span>{}</span></a>
`, p.Tag(), p.Theme, on(p.In(), "<meta name=\"csrf\" content=\"{}\">\n", p.CSRF), p.Title(), p.T("brand"),
		p.Asset("icon.svg"), p.Asset("console.css"), p.Asset("console.js"), p.T("skip"), p.Asset("icon.svg"), p.T("brand"))
	if p.In() {
		p.put("<nav aria-label=\"{}\">\n", p.T("nav"))
		for _, l := range p.Pages() {
			p.put("<a href=\"{}\"{}>{}</a>\n", l.Path, on(p.Here(l.Path), ` aria-current="page"`), l.Name)
		}
		p.put(`</nav>
<form class="out" method="post" action="/logout">{}<button class="plain">{}</button></form>
`, p.token(), p.T("nav.logout"))
	}
	p.put(`</header>
<p class="offline" id="offline" role="alert" hidden>{}</p>
<main id="content" tabindex="-1">
`, p.T("offline"))
	if p.Done != "" {
		p.put("<p class=\"told good\" role=\"status\">{}</p>\n", p.T(p.Done))
	}
	if p.Failed != "" {
		p.put("<p class=\"told bad\" role=\"alert\">{}{}</p>\n", p.Own(p.Failed), with(p.Own(p.Remedy), `<br>{}`))
	}
}

func (p *page) bottom() {
	chosen := func(yes bool) markup { return on(yes, ` aria-current="true"`) }
	p.put(`</main>
<footer class="end" aria-label="{}">
<p>{}: <a href="{}" lang="zh-CN"{}>中文</a> · <a href="{}" lang="en"{}>English</a></p>
`, p.T("settings"), p.T("language"), p.Choose("lang", "zh"), chosen(p.Lang == "zh"), p.Choose("lang", "en"), chosen(p.Lang == "en"))
	p.put(`<p>{}: <a href="{}"{}>{}</a> · <a href="{}"{}>{}</a> · <a href="{}"{}>{}</a></p>
`, p.T("theme"), p.Choose("theme", "auto"), chosen(p.Theme == "auto"), p.T("theme.auto"), p.Choose("theme", "light"), chosen(p.Theme == "light"),
		p.T("theme.light"), p.Choose("theme", "dark"), chosen(p.Theme == "dark"), p.T("theme.dark"))
	if p.In() {
		p.put("<p><a href=\"/password\"{}>{}</a></p>\n<p>{}</p>\n", on(p.Path == "/password", ` aria-current="page"`), p.T("nav.password"),
			p.T("version", p.Version()))
	}
	p.put("</footer>\n</body>\n</html>\n")
}

// problem is a page that says why there is no other.
func (p *page) problem(key string) {
	p.put(`<section class="narrow card">
<h1>{}</h1>
<p>{}</p>
<p><a href="/">{}</a></p>
</section>
`, p.T("problem.title"), p.T(key), p.T("problem.back"))
}
