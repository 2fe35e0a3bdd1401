package policy

import (
	"errors"
	"regexp"
	"slices"
)

// mode is a compiled dmPolicy or groupPolicy. The zero value is none that was accepted, and denies.
type mode uint8

const (
	modeInvalid mode = iota
	modeOpen
	modePairing
	modeAllowlist
	modeClosed
)

// Set is one account's compiled policy. It is immutable and safe for concurrent use. The nil and the zero Set deny everything.
type Set struct {
	valid   bool
	dm      mode
	groups  groups
	allow   people // allowFrom: who may write DMs
	owners  idSet
	blocked idSet

	patterns     []*regexp.Regexp // mentionPatterns and bot names
	tempSessions bool
	mentionAll   bool
	pokeTriggers bool
}

// Compile checks the rules and makes a Set of them. The error joins one *RuleError for everything that is wrong; the Set that
// comes with an error denies everything, so that no mistake can open a door.
func Compile(r Rules) (*Set, error) {
	s := &Set{tempSessions: r.TempSessions, mentionAll: r.MentionAll, pokeTriggers: r.PokeTriggers}
	var errs []error
	collect := func(more []error) { errs = append(errs, more...) }
	var more []error

	s.dm, more = compileDMPolicy(r.DMPolicy)
	collect(more)
	groupMode, more := compileGroupPolicy(r.GroupPolicy)
	collect(more)
	s.allow, more = compilePeople("allowFrom", r.AllowFrom)
	collect(more)
	s.groups, more = compileGroups(&r)
	collect(more)
	s.groups.policy = groupMode
	s.owners, more = compileIDs("owners", r.Owners)
	collect(more)
	s.blocked, more = compileIDs("blocked", r.Blocked)
	collect(more)
	s.patterns, more = compileMentions(r.MentionPatterns, r.BotNames)
	collect(more)

	s.valid = len(errs) == 0
	return s, errors.Join(errs...)
}

func compileDMPolicy(text string) (mode, []error) {
	switch text {
	case "open":
		return modeOpen, nil
	case "pairing":
		return modePairing, nil
	case "allowlist":
		return modeAllowlist, nil
	case "closed", "disabled":
		return modeClosed, nil
	default:
		return modeInvalid, []error{&RuleError{"dmPolicy", text, "open, pairing, allowlist, closed or disabled"}}
	}
}

func compileGroupPolicy(text string) (mode, []error) {
	switch text {
	case "open":
		return modeOpen, nil
	case "allowlist":
		return modeAllowlist, nil
	case "closed", "disabled":
		return modeClosed, nil
	default:
		return modeInvalid, []error{&RuleError{"groupPolicy", text, "open, allowlist, closed or disabled"}}
	}
}

// WantsText reports whether Decide reads Facts.Text: for mention patterns, bot names or owners' commands.
func (s *Set) WantsText() bool {
	return s.ok() && (len(s.patterns) > 0 || len(s.owners) > 0)
}

// AdmitsGroup is gate 3 for a group, as `targets: policy` asks it.
func (s *Set) AdmitsGroup(group uint64) bool {
	return s.ok() && s.groups.admit(group) == ReasonDelivered
}

// AdmitsUser says whether a user's DMs are let in, as `targets: policy` asks it. approved and blocked are what the store
// knows of the user; the configured block list is looked up here.
func (s *Set) AdmitsUser(user uint64, approved, blocked bool) bool {
	return s.ok() && !blocked && !s.blocked.has(user) && s.admitUser(user, approved) == ReasonDelivered
}

// GroupReason is gate 3 for a group with its cause: ReasonDelivered if it is admitted.
func (s *Set) GroupReason(group uint64) Reason {
	if !s.ok() {
		return ReasonPolicyInvalid
	}
	return s.groups.admit(group)
}

// RequiresMention is the group's rule of gate 5.
func (s *Set) RequiresMention(group uint64) bool {
	return !s.ok() || s.groups.requiresMention(group)
}

// IsOwner reports whether the user may approve by DM and is told of requests.
func (s *Set) IsOwner(user uint64) bool {
	return s.ok() && user != 0 && s.owners.has(user)
}

// BareNumbers tells how each bare number of groupAllowFrom was read, in the order of the list.
func (s *Set) BareNumbers() []BareNumber {
	if s == nil {
		return nil
	}
	return slices.Clone(s.groups.readings)
}

func (s *Set) ok() bool { return s != nil && s.valid }
