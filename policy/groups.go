package policy

import (
	"fmt"
	"maps"
	"slices"
)

// groupEntry is a compiled entry of groups.
type groupEntry struct {
	enabled, requireMention *bool
	allowFrom               *people
}

// groups holds the two gates of groups: which groups are admitted, and whose messages trigger in them.
type groups struct {
	policy  mode
	entries map[uint64]groupEntry
	star    groupEntry // groups["*"], the fall-back of every field
	hasStar bool

	// From groupAllowFrom.
	admitted idSet  // group:2 and bare numbers: groups that are let in
	senders  people // user:1 and "*"
	bare     idSet  // bare numbers that are not known to be groups: they count as senders too
	readings []BareNumber
}

// BareNumber tells how a bare number of groupAllowFrom was read. It always admits the group of that number; whether it is
// also a sender entry depends on what is known of it.
type BareNumber struct {
	ID     uint64
	Listed bool // it is a key of groups
	Joined bool // it is in the account's list of joined groups
	Sender bool // it counts as a sender entry, except in the group of that very number
}

// String explains the reading in one line, for `catflap doctor`.
func (b BareNumber) String() string {
	switch {
	case b.Listed:
		return fmt.Sprintf("%d is a group (a key of groups)", b.ID)
	case b.Joined:
		return fmt.Sprintf("%d is a group (the account is in it)", b.ID)
	default:
		return fmt.Sprintf("%d is not known to be a group: it admits group %d and restricts senders to user %d elsewhere; write group:%d or user:%d", b.ID, b.ID, b.ID, b.ID, b.ID)
	}
}

func compileGroups(r *Rules) (groups, []error) {
	g := groups{entries: make(map[uint64]groupEntry, len(r.Groups)), admitted: idSet{}, senders: people{ids: idSet{}}, bare: idSet{}}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(r.Groups)) { // sorted: the same errors in the same order every time
		rules := r.Groups[key]
		entry := groupEntry{enabled: cloneBool(rules.Enabled), requireMention: cloneBool(rules.RequireMention)}
		if rules.AllowFrom != nil {
			list, bad := compilePeople("groups."+key+".allowFrom", *rules.AllowFrom)
			errs = append(errs, bad...)
			entry.allowFrom = &list
		}
		if key == "*" {
			g.star, g.hasStar = entry, true
			continue
		}
		id, ok := parseID(key)
		if !ok {
			errs = append(errs, &RuleError{"groups." + key, key, `a group number or "*" as key`})
			continue
		}
		g.entries[id] = entry
	}
	errs = append(errs, g.compileAllowFrom(r)...)
	return g, errs
}

// compileAllowFrom reads groupAllowFrom, which names groups and users alike.
func (g *groups) compileAllowFrom(r *Rules) (errs []error) {
	for i, text := range r.GroupAllowFrom {
		if text == "*" { // everyone, as a sender: it says nothing about which groups are let in
			g.senders.everyone = true
			continue
		}
		if id, ok := parseID(text); ok {
			g.readBare(id, r.JoinedGroups)
			continue
		}
		chat, err := ParseChat(text)
		switch {
		case err != nil:
			errs = append(errs, &RuleError{fmt.Sprintf("groupAllowFrom[%d]", i), text, `user:NUMBER, group:NUMBER, a bare number or "*"`})
		case chat.Group:
			g.admitted[chat.ID] = struct{}{}
		default:
			g.senders.ids[chat.ID] = struct{}{}
		}
	}
	return errs
}

func (g *groups) readBare(id uint64, joined map[uint64]struct{}) {
	b := BareNumber{ID: id}
	_, b.Listed = g.entries[id]
	_, b.Joined = joined[id]
	b.Sender = !b.Listed && !b.Joined
	g.admitted[id] = struct{}{}
	if b.Sender {
		g.bare[id] = struct{}{}
	}
	if !slices.Contains(g.readings, b) {
		g.readings = append(g.readings, b)
	}
}

// admit is gate 3 of a group: ReasonDelivered if it is admitted, else why not.
func (g *groups) admit(group uint64) Reason {
	if group == 0 {
		return ReasonNoGroup
	}
	entry, listed := g.entries[group]
	switch g.policy {
	case modeOpen, modeAllowlist:
		// enabled: false beats everything that would let the group in.
		if enabled := either(entry.enabled, g.star.enabled); enabled != nil && !*enabled {
			return ReasonGroupDisabled
		}
		if g.policy == modeOpen || listed || g.hasStar || g.admitted.has(group) {
			return ReasonDelivered
		}
		return ReasonGroupNotListed
	case modeClosed:
		return ReasonGroupClosed
	default:
		return ReasonPolicyInvalid
	}
}

// mayTrigger is gate 4 of a group. The first list that exists decides alone.
func (g *groups) mayTrigger(group, user uint64) bool {
	if user == 0 {
		return false
	}
	if entry := g.entries[group]; entry.allowFrom != nil {
		return entry.allowFrom.has(user)
	}
	// In the group of its own number a bare entry is known to be a group, hence no sender.
	bare := len(g.bare)
	if g.bare.has(group) {
		bare--
	}
	if g.senders.everyone || len(g.senders.ids) > 0 || bare > 0 {
		return g.senders.has(user) || user != group && g.bare.has(user)
	}
	if g.star.allowFrom != nil {
		return g.star.allowFrom.has(user)
	}
	return true
}

// requiresMention is the group's rule of gate 5, true unless it is configured otherwise.
func (g *groups) requiresMention(group uint64) bool {
	entry := g.entries[group]
	required := either(entry.requireMention, g.star.requireMention)
	return required == nil || *required
}

// either is the lookup "groups.<id>, then groups["*"]" for one field.
func either(own, star *bool) *bool {
	if own != nil {
		return own
	}
	return star
}

// cloneBool keeps a Set immutable whatever the caller does to its Rules afterwards.
func cloneBool(b *bool) *bool {
	if b == nil {
		return nil
	}
	value := *b
	return &value
}
