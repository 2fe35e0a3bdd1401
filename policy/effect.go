package policy

import "strings"

// Effect is the class of an action: what it can do at worst. An effect that is none of these counts as EffectDestructive.
type Effect uint8

// The effects, as the action catalogue gives them.
const (
	EffectRead        Effect = iota + 1 // asks only
	EffectSend                          // writes messages; paced
	EffectManage                        // changes groups, friends, files
	EffectDestructive                   // cannot be undone, or reaches beyond QQ
	EffectCredential                    // hands out keys of the account
)

const effectNames = "@read, @send, @manage, @destructive or @credential"

// String gives the name that configurations use, with its "@".
func (e Effect) String() string {
	switch e {
	case EffectRead:
		return "@read"
	case EffectSend:
		return "@send"
	case EffectManage:
		return "@manage"
	case EffectCredential:
		return "@credential"
	default:
		return "@destructive"
	}
}

// ParseEffect reads an effect's name, with the "@" of configurations or without it as in the catalogue.
func ParseEffect(name string) (Effect, bool) {
	switch strings.TrimPrefix(name, "@") {
	case "read":
		return EffectRead, true
	case "send":
		return EffectSend, true
	case "manage":
		return EffectManage, true
	case "destructive":
		return EffectDestructive, true
	case "credential":
		return EffectCredential, true
	default:
		return 0, false
	}
}
