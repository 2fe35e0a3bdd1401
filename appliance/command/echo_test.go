package command

import "testing"

func TestEcho(t *testing.T) {
	for _, c := range []struct{ frame, want string }{
		{`{"post_type":"message","message_type":"private","self_id":1,"user_id":2,"time":1,"message_id":3,"message":[{"type":"text","data":{"text":"ping 1"}}]}`,
			`{"action":"send_msg","params":{"message":[{"data":{"text":"pong 1"},"type":"text"}],"message_type":"private","user_id":2},"echo":"pong"}`},
		{`{"post_type":"message","message_type":"group","self_id":1,"user_id":2,"group_id":4,"time":1,"message_id":3,"message":[{"type":"at","data":{"qq":"1"}},{"type":"text","data":{"text":" ping 5"}}]}`,
			`{"action":"send_msg","params":{"group_id":4,"message":[{"data":{"text":"pong 5"},"type":"text"}],"message_type":"group","user_id":2},"echo":"pong"}`},
		{`{"post_type":"message","message_type":"private","self_id":1,"user_id":2,"message":[{"type":"text","data":{"text":"hello"}}]}`, ""},
		{`{"post_type":"meta_event","meta_event_type":"heartbeat","self_id":1}`, ""},
		{`{"status":"ok","retcode":0,"echo":"pong"}`, ""},
		{`null`, ""},
	} {
		if got := string(echo([]byte(c.frame))); got != c.want {
			t.Errorf("echo(%s)\n got %s\nwant %s", c.frame, got, c.want)
		}
	}
}
