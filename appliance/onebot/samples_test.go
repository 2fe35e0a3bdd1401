package onebot

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lines reads a file of one frame per line.
func lines(t testing.TB, name string) [][]byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte("\n"))
}

func peekOf(t testing.TB, frame string) Head {
	t.Helper()
	var h Head
	if err := PeekHead([]byte(frame), &h); err != nil {
		t.Fatalf("%s: %v", frame, err)
	}
	return h
}

func headLine(h *Head) string {
	return fmt.Sprintf("%s.%s.%s t=%d self=%d user=%d group=%d target=%d operator=%d id=%d seq=%s flag=%s missing=%#x",
		h.PostType, h.Detail, h.SubType, h.Time, h.SelfID, h.UserID, h.GroupID, h.TargetID, h.OperatorID, h.MessageID, h.RealSeq, h.Flag, uint32(h.Missing))
}

// Every event that the reference shows, in its order.
func TestPeekHeadReadsEverySampleEvent(t *testing.T) {
	want := []string{
		"message.group.normal t=1767225600 self=10001 user=20002 group=30003 target=0 operator=0 id=1840021873 seq=5012 flag= missing=0x0",
		"message.private.friend t=1767225601 self=10001 user=20002 group=0 target=20002 operator=0 id=77210345 seq=88 flag= missing=0x0",
		"message.private.group t=1767225602 self=10001 user=20009 group=30003 target=20009 operator=0 id=500112 seq=3 flag= missing=0x0",
		"message_sent.group.normal t=1767225603 self=10001 user=10001 group=30003 target=30003 operator=0 id=911 seq=5013 flag= missing=0x0",
		"notice.group_upload. t=1 self=10001 user=20002 group=30003 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.group_admin.set t=1 self=10001 user=20002 group=30003 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.group_decrease.kick t=1 self=10001 user=20002 group=30003 target=0 operator=20003 id=0 seq= flag= missing=0x0",
		"notice.group_increase.approve t=1 self=10001 user=20002 group=30003 target=0 operator=20003 id=0 seq= flag= missing=0x0",
		"notice.group_ban.ban t=1 self=10001 user=20002 group=30003 target=0 operator=20003 id=0 seq= flag= missing=0x0",
		"notice.group_ban.ban t=1 self=10001 user=0 group=30003 target=0 operator=20003 id=0 seq= flag= missing=0x0",
		"notice.friend_add. t=1 self=10001 user=20002 group=0 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.group_recall. t=1 self=10001 user=20002 group=30003 target=0 operator=20002 id=1840021873 seq= flag= missing=0x0",
		"notice.friend_recall. t=1 self=10001 user=20002 group=0 target=0 operator=0 id=77210345 seq= flag= missing=0x0",
		"notice.notify.poke t=1 self=10001 user=20002 group=30003 target=10001 operator=0 id=0 seq= flag= missing=0x0",
		"notice.notify.poke t=1 self=10001 user=20002 group=0 target=10001 operator=20002 id=0 seq= flag= missing=0x0",
		"notice.notify.title t=1 self=10001 user=20002 group=30003 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.notify.group_name t=1 self=10001 user=20002 group=30003 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.notify.input_status t=1 self=10001 user=20002 group=0 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.notify.profile_like t=1 self=10001 user=0 group=0 target=0 operator=20002 id=0 seq= flag= missing=0x0",
		"notice.notify.gray_tip t=1 self=10001 user=20002 group=30003 target=0 operator=0 id=5 seq= flag= missing=0x0",
		"notice.essence.add t=1 self=10001 user=20002 group=30003 target=0 operator=20003 id=1840021873 seq= flag= missing=0x0",
		"notice.group_card. t=1 self=10001 user=20002 group=30003 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.group_msg_emoji_like. t=1 self=10001 user=20002 group=30003 target=0 operator=0 id=1840021873 seq= flag= missing=0x0",
		"notice.bot_offline. t=1 self=10001 user=10001 group=0 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.online_file_receive.cancel t=1 self=10001 user=20002 group=0 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.online_file_send.receive t=1 self=10001 user=20002 group=0 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"request.friend. t=1 self=10001 user=20002 group=0 target=0 operator=0 id=0 seq= flag=1767225600 missing=0x0",
		"request.group.add t=1 self=10001 user=20002 group=30003 target=0 operator=0 id=0 seq= flag=1767225600123456 missing=0x0",
		"request.group.invite t=1 self=10001 user=20003 group=30003 target=0 operator=0 id=0 seq= flag=1767225600654321 missing=0x0",
		"meta_event.lifecycle.connect t=1 self=10001 user=0 group=0 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"meta_event.heartbeat. t=1 self=10001 user=0 group=0 target=0 operator=0 id=0 seq= flag= missing=0x0",
		"notice.friend_add. t=1767225600 self=10001 user=20002 group=0 target=0 operator=0 id=0 seq= flag= missing=0x0",
	}
	var got []string
	for _, frame := range lines(t, "events.jsonl") {
		h := peekOf(t, string(frame))
		got = append(got, headLine(&h))
		if !h.IsEvent() || h.IsResponse() {
			t.Errorf("%s: not taken for an event", frame)
		}
		same, err := Complete(frame, &h)
		if err != nil || len(same) != len(frame) || &same[0] != &frame[0] {
			t.Errorf("%s: a complete event was touched: %s, %v", frame, same, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPeekHeadReadsEverySampleResponse(t *testing.T) {
	var got []string
	for _, frame := range lines(t, "responses.jsonl") {
		h := peekOf(t, string(frame))
		got = append(got, fmt.Sprintf("%s %d echo=%s stream=%t end=%t message=%s data=%t", h.Status, h.Retcode, h.Echo, h.Stream, h.StreamEnd, h.Message, h.Data != nil))
		if h.IsEvent() || !h.IsResponse() || h.Missing != 0 {
			t.Errorf("%s: not taken for a response", frame)
		}
	}
	want := []string{
		`failed 1403 echo=null stream=false end=true message="token验证失败" data=true`,
		`ok 0 echo="c1-42" stream=false end=true message="" data=true`,
		`ok 0 echo="d1" stream=true end=false message="" data=true`,
		`ok 0 echo="d1" stream=true end=false message="" data=true`,
		`ok 0 echo="d1" stream=true end=true message="" data=true`,
		`ok 0 echo="u7-0" stream=true end=false message="" data=true`,
		`ok 0 echo="u7-end" stream=true end=true message="" data=true`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPeekActionReadsEverySampleCall(t *testing.T) {
	var got []string
	for _, frame := range lines(t, "actions.jsonl") {
		var a Action
		if err := PeekAction(frame, &a); err != nil {
			t.Fatalf("%s: %v", frame, err)
		}
		got = append(got, fmt.Sprintf("%s %s", a.Name, a.Echo))
		if err := CheckSend(a.Name, a.Params); err != nil {
			t.Error(err)
		}
	}
	want := []string{`send_group_msg "c1-42"`, `upload_file_stream "u7-0"`, `upload_file_stream "u7-end"`, `send_group_forward_msg "f1"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
