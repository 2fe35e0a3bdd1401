package simulator

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Actions change the world and announce it.
func TestManagingAGroup(t *testing.T) {
	_, p, ctx := connect(t, Options{Now: func() time.Time { return time.Unix(1, 0) }})
	const head = `{"time":1,"self_id":10001,"post_type":"notice",`
	for _, test := range []struct{ action, params, notice string }{
		{"set_group_ban", `{"group_id":30003,"user_id":20009,"duration":60}`,
			`"group_id":30003,"user_id":20009,"notice_type":"group_ban","operator_id":10001,"duration":60,"sub_type":"ban"}`},
		{"set_group_ban", `{"group_id":30003,"user_id":20009}`, // no duration lifts
			`"group_id":30003,"user_id":20009,"notice_type":"group_ban","operator_id":10001,"duration":0,"sub_type":"lift_ban"}`},
		{"set_group_whole_ban", `{"group_id":30003}`,
			`"group_id":30003,"user_id":0,"notice_type":"group_ban","operator_id":10001,"duration":-1,"sub_type":"ban"}`},
		{"set_group_whole_ban", `{"group_id":30003,"enable":false}`,
			`"group_id":30003,"user_id":0,"notice_type":"group_ban","operator_id":10001,"duration":0,"sub_type":"lift_ban"}`},
		{"set_group_admin", `{"group_id":30003,"user_id":20009,"enable":true}`,
			`"group_id":30003,"user_id":20009,"notice_type":"group_admin","sub_type":"set"}`},
		{"set_group_admin", `{"group_id":30003,"user_id":20009}`, // no enable takes away
			`"group_id":30003,"user_id":20009,"notice_type":"group_admin","sub_type":"unset"}`},
		{"set_group_card", `{"group_id":30003,"user_id":20002,"card":"ann2"}`,
			`"group_id":30003,"user_id":20002,"notice_type":"group_card","card_new":"ann2","card_old":"ann@ops"}`},
		{"set_group_special_title", `{"group_id":30003,"user_id":20009,"special_title":"hero"}`,
			`"group_id":30003,"user_id":20009,"notice_type":"notify","sub_type":"title","title":"hero"}`},
		{"set_group_name", `{"group_id":30003,"group_name":"Ops 2"}`,
			`"group_id":30003,"user_id":10001,"notice_type":"notify","sub_type":"group_name","name_new":"Ops 2"}`},
		{"send_poke", `{"group_id":30003,"user_id":20002}`,
			`"notice_type":"notify","sub_type":"poke","target_id":20002,"user_id":10001,"group_id":30003,"raw_info":[{"type":"qq","uid":"` + userUID(10001) + `"}]}`},
		{"friend_poke", `{"user_id":20002}`,
			`"notice_type":"notify","sub_type":"poke","target_id":20002,"user_id":20002,"sender_id":10001,"raw_info":[]}`},
		{"set_group_kick", `{"group_id":30003,"user_id":20009}`,
			`"group_id":30003,"user_id":20009,"notice_type":"group_decrease","sub_type":"kick","operator_id":10001}`},
		{"set_group_leave", `{"group_id":30004,"is_dismiss":true}`,
			`"group_id":30004,"user_id":10001,"notice_type":"group_decrease","sub_type":"leave","operator_id":0}`},
	} {
		event := p.call(ctx, test.action, test.params)
		if d := cmp.Diff(head+test.notice, string(event.raw)); d != "" {
			t.Errorf("%s: %s", test.action, d)
		}
		if answer := p.frame(ctx); answer.text("status") != "ok" {
			t.Errorf("%s: %s", test.action, answer.raw)
		}
	}
	for _, test := range []struct{ action, params, want string }{
		{"get_group_list", `{}`, `[{"group_all_shut":0,"group_remark":"","group_id":30003,"group_name":"Ops 2","member_count":3,"max_member_count":200}]`},
		{"get_group_member_info", `{"group_id":"30003","user_id":20002}`, `{"group_id":30003,"user_id":20002,"nickname":"Ann","card":"ann2","sex":"unknown","age":0,"area":"","level":"1","qq_level":0,"join_time":0,"last_sent_time":0,"title_expire_time":0,"unfriendly":false,"card_changeable":true,"is_robot":false,"shut_up_timestamp":0,"role":"admin","title":""}`},
	} {
		if d := cmp.Diff(test.want, p.data(ctx, test.action, test.params)); d != "" {
			t.Errorf("%s: %s", test.action, d)
		}
	}
}

func TestManagingNeedsPower(t *testing.T) {
	_, p, ctx := connect(t, Options{})
	for _, test := range []struct{ action, params, want string }{
		{"set_group_ban", `{"group_id":30004,"user_id":20003,"duration":1}`, "没有权限"},
		{"set_group_ban", `{"group_id":30003,"user_id":5,"duration":1}`, "群(30003)成员5不存在"},
		{"set_group_kick", `{"group_id":5,"user_id":5}`, "群5不存在"},
		{"get_group_member_info", `{"group_id":30003,"user_id":5}`, "群(30003)成员5不存在"},
	} {
		if f := p.call(ctx, test.action, test.params); f.text("retcode") != "1200" || f.text("message") != test.want {
			t.Errorf("%s %s: %s", test.action, test.params, f.raw)
		}
	}
}

func TestRequestsAreAnswered(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	friend := n.Request(Request{Type: "friend", User: 20009, Comment: "hi"})
	join := n.Request(Request{Type: "group", Group: 30003, User: 20010})
	invite := n.Request(Request{Type: "group", SubType: "invite", Group: 30005, User: 20002, Flag: "77"})
	for range 3 {
		p.frame(ctx)
	}
	if got := p.data(ctx, "get_group_system_msg", "{}"); !strings.Contains(got, `"request_id":77`) || !strings.Contains(got, `"request_id":`+join) {
		t.Errorf("system messages: %s", got)
	}
	for _, test := range []struct{ action, params, notice string }{
		{"set_friend_add_request", `{"flag":"` + friend + `","approve":0}`, "friend_add"}, // the number 0 approves
		{"set_group_add_request", `{"flag":"` + join + `"}`, "group_increase"},
		{"set_group_add_request", `{"flag":"` + invite + `","approve":true}`, "group_increase"},
	} {
		if f := p.call(ctx, test.action, test.params); f.text("notice_type") != test.notice {
			t.Errorf("%s: %s", test.params, f.raw)
		}
		p.frame(ctx)
		if f := p.call(ctx, test.action, test.params); f.text("retcode") != "1200" {
			t.Errorf("answered twice: %s", f.raw)
		}
	}
	if got := p.data(ctx, "get_friend_list", "{}"); !strings.Contains(got, `"user_id":20009`) {
		t.Errorf("friends: %s", got)
	}
	if got := p.data(ctx, "get_group_info", `{"group_id":30005}`); !strings.Contains(got, `"member_count":2`) {
		t.Errorf("joined group: %s", got)
	}
	// Approving through a quick operation; reports with the same flag are one request.
	n.Request(Request{Type: "friend", User: 20011, Flag: "9"})
	n.Request(Request{Type: "friend", User: 20011, Flag: "9"})
	p.frame(ctx)
	p.frame(ctx)
	quick := `{"context":{"time":1,"self_id":10001,"post_type":"request","request_type":"friend","user_id":20011,"flag":"9"},"operation":{"approve":true}}`
	if f := p.call(ctx, ".handle_quick_operation", quick); f.text("notice_type") != "friend_add" {
		t.Errorf("quick approve: %s", f.raw)
	}
}

func TestSending(t *testing.T) {
	n, p, ctx := connect(t, Options{ReportSelf: true})
	n.SetOnline(true)
	n.mu.Lock()
	n.state.group(30004).AllMuted = true
	n.mu.Unlock()
	for _, test := range []struct{ action, params, failure, raw string }{
		{"send_group_msg", `{"group_id":"30003","user_id":1,"message":"a [CQ:at,qq=20002]"}`, "", "a [CQ:at,qq=20002]"},
		{"send_group_msg", `{"group_id":30003,"message":"[CQ:at,qq=1]","auto_escape":true}`, "", "&#91;CQ:at,qq=1&#93;"},
		{"send_msg", `{"group_id":30003,"user_id":20002,"message":{"type":"text","data":{"text":"object"}}}`, "", "object"},
		{"send_msg", `{"message_type":"private","group_id":30003,"user_id":20002,"message":"p"}`, "", "p"},
		{"send_private_msg", `{"user_id":20002,"message":[{"type":"at","data":{"qq":1}},{"type":"text","data":{"text":"x"}}]}`, "", "x"},
		{"send_private_msg", `{"user_id":20009,"group_id":30003,"message":"temp"}`, "", "temp"},
		{"send_private_msg", `{"user_id":20009,"message":"stranger"}`, "无法获取用户信息", ""},
		{"send_group_msg", `{"group_id":5,"message":"x"}`, `"result":110`, ""},
		{"send_group_msg", `{"group_id":30004,"message":"x"}`, `"result":120`, ""},
		{"send_msg", `{"message":"x"}`, "请指定", ""},
		{"send_group_msg", `{"group_id":30003,"message":[{"type":"share","data":{}}]}`, "未知的消息类型：share", ""},
		{"send_group_msg", `{"group_id":30003,"message":[{"type":"xml","data":{}}]}`, "消息体无法解析", ""},
		{"send_group_msg", `{"group_id":30003,"message":""}`, "消息体无法解析", ""},
		{"send_group_msg", `{"group_id":30003,"message":[{"type":"node","data":{"content":"a"}},{"type":"text","data":{"text":"b"}}]}`, "type为node", ""},
	} {
		first := p.call(ctx, test.action, test.params)
		if test.failure != "" {
			if !strings.Contains(first.text("message"), test.failure) {
				t.Errorf("%s: %s", test.params, first.raw)
			}
			continue
		}
		answer := p.frame(ctx)
		if first.text("post_type") != "message_sent" || first.text("raw_message") != test.raw ||
			answer.text("data") != `{"message_id":`+first.text("message_id")+`}` {
			t.Errorf("%s: %s then %s", test.params, first.raw, answer.raw)
		}
	}
	sent := n.Sent()
	if len(sent) != 6 || sent[5].User != 20009 || sent[5].Group != 30003 || sent[0].Text != "a " || sent[0].Group != 30003 || sent[0].User != 0 {
		t.Errorf("sent: %+v", sent)
	}
	n.SetOnline(false)
	if f := p.frame(ctx); f.text("notice_type") != "bot_offline" {
		t.Errorf("got %s", f.raw)
	}
	if f := p.call(ctx, "send_msg", `{"user_id":20002,"message":"x"}`); !strings.Contains(f.text("message"), "1006514") {
		t.Errorf("offline: %s", f.raw)
	}
}

func TestMessagesAreFoundAgain(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	var ids []int64
	for range 5 {
		ids = append(ids, n.Say(InGroup(30003, 20002), Text("x")))
		p.frame(ctx)
	}
	id := jsonInt(ids[1])
	if got := p.data(ctx, "get_msg", `{"message_id":"`+id+`"}`); !strings.Contains(got, `"message_id":`+id) || !strings.HasSuffix(got, `"emoji_likes_list":[]}`) {
		t.Errorf("get_msg: %s", got)
	}
	for _, test := range []struct {
		params string
		want   []int64
	}{
		{`{"group_id":30003,"count":2}`, ids[3:]},
		{`{"group_id":30003,"count":2,"message_seq":"` + id + `"}`, ids[:2]},
		{`{"group_id":30003,"count":2,"message_seq":"` + id + `","reverse_order":true}`, ids[1:3]},
		{`{"group_id":30003}`, ids},
	} {
		got := p.data(ctx, "get_group_msg_history", test.params)
		var want []string
		for _, w := range test.want {
			want = append(want, `"message_id":`+jsonInt(w)+`,`)
		}
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %s is missing in %s", test.params, w, got)
			}
		}
		if strings.Count(got, `"message_id"`) != len(want) {
			t.Errorf("%s: %s", test.params, got)
		}
	}
	if got := p.data(ctx, "get_recent_contact", "{}"); !strings.HasPrefix(got, `[{"lastestMsg":{`) || !strings.Contains(got, `"peerName":"Ops"`) {
		t.Errorf("recent: %s", got)
	}
	if f := p.call(ctx, "delete_msg", `{"message_id":`+id+`}`); f.text("notice_type") != "group_recall" || f.text("operator_id") != "10001" || f.text("user_id") != "20002" {
		t.Errorf("recall: %s", f.raw)
	}
	if f := p.frame(ctx); f.keys["data"] != nil || f.text("status") != "ok" {
		t.Errorf("delete_msg: %s", f.raw)
	}
	if got := p.data(ctx, "get_msg", `{"message_id":`+id+`}`); !strings.Contains(got, `"message":[]`) || !strings.Contains(got, `"raw_message":""`) {
		t.Errorf("recalled: %s", got)
	}
	if n.Recall(ids[1], 0) || !n.Recall(ids[2], 20003) {
		t.Error("Recall reports wrongly")
	}
	if f := p.frame(ctx); f.text("operator_id") != "20003" {
		t.Errorf("recall: %s", f.raw)
	}
	if f := p.call(ctx, "get_msg", `{"message_id":1}`); f.text("retcode") != "1200" {
		t.Errorf("unknown: %s", f.raw)
	}
}

// What was said while nobody was connected is in the history, and only then resolvable.
func TestMissedMessagesAreInTheHistoryOnly(t *testing.T) {
	ctx := testContext(t)
	n := New(Options{HeartInterval: -1})
	id := jsonInt(n.Say(InGroup(30003, 20002), Text("missed")))
	g := newGateway(t)
	g.dial(n)
	p := g.next(ctx)
	p.frame(ctx)
	if f := p.call(ctx, "get_msg", `{"message_id":`+id+`}`); f.text("retcode") != "1200" {
		t.Errorf("resolvable too early: %s", f.raw)
	}
	if got := p.data(ctx, "get_group_msg_history", `{"group_id":30003}`); !strings.Contains(got, `"message_id":`+id) {
		t.Errorf("history: %s", got)
	}
	p.data(ctx, "get_msg", `{"message_id":`+id+`}`)
}

func TestForwardedLogs(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	known := jsonInt(n.Say(InGroup(30003, 20002), Text("known")))
	p.frame(ctx)
	answer := parseFrame(t, []byte(p.data(ctx, "send_group_forward_msg", `{"group_id":30003,"messages":[
		{"type":"node","data":{"user_id":"20002","nickname":"Ann","content":[{"type":"text","data":{"text":"one"}}]}},
		{"type":"node","data":{"uin":5,"name":"Five","content":[{"type":"node","data":{"content":"deep"}}]}},
		{"type":"node","data":{"id":"`+known+`"}},{"type":"node","data":{"id":"1"}}]}`)))
	if answer.text("res_id") != answer.text("forward_id") || answer.text("res_id") == "" {
		t.Errorf("answer %v", answer.keys)
	}
	for _, key := range []string{`{"message_id":"` + answer.text("message_id") + `"}`, `{"id":"` + answer.text("res_id") + `"}`} {
		got := p.data(ctx, "get_forward_msg", key)
		for _, want := range []string{`"nickname":"Ann"`, `"nickname":"Five"`, `"raw_message":"one"`, `"raw_message":"deep"`, `"raw_message":"known"`, `"content":[{`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is missing in %s", key, want, got)
			}
		}
	}
	if f := p.call(ctx, "get_forward_msg", "{}"); f.text("retcode") != "1200" {
		t.Errorf("no id: %s", f.raw)
	}
}

func TestQuickReply(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	id := jsonInt(n.Say(InGroup(30003, 20002), Text("q")))
	p.frame(ctx)
	p.data(ctx, ".handle_quick_operation", `{"context":{"time":1,"self_id":10001,"post_type":"message","message_type":"group","group_id":30003,"user_id":20002,"message_id":`+id+`},"operation":{"reply":"a","at_sender":true,"ban":true}}`)
	s, err := n.WaitSent(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := encodeCQ(s.Segments); got != "[CQ:reply,id="+id+"][CQ:at,qq=20002] a" {
		t.Errorf("sent %s", got)
	}
}
