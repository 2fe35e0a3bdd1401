package onebot

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	inGroup   = `{"time":1,"self_id":10001,"post_type":"message","message_type":"group","sub_type":"normal","message_id":-7,"user_id":20002,"group_id":30003,"message":[]}`
	inPrivate = `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":8,"user_id":20002}`
	byGroup   = `{"post_type":"message","message_type":"private","sub_type":"group","message_id":8,"user_id":"20002","group_id":30003}`
	anonymous = `{"post_type":"message","message_type":"group","sub_type":"anonymous","message_id":9,"user_id":80000000,"group_id":30003,"anonymous":{"id":1,"flag":"f"}}`
	befriend  = `{"post_type":"request","request_type":"friend","user_id":20004,"comment":"hi","flag":"f\"1"}`
	joining   = `{"post_type":"request","request_type":"group","sub_type":"add","user_id":20004,"group_id":30003,"flag":77}`
	ownWords  = `{"post_type":"message_sent","message_type":"group","user_id":10001,"group_id":30003,"message_id":1}`
	noticed   = `{"post_type":"notice","notice_type":"group_increase","user_id":20004,"group_id":30003}`
	at20002   = `{"type":"at","data":{"qq":"20002"}},{"type":"text","data":{"text":" "}},`
)

// Each line is an event, an operation, and the actions that it comes to.
var quickCases = []struct{ context, operation, want string }{
	// reply, auto_escape, at_sender
	{inGroup, `{"reply":"hi"}`, `send_msg {"message_type":"group","group_id":30003,"message":[` + at20002 + `{"type":"text","data":{"text":"hi"}}]}`},
	{inGroup, `{"reply":"hi","at_sender":false}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"text","data":{"text":"hi"}}]}`},
	{inGroup, `{"reply":"hi","at_sender":"no"}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"text","data":{"text":"hi"}}]}`},
	{inGroup, `{"reply":"[CQ:face,id=1]&#91;","at_sender":0}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"face","data":{"id":"1"}},{"type":"text","data":{"text":"["}}]}`},
	{inGroup, `{"reply":"[CQ:face,id=1]","at_sender":0,"auto_escape":true}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"text","data":{"text":"[CQ:face,id=1]"}}]}`},
	{inGroup, `{"reply":"a","auto_escape":1}`, `send_msg {"message_type":"group","group_id":30003,"message":[` + at20002 + `{"type":"text","data":{"text":"a"}}]}`},
	{inGroup, `{"reply":[ {"type":"image","data":{"file":"https://a/b"}}]}`, `send_msg {"message_type":"group","group_id":30003,"message":[` + at20002 + `{"type":"image","data":{"file":"https://a/b"}}]}`},
	{inGroup, `{"reply":"[CQ:reply,id=5]x"}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"reply","data":{"id":"5"}},` + at20002 + `{"type":"text","data":{"text":"x"}}]}`},
	{inGroup, `{"reply":[ {"data":{"id":"5"},"type":"reply"} ]}`, `send_msg {"message_type":"group","group_id":30003,"message":[ {"data":{"id":"5"},"type":"reply"},` + strings.TrimSuffix(at20002, ",") + ` ]}`},
	{inGroup, `{"reply":[{"type":"node","data":{"content":"x"}}]}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"node","data":{"content":"x"}}]}`},
	{inGroup, `{"reply":"[CQ:record,file=a.amr]"}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"record","data":{"file":"a.amr"}}]}`},
	{inGroup, `{"reply":{"type":"file","data":{"file":"x"}},"at_sender":true}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"file","data":{"file":"x"}}]}`},
	{inGroup, `{"reply":[{"type":"dice"}]}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"dice"}]}`},
	{inGroup, `{"reply":{"type":"text","data":{"text":"x"}},"at_sender":false}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"text","data":{"text":"x"}}]}`},
	{inGroup, `{"r\u0065ply":"x","at_s\u0065nder":false}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"text","data":{"text":"x"}}]}`},
	{inPrivate, `{"reply":"hi","at_sender":true,"delete":true,"kick":true,"ban":true}`, `send_msg {"message_type":"private","user_id":20002,"message":[{"type":"text","data":{"text":"hi"}}]}`},
	{byGroup, `{"reply":"hi"}`, `send_msg {"message_type":"private","user_id":20002,"group_id":30003,"message":[{"type":"text","data":{"text":"hi"}}]}`},
	{anonymous, `{"reply":"hi"}`, `send_msg {"message_type":"group","group_id":30003,"message":[{"type":"text","data":{"text":"hi"}}]}`},
	{inGroup, `{"reply":""}`, ``},
	{inGroup, `{"reply":[ ]}`, ``},
	{inGroup, `{"reply":null,"kick":null}`, ``},
	{inGroup, `{"reply":5}`, `! not a quick operation: reply: a message is a string, a segment object or an array of segments`},
	{inGroup, `{"reply":"x","auto_escape":"perhaps"}`, `! not a quick operation: auto_escape is neither true nor false`},
	// delete, kick, ban, ban_duration
	{inGroup, `{"delete":true}`, `delete_msg {"message_id":-7}`},
	{inGroup, `{"delete":false,"kick":0,"ban":"false"}`, ``},
	{inGroup, `{"kick":true}`, `set_group_kick {"group_id":30003,"user_id":20002}`},
	{inGroup, `{"ban":true}`, `set_group_ban {"group_id":30003,"user_id":20002,"duration":1800}`},
	{inGroup, `{"ban":"yes","ban_duration":"60"}`, `set_group_ban {"group_id":30003,"user_id":20002,"duration":60}`},
	{inGroup, `{"ban":1,"ban_duration":0}`, `set_group_ban {"group_id":30003,"user_id":20002,"duration":0}`},
	{inGroup, `{"ban_duration":60}`, ``},
	{inGroup, `{"ban":true,"ban_duration":-1}`, `! not a quick operation: ban_duration is no number of seconds`},
	{inGroup, `{"ban":true,"kick":"maybe"}`, `! not a quick operation: kick is neither true nor false`},
	{inGroup, `{"ban":true,"kick":true,"delete":true,"reply":"x","at_sender":false}`,
		`send_msg {"message_type":"group","group_id":30003,"message":[{"type":"text","data":{"text":"x"}}]} delete_msg {"message_id":-7} set_group_kick {"group_id":30003,"user_id":20002} set_group_ban {"group_id":30003,"user_id":20002,"duration":1800}`},
	{anonymous, `{"ban":true,"kick":true,"delete":true}`,
		`delete_msg {"message_id":9} set_group_kick (an anonymous member cannot be removed from the group) set_group_ban (NapCat cannot ban anonymous members)`},
	// approve, remark, reason
	{befriend, `{"approve":true}`, `set_friend_add_request {"flag":"f\"1","approve":true}`},
	{befriend, `{"approve":true,"remark":"Ann","reason":"x"}`, `set_friend_add_request {"flag":"f\"1","approve":true,"remark":"Ann"}`},
	{befriend, `{"approve":false,"remark":"Ann"}`, `set_friend_add_request {"flag":"f\"1","approve":false}`},
	{befriend, `{"approve":0}`, `set_friend_add_request {"flag":"f\"1","approve":false}`},
	{befriend, `{"approve":"no"}`, `set_friend_add_request {"flag":"f\"1","approve":false}`},
	{befriend, `{"approve":"false"}`, `set_friend_add_request {"flag":"f\"1","approve":false}`},
	{befriend, `{"approve":"0"}`, `set_friend_add_request {"flag":"f\"1","approve":false}`},
	{befriend, `{"approve":"Yes"}`, `set_friend_add_request {"flag":"f\"1","approve":true}`},
	{befriend, `{"approve":""}`, `! not a quick operation: approve is neither true nor false`},
	{befriend, `{"approve":[]}`, `! not a quick operation: approve is neither true nor false`},
	{befriend, `{"remark":"Ann"}`, ``},
	{joining, `{"approve":true,"reason":"x"}`, `set_group_add_request {"flag":"77","sub_type":"add","approve":true}`},
	{joining, `{"approve":false,"reason":"full","remark":"x"}`, `set_group_add_request {"flag":"77","sub_type":"add","approve":false,"reason":"full"}`},
	{joining, `{"approve":null,"reply":"x"}`, ``},
	// what is no quick operation, or answers what has none
	{inGroup, `{"status":"ok"}`, ``},
	{inGroup, `{}`, ``},
	{``, `{"ok":true}`, ``},
	{inGroup, `[]`, `! the frame is not a JSON object`},
	{inGroup, `OK`, `! the frame is not valid JSON: byte 0`},
	{inGroup, `{"reply":"x"`, `! the frame is not valid JSON: byte 12`},
	{inGroup, `{"reply":"x"} {}`, `! the frame is not valid JSON: byte 14`},
	{ownWords, `{"reply":"x"}`, `! not a quick operation: an event of the type "message_sent" has none`},
	{noticed, `{"reply":"x"}`, `! not a quick operation: an event of the type "notice" has none`},
	{`null`, `{"reply":"x"}`, `! not a quick operation: the context is missing or no object: send the event that is answered`},
	{`{}`, `{"reply":"x"}`, `! not a quick operation: the context has no post_type`},
	{`{"post_type":"message"}`, `{"reply":"x"}`, `! not a quick operation: the event's message_type is missing or unknown`},
	{`{"post_type":"message","message_type":"group","user_id":1}`, `{"reply":"x"}`, `! not a quick operation: the event has no group_id`},
	{`{"post_type":"message","message_type":"group","group_id":1}`, `{"kick":true}`, `! not a quick operation: the event has no user_id`},
	{`{"post_type":"message","message_type":"group","group_id":1,"user_id":2}`, `{"delete":true}`, `! not a quick operation: the event has no message_id`},
	{`{"post_type":"request","request_type":"group"}`, `{"approve":true}`, `! not a quick operation: the request has no flag`},
}

func TestQuickSteps(t *testing.T) {
	for _, c := range quickCases {
		steps, err := QuickSteps([]byte(c.context), []byte(c.operation))
		got := ""
		if err != nil {
			got = "! " + err.Error()
		}
		for _, s := range steps {
			params := string(s.Params)
			if s.Refuse != "" {
				params = "(" + s.Refuse + ")"
			}
			got = strings.TrimSpace(got + " " + s.Action + " " + params)
		}
		if got != c.want {
			t.Errorf("%s\n to %s\n got  %s\n want %s", c.operation, c.context, got, c.want)
		}
	}
}

func TestQuickParams(t *testing.T) {
	for _, c := range []struct {
		params, context, operation string
		self                       uint64
	}{
		{` {"operation": {"a":1} ,"context":{"self_id":10001}}`, `{"self_id":10001}`, `{"a":1}`, 10001},
		{`{"context":{"self_id":1},"context":{"self_id":"2"}}`, `{"self_id":"2"}`, ``, 2},
		{`{"context":5}`, `5`, ``, 0},
		{``, ``, ``, 0},
		{`[]`, ``, ``, 0},
	} {
		context, operation := QuickParams([]byte(c.params))
		if string(context) != c.context || string(operation) != c.operation || QuickSelf(context) != c.self {
			t.Errorf("%s: context %s, operation %s, self %d", c.params, context, operation, QuickSelf(context))
		}
	}
}

// Whatever an app answers: the actions are of the closed list, their params are valid and hold what the event says, and what
// is no clear yes is not done.
func FuzzQuickSteps(f *testing.F) {
	for _, c := range quickCases {
		f.Add([]byte(c.context), []byte(c.operation))
	}
	f.Fuzz(func(t *testing.T, context, operation []byte) {
		steps, err := QuickSteps(context, operation)
		want, ok := slowMembers(operation)
		if !ok {
			if err == nil || len(steps) > 0 {
				t.Fatalf("%q is no object and comes to %v, %v", operation, steps, err)
			}
			return
		}
		if err != nil {
			if len(steps) > 0 {
				t.Fatalf("%q: steps beside the error %v", operation, err)
			}
			if !errors.Is(err, ErrQuick) && !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrDepth) {
				t.Fatalf("%q: unknown error %v", operation, err)
			}
			return
		}
		asks := map[string]string{"delete_msg": "delete", "set_group_kick": "kick", "set_group_ban": "ban", "send_msg": "reply",
			"set_friend_add_request": "approve", "set_group_add_request": "approve"}
		for _, s := range steps {
			key, known := asks[s.Action]
			if !known {
				t.Fatalf("%q comes to %s", operation, s.Action)
			}
			asked := want[key]
			yes, clear := Truth(asked)
			if utf8.Valid(operation) && (len(asked) == 0 || key != "reply" && !clear || key != "reply" && key != "approve" && !yes) {
				t.Fatalf("%q comes to %s, for which nobody asked", operation, s.Action)
			}
			if s.Refuse != "" {
				continue
			}
			var params map[string]any
			if !utf8.Valid(context) || !utf8.Valid(operation) {
				continue
			}
			if err := json.Unmarshal(s.Params, &params); err != nil {
				t.Fatalf("%q: %s with %q: %v", operation, s.Action, s.Params, err)
			}
			if approve, given := params["approve"]; given && approve != yes {
				t.Fatalf("%q: %s", operation, s.Params)
			}
			if key == "reply" && CheckSend(s.Action, s.Params) == nil {
				if _, err := ToArray(MessageParam(s.Params)); err != nil {
					t.Fatalf("%q: %s: %v", operation, s.Params, err)
				}
			}
		}
	})
}

func TestTruth(t *testing.T) {
	for raw, want := range map[string]string{
		`true`: "yes", `1`: "yes", `"1"`: "yes", `"TRUE"`: "yes", `"yes"`: "yes", `"y\u0065s"`: "yes",
		`false`: "no", `0`: "no", `"0"`: "no", `"False"`: "no", `"No"`: "no",
		``: "?", `null`: "?", `""`: "?", `2`: "?", `-1`: "?", `0.0`: "?", `"on"`: "?", `[]`: "?", `{}`: "?", `yes`: "?",
	} {
		value, known := Truth([]byte(raw))
		got := "?"
		switch {
		case known && value:
			got = "yes"
		case known:
			got = "no"
		}
		if got != want {
			t.Errorf("%s is %s, want %s", raw, got, want)
		}
	}
}

func TestCheckTruth(t *testing.T) {
	for _, c := range []struct{ name, params, want string }{
		{"set_friend_add_request", `{"flag":"f"}`, ""},
		{"set_friend_add_request", `{"flag":"f","approve":null}`, ""},
		{"set_friend_add_request", `{"approve":"no"}`, ""},
		{"set_friend_add_request_async", `{"approve":"nope"}`, "set_friend_add_request: params.approve is neither true nor false: send one of them"},
		{"set_group_add_request", `{"approve":true,"approve":2}`, "set_group_add_request: params.approve is neither true nor false: send one of them"},
		{"set_group_card", `{"approve":2}`, ""},
		{"set_group_add_request", ``, ""},
		{"set_group_whole_ban", `{"group_id":1,"enable":"off"}`, "set_group_whole_ban: params.enable is neither true nor false: send one of them"},
		{"set_group_admin", `{"en\u0061ble":""}`, "set_group_admin: params.enable is neither true nor false: send one of them"},
		{"set_group_kick", `{"reject_add_request":{}}`, "set_group_kick: params.reject_add_request is neither true nor false: send one of them"},
		{"set_group_admin", `{"enable":"NO"}`, ""},
		{"get_group_member_info", `{"no_cache":"perhaps"}`, ""},
		{"send_group_msg", `{"auto_escape":"perhaps"}`, ""},
		{"send_packet", `{"rsp":"text"}`, ""},
	} {
		got := ""
		if err := CheckTruth(c.name, []byte(c.params)); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.name, c.params, got, c.want)
		}
	}
}

func TestHasNodes(t *testing.T) {
	for params, want := range map[string]bool{
		`{"message":[{"type":"text","data":{}},{"type":"node","data":{}}]}`: true,
		`{"messages":{"type":"node"}}`:                                      true,
		`{"message":"x","messages":[{"type":"n\u006fde"}]}`:                 true,
		`{"message":"hi [CQ:node,id=1]"}`:                                   true,
		`{"message":[{"type":"text","data":{"type":"node"}}]}`:              false,
		`{"message":"node"}`:                                                false,
		`{"node":[{"type":"node"}]}`:                                        false,
		`{}`:                                                                false, ``: false, `{"message":[null,5]}`: false,
	} {
		if got := HasNodes([]byte(params)); got != want {
			t.Errorf("%s: %t", params, got)
		}
	}
}
