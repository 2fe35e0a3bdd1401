package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	const base = "accessToken: t\napps:\n  a: {accessToken: x}\n  b: {accessToken: y}\n"
	const two = "accessToken: t\naccounts:\n  one: {}\n  two: {wsPath: /two}\n"
	for _, c := range []struct {
		name, before, after string
		want                []Change
	}{
		{"the same", base, base, nil},
		{"layout and comments", base, "{apps: {b: {accessToken: 'y'}, a: {accessToken: \"x\"}}, accessToken: 't'} // same", nil},
		{"a default written out", base, base + "historyLimit: 100\ngateway: {platform: qq}\n", nil},
		{"milliseconds", base + "heartbeat: {interval: 20000}\n", base + "heartbeat: {interval: 20s}\n", nil},
		{"a policy", base, base + "dmPolicy: open\ngroups: {'1': {}}\n", []Change{{Path: "accounts.default", Kind: Changed, Keys: []string{"dmPolicy", "groups"}}}},
		{"absent and empty", base + "groups: {'1': {}}\n", base + "groups: {'1': {allowFrom: []}}\n", []Change{{Path: "accounts.default", Kind: Changed, Keys: []string{"groups"}}}},
		{"a link", base, base + "wsPort: 3002\n", []Change{{Path: "accounts.default", Kind: Changed, Keys: []string{"wsPort"}, Link: true}}},
		{"folders", base, base + "files: {roots: [/srv]}\n", []Change{{Path: "accounts.default", Kind: Changed, Keys: []string{"files"}}}},
		{"pacing off", base, base + "pacing: off\n", []Change{{Path: "accounts.default", Kind: Changed, Keys: []string{"pacing"}}}},
		{"one of two accounts", two, "accessToken: t\naccounts:\n  one: {debug: true}\n  two: {wsPath: /two}\n", []Change{{Path: "accounts.one", Kind: Changed, Keys: []string{"debug"}}}},
		{"what accounts inherit", two, two + "mentionAll: true\n", []Change{
			{Path: "accounts.one", Kind: Changed, Keys: []string{"mentionAll"}},
			{Path: "accounts.two", Kind: Changed, Keys: []string{"mentionAll"}},
		}},
		{"an account more, one less", two, "accessToken: t\naccounts:\n  one: {}\n  three: {wsPath: /two}\n", []Change{
			{Path: "accounts.two", Kind: Removed, Link: true},
			{Path: "accounts.three", Kind: Added, Link: true},
		}},
		{"an app", base, "accessToken: t\napps:\n  a: {accessToken: x, only: {chats: [group:1]}}\n  c: {accessToken: y}\n", []Change{
			{Path: "apps.b", Kind: Removed, Link: true},
			{Path: "apps.a", Kind: Changed, Keys: []string{"only"}},
			{Path: "apps.c", Kind: Added, Link: true},
		}},
		{"an app's token", base, "accessToken: t\napps:\n  a: {accessToken: z}\n  b: {accessToken: y}\n", []Change{{Path: "apps.a", Kind: Changed, Keys: []string{"accessToken"}, Link: true}}},
		{"an app's firewall", base, "accessToken: t\napps:\n  a: {accessToken: x, actions: {allow: []}}\n  b: {accessToken: y}\n", []Change{{Path: "apps.a", Kind: Changed, Keys: []string{"actions"}}}},
		{"sections", base, base + "gateway: {listen: 127.0.0.1:6701}\nlog: {level: debug}\nlanguage: en\nmedia: {maxAge: 1h}\n", []Change{
			{Path: "gateway", Kind: Changed, Keys: []string{"listen"}, Link: true},
			{Path: "media", Kind: Changed, Keys: []string{"maxAge"}},
			{Path: "log", Kind: Changed, Keys: []string{"level"}},
			{Path: "language", Kind: Changed},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Diff(parse(t, c.before), parse(t, c.after))); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}
