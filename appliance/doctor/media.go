package doctor

import (
	"net"
	"net/url"
	"strings"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
)

// checkMedia finds why media are not kept, and who cannot read those that are.
func checkMedia(r *Readings, rep *report) {
	if r.Config == nil || !keepsMedia(r.Config) {
		return
	}
	if m := r.Media; m != nil {
		if m.Trouble != "" {
			rep.add(Warning, both("media keep QQ's own links, which die within hours: %s", "媒体仍是 QQ 的原始链接，几小时后失效：%s", m.Trouble),
				both("media.dir is %s: is its disk there and writable, and is the folder the catflap user's? it is tried again every minute", "media.dir 是 %s：磁盘是否在位、可写，目录是否属于 catflap 的用户？每分钟会重试", r.Config.MediaDir()))
		}
		switch n := m.Failures["refused"]; {
		case len(m.FakeIP) > 0:
			rep.add(Warning, both("media are not fetched: a proxy in fake-IP (TUN) mode gives QQ's hosts addresses in %s, which the guard of the inner network refuses", "媒体无法下载：fake-IP（TUN）代理把 QQ 的域名解析到 %s，被内网保护拒绝", strings.Join(m.FakeIP, ", ")),
				both("media: {allowPrivate: [%s]}, then `catflap reload`", "设 media: {allowPrivate: [%s]}，然后 `catflap reload`", strings.Join(m.FakeIP, ", ")))
		case n > 0:
			rep.add(OK, both("fetches of media from addresses of the inner network that were refused since the start: %d", "启动以来因内网地址被拒绝的媒体下载：%d 次", n),
				both("if a server of yours is meant: media.allowHosts names it", "如果是自己的服务器：写进 media.allowHosts"))
		}
	}
	checkMediaAddress(r.Config, rep)
	if r.Media != nil && len(rep.list) == 0 {
		rep.add(OK, both("the media cache holds %d files, %d of %d MiB", "媒体缓存有 %d 个文件，%d / %d MiB", r.Media.Items, r.Media.Bytes/mib, r.Media.QuotaBytes/mib), console.Text{})
	}
}

// keepsMedia reports whether events get addresses of the cache.
func keepsMedia(c *config.Config) bool {
	if !c.Media.Rewrite || c.Media.MaxTotalMB == 0 || c.Media.MaxDailyMB == 0 {
		return false
	}
	for i := range c.Apps {
		if a := &c.Apps[i]; a.Enabled && a.Protocol != "agent" && a.RewriteMedia {
			return true
		}
	}
	return false
}

// checkMediaAddress finds addresses of media that lead apps or NapCat to themselves.
func checkMediaAddress(c *config.Config, rep *report) {
	if u, err := url.Parse(c.Media.PublicURL); c.Media.PublicURL != "" && err == nil && !local(u.Hostname()) {
		return
	}
	host, port, err := net.SplitHostPort(c.Gateway.Listen)
	if err != nil {
		return
	}
	set := `media: {publicUrl: "http://ADDRESS-OF-THIS-BOX:` + port + `"}`
	elsewhere := appsElsewhere(c)
	ip := net.ParseIP(strings.Trim(host, "[]"))
	wide := host == "" || ip != nil && ip.IsUnspecified()
	switch {
	case wide:
		rep.add(Warning, both("gateway.listen is %s, and events name media by http://127.0.0.1:%s: apps in containers and on other hosts cannot read them", "gateway.listen 是 %s，而事件里的媒体地址是 http://127.0.0.1:%s：容器里或其他机器上的应用读不到", c.Gateway.Listen, port),
			both("if there are such apps: %s", "如果有这样的应用：设 %s", set))
	case local(host) && len(elsewhere) > 0:
		rep.add(Warning, both("apps on other hosts cannot read media: events name them by http://%s, which is this box alone: %s", "其他机器上的应用读不到媒体：事件里的地址是 http://%s，只有本机可用：%s", c.Gateway.Listen, strings.Join(elsewhere, ", ")),
			both(`gateway: {listen: "0.0.0.0:%s"} and %s`, `设 gateway: {listen: "0.0.0.0:%s"} 和 %s`, port, set))
	}
	if c.Media.NapcatURL != "" || c.Media.NapcatDir != "" || !wide && !local(host) {
		return
	}
	for i := range c.Accounts {
		if a := &c.Accounts[i]; a.Enabled && a.Link != "reverse" && !local(dialled(a)) {
			rep.add(OK, both("account %s: NapCat is on another host and is not told how to reach the gateway: files that apps send go to it within the action or in pieces, which is slower", "账号 %s：NapCat 在其他机器上，而且不知道如何访问网关：应用发送的文件只能随动作或分片传送，较慢", a.Name),
				both("media.publicUrl or media.napcatUrl, where NapCat can reach the gateway", "如果 NapCat 能访问网关：设 media.publicUrl 或 media.napcatUrl"))
		}
	}
}

// appsElsewhere are the apps that catflap dials or posts to on other hosts.
func appsElsewhere(c *config.Config) (names []string) {
	for i := range c.Apps {
		a := &c.Apps[i]
		address := a.Connect
		if address == "" {
			address = a.Post
		}
		u, err := url.Parse(address)
		if a.Enabled && a.RewriteMedia && a.Protocol != "agent" && address != "" && err == nil && !local(u.Hostname()) {
			names = append(names, a.Name)
		}
	}
	return names
}

// dialled is the host at which catflap looks for an account's NapCat.
func dialled(a *config.Account) string {
	address := a.URL
	if a.Link == "http" || a.Link == "sse" {
		address = a.APIURL
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
