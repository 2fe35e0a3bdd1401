package simulator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The table of reference 3.3 over a WebSocket client, and the shapes of 3.2.
func TestAnswers(t *testing.T) {
	_, p, ctx := connect(t, Options{NoPacketBackend: true})
	for _, test := range []struct{ name, send, want string }{
		{"ok", `{"action":"get_status","echo":"a"}`,
			`{"status":"ok","retcode":0,"data":{"online":true,"good":true,"stat":{}},"message":"","wording":"","echo":"a","stream":"normal-action"}`},
		{"params null", `{"action":"can_send_image","params":null,"echo":"a"}`,
			`{"status":"ok","retcode":0,"data":{"yes":true},"message":"","wording":"","echo":"a","stream":"normal-action"}`},
		{"data missing", `{"action":"send_like","params":{"user_id":20002},"echo":"a"}`,
			`{"status":"ok","retcode":0,"message":"","wording":"","echo":"a","stream":"normal-action"}`},
		{"data null", `{"action":"set_group_remark","params":{"group_id":30003,"remark":"x"},"echo":"a"}`,
			`{"status":"ok","retcode":0,"data":null,"message":"","wording":"","echo":"a","stream":"normal-action"}`},
		{"business failure", `{"action":"get_group_info","params":{"group_id":1},"echo":"a"}`,
			`{"status":"failed","retcode":1200,"data":null,"message":"群1不存在","wording":"群1不存在","echo":"a","stream":"normal-action"}`},
		{"parameter missing", `{"action":"get_group_info","params":{},"echo":"a"}`,
			`{"status":"failed","retcode":1400,"data":null,"message":"Schema compilation error: Expected required property","wording":"Schema compilation error: Expected required property","echo":"a","stream":"normal-action"}`},
		{"packet backend absent", `{"action":"get_rkey","echo":"a"}`,
			`{"status":"failed","retcode":1400,"data":null,"message":"` + noPacketBackend + `","wording":"` + noPacketBackend + `","echo":"a","stream":"normal-action"}`},
		{"no JSON", `{"action":`,
			`{"status":"failed","retcode":1400,"data":null,"message":"json解析失败,请检查数据格式","wording":"json解析失败,请检查数据格式","echo":null,"stream":"normal-action"}`},
		{"unknown", `{"action":"no_such","echo":"a"}`,
			`{"status":"failed","retcode":1404,"data":null,"message":"不支持的Api no_such","wording":"不支持的Api no_such","echo":"a","stream":"normal-action"}`},
		{"in the catalogue but not in NapCat", `{"action":"get_supported_actions"}`,
			`{"status":"failed","retcode":1404,"data":null,"message":"不支持的Api get_supported_actions","wording":"不支持的Api get_supported_actions","echo":null,"stream":"normal-action"}`},
		{"no action", `{}`,
			`{"status":"failed","retcode":1404,"data":null,"message":"不支持的Api undefined","wording":"不支持的Api undefined","echo":null,"stream":"normal-action"}`},
		{"failed stream action", `{"action":"download_file_stream","params":{"file":"none"},"echo":"a"}`,
			`{"status":"failed","retcode":1200,"data":{"type":"error","data_type":"error"},"message":"file not found","wording":"file not found","echo":"a","stream":"stream-action"}`},
		{"suffix async", `{"action":"get_version_info_async","echo":"a"}`,
			`{"status":"ok","retcode":0,"data":{"app_name":"NapCat.Onebot","protocol_version":"v11","app_version":"4.18.19"},"message":"","wording":"","echo":"a","stream":"normal-action"}`},
		{"suffix rate_limited", `{"action":"get_login_info_rate_limited","echo":"a"}`,
			`{"status":"ok","retcode":0,"data":{"user_id":10001,"nickname":"Bot"},"message":"","wording":"","echo":"a","stream":"normal-action"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			p.send(test.send)
			if d := cmp.Diff(test.want, string(p.frame(ctx).raw)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEchoIsWhatJavaScriptMakesOfIt(t *testing.T) {
	_, p, ctx := connect(t, Options{})
	for _, test := range []struct{ echo, want string }{
		{``, `""`},
		{`null`, `""`},
		{`""`, `""`},
		{`"x"`, `"x"`},
		{`0`, `0`},
		{`false`, `false`},
		{`42`, `42`},
		{`1.50`, `1.5`},
		{`12345678901234567890`, `12345678901234567000`},
		{`1e3`, `1000`},
		{`-0`, `0`},
		{`{"seq":1,"a":null}`, `{"seq":1,"a":null}`},
		{`{ "b" : [1, 2.0, "\u4f60\/<"] }`, `{"b":[1,2,"你/<"]}`},
	} {
		message := `{"action":"can_send_image"}`
		if test.echo != "" {
			message = fmt.Sprintf(`{"action":"can_send_image","echo":%s}`, test.echo)
		}
		p.send(message)
		if got := string(p.frame(ctx).keys["echo"]); got != test.want {
			t.Errorf("echo %s came back as %s, want %s", test.echo, got, test.want)
		}
	}
}

// Reference 3.4: NapCat never answers a send whose message is missing or holds null.
func TestSendsWithoutMessageAreNeverAnswered(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	calls := []string{
		`{"action":"send_group_msg","params":{"group_id":30003},"echo":1}`,
		`{"action":"send_group_msg","params":{"group_id":30003,"message":null},"echo":2}`,
		`{"action":"send_msg","params":{"group_id":30003,"message":[{"type":"text","data":{"text":"a"}},null]},"echo":3}`,
		`{"action":"send_private_msg_async","echo":4}`,
		`{"action":"send_group_forward_msg","params":{"group_id":30003,"messages":null},"echo":5}`,
	}
	for _, c := range calls {
		p.send(c)
	}
	if _, err := n.WaitCall(ctx, func(c Call) bool { return c.Seq == int64(len(calls)) }); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if f := p.call(ctx, "get_status", "{}"); f.text("echo") != "e" {
			t.Errorf("answer %d is %s", i, f.raw)
		}
	}
}

func TestParameterCheck(t *testing.T) {
	_, p, ctx := connect(t, Options{})
	const missing, union = "Expected required property", "Expected union value"
	for _, test := range []struct{ action, params, want string }{
		{"set_group_ban", `{"group_id":30003}`, missing},
		{"set_group_ban", `{"group_id":null,"user_id":1}`, union},
		{"set_group_ban", `{"group_id":30003,"user_id":20002,"duration":null}`, union},
		{"set_group_ban", `{"group_id":"30003","user_id":"20002","duration":"60","extra":[]}`, ""},
		{"set_group_add_request", `{"flag":"1","reason":null}`, "No such request"},
		{"get_group_msg_history", `{"group_id":30003,"count":"5"}`, ""},
		{"get_group_msg_history", `{"group_id":30003,"count":"five"}`, "Expected number"},
		{"get_group_msg_history", `{"group_id":30003,"reverse_order":1}`, ""},
		{"get_group_msg_history", `{"group_id":30003,"reverse_order":"no"}`, "Expected boolean"},
		{"set_group_kick_members", `{"group_id":30003,"user_id":5}`, "Expected array"},
		{".handle_quick_operation", `{"context":[],"operation":{}}`, "Expected object"},
		{".handle_quick_operation", `{"context":{},"operation":{}}`, missing},
		{"set_group_member_invite_policy", `{"group_id":30003,"policy":"maybe"}`, union},
		{"set_group_member_invite_policy", `{"group_id":30003,"policy":"disabled"}`, ""},
	} {
		f := p.call(ctx, test.action, test.params)
		for f.keys["status"] == nil { // a notice of what the call did
			f = p.frame(ctx)
		}
		got := f.text("message")
		if test.want == "" && got != "" || !strings.HasSuffix(got, test.want) {
			t.Errorf("%s %s: %q, want %q", test.action, test.params, got, test.want)
		}
	}
}

// Every action of the catalogue that NapCat has is answered, whatever comes.
func TestEveryCatalogueActionIsAnswered(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	for name := range n.actions {
		if info, ok := lookup(name); (!ok || !info) && name != SayAction {
			t.Errorf("%s is implemented but NapCat does not have it", name)
		}
	}
	for _, name := range catalogueNames() {
		known, _ := lookup(name)
		if name == "bot_exit" || name == "set_restart" || strings.HasPrefix(name, "send_") && (strings.HasSuffix(name, "_msg")) {
			continue
		}
		p.send(fmt.Sprintf(`{"action":%q,"params":{},"echo":%q}`, name, name))
		f := p.frame(ctx)
		for f.text("echo") != name { // the rest of a stream, or a notice
			f = p.frame(ctx)
		}
		if got := f.text("retcode"); known == (got == "1404") {
			t.Errorf("%s: retcode %s, known %v", name, got, known)
		}
	}
}

func TestHooks(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	set := func(a Answer) { n.OnAction("get_status", func(Call) Answer { return a }) }
	set(Answer{Retcode: 1200, Message: "no"})
	if f := p.call(ctx, "get_status", "{}"); f.text("retcode") != "1200" || f.text("wording") != "no" {
		t.Errorf("retcode: %s", f.raw)
	}
	set(Answer{Data: []int{1}})
	if got := p.data(ctx, "get_status", "{}"); got != "[1]" {
		t.Errorf("data: %s", got)
	}
	set(Answer{Raw: [][]byte{[]byte(`{"one":1}`), []byte(`{"two":2}`)}})
	if f := p.call(ctx, "get_status", "{}"); f.keys["one"] == nil {
		t.Errorf("raw: %s", f.raw)
	}
	if f := p.frame(ctx); f.keys["two"] == nil {
		t.Errorf("raw: %s", f.raw)
	}
	set(Answer{Repeat: 1})
	first := p.call(ctx, "get_status_async", "{}")
	if second := p.frame(ctx); string(second.raw) != string(first.raw) {
		t.Errorf("repeat: %s", second.raw)
	}
	set(Answer{Silent: true})
	p.send(`{"action":"get_status","echo":"silent"}`)
	if f := p.call(ctx, "get_login_info", "{}"); f.text("echo") != "e" {
		t.Errorf("silent: %s", f.raw)
	}
	n.OnAction("get_status", nil)
	n.OnAction("*", func(c Call) Answer { return Answer{Data: c.Name} })
	if got := p.data(ctx, "get_status", "{}"); got != `"get_status"` {
		t.Errorf("star: %s", got)
	}
	n.OnAction("*", func(Call) Answer { return Answer{Drop: true} })
	p.send(`{"action":"get_status"}`)
	if c := p.end(ctx); c.Code != 1006 || !c.Remote {
		t.Errorf("drop: %v", c)
	}
}

func TestSilenceMuteAndDuplicate(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	n.Silence(true)
	p.send(`{"action":"send_private_msg","params":{"user_id":20002,"message":"x"},"echo":"lost"}`)
	if _, err := n.WaitCall(ctx, nil); err != nil {
		t.Fatal(err)
	}
	n.Emit([]byte(`{"event":1}`))
	if f := p.frame(ctx); f.keys["event"] == nil {
		t.Errorf("silence stopped events: %s", f.raw)
	}
	n.Silence(false)
	if len(n.Sent()) != 0 {
		t.Error("a silent NapCat has sent")
	}
	n.Mute(true)
	n.Say(Private(20002), Text("unheard"))
	if f := p.call(ctx, "get_status", "{}"); f.text("status") != "ok" {
		t.Errorf("mute stopped answers: %s", f.raw)
	}
	n.Mute(false)
	n.Duplicate(1)
	n.Say(Private(20002), Text("twice"))
	a, b := p.frame(ctx), p.frame(ctx)
	if string(a.raw) != string(b.raw) || a.text("raw_message") != "twice" {
		t.Errorf("got %s and %s", a.raw, b.raw)
	}
}

func TestLatencyLetsAnswersOvertake(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	release := make(chan struct{})
	n.OnAction("get_status", func(Call) Answer { <-release; return Answer{} })
	p.send(`{"action":"get_status","echo":"slow"}`)
	if f := p.call(ctx, "get_login_info", "{}"); f.text("echo") != "e" {
		t.Errorf("got %s", f.raw)
	}
	close(release)
	if f := p.frame(ctx); f.text("echo") != "slow" {
		t.Errorf("got %s", f.raw)
	}
}
