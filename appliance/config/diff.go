package config

import "reflect"

// The kinds of changes.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Change is one part that differs between two configurations.
type Change struct {
	Path string   // "accounts.bot1", "apps.koishi", "gateway", "dataDir"
	Kind string   // Added, Removed or Changed
	Keys []string // Changed: the keys below Path that differ, such as "groups"; empty for plain values
	Link bool     // the link or listener itself must be made anew; otherwise it stays untouched
}

// Diff lists the accounts, then the apps, then the sections that differ in meaning. The file's layout, comments and
// order do not count, and neither do Path and Warnings.
func Diff(before, after *Config) []Change {
	var changes []Change
	changes = diffNamed(changes, "accounts.", accountFields(), before.Accounts, after.Accounts, func(a *Account) string { return a.Name })
	changes = diffNamed(changes, "apps.", appFields(), before.Apps, after.Apps, func(a *App) string { return a.Name })
	for _, f := range sectionFields() {
		old, now := f.bind(before), f.bind(after)
		if same(f, old, now) {
			continue
		}
		change := Change{Path: f.key, Kind: Changed, Link: f.link}
		if f.codec.inline() {
			change.Keys, change.Link = changedKeys(f.codec.fields(), old, now)
		}
		changes = append(changes, change)
	}
	return changes
}

func diffNamed[T any](changes []Change, prefix string, fields []field, before, after []T, name func(*T) string) []Change {
	find := func(list []T, wanted string) *T {
		for i := range list {
			if name(&list[i]) == wanted {
				return &list[i]
			}
		}
		return nil
	}
	for i := range before {
		if n := name(&before[i]); find(after, n) == nil {
			changes = append(changes, Change{Path: prefix + n, Kind: Removed, Link: true})
		}
	}
	for i := range after {
		n := name(&after[i])
		old := find(before, n)
		if old == nil {
			changes = append(changes, Change{Path: prefix + n, Kind: Added, Link: true})
			continue
		}
		if keys, link := changedKeys(fields, old, &after[i]); len(keys) > 0 {
			changes = append(changes, Change{Path: prefix + n, Kind: Changed, Keys: keys, Link: link})
		}
	}
	return changes
}

func changedKeys(fields []field, before, after any) (keys []string, link bool) {
	for _, f := range fields {
		if !same(f, f.bind(before), f.bind(after)) {
			keys = append(keys, f.key)
			link = link || f.link
		}
	}
	return keys, link
}

// same compares what a field holds. Objects are compared by their fields, since one may be bound to its owner.
func same(f field, before, after any) bool {
	if f.codec.inline() && !f.codec.whole {
		keys, _ := changedKeys(f.codec.fields(), before, after)
		return len(keys) == 0
	}
	return reflect.DeepEqual(before, after)
}
