package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func noEnv(string) (string, bool) { return "", false }

// parse reads text that must be right.
func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("catflap.yaml", []byte(text), noEnv)
	if err != nil {
		t.Fatalf("parsing:\n%s\n%v", text, err)
	}
	return c
}

func load(t *testing.T, name string) *Config {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "good", name))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(data))
}

func pointer[T any](v T) *T { return &v }

func TestContractSample(t *testing.T) {
	c := load(t, "contract.yaml")
	if got, want := []string{c.Accounts[0].Name, c.Accounts[1].Name}, []string{"bot1", "bot2"}; !cmp.Equal(got, want) {
		t.Errorf("accounts %v, want %v", got, want)
	}
	bot1, bot2 := c.Accounts[0], c.Accounts[1]
	if bot1.Title != "Primary Bot" || bot1.AccessToken != "token-bot1" || bot2.AccessToken != "some-long-token" || bot2.WSPath != "/onebot/bot2/ws" {
		t.Errorf("inheritance: %+v\n%+v", bot1, bot2)
	}
	want := map[string]Group{"123": {Enabled: pointer(true), RequireMention: pointer(true), SystemPrompt: "..."}}
	if diff := cmp.Diff(want, bot2.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"bot1", "bot2"}, c.App("full").Accounts); diff != "" {
		t.Errorf("accounts of an app (-want +got):\n%s", diff)
	}
	full := c.App("full")
	if full.Actions.Allow == nil || len(*full.Actions.Allow) != 0 || full.RequireMention == nil || *full.RequireMention {
		t.Errorf("an explicit empty list or false is lost: %+v %v", full.Actions, full.RequireMention)
	}
	if full.Queue.MaxAge.Request != 24*time.Hour || full.Heartbeat != 15*time.Second {
		t.Errorf("durations: %+v", full)
	}
	var warned []string
	for _, w := range c.Warnings {
		warned = append(warned, w.Path+": "+w.Message)
	}
	if len(warned) != 0 {
		t.Errorf("warned of %q", warned)
	}
}

// TestSeedReference: the object of the channel's own documentation, pasted.
func TestSeedReference(t *testing.T) {
	c := load(t, "openclaw-reference.yaml")
	a := c.Accounts[0]
	want := map[string]Group{"987654321": {
		Enabled: pointer(true), RequireMention: pointer(false), SystemPrompt: "Custom prompt",
		Skills: &[]string{"skill1", "skill2"}, AllowFrom: &[]string{"111111111"},
	}}
	if diff := cmp.Diff(want, a.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if a.Name != DefaultAccount || a.Title != "My QQ Bot" || !cmp.Equal(a.AllowFrom, []string{"123456789"}) || len(c.Warnings) != 0 {
		t.Errorf("got %+v, warnings %v", a, c.Warnings)
	}
}

func TestJSON5(t *testing.T) {
	c := load(t, "json5.yaml")
	a := c.Accounts[0]
	if a.WSPort != 3001 || a.AccessToken != "it's-quoted" || !cmp.Equal(a.AllowFrom, []string{"1", "2"}) || c.App("koishi").AccessToken != "a//b/*c*/#d" {
		t.Errorf("got %+v %+v", a, c.Apps)
	}
}

func TestYAMLWithComments(t *testing.T) {
	a := load(t, "yaml-with-comments.yaml").Accounts[0]
	if a.AccessToken != "a // b" || a.URL != "ws://127.0.0.1:3001" || a.Title != "it's me" || a.SystemPrompt != "// this stays\n/* and this */ too\n" {
		t.Errorf("got %+v", a)
	}
	if diff := cmp.Diff([]string{"1", "2"}, *a.Groups["1"].AllowFrom); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestDefaults(t *testing.T) {
	c := parse(t, "accessToken: t\napps: {a: {accessToken: x}, b: {protocol: agent, baseUrl: 'http://h/v1', model: m}}\n")
	a := c.Accounts[0]
	want := Account{
		Name: DefaultAccount, Enabled: true, WSHost: "127.0.0.1", WSPort: 3001, WSPath: "/onebot/v11/ws", AccessToken: "t",
		Link: "reverse", HTTPPath: "/onebot/v11/http", VerifyCertificate: true,
		Reconnect: Reconnect{true, 10, 5 * time.Second, 2, time.Minute},
		Heartbeat: Heartbeat{true, 30 * time.Second, 10 * time.Second},
		DMPolicy:  "pairing", GroupPolicy: "allowlist", HistoryLimit: 100, TextChunkLimit: 2000, MediaMaxMB: 50,
		Pairing: Pairing{time.Hour, 20, 30}, CatchUp: true, Pacing: Pacing{false, 1, 3, 2, 10},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	wantApp := App{
		Name: "a", Enabled: true, Protocol: "onebot11", AccessToken: "x", Transports: []string{"ws", "http", "sse"},
		Reconnect: Reconnect{true, 0, time.Second, 2, 10 * time.Second}, MessageFormat: "array", Heartbeat: 15 * time.Second,
		Ack: "ping", Targets: "any", RewriteMedia: true, Markdown: "forward", Unsupported: "refuse", VerifyCertificate: true,
		Queue: Queue{MaxAge{10 * time.Minute, 10 * time.Minute, 24 * time.Hour}, 2000, 16},
		Agent: Agent{
			Backend: "openai", Vision: "auto", MaxTokens: 1024, HistoryMessages: 20, Timeouts: Timeouts{2 * time.Minute, 5 * time.Minute},
			Sessions: Sessions{false, 4 * time.Hour}, Concurrency: 1, Quote: "first", LongReply: "chunk",
		},
	}
	if diff := cmp.Diff(wantApp, c.Apps[0]); diff != "" {
		t.Errorf("app (-want +got):\n%s", diff)
	}
	if c.Apps[1].Markdown != "plain" {
		t.Errorf("an agent's markdown is %q, want plain", c.Apps[1].Markdown)
	}
	wantSections := Config{
		Gateway: Gateway{"127.0.0.1:6700", "qq"}, Console: Console{Listen: "127.0.0.1:6750", Language: "auto"},
		Store:  Store{5 * time.Second, time.Second, 256},
		Media:  Media{Dir: "media", MaxTotalMB: 512, MaxAge: 168 * time.Hour, EagerMB: 1, MaxDailyMB: 2048, Rewrite: true},
		Memory: Memory{48 << 20}, Limits: Limits{8, 16},
		Alerts: Alerts{On: []string{"account.offline", "link.down", "account.limited", "disk.low", "app.down", "pairing.request", "store.errors", "token.failures", "update.available"}},
		Log:    Log{"info", "text"}, Language: "zh", Path: "catflap.yaml", DataDir: "catflap-data",
	}
	sections := *c
	sections.Accounts, sections.Apps, sections.Warnings = nil, nil, nil
	if diff := cmp.Diff(wantSections, sections); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
}

// TestAcceptedSpellings: what reads differently and means the same.
func TestAcceptedSpellings(t *testing.T) {
	for _, c := range []struct{ one, other string }{
		{"dmPolicy: disabled", "dmPolicy: closed"},
		{"groupPolicy: disabled", "groupPolicy: closed"},
		{"heartbeat: {interval: 20000}", "heartbeat: {interval: 20s}"},
		{`allowFrom: ["5", "user:6", "*"]`, "allowFrom: [5, user:6, '*']"},
		{"allowFrom: []", "name: ''"},
		{"pacing: {chat: 60/m, account: 7200/h}", "pacing: {chat: 1/s, account: 2/s}"},
		{"memory: {limit: 48MiB}", "memory: {limit: 50331648}"},
		{"pacing: off", `pacing: "off"`},
		{"groups: {123: {enabled: true}}", `groups: {"123": {"enabled": true}}`},
		{"name: a$${b}", `name: "a$${b}"`},
	} {
		if diff := Diff(parse(t, "accessToken: t\n"+c.one), parse(t, "accessToken: t\n"+c.other)); len(diff) != 0 {
			t.Errorf("%s and %s differ: %v", c.one, c.other, diff)
		}
	}
	if got := parse(t, "accessToken: t\nname: a$${b}").Accounts[0].Title; got != "a${b}" {
		t.Errorf("escape gave %q", got)
	}
}

func TestAbsentAndEmptyDiffer(t *testing.T) {
	c := parse(t, `accessToken: t
groups:
  "1": {}
  "2": {allowFrom: [], skills: []}
apps:
  a: {accessToken: x}
  b: {accessToken: y, actions: {allow: []}}
`)
	g := c.Accounts[0].Groups
	if g["1"].AllowFrom != nil || g["1"].Skills != nil || g["2"].AllowFrom == nil || g["2"].Skills == nil {
		t.Errorf("groups: %+v", g)
	}
	if c.Apps[0].Actions.Allow != nil || c.Apps[1].Actions.Allow == nil {
		t.Errorf("actions: %+v %+v", c.Apps[0].Actions, c.Apps[1].Actions)
	}
	shown := string(c.Show())
	if diff := cmp.Diff(g, parse(t, string(render(c.node(true)))).Accounts[0].Groups); diff != "" {
		t.Errorf("shown and read again (-want +got):\n%s", diff)
	}
	if strings.Count(shown, "skills: []") != 1 || strings.Count(shown, "allow: []") != 1 {
		t.Errorf("show:\n%s", shown)
	}
}

func TestAccountsReplaceGroupsAndInheritScalars(t *testing.T) {
	c := parse(t, `accessToken: t
wsPath: /bots/{account}/ws
historyLimit: 7
groups: {"1": {}, "2": {}}
reconnect: {maxRetries: 3}
accounts:
  one: {groups: {"3": {}}, reconnect: {retryDelay: 1s}}
  two: {historyLimit: 0}
`)
	one, two := c.Account("one"), c.Account("two")
	if len(one.Groups) != 1 || len(two.Groups) != 2 || one.HistoryLimit != 7 || two.HistoryLimit != 0 {
		t.Errorf("got %+v\n%+v", one, two)
	}
	if one.Reconnect.MaxRetries != 3 || one.Reconnect.RetryDelay != time.Second || two.Reconnect.RetryDelay != 5*time.Second {
		t.Errorf("reconnect: %+v %+v", one.Reconnect, two.Reconnect)
	}
	if one.WSPath != "/bots/one/ws" || two.WSPath != "/bots/two/ws" {
		t.Errorf("paths: %s %s", one.WSPath, two.WSPath)
	}
}

// TestActionLists: prefixes are accepted as the refusals of actions advise them, and names that nobody knows are warned of.
func TestActionLists(t *testing.T) {
	c, err := Parse("catflap.yaml", []byte(`accessToken: t0ken-1
apps:
  a:
    accessToken: x
    actions: {allow: ["*", set_restart, "get_*", "@send"], deny: ["clean_*", send_groop_msg, get_status_async, xyzzy]}
`), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`5:78 apps.a.actions.deny[1]: no known action is called "send_groop_msg": did you mean send_group_msg?`,
		`5:112 apps.a.actions.deny[3]: no known action is called "xyzzy": correct it unless your NapCat has it`,
	}
	var got []string
	for _, w := range c.Warnings {
		got = append(got, fmt.Sprintf("%d:%d %s: %s", w.Line, w.Column, w.Path, w.Message))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"*", "set_restart", "get_*", "@send"}, *c.App("a").Actions.Allow); diff != "" {
		t.Errorf("allow (-want +got):\n%s", diff)
	}
}

// Networks that no private one is as large as open the guard for nearly all addresses.
func TestWideAllowPrivateIsAWarning(t *testing.T) {
	for in, want := range map[string]int{"198.18.0.0/15": 0, "10.0.0.0/8": 0, "fc00::/7": 0, "192.0.2.1": 0, "0.0.0.0/0": 1, "::/0": 1, "128.0.0.0/1": 1} {
		c, err := Parse("catflap.yaml", []byte("accessToken: t0ken-1\nmedia: {allowPrivate: ['"+in+"']}\n"), func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != want || want > 0 && c.Warnings[0].Path != "media.allowPrivate" {
			t.Errorf("%s: warnings %v, want %d", in, c.Warnings, want)
		}
	}
}

func TestMissingNapcatDirIsAWarning(t *testing.T) {
	dir := t.TempDir()
	for in, want := range map[string]int{dir: 0, dir + "/not-there": 1} {
		c, err := Parse("catflap.yaml", []byte("accessToken: t0ken-1\nmedia: {napcatDir: '"+in+"'}\n"), func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != want {
			t.Errorf("%s: warnings %v, want %d", in, c.Warnings, want)
		}
		for _, w := range c.Warnings {
			if w.Path != "media.napcatDir" || w.Line != 2 || w.Column != 20 {
				t.Errorf("warning at %d:%d of %s", w.Line, w.Column, w.Path)
			}
		}
	}
}
