package router

import (
	"fmt"

	"github.com/catflap/catflap/appliance/localfile"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// chatRefusal says why `targets: policy` forbids an action for the message that it names, "" if it does not. Such an action
// writes to the chat that the message is in, whatever else its parameters say.
func (a *appPlan) chatRefusal(l *Lane, rules *accountPlan, params []byte, effect policy.Effect) string {
	if !a.firewall.TargetsPolicy() || effect == policy.EffectRead || rules == nil {
		return ""
	}
	id, given := onebot.MessageOf(params)
	if !given {
		return ""
	}
	l.seed.Do(l.seedMemory)
	chat, known := l.chats.of(id)
	switch {
	case !known:
		return fmt.Sprintf("message %d is not among the last %d that catflap saw of this account, so the chat that it is in cannot be judged (apps.%s.targets: policy)", id, maxChat, a.name)
	case !l.admits(rules, chat):
		return fmt.Sprintf("message %d is in the chat %s, which the policy does not admit (apps.%s.targets: policy)", id, chat, a.name)
	}
	return ""
}

// maxFiles bounds the files that one action may name: each of them is looked up on the disk.
const maxFiles = 64

// fileRefusal says why an action may not name the files of this box that it names, "" if it may or names none.
func (p *accountPlan) fileRefusal(account, base string, params []byte) string {
	paths := onebot.LocalPaths(base, params)
	if len(paths) == 0 {
		return ""
	}
	if len(paths) > maxFiles {
		return fmt.Sprintf("the action names %d files of this box, more than %d (accounts.%s.files.roots)", len(paths), maxFiles, account)
	}
	var roots localfile.Roots
	if p != nil {
		roots = p.files
	}
	for _, path := range paths {
		if err := roots.Allows(path); err != nil {
			return fmt.Sprintf("the file %s may not be used: %v (accounts.%s.files.roots)", shown(path), err, account)
		}
	}
	return ""
}

// shown is a path as a wording and the audit log have it.
func shown(path string) string {
	const most = 200
	if len(path) > most {
		return fmt.Sprintf("%.*q…", most, path)
	}
	return fmt.Sprintf("%q", path)
}
