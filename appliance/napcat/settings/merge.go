package settings

import (
	"errors"
	"fmt"
	"strings"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/config/json5"
)

// Change is one value that is not, or was not, as catflap needs it. The token's value is never in it.
type Change struct {
	Array, Name string // network.<Array>, and the name of the entry
	Key         string // "" = the entry is missing
	Have, Want  string // as JSON; empty for tokens and missing keys
	Beside      string // the entry that does the same already; this one is switched off
}

// String is one line for people.
func (c Change) String() string {
	at := fmt.Sprintf("network.%s, entry %q", c.Array, c.Name)
	switch {
	case c.Key == "":
		return at + " is missing"
	case c.Beside != "":
		return fmt.Sprintf("%s dials the same address as entry %q: they take the link over from each other for ever, so one of them must be switched off", at, c.Beside)
	case c.Key == "token":
		return at + ": the token is not the account's"
	case c.Have == "":
		return fmt.Sprintf("%s: %s is not set and must be %s", at, c.Key, c.Want)
	}
	return fmt.Sprintf("%s: %s is %s and must be %s", at, c.Key, c.Have, c.Want)
}

// Merge puts an account's entries into the content of NapCat's file (JSON5; empty = a new one) and returns the new
// content, with what was changed; no change leaves the content as it is. An entry is found by its name in its list, or by
// what it does, and only the values that catflap rests on are changed in it; other clients that dial the same address are
// switched off. A name that stands twice or in another of the six lists is refused, since NapCat would silently drop one
// of the two.
func Merge(file []byte, account config.Account, reach Reach) ([]byte, []Change, error) {
	wanted, err := entries(account, reach)
	if err != nil {
		return nil, nil, err
	}
	if blank(file) {
		return fresh(wanted)
	}
	root, err := parse(file)
	if err != nil {
		return nil, nil, err
	}
	d := newDraft(file, root)
	changes, err := merge(d, root, wanted, account, reach)
	if err != nil {
		return nil, nil, err
	}
	if len(changes) == 0 {
		return file, nil, nil
	}
	merged := d.apply()
	// The file is another program's: what comes out must read as what was meant.
	again, err := parse(merged)
	if err == nil {
		var left []Change
		left, err = merge(newDraft(merged, again), again, wanted, account, reach)
		if err == nil && len(left) > 0 {
			err = errors.New("the edit did not come out as it was meant")
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("editing NapCat's settings: %w", err)
	}
	return merged, changes, nil
}

// Differences says what Merge would change, and what else in the account's entries keeps catflap from working well.
func Differences(file []byte, account config.Account, reach Reach) ([]Change, error) {
	wanted, err := entries(account, reach)
	if err != nil {
		return nil, err
	}
	if blank(file) {
		file = []byte("{}")
	}
	root, err := parse(file)
	if err != nil {
		return nil, err
	}
	changes, err := merge(newDraft(file, root), root, wanted, account, reach)
	if err != nil {
		var host *hostError
		if !errors.As(err, &host) {
			return nil, err
		}
		return []Change{{Array: host.array, Name: host.name}}, nil
	}
	return append(changes, habits(root, wanted, account, reach)...), nil
}

// habits are settings that are the owner's, but that mostly cause trouble.
func habits(root *json5.Value, wanted []entry, account config.Account, reach Reach) []Change {
	var out []Change
	for i := range wanted {
		own, _, err := wanted[i].find(root.Get("network"), account, reach)
		if err != nil || own == nil {
			continue
		}
		e := wanted[i].as(own)
		if v := own.Get("debug"); v != nil && v.Text == "true" { // `raw` in every message: many times the bytes
			out = append(out, Change{Array: e.array, Name: e.name, Key: "debug", Have: "true", Want: "false"})
		}
		if v := own.Get("heartInterval"); v != nil && v.Kind == json5.Number && strings.Trim(v.Text, "-0.") == "" {
			out = append(out, Change{Array: e.array, Name: e.name, Key: "heartInterval", Have: v.Text, Want: "30000"})
		}
	}
	return out
}

// hostError is an entry that cannot be written because nobody knows how NapCat reaches this box.
type hostError struct {
	array, name string
	err         error
}

func (e *hostError) Error() string { return e.err.Error() }

func blank(file []byte) bool {
	return strings.TrimSpace(strings.TrimPrefix(string(file), "\ufeff")) == ""
}

func parse(file []byte) (*json5.Value, error) {
	if len(file) > MaxFile {
		return nil, fmt.Errorf("reading NapCat's settings: the file is larger than %d KiB", MaxFile>>10)
	}
	root, err := json5.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("reading NapCat's settings: %w", err)
	}
	if root.Kind != json5.Object {
		return nil, errors.New("reading NapCat's settings: expected an object in braces: give the file onebot11_<uin>.json")
	}
	return root, nil
}

// fresh is a whole new file.
func fresh(wanted []entry) ([]byte, []Change, error) {
	network := &json5.Value{Kind: json5.Object}
	var changes []Change
	for i := range wanted {
		e := &wanted[i]
		if err := e.needsHost(); err != nil {
			return nil, nil, err
		}
		network.Set(e.array, &json5.Value{Kind: json5.Array, Items: []*json5.Value{e.object()}})
		changes = append(changes, Change{Array: e.array, Name: e.name})
	}
	file := &json5.Value{Kind: json5.Object}
	file.Set("network", network)
	return append(file.AppendJSON(nil), '\n'), changes, nil
}

// object is a new entry.
func (e *entry) object() *json5.Value {
	v := &json5.Value{Kind: json5.Object, Members: []json5.Member{text("name", e.name)}}
	v.Members = append(append(v.Members, e.must...), e.initial...)
	return v
}

// merge drafts the edits for all entries.
func merge(d *draft, root *json5.Value, wanted []entry, account config.Account, reach Reach) ([]Change, error) {
	network := root.Get("network")
	if network != nil && network.Kind != json5.Object && network.Kind != json5.Null {
		return nil, wrongKind("network", network, "an object")
	}
	var changes []Change
	missing := make(map[string][]*json5.Value)
	for i := range wanted {
		e := &wanted[i]
		own, spares, err := e.find(network, account, reach)
		if err != nil {
			return nil, err
		}
		e = e.as(own)
		for _, spare := range spares {
			changes = append(changes, Change{Array: e.array, Name: nameOf(spare), Key: "enable", Have: "true", Want: "false", Beside: e.name})
			d.replace(spare.Get("enable"), flag("enable", false).Value)
		}
		if own == nil {
			if err := e.needsHost(); err != nil {
				return nil, &hostError{e.array, e.name, err}
			}
			changes = append(changes, Change{Array: e.array, Name: e.name})
			missing[e.array] = append(missing[e.array], e.object())
			continue
		}
		var absent []json5.Member
		for _, m := range e.must {
			have := own.Get(m.Name)
			if e.keeps(m, have, account, reach) {
				continue
			}
			if err := e.needsHost(); err != nil && m.Name == "url" {
				return nil, &hostError{e.array, e.name, err}
			}
			changes = append(changes, change(e, m, have))
			if have == nil {
				absent = append(absent, m)
			} else {
				d.replace(have, m.Value)
			}
		}
		if len(absent) > 0 {
			d.members(own, absent)
		}
	}
	var lists []json5.Member
	for _, array := range arrays() {
		items := missing[array]
		if len(items) == 0 {
			continue
		}
		whole := &json5.Value{Kind: json5.Array, Items: items}
		switch list := network.Get(array); {
		case list == nil:
			lists = append(lists, json5.Member{Name: array, Value: whole})
		case list.Kind == json5.Null:
			d.replace(list, whole)
		default:
			d.items(list, items)
		}
	}
	if len(lists) > 0 {
		whole := &json5.Value{Kind: json5.Object, Members: lists}
		switch {
		case network == nil:
			d.members(root, []json5.Member{{Name: "network", Value: whole}})
		case network.Kind == json5.Null:
			d.replace(network, whole)
		default:
			d.members(network, lists)
		}
	}
	return changes, nil
}

// named looks for an entry by its name in its list; nil when there is none. Its name anywhere else is an error.
func named(network *json5.Value, e *entry) (own *json5.Value, err error) {
	for _, array := range arrays() {
		list := network.Get(array)
		if list == nil || list.Kind == json5.Null {
			continue
		}
		if list.Kind != json5.Array {
			if array == e.array {
				return nil, wrongKind(array, list, "a list")
			}
			continue
		}
		for _, item := range list.Items {
			if nameOf(item) != e.name {
				continue
			}
			if array != e.array || own != nil {
				return nil, fmt.Errorf("NapCat's settings use the name %q in network.%s already (line %d), and names must be unique: rename or remove that entry",
					e.name, array, item.Line)
			}
			own = item
		}
	}
	return own, nil
}

func wrongKind(name string, v *json5.Value, want string) error {
	return fmt.Errorf("reading NapCat's settings: %s in line %d is not %s: restore the file from NapCat's WebUI", name, v.Line, want)
}

func change(e *entry, m json5.Member, have *json5.Value) Change {
	c := Change{Array: e.array, Name: e.name, Key: m.Name}
	if m.Name == "token" {
		return c
	}
	c.Want = string(m.Value.AppendJSON(nil))
	if have != nil {
		c.Have = "something else"
		if have.Kind != json5.Object && have.Kind != json5.Array {
			c.Have = string(have.AppendJSON(nil))
		}
	}
	return c
}
