package napcat

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/config/json5"
)

// SettingsName is the name of an account's entry in NapCat's onebot11_<uin>.json: "catflap" for an account that is the
// only one, else "catflap-" and its name. NapCat keeps all adapters of a file in one map, so names are unique there.
func SettingsName(account string) string {
	if account == config.DefaultAccount {
		return "catflap"
	}
	return "catflap-" + account
}

// settingsArrays are the six arrays below `network` that share one space of names.
func settingsArrays() []string {
	return []string{"httpServers", "httpSseServers", "httpClients", "websocketServers", "websocketClients", "plugins"}
}

// Settings is the JSON that NapCat's file must hold for an account, ready to paste: a file of its own with one entry.
// host is how NapCat reaches this box, without a port; "" = the account's wsHost. The entry holds the token.
func Settings(account config.Account, host string) ([]byte, error) {
	array, entry, err := settingsEntry(account, host)
	if err != nil {
		return nil, err
	}
	network := &json5.Value{Kind: json5.Object}
	network.Set(array, &json5.Value{Kind: json5.Array, Items: []*json5.Value{entry}})
	file := &json5.Value{Kind: json5.Object}
	file.Set("network", network)
	return append(file.AppendJSON(nil), '\n'), nil
}

// MergeSettings puts the account's entry into the content of NapCat's file (JSON5) and returns the new content (plain
// JSON, as NapCat writes it). An entry of the same name in the right array is updated: keys that catflap does not set
// stay. Everything else keeps its value and its order; comments go, as they do when NapCat saves. A name that another
// array uses already is refused, since NapCat would silently drop one of the two.
func MergeSettings(file []byte, account config.Account, host string) ([]byte, error) {
	array, entry, err := settingsEntry(account, host)
	if err != nil {
		return nil, err
	}
	root := &json5.Value{Kind: json5.Object}
	if strings.TrimSpace(string(file)) != "" {
		if root, err = json5.Parse(file); err != nil {
			return nil, fmt.Errorf("reading NapCat's settings: %w", err)
		}
	}
	if root.Kind != json5.Object {
		return nil, errors.New("reading NapCat's settings: expected an object in braces: give the file onebot11_<uin>.json")
	}
	network, err := settingsMember(root, "network", json5.Object)
	if err != nil {
		return nil, err
	}
	var own *json5.Value
	for _, name := range settingsArrays() {
		list := network.Get(name)
		if list == nil || list.Kind != json5.Array {
			continue
		}
		for _, item := range list.Items {
			if item.Kind != json5.Object || item.Get("name") == nil || item.Get("name").Text != entry.Get("name").Text {
				continue
			}
			if name != array || own != nil {
				return nil, fmt.Errorf("NapCat's settings use the name %q in network.%s already (line %d), and names must be unique: rename or remove that entry",
					item.Get("name").Text, name, item.Line)
			}
			own = item
		}
	}
	if own != nil {
		for _, m := range entry.Members {
			own.Set(m.Name, m.Value)
		}
	} else {
		list, err := settingsMember(network, array, json5.Array)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, entry)
	}
	return append(root.AppendJSON(nil), '\n'), nil
}

// settingsMember returns a member of the given kind, made when it is absent or null.
func settingsMember(of *json5.Value, name string, kind json5.Kind) (*json5.Value, error) {
	have := of.Get(name)
	if have == nil || have.Kind == json5.Null {
		have = &json5.Value{Kind: kind}
		of.Set(name, have)
	}
	if have.Kind != kind {
		what := "an object"
		if kind == json5.Array {
			what = "a list"
		}
		return nil, fmt.Errorf("reading NapCat's settings: %s in line %d is not %s: restore the file from NapCat's WebUI", name, have.Line, what)
	}
	return have, nil
}

// settingsEntry makes the entry and names its array.
func settingsEntry(account config.Account, host string) (array string, entry *json5.Value, err error) {
	entry = &json5.Value{Kind: json5.Object}
	text := func(key, value string) { entry.Set(key, &json5.Value{Kind: json5.String, Text: value}) }
	number := func(key string, value int) {
		entry.Set(key, &json5.Value{Kind: json5.Number, Text: strconv.Itoa(value)})
	}
	flag := func(key string, value bool) {
		entry.Set(key, &json5.Value{Kind: json5.Bool, Text: strconv.FormatBool(value)})
	}
	text("name", SettingsName(account.Name))
	flag("enable", true)
	switch account.Link {
	case "reverse", "":
		array = "websocketClients"
		if host == "" {
			host = account.WSHost
		}
		host = strings.Trim(host, "[]")
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			return "", nil, fmt.Errorf("%s is no address that NapCat can dial: name the address of this box as NapCat sees it", host)
		}
		target := url.URL{Scheme: "ws", Host: net.JoinHostPort(host, strconv.Itoa(int(account.WSPort))), Path: account.WSPath}
		text("url", target.String())
		text("messagePostFormat", "array")
		flag("reportSelfMessage", true)
		number("reconnectInterval", 5000)
		text("token", account.AccessToken)
		flag("debug", false)
		number("heartInterval", 30000)
		flag("verifyCertificate", true)
	case "forward":
		array = "websocketServers"
		bind, port, err := settingsListen(account.URL)
		if err != nil {
			return "", nil, err
		}
		text("host", bind)
		number("port", port)
		text("messagePostFormat", "array")
		flag("reportSelfMessage", true)
		text("token", account.AccessToken)
		flag("enableForcePushEvent", true)
		flag("debug", false)
		number("heartInterval", 30000)
	default:
		return "", nil, fmt.Errorf("link %q has no NapCat settings in this version: use reverse or forward", account.Link)
	}
	return array, entry, nil
}

// settingsListen turns the address that catflap dials into what NapCat binds: loopback stays loopback, anything else
// means all interfaces, since the name by which NapCat is known elsewhere need not be an address of its own.
func settingsListen(address string) (host string, port int, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "", 0, errors.New("the account has no url: write the address of NapCat's WebSocket server such as ws://127.0.0.1:3001")
	}
	port = 80
	if u.Scheme == "wss" {
		port = 443
	}
	if text := u.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil {
			return "", 0, fmt.Errorf("reading the port of url: %w", err)
		}
	}
	host = "0.0.0.0"
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		host = u.Hostname()
	} else if u.Hostname() == "localhost" {
		host = "127.0.0.1"
	}
	return host, port, nil
}
