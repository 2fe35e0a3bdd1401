package onebot

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPeekAction(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Action
	}{
		{`{"action":"get_status"}`, Action{Name: "get_status"}},
		{`{"action":"get_status","params":null,"echo":null}`, Action{Name: "get_status", Echo: []byte("null")}},
		{`{"params":{"self_id":"10001","a":[{"self_id":5}]},"echo":1.50,"\u0061ction":"a\u0062c"}`,
			Action{Name: "abc", Params: []byte(`{"self_id":"10001","a":[{"self_id":5}]}`), Echo: []byte("1.50"), SelfID: 10001, HasSelfID: true}},
		{`{"action":"x","self_id":10002}`, Action{Name: "x", SelfID: 10002, HasSelfID: true}},
		{`{"action":"x","self_id":10002,"params":{"self_id":10001}}`, Action{Name: "x", Params: []byte(`{"self_id":10001}`), SelfID: 10001, HasSelfID: true}},
		{`{"action":"x","self_id":10002,"params":{"self_id":"me"}}`, Action{Name: "x", Params: []byte(`{"self_id":"me"}`), HasSelfID: true, SelfName: "me"}},
		{`{"action":"x","self_id":null}`, Action{Name: "x"}},
		{`{"action":"y","action":"x","params":5,"params":{}}`, Action{Name: "x", Params: []byte(`{}`)}},
	} {
		var a Action
		if err := PeekAction([]byte(c.in), &a); err != nil {
			t.Errorf("%s: %v", c.in, err)
		}
		if diff := cmp.Diff(c.want, a); diff != "" {
			t.Errorf("%s: %s", c.in, diff)
		}
	}
}

func TestPeekActionRefuses(t *testing.T) {
	for _, c := range []struct {
		in, want, echo string
	}{
		{`{"params":{},"echo":"e"}`, `"action" is missing or not a string: send {"action":"...","params":{...},"echo":...}`, `"e"`},
		{`{"action":5,"echo":7}`, `"action" is missing or not a string: send {"action":"...","params":{...},"echo":...}`, `7`},
		{`{"action":"x","params":[],"echo":{}}`, `"params" must be an object`, `{}`},
		{`{"action":"x",}`, `the frame is not valid JSON: byte 14`, ``},
		{`{"action":"x"} 1`, `the frame is not valid JSON: byte 15`, ``},
		{`{action:'x'}`, `the frame is not valid JSON: byte 1`, ``},
		{`null`, `the frame is not a JSON object`, ``},
		{``, `the frame is not valid JSON: byte 0`, ``},
	} {
		var a Action
		err := PeekAction([]byte(c.in), &a)
		if err == nil || err.Error() != c.want || string(a.Echo) != c.echo {
			t.Errorf("%s: got %v, echo %s", c.in, err, a.Echo)
		}
	}
}

func TestNormalise(t *testing.T) {
	for _, c := range [][3]string{
		{"send_msg", "send_msg", ""}, {"send_msg_async", "send_msg", "_async"}, {"send_msg_rate_limited", "send_msg", "_rate_limited"},
		{".handle_quick_operation_async", ".handle_quick_operation", "_async"}, {"_async", "_async", ""}, {"", "", ""},
		{"send_msg_async_rate_limited", "send_msg_async", "_rate_limited"}, {"send_msg_ASYNC", "send_msg_ASYNC", ""},
	} {
		if base, suffix := Normalise(c[0]); base != c[1] || suffix != c[2] {
			t.Errorf("%s: got %s %s", c[0], base, suffix)
		}
	}
}

func TestAppendedFrames(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct{ got, want string }{
		{string(AppendCall(nil, "send_msg", []byte(`{ "a": 1.0,"b":"\u0041" }`), "c1-42")), `{"action":"send_msg","params":{ "a": 1.0,"b":"\u0041" },"echo":"c1-42"}`},
		{string(AppendCall([]byte("x"), "a\"<b", nil, "1")), `x{"action":"a\"<b","params":{},"echo":"1"}`},
		{string(AppendFailure(nil, []byte(`{"seq":1}`), 1403, "no: <&>")), `{"status":"failed","retcode":1403,"data":null,"message":"no: <&>","wording":"no: <&>","echo":{"seq":1}}`},
		{string(AppendFailure(nil, nil, 1400, "a\nb\x01")), `{"status":"failed","retcode":1400,"data":null,"message":"a\nb\u0001","wording":"a\nb\u0001"}`},
		{string(AppendOK(nil, []byte(`""`), nil)), `{"status":"ok","retcode":0,"data":null,"message":"","wording":"","echo":""}`},
		{string(AppendOK(nil, nil, []byte(`{"message_id":1}`))), `{"status":"ok","retcode":0,"data":{"message_id":1},"message":"","wording":""}`},
		{string(AppendLifecycle(nil, 10001, 1767225600, "connect")), `{"time":1767225600,"self_id":10001,"post_type":"meta_event","meta_event_type":"lifecycle","sub_type":"connect"}`},
		{string(AppendHeartbeat(nil, 10001, 1, &yes, true, 15000)), `{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":true,"good":true},"interval":15000}`},
		{string(AppendHeartbeat(nil, 10001, 1, &no, false, 15000)), `{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":false,"good":false},"interval":15000}`},
		{string(AppendHeartbeat(nil, 10001, 1, nil, true, 15000)), `{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":null,"good":true},"interval":15000}`},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}

// Texts become what JSON.stringify writes: Koishi signs the re-serialised body
// (frameworks.md rule 21).
func TestAppendQuoted(t *testing.T) {
	text := ""
	for r := rune(0); r < 0x180; r++ {
		text += string(r)
	}
	text += "猫门😀\u2028\u2029</script>"
	var back string
	if err := json.Unmarshal(appendQuoted(nil, text), &back); err != nil || back != text {
		t.Errorf("%q, %v", back, err)
	}
	if got := appendQuoted(nil, "<\u2028\xff>"); !bytes.Equal(got, []byte("\"<\u2028\ufffd>\"")) {
		t.Errorf("got %q", got)
	}
}

func TestFault_T23_CheckSendRefusesWhatIsNeverAnswered(t *testing.T) {
	for _, c := range []struct{ name, params, want string }{
		{"send_msg", ``, "send_msg: params.message is missing or null: a message is a string, a segment object or an array of segments"},
		{"send_group_msg_async", `{"group_id":1}`, "send_group_msg: params.message is missing or null: a message is a string, a segment object or an array of segments"},
		{"send_private_msg", `{"message":null}`, "send_private_msg: params.message is missing or null: a message is a string, a segment object or an array of segments"},
		{"send_msg", `{"message":[{"type":"text"},null]}`, "send_msg: element 1 of params.message is null: a message is a string, a segment object or an array of segments"},
		{"send_msg", `{"messages":[{}]}`, "send_msg: params.message is missing or null: a message is a string, a segment object or an array of segments"},
		{"send_group_forward_msg", `{"messages":[null]}`, "send_group_forward_msg: element 0 of params.messages is null: a message is a string, a segment object or an array of segments"},
		{"send_forward_msg", `{"messages":null}`, "send_forward_msg: params.messages is missing or null: a message is a string, a segment object or an array of segments"},
		{"send_msg", `{"message":"x"`, "send_msg: reading params: the frame is not valid JSON: byte 14"},
		{"send_msg", `{"message":"x"}`, ""},
		{"send_msg", `{"message":""}`, ""},
		{"send_msg", `{"message":[]}`, ""},
		{"send_msg", `{"message":{"type":"text"}}`, ""},
		{"send_msg", `{"message":[{"type":"x","data":null}]}`, ""},
		{"send_forward_msg", `{"message":[{}]}`, ""},
		{"send_private_forward_msg", `{"message":null,"messages":[{}]}`, ""},
		{"send_like", ``, ""},
	} {
		err := CheckSend(c.name, []byte(c.params))
		if err == nil && c.want != "" || err != nil && err.Error() != c.want {
			t.Errorf("%s %s: got %v", c.name, c.params, err)
		}
		if err != nil && !errors.Is(err, ErrMessage) && !errors.Is(err, ErrSyntax) {
			t.Errorf("%s %s: %v is no known error", c.name, c.params, err)
		}
	}
}

func TestTargetOf(t *testing.T) {
	const both = `{"group_id":30003,"user_id":20002}`
	for _, c := range []struct {
		name, params string
		want         Target
	}{
		{"send_group_msg", both, Target{Group: 30003}},
		{"send_group_msg", `{"user_id":20002}`, Target{}},
		{"send_private_msg", both, Target{User: 20002, Via: 30003}},
		{"send_private_msg_async", `{"user_id":"20002"}`, Target{User: 20002}},
		{"send_msg", both, Target{Group: 30003}},
		{"send_msg", `{"user_id":20002}`, Target{User: 20002}},
		{"send_msg", `{"user_id":20002,"group_id":0}`, Target{User: 20002}},
		{"send_msg", `{"user_id":20002,"group_id":""}`, Target{User: 20002}},
		{"send_msg", `{"user_id":20002,"group_id":null}`, Target{User: 20002}},
		{"send_msg", `{"message_type":"private","group_id":30003,"user_id":20002}`, Target{User: 20002, Via: 30003}},
		{"send_msg", `{"message_type":"group","group_id":30003,"user_id":20002}`, Target{Group: 30003}},
		{"send_private_msg", `{"message_type":"group","group_id":30003,"user_id":20002}`, Target{Group: 30003}},
		{"send_group_msg", `{"message_type":"private","group_id":30003,"user_id":20002}`, Target{User: 20002, Via: 30003}},
		{"send_private_msg", `{"message_type":"Group","group_id":30003,"user_id":20002}`, Target{User: 20002, Via: 30003}},
		{"send_group_forward_msg", both, Target{Group: 30003}},
		{"send_msg", `{"group_id":[30003]}`, Target{Unclear: true}},
		{"send_msg", `{"group_id":"0","user_id":20002}`, Target{Unclear: true}},
		{"send_msg", `{"group_id":3.0003e4,"user_id":20002}`, Target{Unclear: true}},
		{"send_private_msg", `{"group_id":{},"user_id":20002}`, Target{User: 20002, Unclear: true}},
		{"send_msg", `{"group_id":"\u0033","user_id":20002}`, Target{Unclear: true}},
		{"send_msg", `{"group_id":1`, Target{Unclear: true}},
		{"send_msg", ``, Target{}},
		{"forward_group_single_msg", both, Target{User: 20002}},
		{"forward_friend_single_msg", `{"group_id":30003}`, Target{Group: 30003}},
		{"mark_msg_as_read", both, Target{User: 20002, Via: 30003}},
		{"friend_poke", both, Target{Group: 30003}},
		{"group_poke", `{"user_id":20002,"target_id":20003}`, Target{User: 20002}},
		{"set_group_kick_members", `{"group_id":"30003","user_id":[20002]}`, Target{Group: 30003}},
		{"set_group_ban", both, Target{Group: 30003}},
		{"delete_friend", `{"friend_id":20002}`, Target{User: 20002}},
		{"delete_msg", `{"message_id":5}`, Target{}},
		{".handle_quick_operation_async", `{"user_id":1,"context":{"group_id":30003,"user_id":20002},"operation":{"reply":"x"}}`, Target{Group: 30003}},
		{".handle_quick_operation", `{"context":{"message_type":"private","user_id":20002}}`, Target{User: 20002}},
		{".handle_quick_operation", `{"context":{"message_type":"private","user_id":20002,"group_id":30003}}`, Target{User: 20002, Via: 30003}},
	} {
		if got := TargetOf(c.name, []byte(c.params)); got != c.want {
			t.Errorf("%s %s: got %+v, want %+v", c.name, c.params, got, c.want)
		}
	}
}
