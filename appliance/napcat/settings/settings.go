// Package settings reads NapCat's own onebot11_<uin>.json, says what is wrong with the entries that catflap needs there,
// and edits them in place: nothing else in the file changes, comments and spacing included.
package settings

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/config/json5"
)

// MaxFile bounds NapCat's file, in bytes; a real one has a few thousand.
const MaxFile = 1 << 20

// Reach is how NapCat gets to this box.
type Reach struct {
	Host  string // without a port, as the owner gave it; "" = not given
	Guess string // what a new entry names when Host is empty and the account listens on all addresses
}

// Name is the name of an account's entry: "catflap" for an account that is the only one, else "catflap-" and its name.
// NapCat keeps all adapters of a file in one map, so names are unique there.
func Name(account string) string {
	if account == config.DefaultAccount {
		return "catflap"
	}
	return "catflap-" + account
}

// apiName is the second entry of link http: no account's name can have a colon.
func apiName(account string) string { return Name(account) + ":api" }

// arrays are the six lists below `network` that share one space of names.
func arrays() []string {
	return []string{"httpServers", "httpSseServers", "httpClients", "websocketServers", "websocketClients", "plugins"}
}

// entry is one adapter that NapCat must have for an account.
type entry struct {
	array, name string
	must        []json5.Member // whatever else the entry says, these values hold
	initial     []json5.Member // written with a new entry, and the owner's business afterwards
	address     string         // the key whose value names a host that the owner may know better; "" = none
}

func text(key, value string) json5.Member {
	return json5.Member{Name: key, Value: &json5.Value{Kind: json5.String, Text: value}}
}

func number(key string, value int) json5.Member {
	return json5.Member{Name: key, Value: &json5.Value{Kind: json5.Number, Text: strconv.Itoa(value)}}
}

func flag(key string, value bool) json5.Member {
	return json5.Member{Name: key, Value: &json5.Value{Kind: json5.Bool, Text: strconv.FormatBool(value)}}
}

// entries lists what an account needs in NapCat's file, by its link.
func entries(account config.Account, reach Reach) ([]entry, error) {
	name, token := Name(account.Name), text("token", account.AccessToken)
	on, array, own := flag("enable", true), text("messagePostFormat", "array"), flag("reportSelfMessage", true)
	quiet := flag("debug", false)
	switch account.Link {
	case "reverse", "":
		target, err := dialled(account, reach, "ws", account.WSPath)
		return []entry{{
			array: "websocketClients", name: name, address: "url",
			must:    []json5.Member{on, text("url", target), array, own, token},
			initial: []json5.Member{number("reconnectInterval", 5000), quiet, number("heartInterval", 30000), flag("verifyCertificate", true)},
		}}, err
	case "forward":
		host, port, err := bound(account.URL, "url", "ws://127.0.0.1:3001")
		return []entry{{
			array: "websocketServers", name: name, address: "host",
			must:    []json5.Member{on, text("host", host), number("port", port), array, own, token},
			initial: []json5.Member{flag("enableForcePushEvent", true), quiet, number("heartInterval", 30000)},
		}}, err
	case "http":
		target, err := dialled(account, reach, "http", account.HTTPPath)
		if err != nil {
			return nil, err
		}
		host, port, err := bound(account.APIURL, "apiUrl", "http://127.0.0.1:3000")
		return []entry{{
			array: "httpClients", name: name, address: "url",
			must:    []json5.Member{on, text("url", target), array, own, token},
			initial: []json5.Member{quiet},
		}, {
			array: "httpServers", name: apiName(account.Name), address: "host",
			must:    []json5.Member{on, text("host", host), number("port", port), array, token},
			initial: []json5.Member{flag("enableCors", false), flag("enableWebsocket", false), quiet},
		}}, err
	case "sse":
		host, port, err := bound(account.APIURL, "apiUrl", "http://127.0.0.1:3000")
		return []entry{{
			array: "httpSseServers", name: name, address: "host",
			must:    []json5.Member{on, text("host", host), number("port", port), array, own, token},
			initial: []json5.Member{flag("enableCors", false), flag("enableWebsocket", false), quiet},
		}}, err
	}
	return nil, fmt.Errorf("link %q has no settings in NapCat: use reverse, forward, http or sse", account.Link)
}

// dialled is the address that NapCat dials to reach the account's listener. Its host is empty when nobody knows it.
func dialled(account config.Account, reach Reach, scheme, path string) (string, error) {
	host := strings.Trim(reach.Host, "[]")
	if host == "" {
		host = account.WSHost
	}
	if unspecified(host) {
		if reach.Host != "" {
			return "", fmt.Errorf("%s is no address that NapCat can dial: name the address of this box as NapCat sees it", host)
		}
		host = strings.Trim(reach.Guess, "[]")
	}
	target := url.URL{Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(int(account.WSPort))), Path: path}
	return target.String(), nil
}

func unspecified(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsUnspecified()
}

// bound turns the address that catflap dials into what NapCat binds: loopback stays loopback, anything else means all
// interfaces, since the name by which NapCat is known elsewhere need not be an address of its own.
func bound(address, key, example string) (host string, port int, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "", 0, fmt.Errorf("the account has no %s: write the address of NapCat's server such as %s", key, example)
	}
	port = 80
	if u.Scheme == "wss" || u.Scheme == "https" {
		port = 443
	}
	if digits := u.Port(); digits != "" {
		if port, err = strconv.Atoi(digits); err != nil {
			return "", 0, fmt.Errorf("reading the port of %s: %w", key, err)
		}
	}
	host = "0.0.0.0"
	if loopback(u.Hostname()) {
		host = "127.0.0.1"
		if ip := net.ParseIP(u.Hostname()); ip != nil {
			host = u.Hostname()
		}
	}
	return host, port, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// needsHost is the error of an entry that would name no host.
func (e *entry) needsHost() error {
	for _, m := range e.must {
		if m.Name != "url" {
			continue
		}
		if u, err := url.Parse(m.Value.Text); err == nil && u.Hostname() == "" {
			return errors.New("the account listens on all addresses: name the address of this box as NapCat sees it")
		}
	}
	return nil
}

// Block is the JSON that NapCat's file must hold for an account, ready to paste. It holds the token.
func Block(account config.Account, reach Reach) ([]byte, error) {
	merged, _, err := Merge(nil, account, reach)
	return merged, err
}

// keeps reports whether what the file says will do instead of what was worked out: the same in other words, or a host
// that the owner chose because he knows how NapCat gets here.
func (e *entry) keeps(m json5.Member, have *json5.Value, account config.Account, reach Reach) bool {
	if have == nil || have.Kind != m.Value.Kind {
		return false
	}
	if have.Text == m.Value.Text {
		return true
	}
	if m.Name != e.address || reach.Host != "" {
		return false
	}
	if m.Name == "host" { // what NapCat binds: a container has to bind more than loopback
		return have.Text != "" && !loopback(have.Text)
	}
	was, want := e.twin(have.Text, m.Value.Text)
	if was == nil || was.Hostname() == "" || unspecified(was.Hostname()) {
		return false
	}
	if unspecified(account.WSHost) || loopback(account.WSHost) && loopback(was.Hostname()) {
		return true
	}
	return net.ParseIP(was.Hostname()) == nil && !loopback(was.Hostname()) && !loopback(want.Hostname()) // a name for it
}

// twin reads two addresses that differ in their hosts at most, with or without TLS; nil for others.
func (e *entry) twin(have, want string) (h, w *url.URL) {
	h, err := url.Parse(have)
	if err != nil {
		return nil, nil
	}
	if w, err = url.Parse(want); err != nil || h.Port() != w.Port() || h.Path != w.Path || h.RawQuery != "" ||
		!slices.Contains([]string{w.Scheme, w.Scheme + "s"}, h.Scheme) {
		return nil, nil
	}
	return h, w
}
