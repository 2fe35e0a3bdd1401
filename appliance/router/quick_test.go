package router

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/simulator"
)

const quickApps = `pacing: off
apps:
  bot: {protocol: onebot11, accessToken: token-of-the-bot}
  tame: {protocol: onebot11, accessToken: token-of-tame, targets: policy}
  meek: {protocol: onebot11, accessToken: token-of-meek, actions: {deny: [set_group_kick, send_private_msg]}}
  some: {protocol: onebot11, accessToken: token-of-some, actions: {allow: [send_group_msg]}}
  send: {protocol: onebot11, accessToken: token-of-send, actions: {allow: ["@send"]}}
  none: {protocol: onebot11, accessToken: token-of-none, actions: {deny: [.handle_quick_operation_async]}}
`

// obey makes NapCat answer ok to what quick operations come to, and to nothing else than those that are listed.
func obey(sim *simulator.NapCat) {
	for _, action := range []string{"send_msg", "send_group_msg", "send_private_msg", "delete_msg", "set_group_kick", "set_group_ban", "set_friend_add_request", "set_group_add_request"} {
		sim.OnAction(action, func(simulator.Call) simulator.Answer {
			return simulator.Answer{Data: map[string]any{"message_id": 4711}}
		})
	}
}

// callsOf are the calls that NapCat got since the first n, but for catflap's own.
func callsOf(sim *simulator.NapCat, n int) string {
	var out []string
	for _, c := range sim.Calls()[n:] {
		if strings.HasPrefix(c.Action, "get_") {
			continue
		}
		out = append(out, c.Action+" "+string(c.Raw))
	}
	return strings.Join(out, "\n")
}

const (
	quickText    = `[{"type":"text","data":{"text":"hi"}}]`
	quickAt      = `[{"type":"at","data":{"qq":"20002"}},{"type":"text","data":{"text":" "}},{"type":"text","data":{"text":"hi"}}]`
	groupEvent   = `{"time":1,"self_id":10001,"post_type":"message","message_type":"group","sub_type":"normal","message_id":5,"user_id":20002,"group_id":30003}`
	strangeEvent = `{"time":1,"self_id":10001,"post_type":"message","message_type":"group","sub_type":"normal","message_id":6,"user_id":20002,"group_id":30004}`
	directEvent  = `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":7,"user_id":20002}`
	friendEvent  = `{"time":1,"self_id":10001,"post_type":"request","request_type":"friend","user_id":20004,"comment":"","flag":"f1"}`
	joinEvent    = `{"time":1,"self_id":10001,"post_type":"request","request_type":"group","sub_type":"add","user_id":20004,"group_id":30003,"flag":"f2"}`
	noticeEvent  = `{"time":1,"self_id":10001,"post_type":"notice","notice_type":"group_increase","user_id":20004,"group_id":30003}`
)

var quickTable = []struct {
	name, app, event, operation string
	calls                       string // that NapCat gets, one a line
	failure                     string // "" = done
}{
	{"reply in a group", "bot", groupEvent, `{"reply":"hi"}`, `send_msg {"message_type":"group","group_id":30003,"message":` + quickAt + `}`, ""},
	{"reply as an array", "bot", groupEvent, `{"reply":` + quickText + `,"at_sender":false}`, `send_msg {"message_type":"group","group_id":30003,"message":` + quickText + `}`, ""},
	{"reply as plain text", "bot", groupEvent, `{"reply":"[CQ:at,qq=all]","auto_escape":true,"at_sender":false}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"text","data":{"text":"[CQ:at,qq=all]"}}]}`, ""},
	{"reply to a person", "bot", directEvent, `{"reply":"hi","delete":true,"ban":true}`, `send_msg {"message_type":"private","user_id":20002,"message":` + quickText + `}`, ""},
	{"everything", "bot", groupEvent, `{"ban_duration":60,"ban":true,"kick":true,"delete":true,"reply":"hi","at_sender":false}`,
		`send_msg {"message_type":"group","group_id":30003,"message":` + quickText + `}
delete_msg {"message_id":5}
set_group_kick {"group_id":30003,"user_id":20002}
set_group_ban {"group_id":30003,"user_id":20002,"duration":60}`, ""},
	{"ban for half an hour", "bot", groupEvent, `{"ban":true}`, `set_group_ban {"group_id":30003,"user_id":20002,"duration":1800}`, ""},
	{"a friend", "bot", friendEvent, `{"approve":true,"remark":"Ann"}`, `set_friend_add_request {"flag":"f1","approve":true,"remark":"Ann"}`, ""},
	{"no friend", "bot", friendEvent, `{"approve":0}`, `set_friend_add_request {"flag":"f1","approve":false}`, ""},
	{"a member", "bot", joinEvent, `{"approve":"yes"}`, `set_group_add_request {"flag":"f2","sub_type":"add","approve":true}`, ""},
	{"no member", "bot", joinEvent, `{"approve":"no","reason":"full"}`, `set_group_add_request {"flag":"f2","sub_type":"add","approve":false,"reason":"full"}`, ""},
	{"nothing", "bot", groupEvent, `{"status":"ok"}`, ``, ""},
	{"not clear", "bot", friendEvent, `{"approve":"perhaps"}`, ``, "approve is neither true nor false"},
	{"a notice", "bot", noticeEvent, `{"reply":"hi"}`, ``, `an event of the type "notice" has none`},
	{"a segment that NapCat would never answer", "bot", groupEvent, `{"reply":[null]}`, ``, "send_msg failed: send_msg: element 0 of params.message is null"},

	{"a denied part stops no other", "meek", groupEvent, `{"kick":true,"ban":true}`, `set_group_ban {"group_id":30003,"user_id":20002,"duration":1800}`,
		"set_group_kick failed: set_group_kick is denied: actions.deny lists set_group_kick (apps.meek.actions); done: set_group_ban"},
	{"a reply under another name than the denied one", "meek", directEvent, `{"reply":"hi"}`, ``,
		"send_msg failed: send_msg does the same as send_private_msg, and send_private_msg is denied: actions.deny lists send_private_msg (apps.meek.actions)"},
	{"a reply under the name that is allowed", "some", groupEvent, `{"reply":"hi"}`, `send_group_msg {"message_type":"group","group_id":30003,"message":` + quickAt + `}`, ""},
	{"a reply that is not allowed", "some", directEvent, `{"reply":"hi"}`, ``, "send_msg failed: send_msg is not allowed"},
	{"the parts decide, not the action's own name", "send", groupEvent, `{"reply":"hi","at_sender":false,"ban":true}`, `send_msg {"message_type":"group","group_id":30003,"message":` + quickText + `}`,
		"set_group_ban failed: set_group_ban is not allowed"},
	{"to a group that the policy does not admit", "tame", strangeEvent, `{"reply":"hi","ban":true}`, ``,
		"send_msg failed: group 30004 is not admitted by the policy (apps.tame.targets: policy); set_group_ban failed: group 30004 is not admitted by the policy (apps.tame.targets: policy)"},
	{"a message that nobody knows", "tame", groupEvent, `{"delete":true}`, ``, "delete_msg failed: message 5 is not among the last 5000 that catflap saw"},
	{"a request of a stranger", "tame", friendEvent, `{"approve":true}`, `set_friend_add_request {"flag":"f1","approve":true}`, ""},
	{"denied altogether", "none", groupEvent, `{"reply":"hi"}`, ``, "actions.deny lists .handle_quick_operation"},
}

func TestQuickOperationsBecomeActions(t *testing.T) {
	h := newHouse(t, quiet+quickApps)
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	for _, tt := range quickTable {
		t.Run(tt.name, func(t *testing.T) {
			before := len(sim.Calls())
			got := h.answer(tt.app, fmt.Sprintf(`{"action":".handle_quick_operation","params":{"context":%s,"operation":%s},"echo":{"n":1}}`, tt.event, tt.operation))
			plain := strings.ReplaceAll(got, `\"`, `"`)
			if tt.failure == "" && got != `{"status":"ok","retcode":0,"data":null,"message":"","wording":"","echo":{"n":1}}` || tt.failure != "" && (!strings.Contains(plain, `"status":"failed"`) || !strings.Contains(plain, tt.failure)) || !strings.Contains(got, `"echo":{"n":1}`) {
				t.Errorf("answered %s, want %q", got, tt.failure)
			}
			if calls := callsOf(sim, before); calls != tt.calls {
				t.Errorf("NapCat got\n%s\nwant\n%s", calls, tt.calls)
			}
		})
	}
}

// aiocqhttp calls it so: it hears that the operation is on its way, or at once why it is not.
func TestQuickOperationsWithoutWaiting(t *testing.T) {
	h := newHouse(t, quiet+quickApps)
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := h.answer("bot", `{"action":".handle_quick_operation_async","params":{"self_id":10001,"context":`+groupEvent+`,"operation":{"reply":"hi","ban":true}},"echo":{"seq":1}}`)
	if !strings.Contains(got, `"status":"async","retcode":1`) || !strings.Contains(got, `"echo":{"seq":1}`) {
		t.Errorf("answered %s", got)
	}
	for _, action := range []string{"send_msg", "set_group_ban"} {
		if _, err := sim.WaitCall(ctx, func(c simulator.Call) bool { return c.Action == action }); err != nil {
			t.Fatalf("%s: %v", action, err)
		}
	}
	got = h.answer("meek", `{"action":".handle_quick_operation_async","params":{"context":`+directEvent+`,"operation":{"reply":"hi"}},"echo":1}`)
	if !strings.Contains(got, `"retcode":1403`) {
		t.Errorf("a refusal: %s", got)
	}
}

func TestAnswersToPostsBecomeActions(t *testing.T) {
	h := newHouse(t, quiet+quickApps)
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	for _, tt := range quickTable {
		t.Run(tt.name, func(t *testing.T) {
			before := len(sim.Calls())
			got := h.quick(tt.app, tt.event, tt.operation)
			if tt.failure == "" != (got == "") || !strings.Contains(got, tt.failure) {
				t.Errorf("ended with %q, want %q", got, tt.failure)
			}
			if calls := callsOf(sim, before); calls != tt.calls {
				t.Errorf("NapCat got\n%s\nwant\n%s", calls, tt.calls)
			}
		})
	}
	for _, body := range []string{"OK", "null", `"ok"`, `[]`, "<html>", `{"reply":"hi"`} {
		if got := h.quick("bot", groupEvent, body); got != "" {
			t.Errorf("the body %s ended with %q", body, got)
		}
	}
	if got := h.quick("gone", groupEvent, `{"reply":"hi"}`); got != "app gone does not serve account default any more" {
		t.Errorf("an app that is gone: %q", got)
	}
}

// quick hands in what an app answered to a post and returns how it ended, "" for well.
func (h *house) quick(app, event, operation string) string {
	h.t.Helper()
	done := make(chan error, 2)
	e, o := []byte(event), []byte(operation)
	h.router.Quick(apps.Quick{App: app, Account: "default", Event: e, Operation: o, Done: func(err error) { done <- err }})
	clear(e) // they were the router's during the call only
	clear(o)
	select {
	case err := <-done:
		if err != nil {
			return err.Error()
		}
		return ""
	case <-time.After(patience):
		h.t.Fatalf("no end of %s", operation)
		return ""
	}
}

func TestQuickOperationsTellWhatNapCatSays(t *testing.T) {
	h := newHouse(t, quiet+quickApps)
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	sim.OnAction("send_msg", func(simulator.Call) simulator.Answer { return simulator.Answer{Retcode: 1200, Message: "muted"} })
	got := h.answer("bot", `{"action":".handle_quick_operation","params":{"context":`+groupEvent+`,"operation":{"reply":"hi","delete":true}}}`)
	if want := `{"status":"failed","retcode":1200,"data":null,"message":"send_msg failed: muted; done: delete_msg","wording":"send_msg failed: muted; done: delete_msg"}`; got != want {
		t.Errorf("answered %s\nwant %s", got, want)
	}
	sim.OnAction("delete_msg", func(simulator.Call) simulator.Answer { return simulator.Answer{Drop: true} })
	got = h.answer("bot", `{"action":".handle_quick_operation","params":{"context":`+groupEvent+`,"operation":{"delete":true,"kick":true}}}`)
	if !strings.Contains(got, `"retcode":1503`) || !strings.Contains(got, "delete_msg failed: uncertain: ") || !strings.Contains(got, "set_group_kick failed: NapCat is not connected") {
		t.Errorf("the link dropped: %s", got)
	}
}

// Parts that cannot be undone, and what is refused, are in the audit log under their own names.
func TestQuickOperationsAreAudited(t *testing.T) {
	h := newHouse(t, quiet+quickApps)
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	h.quick("meek", groupEvent, `{"kick":true,"delete":true}`)
	h.quick("none", groupEvent, `{"reply":"hi"}`)
	if _, err := h.router.Call(t.Context(), "default", ".handle_quick_operation", []byte(`{"context":`+groupEvent+`,"operation":{"kick":true}}`)); err != nil {
		t.Fatal(err)
	}
	var got []string
	log, err := h.store.Audit().Last(100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range log {
		got = append(got, fmt.Sprintf("%s %s %s %s %s", e.By, e.App, e.Action, e.Target, e.Outcome))
	}
	for _, want := range []string{"app meek set_group_kick group:30003 refused", "app meek delete_msg  allowed", "app none .handle_quick_operation group:30003 refused", "owner  set_group_kick group:30003 allowed"} {
		if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("the audit log has not %q:\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// A reply waits for its turn like any message, and what comes after it waits too.
func TestQuickRepliesArePaced(t *testing.T) {
	h := newHouse(t, quiet+strings.Replace(quickApps, "pacing: off", "pacing: {chat: 1/s, chatBurst: 1, account: 100/s, accountBurst: 100}", 1))
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	refused := make(chan string, 20)
	for range 20 {
		h.router.Quick(apps.Quick{App: "bot", Account: "default", Event: []byte(groupEvent), Operation: []byte(`{"reply":"hi","kick":true}`), Done: func(err error) {
			if err != nil && strings.Contains(err.Error(), "sending too fast") {
				refused <- err.Error()
			}
		}})
	}
	select {
	case why := <-refused:
		if !strings.HasSuffix(why, "; done: set_group_kick") {
			t.Errorf("the rest of a refused reply's operation: %s", why)
		}
	case <-ctx.Done():
		t.Fatal("20 replies at once, and none was refused")
	}
	if _, err := sim.WaitCall(ctx, func(c simulator.Call) bool { return c.Action == "send_msg" }); err != nil {
		t.Fatal(err)
	}
}

func TestQuickOperationFindsItsAccountByContext(t *testing.T) {
	h := newHouse(t, quiet+quickApps)
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	got := h.answer("bot", `{"action":".handle_quick_operation","params":{"context":`+strings.Replace(groupEvent, "10001", "10777", 1)+`,"operation":{"reply":"hi"}}}`)
	if !strings.Contains(got, "self_id 10777 is not the account of this connection or path, which is default (10001)") {
		t.Errorf("a foreign context: %s", got)
	}
}

func TestApprovalsAreMadeClear(t *testing.T) {
	h := newHouse(t, quiet+quickApps)
	sim := h.link(account(t), simulator.Options{})
	obey(sim)
	for _, tt := range []struct{ approve, calls, answer string }{
		{`0`, `set_friend_add_request {"flag":"f","approve":false}`, `"status":"ok"`},
		{`"no"`, `set_friend_add_request {"flag":"f","approve":false}`, `"status":"ok"`},
		{`"false"`, `set_friend_add_request {"flag":"f","approve":false}`, `"status":"ok"`},
		{`1`, `set_friend_add_request {"flag":"f","approve":true}`, `"status":"ok"`},
		{`"nope"`, ``, `set_friend_add_request: params.approve is neither true nor false: send one of them`},
	} {
		before := len(sim.Calls())
		got := h.answer("bot", `{"action":"set_friend_add_request","params":{"flag":"f","approve":`+tt.approve+`}}`)
		if calls := callsOf(sim, before); calls != tt.calls || !strings.Contains(got, tt.answer) {
			t.Errorf("approve %s: NapCat got %q, the answer is %s", tt.approve, calls, got)
		}
	}
}

func TestOnlineFilesAreOfTheirPeer(t *testing.T) {
	for _, tt := range []struct{ frame, outcome, chat string }{
		{`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"online_file_receive","sub_type":"cancel","peer_id":20002}`, "deliver", "user:20002"},
		{`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"online_file_send","sub_type":"refuse","peer_id":"20002","user_id":0}`, "deliver", "user:20002"},
		{`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"online_file_send","sub_type":"receive","peer_id":20009,"user_id":null}`, "drop", "user:20009"},
	} {
		h := newHouse(t, quiet+apps2)
		if d := h.event(tt.frame); d.Outcome != tt.outcome || d.Chat != tt.chat {
			t.Errorf("%s: %s in %s (%s), want %s in %s", tt.frame, d.Outcome, d.Chat, d.Reason, tt.outcome, tt.chat)
		}
	}
}
