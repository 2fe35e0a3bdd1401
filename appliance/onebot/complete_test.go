package onebot

import (
	"errors"
	"testing"
)

// Frames that end frameworks' processes (frameworks.md, section 0, rules 11,
// 13, 14), and what apps get instead.
func TestFault_T29_CompleteFillsWhatFrameworksDieWithout(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"bare private message", `{"post_type":"message","message_type":"private","user_id":20002}`,
			`{"post_type":"message","message_type":"private","user_id":20002,"time":1767225600,"self_id":10001,"message_id":0,"sub_type":"friend","message":[],"raw_message":"","font":0,"sender":{"user_id":20002,"nickname":""}}`},
		{"group message without sender", `{"time":1,"self_id":10001,"post_type":"message","message_type":"group","group_id":30003,"user_id":20002,"message_id":5,"message":[],"raw_message":"","font":14}`,
			`{"time":1,"self_id":10001,"post_type":"message","message_type":"group","group_id":30003,"user_id":20002,"message_id":5,"message":[],"raw_message":"","font":14,"sub_type":"normal","sender":{"user_id":20002,"nickname":""}}`},
		{"null members", `{"time":1,"self_id":10001,"post_type":"message_sent","message_type":"private","sub_type":null,"user_id":10001,"message_id":null,"message":null,"raw_message":null,"font":null,"sender":null,"target_id":null}`,
			`{"time":1,"self_id":10001,"post_type":"message_sent","message_type":"private","sub_type":"friend","user_id":10001,"message_id":0,"message":[],"raw_message":"","font":0,"sender":{"user_id":10001,"nickname":""},"target_id":0}`},
		{"user only in sender", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"message":"x","raw_message":"x","font":0,"sender":{"user_id":"20002"},"user_id":null}`,
			`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"message":"x","raw_message":"x","font":0,"sender":{"user_id":20002},"user_id":20002}`},
		{"sender without user_id, level a number", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"message":"x","raw_message":"x","font":0,"user_id":20002,"sender":{ "level": 7 , "nickname":"A"} }`,
			`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"message":"x","raw_message":"x","font":0,"user_id":20002,"sender":{ "level": "7" , "nickname":"A","user_id":20002} }`},
		{"string ids and time", `{"time":"1","self_id":"10001","post_type":"notice","notice_type":"group_recall","group_id":"30003","user_id":20002.0,"operator_id":"20002","message_id":"-7"}`,
			`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"group_recall","group_id":30003,"user_id":20002,"operator_id":20002,"message_id":-7}`},
		{"fractional time", `{"time":1.75,"self_id":10001,"post_type":"notice","notice_type":"friend_add","user_id":2}`,
			`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"friend_add","user_id":2}`},
		{"null ids of a notice", `{"time":1,"self_id":10001,"post_type":"notice","notice_type":"group_ban","group_id":3,"user_id":null,"operator_id":99999999999999999999}`,
			`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"group_ban","group_id":3,"user_id":0,"operator_id":0}`},
		{"notify without sub_type", `{"time":1,"self_id":10001,"post_type":"notice","notice_type":"notify","user_id":2}`,
			`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"notify","user_id":2,"sub_type":""}`},
		{"honor without honor_type", `{"time":1,"self_id":10001,"post_type":"notice","notice_type":"notify","sub_type":"honor"}`,
			`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"notify","sub_type":"honor","honor_type":""}`},
		{"echo first", `{ "echo" : null , "time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"lifecycle","sub_type":"connect"}`,
			`{ "time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"lifecycle","sub_type":"connect"}`},
		{"echo in the middle and at the end", `{"time":1,"echo":1,"self_id":10001,"post_type":"request","request_type":"friend","flag":"f" , "ec\u0068o":{} }`,
			`{"time":1,"self_id":10001,"post_type":"request","request_type":"friend","flag":"f" }`},
		{"segments that are none", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"message":[null,{"type":"text","data":{"text":"x"}},"y"],"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2}}`,
			`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"message":[{"type":"text","data":{"text":"x"}}],"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2}}`},
		{"single segment", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"message":{"type":"dice"},"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2}}`,
			`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"message":[{"type":"dice","data":{}}],"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2}}`},
		{"segments without data", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[{"type":"shake"},{"type":"dice","data":null}, {"data":5 , "type":"rps"},{ }]}`,
			`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[{"type":"shake","data":{}},{"type":"dice","data":{}},{"data":{} , "type":"rps"}]}`},
		{"segments without a type that is text", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[{"data":{"text":"x"}},{"type":7,"data":{}},{"type":null,"data":{}},{"t\u0079pe":"text","data":{"text":"y"}}]}`,
			`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[{"t\u0079pe":"text","data":{"text":"y"}}]}`},
		{"of a key twice the last counts", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[{"type":"a","type":1,"data":{}},{"type":1,"type":"b","data":{"x":1},"data":null}]}`,
			`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[{"type":1,"type":"b","data":{"x":1},"data":{}}]}`},
		{"no segment is left", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[{"data":{}}]}`, `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[]}`},
		{"a single segment without type", `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":{"data":{}}}`, `{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","message_id":5,"raw_message":"x","font":0,"user_id":2,"sender":{"user_id":2},"message":[]}`},
		{"flag is a number", `{"time":1,"self_id":1,"post_type":"request","request_type":"friend","user_id":2,"flag":1767225600123456}`,
			`{"time":1,"self_id":1,"post_type":"request","request_type":"friend","user_id":2,"flag":"1767225600123456"}`},
	} {
		h := peekOf(t, c.in)
		if h.Missing&MissingSelfID != 0 {
			h.SelfID = 10001
		}
		if h.Missing&MissingTime != 0 {
			h.Time = 1767225600
		}
		got, err := Complete([]byte(c.in), &h)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if string(got) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if again := peekOf(t, string(got)); again.Missing != 0 {
			t.Errorf("%s: still lacks %#x", c.name, again.Missing)
		}
	}
}

func TestFault_T29_CompleteRefusesWhatNothingCanStandFor(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"status":"ok","echo":1}`, "the event cannot be completed: it has no post_type"},
		{`{"post_type":"message","self_id":1,"user_id":1}`, "the event cannot be completed: a message without message_type"},
		{`{"post_type":"notice","self_id":1}`, "the event cannot be completed: a notice without notice_type"},
		{`{"post_type":"request","self_id":1,"request_type":5}`, "the event cannot be completed: a request without request_type"},
		{`{"post_type":"request","request_type":"friend","self_id":1,"user_id":2}`, "the event cannot be completed: a request without flag"},
		{`{"post_type":"request","request_type":"group","self_id":1,"user_id":2,"flag":null}`, "the event cannot be completed: a request without flag"},
		{`{"post_type":"request","request_type":"group","self_id":1,"user_id":2,"flag":["x"]}`, "the event cannot be completed: a request without flag"},
		{`{"post_type":"meta_event","self_id":1}`, "the event cannot be completed: a meta event without meta_event_type"},
		{`{"post_type":"dream","self_id":1}`, "the event cannot be completed: its post_type is unknown"},
		{`{"post_type":"meta_event","meta_event_type":"heartbeat"}`, "the event cannot be completed: it has no self_id"},
		{`{"post_type":"message","message_type":"group","self_id":1,"user_id":1,"group_id":null}`, "the event cannot be completed: a group message without group_id"},
		{`{"post_type":"message","message_type":"private","self_id":1,"user_id":"x","sender":{"nickname":"A"}}`, "the event cannot be completed: a message without user_id"},
	} {
		h := peekOf(t, c.in)
		out, err := Complete([]byte(c.in), &h)
		if !errors.Is(err, ErrIncomplete) || err.Error() != c.want || out != nil {
			t.Errorf("%s: got %s, %v", c.in, out, err)
		}
	}
}
