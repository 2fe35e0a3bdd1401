package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/config"
)

// operators warns of an app that OpenClaw's gateway answers for: its token makes every turn one of the owner's, whoever in QQ
// wrote the message. Nothing but the owners may come that way.
func operators(c *config.Config, app *config.App, rep *report) {
	if app.Protocol != "agent" || app.Agent.Backend != "openclaw" {
		return
	}
	for i := range c.Accounts {
		a := &c.Accounts[i]
		if !a.Enabled || app.Accounts != nil && !slices.Contains(app.Accounts, a.Name) {
			continue
		}
		private, groups := strangersInPrivate(a, app.Only.Chats), strangersInGroups(a, app.Only.Chats)
		if !private && !groups {
			continue
		}
		where := both("by private message and in groups", "可以私聊和在群里")
		switch {
		case !groups:
			where = both("by private message", "可以私聊")
		case !private:
			where = both("in groups", "可以在群里")
		}
		fix := both("write your own QQ number under `owners`, and give the app only: {chats: [\"user:NUMBER\"]}", "把自己的 QQ 号写进 `owners`，并给应用设 only: {chats: [\"user:QQ号\"]}")
		if len(a.Owners) > 0 {
			only := make([]string, len(a.Owners))
			for i, id := range a.Owners {
				only[i] = fmt.Sprintf("%q", "user:"+strconv.FormatUint(id, 10))
			}
			fix = both("give the app only: {chats: [%s]}", "给应用设 only: {chats: [%s]}", strings.Join(only, ", "))
		}
		found := both("app %s: OpenClaw's gateway takes everybody who is heard for its full operator, and others than the owners of account %s may use it", "应用 %s：OpenClaw 网关把每个能说上话的人都当作拥有全部权限的操作者，而账号 %s 的主人以外的人也能使用它", app.Name, a.Name)
		found.EN += " " + where.EN
		found.ZH += "（" + where.ZH + "）"
		fix.EN += "; docs/openclaw.md says what else helps"
		fix.ZH += "；其他办法见 docs/openclaw.zh-CN.md"
		rep.add(Critical, found, fix)
	}
}

// strangersInPrivate reports whether somebody else than an owner can reach the app by private message. Pairing lets in
// whoever is approved.
func strangersInPrivate(a *config.Account, only []string) bool {
	if people := named(only, "user:"); len(only) > 0 {
		return !owned(a, people)
	}
	switch a.DMPolicy {
	case "closed", "disabled":
		return false
	case "allowlist":
		return !owned(a, a.AllowFrom)
	}
	return true
}

// strangersInGroups reports whether a group is let in with members who are no owners.
func strangersInGroups(a *config.Account, only []string) bool {
	if len(only) > 0 && len(named(only, "group:")) == 0 {
		return false
	}
	switch a.GroupPolicy {
	case "closed", "disabled":
		return false
	case "allowlist":
	default:
		return true
	}
	if !owned(a, a.GroupAllowFrom) {
		return true // a group, or somebody else
	}
	star := a.Groups["*"]
	for _, g := range a.Groups {
		enabled, senders := g.Enabled, g.AllowFrom
		if enabled == nil {
			enabled = star.Enabled
		}
		if senders == nil && len(a.GroupAllowFrom) > 0 {
			senders = &a.GroupAllowFrom
		}
		if senders == nil {
			senders = star.AllowFrom
		}
		if (enabled == nil || *enabled) && (senders == nil || !owned(a, *senders)) {
			return true
		}
	}
	return false
}

// named are the chats of one kind.
func named(chats []string, kind string) []string {
	var out []string
	for _, chat := range chats {
		if strings.HasPrefix(chat, kind) {
			out = append(out, chat)
		}
	}
	return out
}

// owned reports whether a list names owners only.
func owned(a *config.Account, list []string) bool {
	return !slices.ContainsFunc(list, func(entry string) bool {
		id, err := strconv.ParseUint(strings.TrimPrefix(entry, "user:"), 10, 64)
		return err != nil || !slices.Contains(a.Owners, id)
	})
}
