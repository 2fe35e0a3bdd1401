package doctor

import (
	"strings"
	"testing"
)

// Who comes through the gateway of OpenClaw is its operator.
func TestOperators(t *testing.T) {
	const app = "protocol: agent, backend: openclaw, baseUrl: 'http://127.0.0.1:18789/v1'"
	const (
		nobody  = ""
		private = "by private message"
		groups  = "in groups"
		all     = "by private message and in groups"
	)
	for _, c := range []struct{ name, text, want string }{
		{"as it comes", "owners: [1]\napps: {a: {" + app + "}}\n", private},
		{"no groups, no private chats", "dmPolicy: closed\napps: {a: {" + app + "}}\n", nobody},
		{"all is open", "owners: [1]\ndmPolicy: open\nallowFrom: ['*']\ngroupPolicy: open\napps: {a: {" + app + "}}\n", all},
		{"only the owner", "owners: [1]\ndmPolicy: open\nallowFrom: ['*']\ngroupPolicy: open\napps: {a: {" + app + ", only: {chats: ['user:1']}}}\n", nobody},
		{"only the owners", "owners: [1, 2]\napps: {a: {" + app + ", only: {chats: ['user:2', 'user:1']}}}\n", nobody},
		{"only somebody else", "owners: [1]\napps: {a: {" + app + ", only: {chats: ['user:1', 'user:2']}}}\n", private},
		{"only somebody, nobody is an owner", "apps: {a: {" + app + ", only: {chats: ['user:2']}}}\n", private},
		{"only a group", "owners: [1]\ngroups: {'5': {}}\napps: {a: {" + app + ", only: {chats: ['group:5']}}}\n", groups},
		{"only a group that has the owner alone", "owners: [1]\ngroups: {'5': {allowFrom: [1]}}\napps: {a: {" + app + ", only: {chats: ['group:5']}}}\n", nobody},
		{"list of owners", "owners: [1, 2]\ndmPolicy: allowlist\nallowFrom: [1, 'user:2']\napps: {a: {" + app + "}}\n", nobody},
		{"list with another", "owners: [1]\ndmPolicy: allowlist\nallowFrom: [1, 3]\napps: {a: {" + app + "}}\n", private},
		{"list with a star", "owners: [1]\ndmPolicy: allowlist\nallowFrom: ['*']\napps: {a: {" + app + "}}\n", private},
		{"a group", "dmPolicy: closed\ngroups: {'5': {}}\napps: {a: {" + app + "}}\n", groups},
		{"a group that is off", "dmPolicy: closed\ngroups: {'5': {enabled: false}}\napps: {a: {" + app + "}}\n", nobody},
		{"groups that are off but for one", "dmPolicy: closed\ngroups: {'5': {}, '6': {enabled: true}, '*': {enabled: false}}\napps: {a: {" + app + "}}\n", groups},
		{"a group for its owner", "owners: [1]\ndmPolicy: closed\ngroups: {'5': {allowFrom: [1]}}\napps: {a: {" + app + "}}\n", nobody},
		{"groups for the owner", "owners: [1]\ndmPolicy: closed\ngroupAllowFrom: ['user:1']\ngroups: {'5': {}}\napps: {a: {" + app + "}}\n", nobody},
		{"a group with a list of its own", "owners: [1]\ndmPolicy: closed\ngroupAllowFrom: ['user:1']\ngroups: {'5': {allowFrom: [2]}}\napps: {a: {" + app + "}}\n", groups},
		{"a group by groupAllowFrom", "owners: [1]\ndmPolicy: closed\ngroupAllowFrom: ['group:5']\napps: {a: {" + app + "}}\n", groups},
		{"the list of all groups", "owners: [1]\ndmPolicy: closed\ngroups: {'5': {}, '*': {allowFrom: [1]}}\napps: {a: {" + app + "}}\n", nobody},
		{"switched off", "apps: {a: {" + app + ", enabled: false}}\n", nobody},
		{"another backend", "dmPolicy: open\napps: {a: {protocol: agent, model: m, baseUrl: 'http://127.0.0.1:11434/v1'}}\n", nobody},
	} {
		rep := &report{check: "policies"}
		checkPolicies(&Readings{Config: parsed(t, long+c.text)}, rep)
		inBoth(t, rep.list)
		got := nobody
		for _, f := range rep.list {
			if f.Level == Critical {
				_, got, _ = strings.Cut(f.Found.EN, "of account default may use it ")
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q\n%s", c.name, got, c.want, said(rep.list))
		}
	}
}

func TestOperatorsTellTheWayOut(t *testing.T) {
	const brain = "apps: {brain: {protocol: agent, backend: openclaw, baseUrl: 'http://127.0.0.1:18789/v1', accounts: [one]}}\n"
	for _, c := range []struct{ owners, want string }{
		{"", "write your own QQ number under `owners`, and give the app only: {chats: [\"user:NUMBER\"]}"},
		{"owners: [20001, 20002]\n", `give the app only: {chats: ["user:20001", "user:20002"]}`},
	} {
		rep := &report{check: "policies"}
		checkPolicies(&Readings{Config: parsed(t, long+c.owners+"accounts: {one: {wsPath: /1, selfId: 1}, two: {wsPath: /2, selfId: 2}}\n"+brain)}, rep)
		want := "critical: app brain: OpenClaw's gateway takes everybody who is heard for its full operator, and others than the owners of account one may use it by private message -> " +
			c.want + "; docs/openclaw.md says what else helps"
		if got := said(rep.list); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}
