package onebot

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:embed actions.json
var actionsJSON []byte

// ActionInfo describes one action of the catalogue: what NapCat, go-cqhttp and
// the standard know.
type ActionInfo struct {
	Name     string
	Category string // message, group, friend, account, file, system, extension
	Source   string // onebot11, go-cqhttp, napcat
	Effect   string // read, send, manage, destructive, credential
	InNapCat bool   // false: NapCat answers "unknown action"
	Note     string // "" mostly
	// Params is a raw JSON object, parameter name to type, in the form
	// "number|string/optional(default 0)". It is shared: do not change it.
	Params []byte
}

// catalogue is the index over the embedded document, made at the first look
// and kept. It needs no configuration, so there is nothing that an owner could
// pass in or close.
var catalogue = sync.OnceValue(parseCatalogue)

// parseCatalogue takes about 50 KB: names and notes; params stay in the
// document.
func parseCatalogue() []ActionInfo {
	out := make([]ActionInfo, 0, 200)
	e := elements(actionsJSON, space(actionsJSON, 0), 1)
	for e.next() {
		var a ActionInfo
		m := members(e.b, e.at, 2)
		for m.next() {
			v := m.value()
			switch string(m.key) {
			case "name":
				a.Name = decodeString(v)
			case "category":
				a.Category = shared(out, v, func(a *ActionInfo) string { return a.Category })
			case "source":
				a.Source = shared(out, v, func(a *ActionInfo) string { return a.Source })
			case "effect":
				a.Effect = shared(out, v, func(a *ActionInfo) string { return a.Effect })
			case "in_napcat":
				a.InNapCat = string(v) == "true"
			case "note":
				a.Note = decodeString(v)
			case "params":
				a.Params = v
			}
		}
		e.end = m.end
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b ActionInfo) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// shared gives equal words one string: there are five effects for 199 actions.
func shared(known []ActionInfo, raw []byte, word func(*ActionInfo) string) string {
	text := raw[1 : len(raw)-1]
	for i := range known {
		if w := word(&known[i]); w == string(text) {
			return w
		}
	}
	return decodeString(raw)
}

// Lookup finds an action by its exact name without suffix. It allocates
// nothing after the first call of this package's catalogue functions.
func Lookup(name string) (ActionInfo, bool) {
	all := catalogue()
	i, ok := slices.BinarySearchFunc(all, name, func(a ActionInfo, name string) int {
		return strings.Compare(a.Name, name)
	})
	if !ok {
		return ActionInfo{}, false
	}
	return all[i], true
}

// Names lists all actions in alphabetical order; the slice is the caller's.
func Names() []string {
	all := catalogue()
	out := make([]string, len(all))
	for i := range all {
		out[i] = all[i].Name
	}
	return out
}

// Nearest names the known action that somebody probably meant, or "" when
// none is close.
func Nearest(name string) string {
	best, least := "", max(2, utf8.RuneCountInString(name)/4)+1
	for i := range catalogue() {
		known := catalogue()[i].Name
		if d := Distance(name, known); d < least {
			best, least = known, d
		}
	}
	return best
}
