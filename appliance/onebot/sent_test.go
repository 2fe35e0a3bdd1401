package onebot

import "testing"

func TestSentID(t *testing.T) {
	for _, c := range []struct {
		in string
		id int64
		ok bool
	}{
		{`{"status":"ok","retcode":0,"data":{"message_id":1234567,"res_id":"x"},"echo":1}`, 1234567, true},
		{`{"status":"ok","data":{"message_id":"-5"},"echo":1}`, -5, true},
		{`{"status":"ok","data":{"message_id":1,"message_id":2},"echo":1}`, 2, true},
		{`{"status":"ok","data":{"message_id":null},"echo":1}`, 0, false},
		{`{"status":"ok","data":{"x":{"message_id":1}},"echo":1}`, 0, false},
		{`{"status":"ok","data":null,"echo":1}`, 0, false},
		{`{"status":"ok","echo":1}`, 0, false},
	} {
		h := peekOf(t, c.in)
		if id, ok := SentID(&h); id != c.id || ok != c.ok {
			t.Errorf("%s: got %d, %t", c.in, id, ok)
		}
	}
}

func TestMessageParam(t *testing.T) {
	for _, c := range [][2]string{
		{`{"group_id":1,"message":[{"type":"dice"}]}`, `[{"type":"dice"}]`},
		{`{"messages":[{}],"message":null}`, `[{}]`},
		{`{"message":"a","message":"b"}`, `"b"`},
		{`{"context":{"message":"a"}}`, ``}, {`{"message":null}`, ``}, {`{"message":"a"`, ``}, {``, ``}, {`null`, ``},
	} {
		if got := string(MessageParam([]byte(c[0]))); got != c[1] {
			t.Errorf("%s: got %s", c[0], got)
		}
	}
}

// A copy of the frame has its message at MessageAt.
func TestMessageAt(t *testing.T) {
	frame := ` {"message":1,"post_type":"message", "message" : ["x"] }`
	h := peekOf(t, frame)
	if got := frame[h.MessageAt : h.MessageAt+len(h.Message)]; got != `["x"]` {
		t.Errorf("got %s", got)
	}
}
