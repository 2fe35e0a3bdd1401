package config

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

func (d *decoder) checkApp(c *Config, a *App) {
	path := "apps." + a.Name
	if !d.sound(path + ".protocol") {
		return
	}
	d.checkAppTransport(a, path)
	d.checkAppProtocol(a, path)
	d.checkAppToken(a, path)
	d.checkAppAccounts(c, a, path)
	d.checkReconnect(a.Reconnect, []string{path + ".reconnect"})
	d.checkCAFile(a.CAFile, []string{path + ".caFile"})
	d.checkMatch(path + ".only")
	d.checkMatch(path + ".except")
	if a.Actions.Allow != nil {
		d.warnOfActions(*a.Actions.Allow, path+".actions.allow")
	}
	d.warnOfActions(a.Actions.Deny, path+".actions.deny")
	if d.has(path+".transports") && d.sound(path+".transports") && len(a.Transports) == 0 {
		d.failAt(d.where(path+".transports"), path+".transports", "an empty list allows nothing: name ws, http or sse, or remove the key for all, or write enabled: false")
	}
}

// checkMatch: an empty list would count as absent, so an app that was to receive nothing would receive everything.
func (d *decoder) checkMatch(path string) {
	for _, key := range []string{"chats", "types", "commands"} {
		if list := path + "." + key; d.has(list) && !d.has(itemPath(list, 0)) && d.sound(list) {
			d.failAt(d.where(list), list, "an empty list selects nothing: name some, or remove the key")
		}
	}
}

// warnOfActions: a name misspelt in deny denies nothing. It is no error, since NapCat may be newer than the catalogue.
func (d *decoder) warnOfActions(names []string, path string) {
	if !d.sound(path) {
		return
	}
	for i, name := range names {
		base, _ := onebot.Normalise(name)
		if _, known := onebot.Lookup(base); known || strings.HasPrefix(name, "@") || strings.HasSuffix(name, "*") {
			continue
		}
		at, hint := fmt.Sprintf("%s[%d]", path, i), "correct it unless your NapCat has it"
		if near := onebot.Nearest(base); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		d.warnAt(d.where(at, path), at, "no known action is called %q: %s", name, hint)
	}
}

// checkAppTransport: at most one of connect, listen and post.
func (d *decoder) checkAppTransport(a *App, path string) {
	var given []string
	for _, key := range []string{"connect", "listen", "post"} {
		if d.has(path + "." + key) {
			given = append(given, key)
		}
	}
	slices.SortFunc(given, func(x, y string) int {
		return d.keys[path+"."+x].line*10000 + d.keys[path+"."+x].column - d.keys[path+"."+y].line*10000 - d.keys[path+"."+y].column
	})
	if len(given) > 1 {
		second := d.keys[path+"."+given[1]]
		d.failAt(second, path, "%s and %s (%s) exclude each other: keep one of connect, listen and post, or none for the gateway",
			given[1], given[0], d.other(d.keys[path+"."+given[0]]))
	}
	if a.Protocol == "agent" && len(given) > 0 {
		d.failAt(d.keys[path+"."+given[0]], path, "%s has no meaning for protocol: agent: remove it, or write the model's address as baseUrl", given[0])
	}
	if !d.has(path+".post") && a.Secret != "" {
		for _, key := range []string{".secret", ".secretFile"} {
			if d.has(path + key) {
				d.warnAt(d.where(path+key), path+key, "secret signs what is posted, and this app has no post")
			}
		}
	}
}

// checkAppProtocol: agents and frameworks have keys of their own.
func (d *decoder) checkAppProtocol(a *App, path string) {
	agent := a.Protocol == "agent"
	for _, key := range keyNames(agentFields()) {
		if !agent && d.has(path+"."+key) {
			d.failAt(d.keys[path+"."+key], path, "%s is for apps with protocol: agent only, and this one's is %s: remove it or change protocol", key, a.Protocol)
		}
	}
	if d.has(path+".markdown") && d.sound(path+".markdown") {
		accepted := []string{"forward", "refuse"}
		if agent {
			accepted = []string{"plain", "forward"}
		}
		if !slices.Contains(accepted, a.Markdown) {
			d.failAt(d.where(path+".markdown"), path+".markdown", "expected %s for protocol: %s, found %q", orList(accepted), a.Protocol, a.Markdown)
		}
	}
	if a.Protocol == "onebot12" {
		d.warnOfEleven(a, path)
	}
	if !agent {
		return
	}
	if a.Agent.BaseURL == "" && d.sound(path+".baseUrl") {
		d.failAt(d.where(path), path, "baseUrl is required for protocol: agent: write the model's address such as http://127.0.0.1:11434/v1")
	}
	if a.Agent.Model == "" && a.Agent.Backend == "openai" && d.sound(path+".model", path+".backend") {
		d.failAt(d.where(path), path, "model is required for backend: openai: name the model to ask")
	}
	for _, name := range sortedKeys(a.Agent.MCP) {
		if server := path + ".mcp." + name; a.Agent.MCP[name].URL == "" && d.sound(server, server+".url") {
			d.failAt(d.where(server), server, "url is required: write the address of the tool server")
		}
	}
}

// warnOfEleven warns of keys that mean something in OneBot 11 only.
func (d *decoder) warnOfEleven(a *App, path string) {
	if key := path + ".messageFormat"; d.has(key) && a.MessageFormat == "string" {
		d.warnAt(d.where(key), key, "messages of protocol: onebot12 are lists of segments; string has no effect")
	}
	if key := path + ".transports"; d.has(key) && slices.Contains(a.Transports, "sse") {
		d.warnAt(d.where(key), key, "protocol: onebot12 has no sse; get_latest_events is its way to ask for events over http")
	}
}

// namesAtGateway reports whether an app's token is looked up among those of all apps: not that of an app that only dials.
func namesAtGateway(a *App) bool {
	return a.Connect == "" && a.Protocol != "agent"
}

func (d *decoder) checkAppToken(a *App, path string) {
	if !d.sound(path+".accessToken", path+".accessTokenFile", path+".listen", path+".connect", path+".post", path+".allowNoToken", path) {
		return
	}
	host, _, _ := net.SplitHostPort(a.Listen)
	loopback := a.Listen != "" && isLoopback(host)
	if a.AllowNoToken && !loopback {
		d.failAt(d.where(path+".allowNoToken"), path+".allowNoToken", "true needs a loopback listen of the app's own such as listen: 127.0.0.1:5700: add one, or set accessToken and remove allowNoToken")
		return
	}
	if a.AccessToken != "" {
		d.checkTokenText(a.AccessToken, []string{path + ".accessToken", path + ".accessTokenFile"})
		return
	}
	if !namesAtGateway(a) || a.Post != "" || a.AllowNoToken {
		return
	}
	if a.Listen != "" {
		d.failAt(d.where(path+".accessToken", path), path, "accessToken is required: write a long random one here and in the app, or allowNoToken: true with a loopback listen")
		return
	}
	d.failAt(d.where(path+".accessToken", path), path, "accessToken is required at the gateway, where it says which app calls: write a long random one here and in the app")
}

// checkAppAccounts replaces QQ numbers by names and refuses what is no account.
func (d *decoder) checkAppAccounts(c *Config, a *App, path string) {
	list := path + ".accounts"
	if !d.has(list) || !d.sound(list) {
		return
	}
	if len(a.Accounts) == 0 {
		d.failAt(d.where(list), list, "an empty list serves no account: name some, or remove the key for all")
		return
	}
	var names []string
	for i := range c.Accounts {
		names = append(names, c.Accounts[i].Name)
	}
	resolved := make([]string, 0, len(a.Accounts))
	for i, name := range a.Accounts {
		item := itemPath(list, i)
		if !d.sound(item) {
			continue
		}
		account := c.Account(name)
		switch {
		case account == nil && nearest(name, names) != "":
			d.failAt(d.where(item), item, "there is no account %q; did you mean %q?", name, nearest(name, names))
		case account == nil:
			d.failAt(d.where(item), item, "there is no account %q; known: %s", name, strings.Join(names, ", "))
		case slices.Contains(resolved, account.Name):
			d.failAt(d.where(item), item, "account %q is named twice: remove one", account.Name)
		default:
			resolved = append(resolved, account.Name)
		}
	}
	a.Accounts = resolved
}

// checkAppPairs refuses two apps with one token at the gateway, and warns of two that dial one address.
func (d *decoder) checkAppPairs(c *Config) {
	tokens, addresses := map[string]string{}, map[string]string{}
	for i := range c.Apps {
		a := &c.Apps[i]
		path := "apps." + a.Name
		token := d.where(path+".accessToken", path+".accessTokenFile", path)
		if a.AccessToken != "" && namesAtGateway(a) && d.sound(path+".connect", path+".protocol", path) {
			if first, twice := tokens[a.AccessToken]; twice {
				at := d.where("apps."+first+".accessToken", "apps."+first+".accessTokenFile", "apps."+first)
				d.failAt(token, path+".accessToken", "app %s (%s) has the same token: each app needs its own, since the token says which app calls", first, d.other(at))
			} else {
				tokens[a.AccessToken] = a.Name
			}
		}
		if a.Connect == "" || !a.Enabled {
			continue
		}
		first, twice := addresses[a.Connect]
		if !twice {
			addresses[a.Connect] = a.Name
			continue
		}
		ours, theirs := c.AccountsOf(a), c.AccountsOf(c.App(first))
		if slices.ContainsFunc(ours, func(name string) bool { return slices.Contains(theirs, name) }) {
			d.warnAt(d.where(path+".connect"), path+".connect", "app %s dials the same address for the same account: frameworks refuse or drop the second connection", first)
		}
	}
}
