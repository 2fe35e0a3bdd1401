package web

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

const hostile = `<script>alert(1)</script>"'&`

// furnish gives the rig a box with something on every page, and returns what forms have asked for.
func (r *rig) furnish() *[]string {
	r.Helper()
	var asked []string
	note := func(what string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			r.Error(err)
		}
		r.mu.Lock() // streams rehearse at the same time
		defer r.mu.Unlock()
		asked = append(asked, what+" "+string(text))
	}
	api := r.site.API
	api.Accounts = func() []console.AccountInfo { return []console.AccountInfo{{Name: "bot1", Enabled: true}} }
	api.Limits = func(string) policy.PairingLimits { return policy.PairingLimits{} }
	api.Groups = func(context.Context, string) []console.GroupStatus {
		return []console.GroupStatus{
			{Account: "bot1", GroupID: 30003, Name: hostile, Members: 4, Joined: true, Listed: true, Enabled: true},
			{Account: "bot1", GroupID: 30004, Reason: "group.not-listed", RequireMention: true},
		}
	}
	api.GroupNames = func(string) map[uint64]string { return map[uint64]string{30003: hostile} }
	api.SetGroup = func(_ context.Context, req console.GroupRequest) (console.ReloadResult, error) {
		note("group", req)
		if req.GroupID == 39999 {
			return console.ReloadResult{}, &console.Problem{Status: 409, Message: "no " + hostile, Remedy: "try another"}
		}
		return console.ReloadResult{}, nil
	}
	api.Pause = func(app string, paused bool) error { note("pause", []any{app, paused}); return nil }
	api.Replay = func(app, account string, _ time.Time, last int) (int, error) {
		note("replay", []any{app, account, last})
		return last, nil
	}
	api.Knock = func(app string) (int, error) { note("knock", app); return 1, nil }
	api.Logs = func(string) []console.LogRecord {
		return []console.LogRecord{{Time: r.now(), Level: "WARN", Message: hostile, Details: "err=" + hostile}}
	}
	text := "wsPort: 1\n# " + hostile + "\n"
	api.Configuration = &console.Configuration{
		Read: func() (console.ConfigFile, error) {
			return console.ConfigFile{Path: "/etc/catflap/catflap.yaml", Text: text, Sum: "sum"}, nil
		},
		Check: func(draft string) console.ConfigCheck {
			if strings.Contains(draft, "many") {
				return console.ConfigCheck{Issues: []console.ConfigIssue{{Line: 1, Column: 9, Path: "wsPort", Message: "found " + hostile, Source: "wsPort: many"}}}
			}
			return console.ConfigCheck{OK: true, Warnings: []console.ConfigIssue{{Message: hostile}}}
		},
		Write: func(_ context.Context, draft, base string) (console.ReloadResult, error) {
			note("write", []string{draft, base})
			return console.ReloadResult{}, nil
		},
		Versions: func() ([]console.ConfigVersion, error) {
			return []console.ConfigVersion{{ID: "20260501T000000.000Z", Time: r.now(), Bytes: 10}}, nil
		},
		Version: func(id string) (string, error) { return "wsPort: 2 # " + id + "\n", nil },
	}
	api.Rehearse = func(req console.RehearseRequest) (console.Decision, error) {
		note("rehearse", req)
		reason := map[uint64]string{0: "dm.pairing-required", 30003: "mention.required", 30004: "group.not-listed"}[req.GroupID]
		return console.Decision{Time: r.now(), Account: "bot1", Chat: "group:30003", User: req.UserID, Kind: "message.group.normal", Outcome: "context", Reason: reason}, nil
	}
	api.Simulated = func(_ context.Context, account string) bool { return account == "bot2" }
	api.Simulate = func(_ context.Context, req console.SimulateRequest) error { note("simulate", req); return nil }

	if _, err := r.store.Access().Ask("bot1", 20009, policy.PairingLimits{}); err != nil {
		r.Fatal(err)
	}
	for _, user := range []string{"20010", "20011"} {
		if _, err := r.store.Access().Approve("bot1", user, 0, true, policy.PairingLimits{}); err != nil {
			r.Fatal(err)
		}
	}
	if _, err := r.store.Access().Block("bot1", "20012", policy.PairingLimits{}); err != nil {
		r.Fatal(err)
	}
	for _, m := range []store.Record{
		{MessageID: 1, User: 20002, Sender: hostile, Raw: []byte(`[{"type":"text","data":{"text":"first <b>"}}]`)},
		{MessageID: 2, User: 20002, Sender: "Ann", Raw: []byte(`[{"type":"reply","data":{"id":"1"}},{"type":"text","data":{"text":"second"}},{"type":"image","data":{"file":"a.png"}}]`)},
		{MessageID: 3, User: 20002, Sender: "Ann", Recalled: true},
		{MessageID: 4, User: 10001, Direction: store.Out, Raw: []byte(`[{"type":"text","data":{"text":"answer"}}]`)},
	} {
		m.Account, m.Chat, m.Time = "bot1", policy.Chat{Group: true, ID: 30003}, r.now().Unix()
		r.store.History().Add("bot1", 100, m)
	}
	for _, d := range []store.Decision{
		{User: 20002, Chat: "group:30003", Kind: "message.group.normal", Outcome: "context", Reason: "mention.required"},
		{User: 20002, Chat: "group:30004", Kind: "message.group.normal", Outcome: "drop", Reason: "group.not-listed"},
		{User: 20009, Chat: "user:20009", Kind: "message.private.friend", Outcome: "pair", Reason: "dm.pairing-required"},
		{User: 20002, Chat: "user:20002", Kind: "message.private.friend", Outcome: "deliver", Reason: "delivered", Apps: []store.AppDecision{{App: "koishi", Outcome: "deliver", Reason: "delivered"}}},
		{Kind: "notice." + hostile, Outcome: "drop", Reason: hostile},
	} {
		d.Account, d.Time = "bot1", r.now()
		r.store.Decisions().Add(d)
	}
	return &asked
}

// Every page is whole in both languages: no key shows itself, nothing hostile gets through, every form has its token.
func TestPages(t *testing.T) {
	r := newRig(t)
	r.furnish()
	b := r.logIn()
	for path, wants := range map[string][]string{
		"/":                       {"alert(1)", "<polyline"},
		"/access":                 {"20009", "20010", "20012", "30003", "30004", `aria-checked="true"`},
		"/decisions":              {"mention.required", "koishi"},
		"/decisions?show=ignored": {"mention.required", "group.not-listed", `name="force" value="1"`},
		"/apps":                   {"koishi", `value="pause"`},
		"/chats":                  {"/chats/talk?account=bot1&amp;chat=group%3A30003"},
		"/chats?q=second":         {"#m2-"},
		"/chats/talk?account=bot1&chat=group:30003":          {"first &lt;b&gt;", "<blockquote>", "a.png", "bubble own"},
		"/chats/talk?account=bot1&chat=group:30003&q=ANSWER": {"bubble own"},
		"/config":                              {"wsPort: 1", "20260501T000000.000Z"},
		"/config?version=20260501T000000.000Z": {`<span class="plus">`, `<span class="minus">`},
		"/media":                               {`name="all"`},
		"/logs":                                {"alert(1)"},
		"/logs?level=warn":                     {"alert(1)"},
		"/simulator":                           {`name="user"`},
	} {
		for language, tag := range map[string]string{"en": "en", "zh": "zh-CN"} {
			a := b.do("GET", path, "", "Accept-Language", language)
			if a.StatusCode != 200 || !strings.Contains(a.body, `<html lang="`+tag+`"`) {
				t.Errorf("%s in %s: %d", path, language, a.StatusCode)
			}
			for _, want := range wants {
				if !strings.Contains(a.body, want) {
					t.Errorf("%s in %s has no %s:\n%s", path, language, want, a.body)
				}
			}
			if strings.Contains(a.body, "<script>") {
				t.Errorf("%s lets a script through", path)
			}
			if m := regexp.MustCompile(`>(?:nav|access|decisions|allow|apps|app|chats?|talk|medium|config|logs|simulator|done|reason|outcome|kind|overview)\.[a-z.]+<`).FindString(a.body); m != "" {
				t.Errorf("%s in %s shows the key %s", path, language, m)
			}
			if posts, tokens := strings.Count(a.body, `method="post"`), strings.Count(a.body, `name="csrf" value="`); posts != tokens {
				t.Errorf("%s has %d forms and %d tokens", path, posts, tokens)
			}
		}
	}
	for _, path := range []string{"/chats/talk", "/chats/talk?account=bot1&chat=x", "/live?page=talk&account=bot1", "/live?page=talk&chat=group:1"} {
		if a := b.do("GET", path, ""); a.StatusCode != 404 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := b.do("GET", "/config?version=x", ""); a.StatusCode != 200 && a.StatusCode != 404 {
		t.Errorf("%d", a.StatusCode)
	}
}

// Nothing of one session is in what all tabs share.
func TestLivePartsHoldNoToken(t *testing.T) {
	r := newRig(t)
	r.furnish()
	b := r.logIn()
	token := b.csrf()
	for _, page := range []string{"overview", "access", "decisions", "ignored", "apps", "logs", "warnings", "talk&account=bot1&chat=group:30003"} {
		s := b.events("/live?page=" + page)
		if text := s.next(); !strings.Contains(text, "data-part=") || strings.Contains(text, token) || strings.Contains(text, "<script>") {
			t.Errorf("%s: %s", page, text)
		}
		s.body.Close()
	}
}

// The stream of the page that follows a form begins with what the form has done, however lately it was looked at.
func TestLivePartsFollowForms(t *testing.T) {
	r := newRig(t)
	r.furnish()
	r.site.Refresh = time.Hour
	b := r.logIn()
	csrf := b.csrf()
	code := r.store.Access().List("bot1")[0].Code
	if text := b.events("/live?page=access").next(); !strings.Contains(text, code) {
		t.Fatalf("nobody waits: %s", text)
	}
	if a := b.do("POST", "/access/person", "verb=approve&account=bot1&who="+code+"&csrf="+csrf); a.StatusCode != 303 {
		t.Fatal(a.StatusCode)
	}
	if text := b.events("/live?page=access").next(); strings.Contains(text, code) {
		t.Errorf("the stream shows what was before: %s", text)
	}
}

func TestForms(t *testing.T) {
	r := newRig(t)
	asked := r.furnish()
	b := r.logIn()
	csrf := b.csrf()
	code := r.store.Access().List("bot1")[0].Code
	for _, c := range []struct {
		name, path, form string
		status           int
		location         string // or what the page says
		asks             string
	}{
		{"approve", "/access/person", "verb=approve&account=bot1&who=" + code, 303, "/access?done=approved", ""},
		{"the same again", "/access/person", "verb=deny&account=bot1&who=" + code, 404, "", ""},
		{"from the decisions", "/access/person", "verb=approve&account=bot1&who=20099&force=1&back=/decisions&show=ignored", 303, "/decisions?done=approved&show=ignored", ""},
		{"revoke", "/access/person", "verb=revoke&account=bot1&who=20010", 303, "/access?done=revoked", ""},
		{"unblock", "/access/person", "verb=unblock&account=bot1&who=20012", 303, "/access?done=unblocked", ""},
		{"no verb", "/access/person", "account=bot1&who=20010", 400, "", ""},
		{"another site afterwards", "/access/person", "verb=block&account=bot1&who=20010&back=//evil.example/", 303, "/access?done=blocked", ""},
		{"a group", "/access/group", "account=bot1&group=30004&enabled=true", 303, "/access?done=group.on", `group {"account":"bot1","group_id":30004,"enabled":true}`},
		{"its mention", "/access/group", "account=bot1&group=30003&mention=false&back=/decisions", 303, "/decisions?done=mention.off", `group {"account":"bot1","group_id":30003,"require_mention":false}`},
		{"a group that cannot", "/access/group", "account=bot1&group=39999&enabled=true", 409, "no &lt;script&gt;", `group {"account":"bot1","group_id":39999,"enabled":true}`},
		{"no group", "/access/group", "account=bot1&group=x&enabled=true", 400, "", ""},
		{"pause", "/apps/steer", "app=koishi&verb=pause", 303, "/apps?done=paused", `pause ["koishi",true]`},
		{"resume", "/apps/steer", "app=koishi&verb=resume", 303, "/apps?done=resumed", `pause ["koishi",false]`},
		{"replay", "/apps/steer", "app=koishi&verb=replay&last=3", 303, "/apps?done=replayed", `replay ["koishi","bot1",3]`},
		{"replay nothing", "/apps/steer", "app=koishi&verb=replay&last=0", 400, "", ""},
		{"test", "/apps/steer", "app=koishi&verb=test", 303, "/apps?done=tested", `knock "koishi"`},
		{"no such app", "/apps/steer", "app=x&verb=pause", 400, "没有应用 &#34;x&#34;", ""},
		{"review a mistake", "/config", "text=wsPort:+many", 422, "data-column=\"9\"", ""},
		{"review", "/config", "text=wsPort:+2%0D%0A", 200, `<span class="plus">+ wsPort: 2`, ""},
		{"apply", "/config/apply", "text=wsPort:+2%0D%0A%23+x%0D%0A&base=sum", 303, "/config?done=applied", `write ["wsPort: 2\n# x\n","sum"]`},
		{"return", "/config/return", "version=20260501T000000.000Z", 303, "/config?done=returned", `write ["wsPort: 2 # 20260501T000000.000Z\n",""]`},
		{"clear all", "/chats/clear", "account=&chat=", 400, "", ""},
		{"clear", "/chats/clear", "account=bot1&chat=group:30003", 303, "/chats?done=cleared", ""},
		{"rehearse", "/simulator", "account=bot1&user=20002&group=30003&text=hi&at=1", 200, "mention.required", `rehearse {"account":"bot1","user_id":20002,"group_id":30003,"at_bot":true,"text":"hi"}`},
		{"rehearse without a number", "/simulator", "account=bot1&user=x&text=hi", 400, "", ""},
	} {
		*asked = nil
		a := b.do("POST", c.path, c.form+"&csrf="+csrf)
		if a.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.name, a.StatusCode, a.body)
			continue
		}
		if c.status == 303 && a.Header.Get("Location") != c.location || c.status != 303 && !strings.Contains(a.body, c.location) || strings.Contains(a.body, "<script>") {
			t.Errorf("%s: to %q, want %q: %s", c.name, a.Header.Get("Location"), c.location, a.body)
		}
		got := ""
		for _, one := range *asked {
			if kind, _, _ := strings.Cut(c.asks, " "); c.asks != "" && strings.HasPrefix(one, kind+" ") {
				got = one
			}
		}
		if got != c.asks {
			t.Errorf("%s: asked %q, want %q", c.name, got, c.asks)
		}
		if a := b.do("POST", c.path, c.form); a.StatusCode != 403 {
			t.Errorf("%s without a token: %d", c.name, a.StatusCode)
		}
	}
	var by []string
	entries, err := r.store.Audit().Last(100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.By == "console 127.0.0.1" {
			by = append(by, e.Action)
		}
	}
	for _, action := range []string{"pairing.approve", "pairing.revoke", "group.set", "app.pause", "app.replay", "app.test", "config.write", "history.clear"} {
		if !strings.Contains(strings.Join(by, " "), action) {
			t.Errorf("the audit does not say who did %s: %v", action, by)
		}
	}
}

// A simulated account hears what is said on the page.
func TestSimulatorSpeaks(t *testing.T) {
	r := newRig(t)
	asked := r.furnish()
	r.site.API.Accounts = func() []console.AccountInfo { return []console.AccountInfo{{Name: "bot1"}, {Name: "bot2"}} }
	b := r.logIn()
	a := b.do("POST", "/simulator", url.Values{"account": {"bot2"}, "user": {"20002"}, "text": {"hi"}, "csrf": {b.csrf()}}.Encode())
	if a.StatusCode != 303 || a.Header.Get("Location") != "/simulator?account=bot2&done=said&group=&user=20002" {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("Location"))
	}
	if want := `simulate {"account":"bot2","user_id":20002,"text":"hi"}`; !cmp.Equal((*asked)[len(*asked)-1], want) {
		t.Errorf("asked %v", *asked)
	}
}

// What an app may do is told as it is: an empty list allows nothing, and no list allows nearly all.
func TestRightsAsTheyAre(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	for _, c := range []struct {
		allow      *[]string
		page, json string
	}{
		{nil, "Every action but those that hand out credentials.", ""},
		{new([]string), "No action at all.", `"rights":{"allow":[],`},
		{&[]string{}, "No action at all.", `"rights":{"allow":[],`},
		{&[]string{"get_*"}, "Only: <code>get_*</code>", `"rights":{"allow":["get_*"],`},
	} {
		r.mu.Lock()
		r.status.Apps = []console.AppStatus{{Name: "koishi", Account: "bot1", Rights: console.Rights{Allow: c.allow, Targets: "any"}}}
		r.mu.Unlock()
		if a := b.do("GET", "/apps", "", "Accept-Language", "en"); !strings.Contains(a.body, c.page) {
			t.Errorf("%v: no %q in %s", c.allow, c.page, a.body)
		}
		if a := b.do("GET", "/api/v1/apps", ""); !strings.Contains(a.body, c.json) || c.json == "" && strings.Contains(a.body, "allow") {
			t.Errorf("%v: %s", c.allow, a.body)
		}
	}
}

// Remedies on a page name nothing that belongs on a command line.
func TestRemediesOnPages(t *testing.T) {
	r := newRig(t)
	r.furnish()
	b := r.logIn()
	csrf := b.csrf()
	for _, c := range []struct{ form, en, zh string }{
		{"verb=approve&who=nonsense", "further down a QQ number", "在下方可以直接批准"},
		{"verb=unblock&who=12345", "is not blocked<br>this page shows", "没有被拉黑<br>本页列出了"},
		{"verb=revoke&who=12345", "is not approved<br>this page shows", "没有获得批准<br>本页列出了"},
		{"verb=block&who=", "nobody is named<br>give the QQ number", "没有指定是谁<br>请写 QQ 号"},
	} {
		for language, want := range map[string]string{"en": c.en, "zh": c.zh} {
			a := b.do("POST", "/access/person", c.form+"&account=bot1&csrf="+csrf, "Accept-Language", language)
			if told := regexp.MustCompile(`(?s)<p class="told bad".*?</p>`).FindString(a.body); !strings.Contains(told, want) || strings.Contains(told, "--") {
				t.Errorf("%s in %s: %s", c.form, language, told)
			}
		}
	}
}

// A bubble keeps its key when its message is recalled, so that what quotes it changes too; a card is told by its title; a word
// stands beside a medium that may be gone.
func TestBubbles(t *testing.T) {
	r := newRig(t)
	r.furnish()
	chat := policy.Chat{Group: true, ID: 30003}
	key := strings.Repeat("ab", 16)
	for _, m := range []store.Record{
		{MessageID: 11, Raw: []byte(`[{"type":"text","data":{"text":"to be recalled"}}]`)},
		{MessageID: 12, Raw: []byte(`[{"type":"reply","data":{"id":"11"}},{"type":"text","data":{"text":"quoting"}}]`)},
		{MessageID: 13, Raw: []byte(`[{"type":"json","data":{"data":"{\"prompt\":\"<b>天气\"}"}}]`)},
		{MessageID: 14, Raw: []byte(`[{"type":"image","data":{"file":"http://127.0.0.1:1/media/` + key + `"}}]`)},
	} {
		m.Account, m.Chat, m.Time, m.User, m.Sender = "bot1", chat, r.now().Unix(), 20002, "Ann"
		r.store.History().Add("bot1", 100, m)
	}
	b := r.logIn()
	const path = "/chats/talk?account=bot1&chat=group:30003"
	before := b.do("GET", path, "", "Accept-Language", "en").body
	for _, want := range []string{"[json &lt;b&gt;天气]", `src="/media/` + key, `<span class="lost faint">Picture: not to be had any more</span>`, "<bdi>to be recalled</bdi></blockquote>"} {
		if !strings.Contains(before, want) {
			t.Errorf("no %s in %s", want, before)
		}
	}
	r.store.History().Recall("bot1", chat, 11)
	after := b.do("GET", path, "", "Accept-Language", "en").body
	if strings.Contains(after, "to be recalled") {
		t.Errorf("a recalled text shows: %s", after)
	}
	keys := regexp.MustCompile(`data-key="[^"]*"`)
	if diff := cmp.Diff(keys.FindAllString(before, -1), keys.FindAllString(after, -1)); diff != "" {
		t.Error(diff)
	}
}

func TestDifference(t *testing.T) {
	show := func(list []diffLine) string {
		var b strings.Builder
		for _, l := range list {
			b.WriteString(l.Sign + l.Text + "\n")
		}
		return b.String()
	}
	for _, c := range []struct{ before, after, want string }{
		{"a\n", "a\n", ""},
		{"a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nD\ne\nf\ng\n", "…\n b\n c\n-d\n+D\n e\n f\n…\n"},
		{"a\n", "a\nb\n", " a\n+b\n"},
		{"a\r\nb\r\n", "a\nb\nc\n", " a\n b\n+c\n"},
		{"x\na\ny\n", "a\nz\ny\n", "-x\n a\n+z\n y\n"},
		{strings.Repeat("a\n", 2000), strings.Repeat("b\n", 2000), strings.Repeat("-a\n", 2000) + strings.Repeat("+b\n", 2000)},
	} {
		if got := show(difference(c.before, c.after)); got != c.want {
			t.Errorf("%.20q to %.20q:\n%.300s\nwant\n%.300s", c.before, c.after, got, c.want)
		}
	}
}
