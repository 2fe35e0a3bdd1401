package settings

import (
	"slices"
	"strings"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/config/json5"
)

// find looks for the adapter that serves as an entry: the one of its name, else one of another name that does the same
// already, since a second client for one link would take it over from the first for ever, and a second server could not
// have the port. Own is nil when there is none. Spares are the clients beside it that are switched on and dial the same
// listener. The entry's name in another list is an error.
func (e *entry) find(network *json5.Value, account config.Account, reach Reach) (own *json5.Value, spares []*json5.Value, err error) {
	if own, err = named(network, e); err != nil {
		return nil, nil, err
	}
	list := network.Get(e.array)
	if list == nil || list.Kind != json5.Array {
		return own, nil, nil
	}
	var twins []*json5.Value
	for _, item := range list.Items {
		if item != own && nameOf(item) != "" && e.does(item, own, account, reach) {
			twins = append(twins, item)
		}
	}
	if own == nil && len(twins) > 0 {
		i := max(slices.IndexFunc(twins, isOn), 0)
		own = twins[i]
		twins = slices.Delete(twins, i, i+1)
	}
	if e.address == "url" {
		spares = slices.DeleteFunc(twins, func(item *json5.Value) bool { return !isOn(item) })
	}
	return own, spares, nil
}

// does reports whether an adapter does what the entry is for, whatever its name. A client that dials the port and the path
// by another host may as well dial another box: it is taken for this one if it has the account's token.
func (e *entry) does(item, own *json5.Value, account config.Account, reach Reach) bool {
	if item.Kind != json5.Object {
		return false
	}
	if e.address != "url" {
		port, want := textOf(item, "port"), e.wants("port")
		host := textOf(item, "host")
		return want != "" && port == want && (host == e.wants("host") || host == "" || unspecified(host) || loopback(host) && loopback(e.wants("host")))
	}
	was, want := e.twin(textOf(item, "url"), e.wants("url"))
	if was == nil || was.Hostname() == "" {
		return false
	}
	hosts := []string{want.Hostname()}
	if own != nil && e.keeps(text("url", want.String()), own.Get("url"), account, reach) {
		if u, _ := e.twin(textOf(own, "url"), want.String()); u != nil {
			hosts = append(hosts, u.Hostname())
		}
	}
	for _, host := range hosts {
		if strings.EqualFold(was.Hostname(), host) || loopback(was.Hostname()) && loopback(host) {
			return true
		}
	}
	return textOf(item, "token") == account.AccessToken && account.AccessToken != "" && e.keeps(text("url", want.String()), item.Get("url"), account, Reach{Guess: reach.Guess})
}

// wants is the text of a value that must hold; "" for none.
func (e *entry) wants(key string) string {
	for _, m := range e.must {
		if m.Name == key {
			return m.Value.Text
		}
	}
	return ""
}

// textOf is the text of a member, "" where there is none.
func textOf(object *json5.Value, key string) string {
	if v := object.Get(key); v != nil && (v.Kind == json5.String || v.Kind == json5.Number) {
		return v.Text
	}
	return ""
}

// nameOf is an adapter's name; "" for what has none.
func nameOf(item *json5.Value) string {
	if v := item.Get("name"); item.Kind == json5.Object && v != nil && v.Kind == json5.String {
		return v.Text
	}
	return ""
}

func isOn(item *json5.Value) bool {
	v := item.Get("enable")
	return v != nil && v.Kind == json5.Bool && v.Text == "true"
}

// as is the entry under the name that the file has for it.
func (e *entry) as(own *json5.Value) *entry {
	named := *e
	if own != nil {
		named.name = nameOf(own)
	}
	return &named
}
