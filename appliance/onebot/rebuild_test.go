package onebot

import (
	"encoding/json"
	"testing"
)

func TestAppendMessageIsComplete(t *testing.T) {
	for _, m := range []Told{
		{Self: 10001, User: 20002, Time: 5, MessageID: 7, RealSeq: "9", Sender: "A\"nn", Message: []byte(`[{"type":"text","data":{"text":"a,b [x]"}}]`)},
		{Self: 10001, User: 20002, Group: 30003, Time: 5, MessageID: -7, Message: []byte(`[]`)},
	} {
		frame := AppendMessage(nil, m)
		if !json.Valid(frame) {
			t.Fatalf("no JSON: %s", frame)
		}
		var h Head
		if err := PeekHead(frame, &h); err != nil {
			t.Fatal(err)
		}
		if h.Missing != 0 {
			t.Errorf("%s lacks something: %b", frame, h.Missing)
		}
		if h.UserID != m.User || h.GroupID != m.Group || h.MessageID != m.MessageID || h.SelfID != m.Self || h.Time != m.Time || string(h.RealSeq) != m.RealSeq {
			t.Errorf("%s came back as %+v", frame, h)
		}
		if SenderName(h.Sender) != m.Sender {
			t.Errorf("the sender came back as %q", SenderName(h.Sender))
		}
	}
}
