package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// catalogue is a small action catalogue with the effects of the real one.
func catalogue(name string) (Effect, bool) {
	effect, ok := map[string]Effect{
		"get_msg": EffectRead, "get_group_list": EffectRead, "nc_get_packet_status": EffectRead,
		"send_msg": EffectSend, "send_group_msg": EffectSend,
		"set_group_ban": EffectManage, "download_file": EffectManage, ".handle_quick_operation": EffectManage,
		"delete_friend": EffectDestructive, "send_packet": EffectDestructive, "bot_exit": EffectDestructive, "set_restart": EffectDestructive,
		"clean_cache": EffectDestructive, "clean_stream_temp_file": EffectDestructive,
		"get_cookies": EffectCredential, "nc_get_rkey": EffectCredential,
	}[name]
	return effect, ok
}

func list(entries ...string) *[]string { return &entries }

func TestFirewall(t *testing.T) {
	const allowed = ""
	for _, c := range []struct {
		name   string
		rules  FirewallRules
		action string
		want   string // the refusal; empty = allowed
	}{
		{"default: read", FirewallRules{}, "get_msg", allowed},
		{"default: send", FirewallRules{}, "send_group_msg", allowed},
		{"default: manage", FirewallRules{}, "set_group_ban", allowed},
		{"default: destructive", FirewallRules{}, "delete_friend", allowed},
		{"default: unknown actions count as destructive", FirewallRules{}, "brand_new", allowed},
		{"default: not credentials", FirewallRules{}, "get_cookies", `get_cookies is denied by default as @credential: to allow it, set actions.allow: ["*", "get_cookies"]`},
		{"default: not send_packet", FirewallRules{}, "send_packet", `send_packet is denied by default: to allow it, set actions.allow: ["*", "send_packet"]`},
		{"default: not bot_exit", FirewallRules{}, "bot_exit", `bot_exit is denied by default: to allow it, set actions.allow: ["*", "bot_exit"]`},
		{"default: not set_restart", FirewallRules{}, "set_restart", `set_restart is denied by default: to allow it, set actions.allow: ["*", "set_restart"]`},
		{"default: not download_file", FirewallRules{}, "download_file", `download_file is denied by default: to allow it, set actions.allow: ["*", "download_file"]`},
		{"default: not clean_*", FirewallRules{}, "clean_stream_temp_file", `clean_stream_temp_file is denied by default: to allow it, set actions.allow: ["*", "clean_stream_temp_file"]`},
		{"default: not even a clean_* that the catalogue does not have", FirewallRules{}, "clean_all", `clean_all is denied by default: to allow it, set actions.allow: ["*", "clean_all"]`},
		{"default denials stay with a deny list of one's own", FirewallRules{Deny: []string{"send_msg"}}, "bot_exit", `bot_exit is denied by default: to allow it, set actions.allow: ["*", "bot_exit"]`},

		{"suffix async", FirewallRules{}, "get_cookies_async", `get_cookies is denied by default as @credential: to allow it, set actions.allow: ["*", "get_cookies"]`},
		{"suffix rate_limited", FirewallRules{Deny: []string{"send_msg"}}, "send_msg_rate_limited", `send_msg is denied: actions.deny lists send_msg`},
		{"suffixes twice", FirewallRules{}, "send_packet_async_rate_limited_async", `send_packet is denied by default: to allow it, set actions.allow: ["*", "send_packet"]`},
		{"suffix in the rule", FirewallRules{Deny: []string{"send_msg_async"}}, "send_msg", `send_msg is denied: actions.deny lists send_msg`},

		{"deny by name", FirewallRules{Deny: []string{"send_msg"}}, "send_msg", `send_msg is denied: actions.deny lists send_msg`},
		{"deny by name, another one", FirewallRules{Deny: []string{"send_msg"}}, "send_group_msg", allowed},
		{"deny by effect", FirewallRules{Deny: []string{"@manage"}}, "set_group_ban", `set_group_ban is denied: actions.deny lists @manage`},
		{"deny by effect: unknown actions are destructive", FirewallRules{Deny: []string{"@destructive"}}, "brand_new", `brand_new is denied: actions.deny lists @destructive`},
		{"deny by prefix", FirewallRules{Deny: []string{"send_*", "send_g*"}}, "send_group_msg", `send_group_msg is denied: actions.deny lists send_g*`},
		{"deny everything", FirewallRules{Deny: []string{"*"}}, "get_msg", `get_msg is denied: actions.deny lists *`},
		{"deny wins over allow: name", FirewallRules{Allow: list("send_msg"), Deny: []string{"@send"}}, "send_msg", `send_msg is denied: actions.deny lists @send`},
		{"deny wins over allow: both names", FirewallRules{Allow: list("send_msg"), Deny: []string{"send_msg"}}, "send_msg", `send_msg is denied: actions.deny lists send_msg`},

		{"an explicit empty allow = nothing", FirewallRules{Allow: list()}, "get_msg", `get_msg is not allowed: actions.allow is empty, which allows nothing`},
		{"allow by name", FirewallRules{Allow: list("send_msg")}, "send_msg", allowed},
		{"allow by name, another one", FirewallRules{Allow: list("send_msg")}, "send_group_msg", `send_group_msg is not allowed: actions.allow lists neither it nor @send`},
		{"allow by effect", FirewallRules{Allow: list("@read", "@send")}, "get_msg", allowed},
		{"allow by effect, another one", FirewallRules{Allow: list("@read", "@send")}, "set_group_ban", `set_group_ban is not allowed: actions.allow lists neither it nor @manage`},
		{"allow by effect: unknown actions are destructive", FirewallRules{Allow: list("@read", "@send", "@manage")}, "brand_new", `brand_new is not allowed: actions.allow lists neither it nor @destructive`},
		{"allow by prefix", FirewallRules{Allow: list("get_*")}, "get_group_list", allowed},
		{"allow an unknown action by name", FirewallRules{Allow: list("brand_new")}, "brand_new", allowed},

		{"allow credentials by effect", FirewallRules{Allow: list("*", "@credential")}, "get_cookies", allowed},
		{"allow credentials by name", FirewallRules{Allow: list("*", "get_cookies")}, "get_cookies", allowed},
		{"allow one credential, not the other", FirewallRules{Allow: list("*", "get_cookies")}, "nc_get_rkey", `nc_get_rkey is denied by default as @credential: actions.allow must list nc_get_rkey itself`},
		{"everything does not mean credentials", FirewallRules{Allow: list("*")}, "get_cookies", `get_cookies is denied by default as @credential: actions.allow must list get_cookies itself`},
		{"a prefix does not mean credentials", FirewallRules{Allow: list("get_*")}, "get_cookies", `get_cookies is denied by default as @credential: actions.allow must list get_cookies itself`},
		{"a prefix beside the effect", FirewallRules{Allow: list("get_*", "@credential")}, "get_cookies", allowed},
		{"an effect does not mean what is denied by default", FirewallRules{Allow: list("@destructive")}, "bot_exit", `bot_exit is denied by default: actions.allow must list bot_exit itself`},
		{"a prefix does not mean what is denied by default", FirewallRules{Allow: list("send_*")}, "send_packet", `send_packet is denied by default: actions.allow must list send_packet itself`},
		{"its name does", FirewallRules{Allow: list("@read", "bot_exit")}, "bot_exit", allowed},
		{"clean_* does for these", FirewallRules{Allow: list("clean_*")}, "clean_cache", allowed},
		{"cl* does not", FirewallRules{Allow: list("cl*")}, "clean_cache", `clean_cache is denied by default: actions.allow must list clean_cache itself`},
		{"names with a dot", FirewallRules{Allow: list(".handle_quick_operation")}, ".handle_quick_operation_async", allowed},

		{"no name", FirewallRules{}, "", `the action has no name`},
		{"only a suffix", FirewallRules{}, "_async", `the action has no name`},
		{"case matters, as in NapCat", FirewallRules{Deny: []string{"send_msg"}}, "Send_Msg", allowed},
		{"a caller's name cannot write the log", FirewallRules{Deny: []string{"*"}}, "a\n\"b\x00猫", `a??b?? is denied: actions.deny lists *`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := CompileFirewall(c.rules, catalogue)
			if err != nil {
				t.Fatal(err)
			}
			got := f.Decide(c.action)
			if got.Allowed != (c.want == "") || got.Rule != c.want {
				t.Errorf("Decide(%q) = %v %q, want %q", c.action, got.Allowed, got.Rule, c.want)
			}
			if got.Effect == 0 {
				t.Error("no effect")
			}
		})
	}
}

func TestFirewallErrors(t *testing.T) {
	f, err := CompileFirewall(FirewallRules{Allow: list("@everything", "", "a*b", "get msg"), Deny: []string{"@Send", "@"}}, catalogue)
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		`actions.allow[0]: "@everything" is not accepted: expected @read, @send, @manage, @destructive or @credential`,
		`actions.allow[1]: "" is not accepted: expected the name of an action, a prefix such as clean_*, or @read, @send, @manage, @destructive or @credential`,
		`actions.allow[2]: "a*b" is not accepted: expected the name of an action, a prefix such as clean_*, or @read, @send, @manage, @destructive or @credential`,
		`actions.allow[3]: "get msg" is not accepted: expected the name of an action, a prefix such as clean_*, or @read, @send, @manage, @destructive or @credential`,
		`actions.deny[0]: "@Send" is not accepted: expected @read, @send, @manage, @destructive or @credential`,
		`actions.deny[1]: "@" is not accepted: expected @read, @send, @manage, @destructive or @credential`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
	var one *RuleError
	if !errors.As(err, &one) {
		t.Error("no RuleError")
	}
	for _, broken := range []*Firewall{f, nil, {}} {
		if got := broken.Decide("get_msg"); got.Allowed || got.Rule != "the app's actions rules are invalid, so every action is refused" {
			t.Errorf("a broken firewall says %+v", got)
		}
		if !broken.TargetsPolicy() {
			t.Error("a broken firewall lets write everywhere")
		}
	}
}

func TestFirewallOfAStrangeCatalogue(t *testing.T) {
	for name, lookup := range map[string]func(string) (Effect, bool){
		"none":       nil,
		"no effect":  func(string) (Effect, bool) { return 0, true },
		"out of use": func(string) (Effect, bool) { return EffectCredential + 1, true },
	} {
		f, err := CompileFirewall(FirewallRules{Deny: []string{"@destructive"}}, lookup)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Decide("get_msg"); got.Allowed || got.Effect != EffectDestructive {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestFirewallUnknownAndTargets(t *testing.T) {
	f, err := CompileFirewall(FirewallRules{Allow: list("get_msg", "send_pakcet", "@read", "zz_*"), Deny: []string{"send_pakcet", "new_async"}, TargetsPolicy: true}, catalogue)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"send_pakcet", "new_async"}, f.Unknown()); diff != "" {
		t.Error(diff)
	}
	if !f.TargetsPolicy() {
		t.Error("targets: policy is lost")
	}
	open, err := CompileFirewall(FirewallRules{}, catalogue)
	if err != nil || open.TargetsPolicy() || open.Unknown() != nil || (*Firewall)(nil).Unknown() != nil {
		t.Error("targets: any is lost")
	}
}

func TestFirewallAllocatesNothingForWhatIsAllowed(t *testing.T) {
	lookup := func(name string) (Effect, bool) { return EffectRead, name == "get_msg" }
	for _, r := range []FirewallRules{{}, {Allow: list("get_*"), Deny: []string{"send_*", "bot_exit"}}, {Allow: list("@read")}, {Allow: list("get_msg")}} {
		f, err := CompileFirewall(r, lookup)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(200, func() { f.Decide("get_msg_async") }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func TestEffects(t *testing.T) {
	for effect, name := range map[Effect]string{EffectRead: "read", EffectSend: "send", EffectManage: "manage", EffectDestructive: "destructive", EffectCredential: "credential"} {
		for _, text := range []string{name, "@" + name} {
			if got, ok := ParseEffect(text); !ok || got != effect {
				t.Errorf("ParseEffect(%q) = %v, %v", text, got, ok)
			}
		}
		if effect.String() != "@"+name {
			t.Errorf("%d is called %s", effect, effect)
		}
	}
	for _, text := range []string{"", "@", "Read", "@@read", "all"} {
		if got, ok := ParseEffect(text); ok || got != 0 {
			t.Errorf("ParseEffect(%q) = %v", text, got)
		}
	}
	if Effect(0).String() != "@destructive" {
		t.Error("no effect should count as the worst that is not a credential")
	}
}
