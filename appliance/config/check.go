package config

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// check makes the checks between keys. Each is left out where one of its own values was refused before.
func (d *decoder) check(c *Config) {
	for i := range c.Accounts {
		d.checkAccount(c, &c.Accounts[i])
	}
	for i := range c.Apps {
		d.checkApp(c, &c.Apps[i])
	}
	d.checkAccountPairs(c)
	d.checkAppPairs(c)
	d.checkListeners(c)
	d.checkSections(c)
}

// accountPath is where a value of an account may stand: in its own entry or at the top level.
func accountPath(a *Account, key string) []string {
	return []string{"accounts." + a.Name + "." + key, key}
}

// soundAccount reports whether nothing was wrong with these keys of an account.
func (d *decoder) soundAccount(a *Account, keys ...string) bool {
	for _, key := range keys {
		if !d.sound(accountPath(a, key)...) {
			return false
		}
	}
	return d.sound("accounts." + a.Name)
}

// accountPlace is the place of a key of an account, and its path; without the key the account's own.
func (d *decoder) accountPlace(a *Account, key string) (place, string) {
	for _, path := range accountPath(a, key) {
		if d.has(path) {
			return d.where(path), path
		}
	}
	if path := "accounts." + a.Name; d.has(path) {
		return d.where(path), path
	}
	return place{1, 1}, ""
}

func (d *decoder) checkAccount(c *Config, a *Account) {
	d.checkAccountLink(a)
	d.checkAccountToken(a)
	d.checkReconnect(a.Reconnect, accountPath(a, "reconnect"))
	d.checkCAFile(a.CAFile, accountPath(a, "caFile"))
	if id, ok := parseID(a.Name); ok {
		for i := range c.Accounts {
			if other := &c.Accounts[i]; other.Name != a.Name && other.SelfID == id {
				at, path := d.accountPlace(a, "")
				d.failAt(at, path, "this name is the selfId of account %s: name the account differently", other.Name)
			}
		}
	}
}

func (d *decoder) checkAccountLink(a *Account) {
	if !d.soundAccount(a, "link", "url", "apiUrl") {
		return
	}
	at, path := d.accountPlace(a, "link")
	switch a.Link {
	case "forward":
		if a.URL == "" {
			d.failAt(at, path, "forward needs url, the address of NapCat's WebSocket server such as ws://127.0.0.1:3001")
		}
	case "http", "sse":
		if a.APIURL == "" {
			d.failAt(at, path, "%s needs apiUrl, the address of NapCat's HTTP server such as http://127.0.0.1:3000", a.Link)
		}
	}
}

// remoteHost is the host that an account's token protects.
func remoteHost(a *Account) (key, host string) {
	switch a.Link {
	case "forward":
		key, host = "url", a.URL
	case "sse":
		key, host = "apiUrl", a.APIURL
	default:
		return "wsHost", a.WSHost
	}
	if u, err := url.Parse(host); err == nil {
		host = u.Hostname()
	}
	return key, host
}

const tokenRequired = "accessToken is required"

func (d *decoder) checkAccountToken(a *Account) {
	if !d.soundAccount(a, "accessToken", "accessTokenFile", "allowNoToken", "wsHost", "link", "url", "apiUrl") {
		return
	}
	key, host := remoteHost(a)
	if a.AllowNoToken && !isLoopback(host) && host != "" {
		at, path := d.accountPlace(a, "allowNoToken")
		d.failAt(at, path, "true needs a loopback address in %s, which is %s: set accessToken and remove allowNoToken", key, host)
		return
	}
	if a.AccessToken == "" {
		if !a.AllowNoToken {
			at, path := d.accountPlace(a, "accessToken")
			d.failAt(at, path, tokenRequired+": write a long random one here and in NapCat (`catflap init` makes one), or allowNoToken: true with a loopback %s", key)
		}
		return
	}
	d.checkTokenText(a.AccessToken, append(accountPath(a, "accessToken"), accountPath(a, "accessTokenFile")...))
}

// checkTokenText warns of characters that do not survive in ?access_token= everywhere.
func (d *decoder) checkTokenText(token string, paths []string) {
	for _, r := range token {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-._~", r) {
			continue
		}
		for _, path := range paths {
			if d.has(path) {
				d.warnAt(d.where(path), path, "the token has characters that change in addresses (?access_token=): use letters, digits, - . _ ~ only")
				return
			}
		}
	}
}

func (d *decoder) checkReconnect(r Reconnect, paths []string) {
	var own []string
	for _, path := range paths {
		for _, key := range []string{"maxDelay", "retryDelay"} {
			if !d.sound(path+"."+key, path) {
				return
			}
			if d.has(path + "." + key) {
				own = append(own, path+"."+key)
			}
		}
	}
	if r.MaxDelay < r.RetryDelay && len(own) > 0 {
		d.failAt(d.where(own[0]), own[0], "maxDelay (%s) is shorter than retryDelay (%s): raise maxDelay or lower retryDelay",
			formatDuration(r.MaxDelay), formatDuration(r.RetryDelay))
	}
}

func (d *decoder) checkCAFile(name string, paths []string) {
	if name == "" || !d.sound(paths...) {
		return
	}
	for _, path := range paths {
		if !d.has(path) {
			continue
		}
		data, _, err := readSmall(name, maxFile)
		if err != nil {
			d.failAt(d.where(path), path, "%v", err)
		} else if block, _ := pem.Decode(data); block == nil {
			d.failAt(d.where(path), path, "%s holds no PEM certificate", name)
		}
		return
	}
}

// other names a place in the file for a message about two places.
func (d *decoder) other(p place) string {
	return fmt.Sprintf("%s:%d:%d", d.file, p.line, p.column)
}

// checkAccountPairs refuses two accounts with one address or one QQ number.
func (d *decoder) checkAccountPairs(c *Config) {
	type seen struct {
		name string
		at   place
	}
	addresses, ids := map[string]seen{}, map[uint64]seen{}
	for i := range c.Accounts {
		a := &c.Accounts[i]
		own, ownPath := d.accountPlace(a, "")
		if a.SelfID != 0 {
			if first, ok := ids[a.SelfID]; ok {
				at, path := d.ownPlace(a, own, ownPath, "selfId")
				d.failAt(at, path, "account %s (%s) has the same selfId: each account needs its own", first.name, d.other(first.at))
			} else {
				at, _ := d.ownPlace(a, own, ownPath, "selfId")
				ids[a.SelfID] = seen{a.Name, at}
			}
		}
		if a.WSPort == 0 || !listens(a) || !d.soundAccount(a, "wsHost", "wsPort", "wsPath", "httpPath", "link") {
			continue
		}
		keys := []string{"wsPath", "wsPort", "wsHost"}
		paths := []string{a.WSPath}
		if a.Link == "http" {
			paths = append(paths, a.HTTPPath)
		}
		for _, p := range paths {
			address := net.JoinHostPort(sameHost(a.WSHost), fmt.Sprint(a.WSPort)) + strings.TrimRight(p, "/")
			at, path := d.ownPlace(a, own, ownPath, keys...)
			first, twice := addresses[address]
			if !twice {
				addresses[address] = seen{a.Name, at}
			} else if first.name != a.Name {
				d.failAt(at, path, "account %s (%s) listens on the same %s: give each account a wsPath of its own", first.name, d.other(first.at), address+pathEnd(p))
			}
		}
	}
}

func pathEnd(p string) string {
	if strings.Trim(p, "/") == "" {
		return "/"
	}
	return ""
}

// ownPlace is the place of the first of these keys in the account's own entry, else the entry.
func (d *decoder) ownPlace(a *Account, own place, ownPath string, keys ...string) (place, string) {
	for _, key := range keys {
		if path := "accounts." + a.Name + "." + key; d.has(path) {
			return d.where(path), path
		}
	}
	return own, ownPath
}

func listens(a *Account) bool { return a.Link == "reverse" || a.Link == "http" }

// sameHost maps the spellings of one address to one.
func sameHost(host string) string {
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" {
		return "127.0.0.1"
	}
	if host == "" || host == "::" {
		return "0.0.0.0"
	}
	return host
}

// checkListeners refuses two listeners on one port.
func (d *decoder) checkListeners(c *Config) {
	type listener struct {
		what, host, port string
		account          bool
		at               place
		path             string
	}
	var all []listener
	add := func(what, address string, account bool, path string) {
		if host, port, err := net.SplitHostPort(address); err == nil && port != "0" && d.sound(path) {
			all = append(all, listener{what, sameHost(host), port, account, d.where(path), path})
		}
	}
	for i := range c.Accounts {
		if a := &c.Accounts[i]; listens(a) && d.soundAccount(a, "wsHost", "wsPort", "link") {
			_, path := d.accountPlace(a, "wsPort")
			add("account "+a.Name, net.JoinHostPort(a.WSHost, fmt.Sprint(a.WSPort)), true, path)
		}
	}
	add("the gateway", c.Gateway.Listen, false, "gateway.listen")
	add("the console", c.Console.Listen, false, "console.listen")
	for _, a := range c.Apps {
		if a.Listen != "" {
			add("app "+a.Name, a.Listen, false, "apps."+a.Name+".listen")
		}
	}
	for i, second := range all {
		for _, first := range all[:i] {
			same := first.host == second.host
			if first.port != second.port || !same && first.host != "0.0.0.0" && second.host != "0.0.0.0" {
				continue
			}
			if same && first.account && second.account {
				continue
			}
			a, b := first, second
			if !d.has(b.path) || d.has(a.path) && a.at.line > b.at.line {
				a, b = b, a
			}
			where := ""
			if d.has(a.path) {
				where = " (" + d.other(a.at) + ")"
			}
			d.failAt(b.at, b.path, "port %s is taken by %s%s: use another port", b.port, a.what, where)
			break
		}
	}
}

// checkAllowPrivate warns of a network that is larger than any private one: the guard would let almost everything through.
func (d *decoder) checkAllowPrivate(networks []string) {
	const path = "media.allowPrivate"
	for _, network := range networks {
		p, err := netip.ParsePrefix(network)
		if err == nil && d.sound(path) && (p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 7) {
			d.warnAt(d.where(path), path, "%s is larger than any private network, so whoever sends a message can have catflap reach all of yours: name only the network that is meant, such as 198.18.0.0/15", network)
		}
	}
}

// checkNapcatDir warns of a folder that is not there: it may be on a disk that comes later, so it is no error.
func (d *decoder) checkNapcatDir(dir string) {
	const path = "media.napcatDir"
	if dir == "" || !d.sound(path) {
		return
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		d.warnAt(d.where(path), path, "the folder %s is not there, so files are sent to NapCat in other ways: make it, or remove napcatDir", dir)
	}
}

func (d *decoder) checkSections(c *Config) {
	if d.sound("limits", "limits.maxFrameMb", "memory", "memory.limit") && int64(c.Limits.MaxFrameMB)<<20 > c.Memory.Limit/6 {
		most := c.Memory.Limit / 6 >> 20
		d.failAt(d.where("limits.maxFrameMb", "memory.limit"), "limits.maxFrameMb",
			"%d MiB is more than a sixth of memory.limit (%s): write at most %d, or raise memory.limit", c.Limits.MaxFrameMB, formatSize(c.Memory.Limit), most)
	}
	if d.sound("console.tls") && (c.Console.TLS.Cert == "") != (c.Console.TLS.Key == "") {
		d.failAt(d.where("console.tls"), "console.tls", "cert and key are needed together: write both, or neither")
	}
	d.checkNapcatDir(c.Media.NapcatDir)
	d.checkAllowPrivate(c.Media.AllowPrivate)
	need := len(c.Accounts)
	for i := range c.Apps {
		if c.Apps[i].Connect != "" {
			need += len(c.AccountsOf(&c.Apps[i]))
		}
	}
	if need > c.Limits.Links && d.sound("limits", "limits.links") {
		d.warnAt(d.where("limits.links", "limits"), "limits.links", "the accounts and dialling apps need %d links, and %d are allowed: raise limits.links", need, c.Limits.Links)
	}
}
