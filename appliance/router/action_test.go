package router

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

const patience = 60 * time.Second

// link gives the house an account and a simulated NapCat that is connected to it over a real socket.
func (h *house) link(cfg config.Account, o simulator.Options) *simulator.NapCat {
	h.t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	cfg.Link, cfg.WSPath = "reverse", "/onebot/v11/ws"
	account := napcat.New(napcat.Options{
		Config: cfg, MaxFrame: 8 << 20, Echo: "t-" + cfg.Name + "-",
		Event:   h.lane.Event,
		Changed: func() { h.lane.AccountChanged() }, Pin: func(uint64) error { return nil }, Joined: func([]uint64) {},
		Log: log, Now: time.Now, Rand: rand.Float64,
	}, 0)
	lane := h.router.Lane(cfg.Name, 0)
	lane.Attach(account)
	l, err := napcat.Listen("127.0.0.1:0", log, time.Now)
	if err != nil {
		h.t.Fatal(err)
	}
	l.Set([]*napcat.Account{account})
	o.Token = cfg.AccessToken
	sim := simulator.New(o)
	if h.prepare != nil {
		h.prepare(sim)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	var tasks sync.WaitGroup
	h.dial = func() {
		var dialling sync.WaitGroup
		ctx, hangUp := context.WithCancel(ctx)
		dialling.Go(func() { _ = sim.Dial(ctx, "ws://"+l.Address()+cfg.WSPath) })
		h.hangUp = func() {
			hangUp()
			dialling.Wait()
		}
	}
	h.dial()
	tasks.Go(func() { h.router.Run(ctx) })
	h.t.Cleanup(func() {
		h.hangUp()
		cancel()
		account.Close()
		h.router.Close()
		l.Close()
		tasks.Wait()
	})
	if err := sim.WaitConnected(ctx); err != nil {
		h.t.Fatal(err)
	}
	until(h.t, "NapCat is linked", func() bool { return account.State().Linked })
	return sim
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
		tick := time.NewTimer(5 * time.Millisecond)
		<-tick.C
	}
}

// call sends an action as an app's connection does and returns its answers.
func (h *house) call(app, frame string) <-chan string {
	answers := make(chan string, 64)
	bytes := []byte(frame)
	h.router.Action(apps.Action{App: app, Account: "default", Frame: bytes, Reply: func(b []byte) { answers <- string(b) }})
	clear(bytes) // they were the router's during the call only
	return answers
}

func (h *house) answer(app, frame string) string {
	h.t.Helper()
	select {
	case a := <-h.call(app, frame):
		return a
	case <-time.After(patience):
		h.t.Fatalf("no answer to %s", frame)
		return ""
	}
}

func account(t *testing.T) config.Account {
	t.Helper()
	cfg, err := config.Parse("catflap.yaml", []byte(quiet), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Accounts[0]
}

func TestFault_T02_EchoComesBackAsSent(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.link(account(t), simulator.Options{})
	for _, echo := range []string{`"a"`, `7`, `1.50`, `{"seq":1}`, `null`, `""`, `[1,"x"]`, `18446744073709551616`, `true`} {
		got := h.answer("bot", `{"action":"get_login_info","params":{},"echo":`+echo+`}`)
		var answer struct{ Echo json.RawMessage }
		if err := json.Unmarshal([]byte(got), &answer); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got, `"echo":`+echo) {
			t.Errorf("echo %s came back in %s", echo, got)
		}
	}
	if got := h.answer("bot", `{"action":"get_login_info"}`); strings.Contains(got, `"echo"`) {
		t.Errorf("an action without echo was answered with one: %s", got)
	}
}

func TestFault_T01_AnswersGoToTheirCallerOnly(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.link(account(t), simulator.Options{Latency: simulator.Latency{Min: time.Millisecond, Max: 5 * time.Millisecond}})
	const calls = 100
	answers := map[string]chan string{"bot": make(chan string, 2*calls), "all": make(chan string, 2*calls)}
	actions := map[string]string{"bot": "get_login_info", "all": "get_status"}
	for i := range calls {
		for app, ch := range answers {
			frame := fmt.Sprintf(`{"action":%q,"echo":%d}`, actions[app], i)
			h.router.Action(apps.Action{App: app, Account: "default", Frame: []byte(frame), Reply: func(b []byte) { ch <- string(b) }})
		}
	}
	for app, ch := range answers {
		seen := make(map[string]bool)
		for range calls {
			select {
			case a := <-ch:
				if isLogin := strings.Contains(a, "nickname"); isLogin != (app == "bot") {
					t.Fatalf("%s got %s", app, a)
				}
				var answer struct{ Echo json.RawMessage }
				if err := json.Unmarshal([]byte(a), &answer); err != nil {
					t.Fatal(err)
				}
				seen[string(answer.Echo)] = true
			case <-time.After(patience):
				t.Fatalf("%s waits for an answer", app)
			}
		}
		if len(seen) != calls {
			t.Errorf("%s has answers to %d of %d calls", app, len(seen), calls)
		}
	}
}

func TestFault_T03_AnActionGoesToOneAccount(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.link(account(t), simulator.Options{})
	if got := h.answer("bot", `{"action":"get_login_info","params":{"self_id":10001},"echo":1}`); !strings.Contains(got, `"status":"ok"`) {
		t.Errorf("the connection's own self_id: %s", got)
	}
	unnamed := make(chan string, 2)
	for _, params := range []string{`{}`, `{"self_id":10001}`} {
		h.router.Action(apps.Action{App: "bot", Frame: []byte(`{"action":"get_login_info","params":` + params + `,"echo":1}`), Reply: func(b []byte) { unnamed <- string(b) }})
	}
	if got := <-unnamed; !strings.Contains(got, "several accounts: add self_id to the action's params, one of default (10001)") {
		t.Errorf("no account at all: %s", got)
	}
	select {
	case got := <-unnamed:
		if !strings.Contains(got, `"status":"ok"`) {
			t.Errorf("an account by self_id: %s", got)
		}
	case <-time.After(patience):
		t.Error("no answer to an action that names its account")
	}
	for _, tt := range []struct{ name, account, self, want string }{
		{"another's number on the road of one account", "default", `"10777"`, "self_id 10777 is not the account of this connection or path, which is default (10001): leave self_id out, or use that account's own"},
		{"another's number on the road of all", "", `10777`, "self_id 10777 is no account of this app; it serves default (10001)"},
		{"a name on the road of one account", "default", `"default"`, ""},
		{"a name on the road of all", "", `"default"`, ""},
		{"no account's name", "", `"other"`, "self_id is neither a QQ number nor the name of an account of this app"},
		{"no name at all", "default", `{}`, "self_id is neither a QQ number nor the name of an account of this app"},
	} {
		answered := make(chan string, 1)
		h.router.Action(apps.Action{App: "bot", Account: tt.account, Frame: []byte(`{"action":"get_login_info","params":{"self_id":` + tt.self + `},"echo":1}`), Reply: func(b []byte) { answered <- string(b) }})
		select {
		case got := <-answered:
			if tt.want == "" && !strings.Contains(got, `"status":"ok"`) || tt.want != "" && !strings.Contains(got, `"retcode":1400,"data":null,"message":"`+tt.want+`"`) || !strings.Contains(got, `"echo":1`) {
				t.Errorf("%s: %s", tt.name, got)
			}
		case <-time.After(patience):
			t.Errorf("%s: no answer", tt.name)
		}
	}
}

func TestRefusedActions(t *testing.T) {
	h := newHouse(t, quiet+`apps:
  bot: {protocol: onebot11, accessToken: token-of-the-bot, targets: policy, actions: {deny: [set_group_kick]}}
  off: {protocol: onebot11, accessToken: token-of-off, actions: {allow: []}}
  mute: {protocol: onebot11, accessToken: token-of-mute, actions: {deny: ["@send", set_friend_add_request]}}
`)
	h.link(account(t), simulator.Options{})
	tests := []struct{ name, app, frame, want string }{
		{"a reply around a denied send", "mute", `{"action":".handle_quick_operation","params":{"context":{"post_type":"message","message_type":"group","group_id":30003,"user_id":1},"operation":{"reply":"x"}},"echo":"e"}`,
			`send_msg failed: send_msg is denied: actions.deny lists @send (apps.mute.actions)`},
		{"an approval around a denied action", "mute", `{"action":".handle_quick_operation_async","params":{"context":{"post_type":"request","request_type":"friend","user_id":1,"flag":"f"},"operation":{"approve":true}},"echo":"e"}`,
			`set_friend_add_request failed: set_friend_add_request is denied: actions.deny lists set_friend_add_request (apps.mute.actions)`},
		{"a reply to a stranger by way of a good group", "bot", `{"action":".handle_quick_operation","params":{"context":{"post_type":"message","message_type":"private","group_id":30003,"user_id":20003},"operation":{"reply":"x"}},"echo":"e"}`,
			`user 20003 is not admitted`},
		{"not JSON", "bot", `hello`, `"retcode":1400`},
		{"null", "bot", `null`, `"retcode":1400`},
		{"no action", "bot", `{"params":{},"echo":"e"}`, `"retcode":1400`},
		{"denied by name", "bot", `{"action":"set_group_kick","params":{"group_id":30003,"user_id":1},"echo":"e"}`, `"retcode":1403`},
		{"denied under another spelling", "bot", `{"action":"set_group_kick_async","params":{"group_id":30003,"user_id":1},"echo":"e"}`, `"retcode":1403`},
		{"credentials by default", "bot", `{"action":"get_cookies","params":{"domain":"qun.qq.com"},"echo":"e"}`, `"retcode":1403`},
		{"never by default", "bot", `{"action":"bot_exit","echo":"e"}`, `"retcode":1403`},
		{"nothing allowed", "off", `{"action":"get_login_info","echo":"e"}`, `"retcode":1403`},
		{"target not admitted", "bot", `{"action":"send_group_msg","params":{"group_id":30004,"message":"x"},"echo":"e"}`, `group 30004 is not admitted by the policy (apps.bot.targets: policy)`},
		{"stranger", "bot", `{"action":"send_private_msg","params":{"user_id":20003,"message":"x"},"echo":"e"}`, `user 20003 is not admitted`},
		{"a send that NapCat never answers", "bot", `{"action":"send_group_msg","params":{"group_id":30003},"echo":"e"}`, `"retcode":1400`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.answer(tt.app, tt.frame)
			if !strings.Contains(got, tt.want) || !strings.Contains(got, `"status":"failed"`) {
				t.Errorf("got %s, want %s in it", got, tt.want)
			}
			if strings.Contains(tt.frame, `"echo":"e"`) && !strings.Contains(got, `"echo":"e"`) {
				t.Errorf("the refusal has no echo: %s", got)
			}
		})
	}
	log, err := h.store.Audit().Last(100)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, e := range log {
		if e.Outcome == "refused" {
			refused++
		}
	}
	if refused < 7 {
		t.Errorf("the audit log has %d refusals", refused)
	}
}

func TestWhatIsSentIsRemembered(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{ReportSelf: true})
	got := h.answer("bot", `{"action":"send_group_msg","params":{"group_id":"30003","message":[{"type":"text","data":{"text":"pong"}},{"type":"image","data":{"file":"base64://AAAA"}}]},"echo":5}`)
	if !strings.Contains(got, `"status":"ok"`) {
		t.Fatalf("the answer: %s", got)
	}
	if n := len(sim.Sent()); n != 1 {
		t.Errorf("NapCat sent %d messages", n)
	}
	chat := policy.Chat{Group: true, ID: 30003}
	var records []store.Record
	until(t, "history has the message", func() bool {
		records, _ = h.store.History().Show("default", chat, 10)
		return len(records) > 0
	})
	if len(records) != 1 || records[0].Direction != store.Out || records[0].User != 10001 {
		t.Errorf("history: %+v", records)
	}
	if strings.Contains(string(records[0].Raw), "AAAA") {
		t.Errorf("history keeps the picture's bytes: %s", records[0].Raw)
	}
	var data struct {
		Data struct {
			MessageID int64 `json:"message_id"`
		}
	}
	if err := json.Unmarshal([]byte(got), &data); err != nil {
		t.Fatal(err)
	}
	sim.Say(simulator.From{Group: 30003, User: 20002}, simulator.Segment{Type: "reply", Data: map[string]any{"id": fmt.Sprint(data.Data.MessageID)}})
	until(t, "a quote of it is a mention", func() bool { return len(h.got("bot")) > 0 })
}

// The bytes of an app's frame are used again as soon as the call is over, long before NapCat answers.
func TestHistoryKeepsWhatWasSent(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.link(account(t), simulator.Options{})
	h.answer("bot", `{"action":"send_group_msg","params":{"group_id":30003,"message":[{"type":"text","data":{"text":"pong"}}]}}`)
	var records []store.Record
	until(t, "history has the message", func() bool {
		records, _ = h.store.History().Show("default", policy.Chat{Group: true, ID: 30003}, 10)
		return len(records) > 0
	})
	if want := `[{"type":"text","data":{"text":"pong"}}]`; string(records[0].Raw) != want {
		t.Errorf("history has %q, want %q", records[0].Raw, want)
	}
}

func TestAStrangerIsPaired(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	hi := simulator.Segment{Type: "text", Data: map[string]any{"text": "hi"}}
	sim.Say(simulator.From{User: 20003}, hi)
	var code string
	until(t, "the stranger has a code", func() bool {
		for _, e := range h.store.Access().List("default") {
			code = e.Code
		}
		return code != ""
	})
	reply, err := sim.WaitSent(ctx, func(s simulator.Sent) bool { return s.User == 20003 })
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(fmt.Sprint(reply), code) || !strings.Contains(fmt.Sprint(reply), "20003") {
		t.Errorf("the reply %v does not name the code %s and the number", reply, code)
	}
	owner, err := sim.WaitSent(ctx, func(s simulator.Sent) bool { return s.User == 20002 })
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(fmt.Sprint(owner), code) {
		t.Errorf("the owner is not told the code: %v", owner)
	}
	sim.Say(simulator.From{User: 20002}, simulator.Segment{Type: "text", Data: map[string]any{"text": "/pair ok " + strings.ToLower(code)}})
	until(t, "the stranger is approved", func() bool { return h.store.Access().Approved("default", 20003) })
	if got := h.got("bot"); len(got) != 0 {
		t.Errorf("the apps saw the pairing: %q", got)
	}
	sim.Say(simulator.From{User: 20003}, hi)
	until(t, "the approved message is delivered", func() bool { return len(h.got("bot")) == 1 })
}

func TestFault_T23_NoAnswerAtAll(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{})
	sim.OnAction("get_friend_list", func(simulator.Call) simulator.Answer { return simulator.Answer{Silent: true} })
	pending := h.call("bot", `{"action":"get_friend_list","echo":"e"}`)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := sim.WaitCall(ctx, func(c simulator.Call) bool { return c.Action == "get_friend_list" }); err != nil {
		t.Fatal(err)
	}
	sim.Drop()
	select {
	case got := <-pending:
		if !strings.Contains(got, `"retcode":1503`) || !strings.Contains(got, "uncertain") {
			t.Errorf("the link dropped: %s", got)
		}
	case <-time.After(patience):
		t.Fatal("the call still waits")
	}
	until(t, "the table is empty", func() bool { return h.lane.account.Load().Pending() == 0 })
}

func TestCallsWhileNapCatIsAway(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	if got := h.answer("bot", `{"action":"get_friend_list","echo":1}`); !strings.Contains(got, `"retcode":1503`) {
		t.Errorf("got %s", got)
	}
	if got := h.answer("bot", `{"action":"send_private_msg","params":{"user_id":20002,"message":"x"},"echo":1}`); !strings.Contains(got, `"retcode":1503`) {
		t.Errorf("got %s", got)
	}
}

func TestFault_T21_StreamsHaveManyAnswers(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.link(account(t), simulator.Options{})
	answers := h.call("bot", `{"action":"test_download_stream","params":{},"echo":{"s":1}}`)
	n := 0
	for {
		select {
		case a := <-answers:
			n++
			if !strings.Contains(a, `"echo":{"s":1}`) {
				t.Fatalf("answer %d: %s", n, a)
			}
			var head onebot.Head
			if err := onebot.PeekHead([]byte(a), &head); err != nil {
				t.Fatal(err)
			}
			if head.StreamEnd {
				if n < 3 {
					t.Errorf("the stream had %d frames", n)
				}
				return
			}
		case <-time.After(patience):
			t.Fatalf("the stream stopped after %d frames", n)
		}
	}
}
