package onebot12

import (
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/onebot"
)

// checkAnswer checks what NoneBot checks of every answer.
func checkAnswer(t testing.TB, out []byte) {
	t.Helper()
	a := decode(t, out).(map[string]any)
	for _, name := range []string{"status", "retcode", "data", "message"} {
		if _, ok := a[name]; !ok {
			t.Errorf("no %s: %s", name, out)
		}
	}
	if _, ok := a["message"].(string); !ok || a["type"] != nil || a["status"] != "ok" && a["status"] != "failed" {
		t.Errorf("no answer: %s", out)
	}
	if _, err := nested(a); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func ok11(data string) string {
	return `{"status":"ok","retcode":0,"data":` + data + `,"message":"","echo":"1"}`
}

func failed11(retcode, wording string) string {
	return `{"status":"failed","retcode":` + retcode + `,"data":null,"message":"` + wording + `","wording":"` + wording + `","echo":"1"}`
}

var now = time.UnixMilli(1767225601250)

// answerTo gives the answer to a request, whose calls are answered by frames.
func answerTo(t testing.TB, action, params string, frames ...string) string {
	t.Helper()
	p, bad := planOf(t, action, params, sendOptions())
	if bad != nil {
		t.Fatal(bad)
	}
	var raw [][]byte
	for _, f := range frames {
		raw = append(raw, []byte(f))
	}
	o := testReading()
	out := p.Answer(nil, []byte(`"e"`), raw, now, &o)
	checkAnswer(t, out)
	return string(out)
}

// Each row of the table of actions, back.
func TestAnswers(t *testing.T) {
	const user = `"user_id":20002,"nickname":"Ann"`
	tests := []struct{ name, action, params, frame, want string }{
		{"send", "send_message", `{"detail_type":"group","group_id":"1","message":"x"}`, ok11(`{"message_id":-5}`), `{"message_id":"-5","time":1767225601.25}`},
		{"send, in pieces by catflap", "send_message", `{"detail_type":"group","group_id":"1","message":"x"}`, ok11(`{"message_id":5,"catflap_message_ids":[5,6]}`), `{"message_id":"5","time":1767225601.25,"qq.message_ids":["5","6"]}`},
		{"forward", "send_message", `{"detail_type":"group","group_id":"1","message":{"type":"qq.node","data":{"id":"1"}}}`, ok11(`{"message_id":5,"res_id":"r/1","forward_id":"r/1"}`), `{"message_id":"5","time":1767225601.25,"qq.res_id":"r/1"}`},
		{"delete", "delete_message", `{"message_id":"5"}`, ok11(`{"x":1}`), `null`},
		{"self", "get_self_info", `{}`, ok11(`{"user_id":10001,"nickname":"Bot"}`), `{"user_id":"10001","user_name":"Bot","user_displayname":""}`},
		{"user", "get_user_info", `{"user_id":"20002"}`, ok11(`{` + user + `,"remark":"A.","sex":"female","age":20,"qqLevel":5,"level":"7"}`), `{"user_id":"20002","user_name":"Ann","user_displayname":"","user_remark":"A.","qq.sex":"female","qq.age":20,"qq.level":"7"}`},
		{"user who is not named", "get_user_info", `{"user_id":"20002"}`, ok11(`{"nick":"Ann"}`), `{"user_id":"20002","user_name":"Ann","user_displayname":"","user_remark":""}`},
		{"friends", "get_friend_list", `{}`, ok11(`[{` + user + `,"remark":"A."},null,{"user_id":3,"nickname":"","age":null}]`), `[{"user_id":"20002","user_name":"Ann","user_displayname":"","user_remark":"A."},{"user_id":"3","user_name":"","user_displayname":"","user_remark":""}]`},
		{"group", "get_group_info", `{"group_id":"30003"}`, ok11(`{"group_id":30003,"group_name":"Ops","member_count":2,"max_member_count":200,"group_remark":""}`), `{"group_id":"30003","group_name":"Ops","qq.member_count":2,"qq.max_member_count":200}`},
		{"groups", "get_group_list", `{}`, ok11(`[{"group_id":30003,"group_name":"Ops"}]`), `[{"group_id":"30003","group_name":"Ops"}]`},
		{"groups, none", "get_group_list", `{}`, ok11(`{}`), `[]`},
		{"member", "get_group_member_info", `{"group_id":"30003","user_id":"20002"}`, ok11(`{"group_id":30003,` + user + `,"card":"ann@ops","role":"admin","title":"hero","level":"3","join_time":1,"last_sent_time":2}`), `{"user_id":"20002","user_name":"Ann","user_displayname":"ann@ops","qq.role":"admin","qq.title":"hero","qq.level":"3","qq.join_time":1,"qq.last_sent_time":2}`},
		{"member with no card", "get_group_member_info", `{"group_id":"30003","user_id":"20002"}`, ok11(`{` + user + `,"card":null}`), `{"user_id":"20002","user_name":"Ann","user_displayname":""}`},
		{"members", "get_group_member_list", `{"group_id":"30003"}`, ok11(`[{` + user + `,"card":""}]`), `[{"user_id":"20002","user_name":"Ann","user_displayname":""}]`},
		{"name", "set_group_name", `{"group_id":"30003","group_name":"x"}`, ok11(`null`), `null`},
		{"leave", "leave_group", `{"group_id":"30003"}`, `{"status":"ok","retcode":0,"message":""}`, `null`},
		{"extension", "qq.get_group_info", `{"group_id":1}`, ok11(`{"group_id":30003,"qq":1,"x":{"y":[1.50]}}`), `{"group_id":30003,"qq":1,"x":{"y":[1.50]}}`},
		{"extension with dotted names", "qq.get_word_list", `{}`, ok11(`{"a.b":[{"c.d":1}],"e":"f.g"}`), `{"a_b":[{"c_d":1}],"e":"f.g"}`},
		{"extension, nothing", "qq.set_group_kick", `{}`, ok11(`null`), `null`},
		{"extension, taken", "qq.send_like_async", `{}`, `{"status":"async","retcode":1,"data":null,"message":"","echo":1}`, `null`},
		{"get_msg", "qq.get_msg", `{"message_id":"5"}`, ok11(`{"self_id":10001,"time":5,"message_type":"group","message_id":5,"real_id":5,"post_type":"message","group_id":30003,"raw_message":"x","message_format":"array","sender":{"user_id":20002},"message":[{"type":"reply","data":{"id":"77"}},{"type":"image","data":{"file":"a.jpg"}}]}`),
			`{"time":5,"message_type":"group","message_id":"5","real_id":"5","group_id":"30003","sender":{"user_id":"20002"},"message":[{"type":"reply","data":{"message_id":"77","user_id":"20002"}},{"type":"image","data":{"file_id":"file-image","qq.name":"a.jpg"}}],"alt_message":"[图片]"}`},
		{"get_msg as text", "get_message", `{"message_id":"5"}`, ok11(`{"message_id":5,"message":"[CQ:at,qq=1]x"}`), `{"message_id":"5","message":[{"type":"mention","data":{"user_id":"1"}},{"type":"text","data":{"text":"x"}}],"alt_message":"@1x"}`},
		{"get_forward_msg", "qq.get_forward_msg", `{"id":"r"}`, ok11(`{"messages":[{"message_id":9,"time":5,"sender":{"user_id":20002,"nickname":"Ann"},"message":[{"type":"video","data":{"file":"v"}}]}]}`),
			`{"messages":[{"message_id":"9","user_id":"20002","user_name":"Ann","time":5.0,"message":[{"type":"video","data":{"file_id":"file-video","qq.name":"v"}}]}]}`},
		{"get_forward_msg, nothing", "qq.get_forward_msg", `{"id":"r"}`, ok11(`{}`), `{"messages":[]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := answerTo(t, tt.action, tt.params, tt.frame)
			if diff := cmp.Diff(`{"status":"ok","retcode":0,"data":`+tt.want+`,"message":"","echo":"e"}`, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Each row of the table of errors, and what the router says itself.
func TestReturnCodes(t *testing.T) {
	const (
		send   = "send"
		remove = "qq.delete_msg"
		read   = "get_group_info"
	)
	tests := []struct {
		name, action, retcode, wording string
		code                           int
		text                           string
	}{
		{"parameters", read, "1400", "no", BadParam, "no"},
		{"parameters over HTTP", read, "400", "no", BadParam, "no"},
		{"packet backend", remove, "1400", "packetBackend不可用", PacketBackend, "packetBackend不可用"},
		{"a file that cannot be had", send, "1400", `the file x: gone`, DownloadFault, `the file x: gone`},
		{"unknown action", remove, "1404", "x", UnsupportedAction, "x"},
		{"unknown action over HTTP", remove, "200", "不支持的Api x", UnsupportedAction, "不支持的Api x"},
		{"failure", send, "1200", "no", UpstreamFault, "no"},
		{"failure over HTTP", send, "200", "no", UpstreamFault, "no"},
		{"another implementation's", send, "100", "no", UpstreamFault, "no"},
		{"timeout of a send", send, "1200", "Timeout: NTEvent", Uncertain, "uncertain, it may have been done: Timeout: NTEvent"},
		{"timeout of a deletion", remove, "1200", "Timeout: NTEvent", Uncertain, "uncertain, it may have been done: Timeout: NTEvent"},
		{"timeout of a read", read, "1200", "Timeout: NTEvent", UpstreamFault, "Timeout: NTEvent"},
		{"packet backend, another code", send, "1200", "the packet backend is off", PacketBackend, "the packet backend is off"},
		{"no answer to a send", send, "1504", "uncertain: late", Uncertain, "uncertain: late"},
		{"no answer to a read", read, "1504", "uncertain: late", ReadTimeout, "uncertain: late"},
		{"link down", send, "1503", "NapCat is not connected", BotOffline, "NapCat is not connected"},
		{"link lost", send, "1503", "uncertain: dropped", Uncertain, "uncertain: dropped"},
		{"link lost at a read", read, "1503", "uncertain: dropped", BotOffline, "uncertain: dropped"},
		{"token", send, "1403", "token验证失败", UpstreamRefused, "token验证失败"},
		{"token over HTTP", read, "401", "", UpstreamRefused, "NapCat says no more than that it failed"},
		{"firewall", send, "1403", "not allowed (apps.a.actions)", Blocked, "not allowed (apps.a.actions)"},
		{"limit", send, "1429", "too fast", Limited, "too fast"},
		{"message", remove, "1200", "消息不存在", MessageUnknown, "消息不存在"},
		{"message, no name", remove, "1200", "not found", MessageUnknown, "not found"},
		{"friend", "get_user_info", "1200", "not found", FriendUnknown, "not found"},
		{"friend by name", send, "1200", "好友不存在", FriendUnknown, "好友不存在"},
		{"group", read, "1200", "群30003不存在", GroupUnknown, "群30003不存在"},
		{"group, no name", read, "1200", "not found", GroupUnknown, "not found"},
		{"member", "qq.get_group_member_info", "1200", "群(1)成员2不存在", MemberUnknown, "群(1)成员2不存在"},
		{"member, no name", "qq.get_group_member_info", "1200", "not found", MemberUnknown, "not found"},
		{"something else", "qq.send_like", "1200", "not found", UpstreamFault, "not found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			action, params := tt.action, `{"group_id":"30003","user_id":"20002"}`
			if action == send {
				action, params = "send_message", `{"detail_type":"group","group_id":"1","message":"x"}`
			}
			got := answerTo(t, action, params, failed11(tt.retcode, tt.wording))
			want := AppendFault(nil, []byte(`"e"`), &Fault{Code: tt.code, Message: tt.text})
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Not one of the codes that the standard reserves.
func TestReturnCodesAreTheStandards(t *testing.T) {
	known := []int{OK, BadRequest, UnsupportedAction, BadParam, UnsupportedParam, UnsupportedSegment, BadSegment, UnsupportedField, WhoAmI, UnknownSelf, BadHandler, UncaughtFault}
	want := []int{0, 10001, 10002, 10003, 10004, 10005, 10006, 10007, 10101, 10102, 20001, 20002}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Error(diff)
	}
	for _, code := range []int{DatabaseFault, DiskFault, FileUnknown, DownloadFault, ReadTimeout, UpstreamFault, Uncertain, PacketBackend, BotOffline, UpstreamRefused, MessageUnknown, FriendUnknown, GroupUnknown, MemberUnknown, Blocked, Limited} {
		if code < 31000 || code > 36999 {
			t.Errorf("%d is not free", code)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	const send = `{"detail_type":"group","group_id":"1","message":"x"}`
	const two = `{"detail_type":"group","group_id":"1","message":[{"type":"text","data":{"text":"x"}},{"type":"file","data":{"file_id":"f-1"}}]}`
	fails := func(code, data, text string) string {
		return `{"status":"failed","retcode":` + code + `,"data":` + data + `,"message":"` + text + `","echo":"e"}`
	}
	tests := []struct {
		name, action, params string
		frames               []string
		want                 string
	}{
		{"sent, no id", "send_message", send, []string{ok11(`{}`)}, fails("34001", "null", "NapCat did not say which message it sent")},
		{"taken, no id", "send_message", send, []string{`{"status":"async","retcode":1,"data":null,"message":""}`}, fails("34001", "null", "NapCat did not say which message it sent")},
		{"no answer", "send_message", send, nil, fails("34002", "null", "no answer came; the message may have been sent")},
		{"no answer to another", "get_group_list", `{}`, nil, fails("34002", "null", "no answer came")},
		{"no JSON", "get_group_list", `{}`, []string{`{`}, fails("34001", "null", "the answer cannot be read: the frame is not valid JSON: byte 1")},
		{"no JSON to a send", "send_message", send, []string{`{`}, fails("34001", "null", "the answer cannot be read: the frame is not valid JSON: byte 1")},
		{"both parts", "send_message", two, []string{ok11(`{"message_id":1}`), ok11(`{"message_id":2}`)}, `{"status":"ok","retcode":0,"data":{"message_id":"1","time":1767225601.25,"qq.message_ids":["1","2"]},"message":"","echo":"e"}`},
		{"a part", "send_message", two, []string{ok11(`{"message_id":1}`), failed11("1200", "no")}, fails("34001", `{"message_id":"1","qq.message_ids":["1"]}`, "no (a part of the message was sent before)")},
		{"a part, then the firewall", "send_message", two, []string{ok11(`{"message_id":1}`), failed11("1403", "no")}, fails("34001", `{"message_id":"1","qq.message_ids":["1"]}`, "no (a part of the message was sent before)")},
		{"a part, then nothing", "send_message", two, []string{ok11(`{"message_id":1}`)}, fails("34002", `{"message_id":"1","qq.message_ids":["1"]}`, "no answer came; the message may have been sent (a part of the message was sent before)")},
		{"a piece by catflap", "send_message", send, []string{`{"status":"failed","retcode":1200,"data":{"catflap_message_ids":[7]},"message":"no","wording":"no"}`}, fails("34001", `{"message_id":"7","qq.message_ids":["7"]}`, "no (a part of the message was sent before)")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, answerTo(t, tt.action, tt.params, tt.frames...)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for frame, want := range map[string]bool{ok11("null"): false, failed11("1200", "x"): true, `{"status":"async","retcode":1}`: false, `{`: true} {
		if Failed([]byte(frame)) != want {
			t.Errorf("%s: failed is not %v", frame, want)
		}
	}
}

func TestMeta(t *testing.T) {
	bots := []Bot{{10001, true}, {10002, false}}
	at := time.UnixMilli(1767225600000)
	for _, tt := range []struct{ got, want string }{
		{string(AppendConnect(nil, "a1", at, "1.0.0")), `{"id":"a1","time":1767225600.0,"type":"meta","detail_type":"connect","sub_type":"","version":{"impl":"catflap","version":"1.0.0","onebot_version":"12"}}`},
		{string(AppendStatusUpdate(nil, "a2", now, true, bots)), `{"id":"a2","time":1767225601.25,"type":"meta","detail_type":"status_update","sub_type":"","status":{"good":true,"bots":[{"self":{"platform":"qq","user_id":"10001"},"online":true},{"self":{"platform":"qq","user_id":"10002"},"online":false}]}}`},
		{string(AppendStatusUpdate(nil, "a2", at, false, nil)), `{"id":"a2","time":1767225600.0,"type":"meta","detail_type":"status_update","sub_type":"","status":{"good":false,"bots":[]}}`},
		{string(AppendHeartbeat(nil, "a3", at, 15*time.Second)), `{"id":"a3","time":1767225600.0,"type":"meta","detail_type":"heartbeat","sub_type":"","interval":15000}`},
		{string(AppendVersion(nil, "1")), `{"impl":"catflap","version":"1","onebot_version":"12"}`},
		{string(AppendStatus(nil, true, nil, "NapCat.Onebot", "4.18.19")), `{"good":true,"bots":[],"qq.upstream":{"app_name":"NapCat.Onebot","app_version":"4.18.19"}}`},
		{string(AppendEvents(nil, nil)), `[]`},
		{string(AppendEvents(nil, [][]byte{[]byte(`{"a":1}`), []byte(`{}`)})), `[{"a":1},{}]`},
		{string(AppendFileID(nil, "i")), `{"file_id":"i"}`},
		{string(AppendFile(nil, "url", FileInfo{Name: "n", URL: "u", SHA256: "s"})), `{"name":"n","url":"u","sha256":"s"}`},
		{string(AppendFile(nil, "path", FileInfo{Name: "n", Path: "/p"})), `{"name":"n","path":"/p"}`},
		{string(AppendFile(nil, "data", FileInfo{Name: "n", Data: []byte("a")})), `{"name":"n","data":"YQ=="}`},
		{string(AppendFileInfo(nil, FileInfo{Name: "n", Size: 5, SHA256: "s"})), `{"name":"n","total_size":5,"sha256":"s"}`},
		{string(AppendFileData(nil, []byte("ab"))), `{"data":"YWI="}`},
		{string(AppendOK(nil, nil, nil)), `{"status":"ok","retcode":0,"data":null,"message":""}`},
		{string(AppendFault(nil, []byte(`"e"`), &Fault{Code: 10001, Message: "a\nb"})), `{"status":"failed","retcode":10001,"data":null,"message":"a\nb","echo":"e"}`},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Error(diff)
		}
	}
}

// A file in an answer is copied once, and once more where the race detector keeps the compiler from growing in one step.
func TestAnswerIsCopiedOnce(t *testing.T) {
	const size, rounds = 1 << 20, 8
	echo, data := []byte(`"e"`), make([]byte, size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		AppendOK(nil, echo, data)
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / rounds; n >= 5*size/2 {
		t.Errorf("%d bytes for a file of %d", n, size)
	}
}

// What is listed is not answered by UnsupportedAction, what is not listed is (or is another name for what is listed).
func TestSupportedIsTrue(t *testing.T) {
	list := func(o SupportOptions) (names []string) {
		if err := json.Unmarshal(AppendSupported(nil, o), &names); err != nil {
			t.Fatal(err)
		}
		return names
	}
	all := list(SupportOptions{Files: true, Polls: true})
	if !slices.IsSorted(all) || len(all) < 100 || !slices.Contains(all, "qq.set_group_kick") || !slices.Contains(all, "send_message") {
		t.Errorf("%d actions: %v", len(all), all)
	}
	for _, name := range all {
		_, bad := planOf(t, name, `{}`, &PlanOptions{Files: true, Polls: true})
		if bad != nil && bad.Code == UnsupportedAction {
			t.Errorf("%s is listed: %v", name, bad)
		}
	}
	for _, tt := range []struct {
		allowed []string
		want    []string
	}{
		{[]string{"send_group_msg"}, []string{"get_status", "get_supported_actions", "get_version", "qq.send_group_msg", "send_message"}},
		{[]string{"upload_file", "get_file_fragmented"}, []string{"get_file_fragmented", "get_status", "get_supported_actions", "get_version", "upload_file"}},
	} {
		few := list(SupportOptions{Files: true, Allowed: func(name string) bool { return slices.Contains(tt.allowed, name) }})
		if diff := cmp.Diff(tt.want, few); diff != "" {
			t.Error(diff)
		}
	}
	for _, name := range all {
		if strings.HasPrefix(name, "get_guild") || onebot.Streams(strings.TrimPrefix(name, "qq.")) {
			t.Errorf("%s is listed", name)
		}
	}
}
