package web

func (p *page) gallery(g gallery) {
	of := func(used, all int64) string {
		if all == 0 {
			return p.Bytes(used)
		}
		return p.Bytes(used) + " / " + p.Bytes(all)
	}
	p.put("<h1>{}</h1>\n<section aria-labelledby=\"usage\" class=\"card\">\n<h2 id=\"usage\">{}</h2>\n", p.T("media.title"), p.T("media.usage"))
	if g.QuotaBytes != 0 {
		p.put("<meter min=\"0\" max=\"{}\" value=\"{}\" aria-labelledby=\"usage\"></meter>\n", g.QuotaBytes, g.MediaStats.Bytes)
	}
	p.put("<dl class=\"wide\">\n")
	p.fact(p.T("media.kept"), of(g.MediaStats.Bytes, g.QuotaBytes))
	p.fact(p.T("media.files"), g.Items)
	p.fact(p.T("media.today"), of(g.SpentBytes, g.DailyBytes))
	p.fact(p.T("media.fetched"), g.Fetched)
	p.fact(p.T("media.served"), p.Bytes(g.ServedBytes))
	p.fact(p.T("media.evicted"), g.Evicted)
	p.fact(p.T("media.failed"), g.Failed)
	p.put(`</dl>
<form method="post" action="/media/gc" class="acts">{}<button class="plain">{}</button></form>
<details><summary>{}</summary><form method="post" action="/media/gc">{}{}<p>{}</p><button class="danger">{}</button></form></details>
</section>
`, p.token(), p.T("media.gc"), p.T("media.empty"), p.token(), hidden("all", 1), p.T("media.sure"), p.T("media.empty"))
	p.put("<section aria-labelledby=\"newest\">\n<h2 id=\"newest\">{}</h2>\n", p.T("media.newest"))
	if len(g.Pictures) == 0 {
		p.put("<p class=\"faint\">{}</p>\n</section>\n", p.T("media.none"))
		return
	}
	p.put(`<ul class="gallery">`)
	for _, one := range g.Pictures {
		p.put("\n<li><a href=\"{}\"><img src=\"/media/{}\" alt=\"{}\" loading=\"lazy\">{}</a><small>{}</small></li>", one.Link(), one.Key,
			p.T("media.alt", said(one.From.HistoryMessage)), p.lost(p.T("medium.image")), p.at(one.From.Time))
	}
	p.put("\n</ul>\n</section>\n")
}
