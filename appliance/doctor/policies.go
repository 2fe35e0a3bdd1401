package doctor

import (
	"slices"
	"strings"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/policy"
)

func checkPolicies(r *Readings, rep *report) {
	if r.Config == nil {
		return
	}
	for i := range r.Config.Accounts {
		openAccount(&r.Config.Accounts[i], rep)
	}
	var anywhere []string
	for i := range r.Config.Apps {
		a := &r.Config.Apps[i]
		if !a.Enabled {
			continue
		}
		openApp(a, rep)
		operators(r.Config, a, rep)
		if a.Targets != "policy" && a.Protocol != "agent" {
			anywhere = append(anywhere, a.Name)
		}
	}
	if len(rep.list) == 0 {
		rep.add(OK, both("nobody gets in without being let in", "未经允许的人都进不来"), console.Text{})
	}
	if len(anywhere) > 0 {
		rep.add(OK, both("these apps may write to every chat of the account: %s", "这些应用可以向账号的任何聊天发消息：%s", strings.Join(anywhere, ", ")),
			both("targets: policy bounds an app to chats that are let in", "设 targets: policy 可限制应用只能向已放行的聊天发消息"))
	}
}

func openAccount(a *config.Account, rep *report) {
	if !a.Enabled {
		return
	}
	if a.DMPolicy == "open" {
		rep.add(Warning, both("account %s: dmPolicy is open, so everybody on QQ may use the bot in private chats", "账号 %s：dmPolicy 是 open，任何人都可以私聊使用机器人", a.Name),
			both("dmPolicy: pairing, unless that is meant", "如非有意，请设 dmPolicy: pairing"))
	} else if a.DMPolicy != "closed" && a.DMPolicy != "disabled" && slices.Contains(a.AllowFrom, "*") {
		rep.add(Warning, both(`account %s: allowFrom has "*", so everybody on QQ may use the bot in private chats`, `账号 %s：allowFrom 里有 "*"，任何人都可以私聊使用机器人`, a.Name),
			both(`remove the "*", unless that is meant`, `如非有意，请去掉 "*"`))
	}
	if a.GroupPolicy == "open" {
		rep.add(Warning, both("account %s: groupPolicy is open, so the bot serves every group that it is pulled into", "账号 %s：groupPolicy 是 open，被拉进任何群都会服务", a.Name),
			both("groupPolicy: allowlist, and the groups under `groups`", "设 groupPolicy: allowlist，并把群写进 `groups`"))
	} else if g, star := a.Groups["*"]; star && a.GroupPolicy == "allowlist" && (g.Enabled == nil || *g.Enabled) {
		rep.add(Warning, both(`account %s: groups has "*", so the bot serves every group that it is pulled into`, `账号 %s：groups 里有 "*"，被拉进任何群都会服务`, a.Name),
			both("list the groups by number", "请按群号列出"))
	}
	for _, root := range a.FileRoots {
		if root == "/" || root == "/etc" || root == "/root" || root == "/home" {
			rep.add(Critical, both("account %s: files.roots has %s: apps can send any file below it to QQ", "账号 %s：files.roots 包含 %s：应用可以把其中任何文件发到 QQ", a.Name, root),
				both("name the one folder that apps need", "只写应用需要的那个文件夹"))
		}
	}
}

func openApp(a *config.App, rep *report) {
	if a.Actions.Allow != nil && !slices.Contains(a.Actions.Deny, "@credential") {
		for _, name := range *a.Actions.Allow {
			if name == "*" || name == "@credential" {
				rep.add(Warning, both("app %s: actions.allow has %s: it can read the account's cookies and keys and pass it on to others", "应用 %s：actions.allow 包含 %s：它能读取账号的 cookie 和密钥，等于可以盗用账号", a.Name, name),
					both(`actions: {deny: ["@credential"]}, unless that is meant`, `如非有意，请设 actions: {deny: ["@credential"]}`))
			}
		}
	}
}

// checkBareNumbers tells how each bare number of groupAllowFrom was read: the word serves for groups and for people.
func checkBareNumbers(r *Readings, rep *report) {
	if r.Config == nil {
		return
	}
	for i := range r.Config.Accounts {
		a := &r.Config.Accounts[i]
		var facts console.AccountFacts
		if r.Facts != nil {
			facts = r.Facts.Accounts[a.Name]
		}
		rules := policy.Rules{DMPolicy: "closed", GroupPolicy: "allowlist", GroupAllowFrom: a.GroupAllowFrom, Groups: make(map[string]policy.GroupRules), JoinedGroups: make(map[uint64]struct{})}
		for id := range a.Groups {
			rules.Groups[id] = policy.GroupRules{}
		}
		for _, id := range facts.Groups {
			rules.JoinedGroups[id] = struct{}{}
		}
		set, err := policy.Compile(rules)
		if err != nil {
			continue // the configuration's own check says it
		}
		for _, b := range set.BareNumbers() {
			person := known(a, facts, b.ID)
			write := both("write group:%[1]d or user:%[1]d in groupAllowFrom", "请在 groupAllowFrom 里写 group:%[1]d 或 user:%[1]d", b.ID)
			switch {
			case b.Listed:
				rep.add(OK, both("account %s: groupAllowFrom %d is a group: `groups` has it", "账号 %s：groupAllowFrom 的 %d 是群：`groups` 里有它", a.Name, b.ID), console.Text{})
			case b.Joined:
				rep.add(OK, both("account %s: groupAllowFrom %d is a group: the account is in it", "账号 %s：groupAllowFrom 的 %d 是群：账号在其中", a.Name, b.ID), console.Text{})
			case person:
				rep.add(OK, both("account %s: groupAllowFrom %d is a person: only listed people may use the bot in groups", "账号 %s：groupAllowFrom 的 %d 是人：群里只有名单上的人可以使用机器人", a.Name, b.ID), write)
			case len(facts.Groups) == 0:
				rep.add(OK, both("account %s: groupAllowFrom %d lets group %[2]d in and, until the account's groups are known, counts as a person too", "账号 %s：groupAllowFrom 的 %d 会放行群 %[2]d；在得知账号加入了哪些群之前，也当作人", a.Name, b.ID), write)
			default:
				rep.add(Warning, both("account %s: groupAllowFrom %d is neither a group of the account nor a person that is known: it lets group %[2]d in, and elsewhere only user %[2]d", "账号 %s：groupAllowFrom 的 %d 既不是账号所在的群，也不是已知的人：它会放行群 %[2]d，而在别的群里只允许用户 %[2]d", a.Name, b.ID), write)
			}
		}
	}
}

// known reports whether a number is a person's by another list.
func known(a *config.Account, facts console.AccountFacts, id uint64) bool {
	if slices.Contains(a.Owners, id) || slices.Contains(a.Blocked, id) || slices.Contains(facts.People, id) {
		return true
	}
	chat := policy.Chat{ID: id}.String()
	bare := strings.TrimPrefix(chat, "user:")
	return slices.Contains(a.AllowFrom, chat) || slices.Contains(a.AllowFrom, bare)
}
