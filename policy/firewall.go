package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FirewallRules is what one app may do, as configured under apps.<name>.actions and apps.<name>.targets.
type FirewallRules struct {
	// Allow lists names, prefixes such as "get_*", "*" or effects such as "@send". Nil is the default: all but the default
	// denials. Empty allows nothing.
	Allow *[]string
	Deny  []string // same entries; wins over Allow
	// TargetsPolicy: the app may write only to chats that the account's policy admits. The router asks it, see Set.AdmitsGroup.
	TargetsPolicy bool
}

// ActionVerdict is the decision about one action.
type ActionVerdict struct {
	Allowed bool
	Effect  Effect // never zero: of an action that the catalogue does not know, EffectDestructive
	// Rule says, for the app's developer and the audit log, which rule decided and which key below apps.<name> changes that.
	// It is empty for what is allowed.
	Rule string
}

// deniedByDefault lists, beside @credential, what is refused until actions.allow names it itself: raw protocol, the end of the
// process, the wiping of QQ's files, and writing files of the caller's choosing.
func deniedByDefault(name string) bool {
	switch name {
	case "send_packet", "bot_exit", "set_restart", "download_file":
		return true
	default:
		return strings.HasPrefix(name, "clean_")
	}
}

// Firewall is a compiled FirewallRules: immutable, safe for concurrent use. The nil and the zero Firewall deny everything.
type Firewall struct {
	valid         bool
	restricted    bool // actions.allow is set
	allow, deny   actionList
	lookup        func(name string) (Effect, bool)
	targetsPolicy bool
	unknown       []string
}

// actionList is a compiled list of actions.
type actionList struct {
	exact    map[string]struct{}
	prefixes []string // with their "*", as written
	effects  [EffectCredential + 1]bool
}

// CompileFirewall checks the rules. lookup is the catalogue: the effect of an action's base name, false if it is unknown. The
// error joins one *RuleError for everything that is wrong; the Firewall that comes with an error denies everything.
func CompileFirewall(r FirewallRules, lookup func(name string) (Effect, bool)) (*Firewall, error) {
	f := &Firewall{lookup: lookup, targetsPolicy: r.TargetsPolicy, restricted: r.Allow != nil}
	var errs []error
	if r.Allow != nil {
		f.allow, errs = f.compileList("actions.allow", *r.Allow)
	}
	var more []error
	f.deny, more = f.compileList("actions.deny", r.Deny)
	errs = append(errs, more...)
	f.valid = len(errs) == 0
	return f, errors.Join(errs...)
}

func (f *Firewall) compileList(key string, entries []string) (actionList, []error) {
	list := actionList{exact: make(map[string]struct{}, len(entries))}
	var errs []error
	for i, entry := range entries {
		key := fmt.Sprintf("%s[%d]", key, i)
		if strings.HasPrefix(entry, "@") {
			effect, ok := ParseEffect(entry)
			if !ok {
				errs = append(errs, &RuleError{key, entry, effectNames})
				continue
			}
			list.effects[effect] = true
			continue
		}
		prefix, isPrefix := strings.CutSuffix(entry, "*")
		if entry == "" || strings.ContainsAny(prefix, "*@ \t\r\n") {
			errs = append(errs, &RuleError{key, entry, "the name of an action, a prefix such as clean_*, or " + effectNames})
			continue
		}
		if isPrefix {
			list.prefixes = append(list.prefixes, entry)
			continue
		}
		name := baseName(entry)
		list.exact[name] = struct{}{}
		if _, ok := f.effect(name); !ok && !slices.Contains(f.unknown, entry) {
			f.unknown = append(f.unknown, entry)
		}
	}
	return list, errs
}

// Unknown gives the names in allow and deny that the catalogue does not have. They are obeyed, since NapCat may be newer than
// the catalogue, but a name misspelt in deny denies nothing: the configuration should warn of them.
func (f *Firewall) Unknown() []string {
	if f == nil {
		return nil
	}
	return slices.Clone(f.unknown)
}

// TargetsPolicy reports whether the app may write only to chats that the account's policy admits.
func (f *Firewall) TargetsPolicy() bool {
	return f == nil || !f.valid || f.targetsPolicy
}

// Decide says whether the app may call the action of this base name. Suffixes that are still there are stripped again, so that
// send_packet_async is never taken for an unknown action. Nothing is allocated for an action that is allowed.
func (f *Firewall) Decide(name string) ActionVerdict {
	if f == nil || !f.valid {
		return ActionVerdict{Effect: EffectDestructive, Rule: "the app's actions rules are invalid, so every action is refused"}
	}
	name = baseName(name)
	effect, _ := f.effect(name)
	refuse := func(format string, args ...any) ActionVerdict {
		return ActionVerdict{Effect: effect, Rule: quoteName(name) + " " + fmt.Sprintf(format, args...)}
	}
	if name == "" {
		return ActionVerdict{Effect: effect, Rule: "the action has no name"}
	}
	if entry, ok := f.deny.match(name, effect); ok {
		return refuse("is denied: actions.deny lists %s", entry)
	}
	if _, listed := f.allow.match(name, effect); f.restricted && !listed {
		if f.allow.empty() {
			return refuse("is not allowed: actions.allow is empty, which allows nothing")
		}
		return refuse("is not allowed: actions.allow lists neither it nor %s", effect)
	}
	switch {
	case f.allow.names(name):
	case deniedByDefault(name) && !(strings.HasPrefix(name, "clean_") && slices.Contains(f.allow.prefixes, "clean_*")):
		return refuse("is denied by default: %s", f.remedy(name))
	case effect == EffectCredential && !f.allow.effects[EffectCredential]:
		return refuse("is denied by default as %s: %s", effect, f.remedy(name))
	}
	return ActionVerdict{Allowed: true, Effect: effect}
}

// remedy names the key. A new allow list would shut out everything else, hence the "*".
func (f *Firewall) remedy(name string) string {
	if f.restricted {
		return fmt.Sprintf("actions.allow must list %s itself", quoteName(name))
	}
	return fmt.Sprintf(`to allow it, set actions.allow: ["*", %q]`, quoteName(name))
}

func (f *Firewall) effect(name string) (Effect, bool) {
	if f.lookup != nil {
		if effect, ok := f.lookup(name); ok && effect >= EffectRead && effect <= EffectCredential {
			return effect, true
		}
	}
	return EffectDestructive, false
}

// match finds the most specific entry for an action: its name, the longest prefix, its effect, then "*".
func (l *actionList) match(name string, effect Effect) (string, bool) {
	if l.names(name) {
		return quoteName(name), true
	}
	longest := ""
	for _, entry := range l.prefixes {
		if len(entry) > len(longest) && strings.HasPrefix(name, entry[:len(entry)-1]) {
			longest = entry
		}
	}
	switch {
	case len(longest) > len("*"):
		return longest, true
	case l.effects[effect]:
		return effect.String(), true
	default:
		return longest, longest != ""
	}
}

// names reports whether the action is listed by its own name. For what is denied by default "@manage", "get_*" or "*" is not enough.
func (l *actionList) names(name string) bool {
	_, ok := l.exact[name]
	return ok
}

func (l *actionList) empty() bool {
	return len(l.exact) == 0 && len(l.prefixes) == 0 && l.effects == [EffectCredential + 1]bool{}
}

// baseName strips the suffixes by which OneBot 11 names variants of one action.
func baseName(name string) string {
	for {
		base := strings.TrimSuffix(strings.TrimSuffix(name, "_async"), "_rate_limited")
		if base == name {
			return name
		}
		name = base
	}
}

// quoteName makes a caller's action name fit for a wording and a log line.
func quoteName(name string) string {
	const most = 80
	clean := strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '"' && r != '\\' {
			return r
		}
		return '?'
	}, name)
	if len(clean) > most {
		clean = clean[:most] + "..."
	}
	return clean
}
