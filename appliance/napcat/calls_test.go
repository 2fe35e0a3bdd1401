package napcat

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/link"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestCallsAwayFailAtOnce(t *testing.T) {
	f := newFixture(t, setup(), botQQ)
	if a := receive(t, "a refusal", f.submit("app", "send_msg")); !errors.Is(a.Err, ErrAway) || !a.Final {
		t.Errorf("answer %+v", a)
	}
	if _, err := f.account.Do(testContext(t), "get_status", nil); !errors.Is(err, ErrAway) {
		t.Errorf("Do: %v", err)
	}
}

func TestCallBytes(t *testing.T) {
	f, _, p := linked(t)
	got := f.submit("app", "send_group_msg_async")
	c := p.next()
	if c.Action != "send_group_msg_async" || string(c.Params) != `{"a":1}` || !strings.HasPrefix(c.Echo, "catflap-7-") {
		t.Errorf("call %+v", c)
	}
	answer := fmt.Sprintf(`{"status":"failed","retcode":1200,"data":null,"message":"no","wording":"no","echo":%q}`, c.Echo)
	p.send(answer)
	if a := receive(t, "an answer", got); string(a.Frame) != answer || !a.Final || a.Err != nil {
		t.Errorf("answer %s, %v", a.Frame, a.Err)
	}
}

func TestFault_T22_EchoesAreUnique(t *testing.T) {
	f, _, p := linked(t)
	seen := make(map[string]bool)
	for range 100 {
		f.submit("a", "x")
		c := p.next()
		if seen[c.Echo] {
			t.Fatalf("echo %s twice", c.Echo)
		}
		seen[c.Echo] = true
		p.answer(c, "{}")
	}
}

func TestFault_T22_AnswersOfAnOldLink(t *testing.T) {
	f, l, old := linked(t)
	lost := f.submit("a", "send_msg")
	stale := old.next()
	fresh := dialPeer(t, l.url(), false)
	if a := receive(t, "the end of the lost call", lost); !errors.Is(a.Err, ErrDropped) {
		t.Fatalf("answer %+v", a)
	}
	live := f.submit("b", "send_msg")
	c := fresh.next()
	fresh.answer(stale, `{"message_id":1}`)
	fresh.send(`{"status":"ok","retcode":0,"data":{},"echo":"catflap-6-1"}`)
	fresh.send(`{"status":"ok","retcode":0,"data":{},"echo":""}`)
	fresh.send(`{"status":"ok","retcode":0,"data":{},"echo":{"seq":1}}`)
	fresh.answer(c, `{"message_id":2}`)
	if a := receive(t, "the live call's answer", live); !strings.Contains(string(a.Frame), `"message_id":2`) {
		t.Errorf("the live call got %s", a.Frame)
	}
	if got := f.account.State().Late; got != 4 {
		t.Errorf("%d late answers are counted, want 4", got)
	}
	if len(lost) != 0 {
		t.Errorf("the lost call heard again: %+v", <-lost)
	}
}

func TestBoundsOfCalls(t *testing.T) {
	f, _, p := linked(t)
	for range maxPending {
		f.submit("a", "at-once")
	}
	for range maxPending {
		p.next()
	}
	var waiting []<-chan Answer
	for range maxWaiting {
		waiting = append(waiting, f.submit("a", "a"))
	}
	for range maxWaiting {
		f.submit("b", "b")
	}
	for _, app := range []string{"a", "b"} {
		if a := receive(t, "a refusal", f.submit(app, "too-many")); !errors.Is(a.Err, ErrBusy) {
			t.Errorf("app %s: %+v", app, a)
		}
	}
	if n := f.account.Pending(); n != maxPending {
		t.Errorf("%d calls are pending", n)
	}
	select {
	case c := <-p.calls:
		t.Fatalf("call %s passed the bound", c.Action)
	default:
	}
	// catflap's own questions get through.
	ctx := testContext(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := f.account.Do(ctx, "get_version_info", nil); err != nil {
			t.Errorf("own call: %v", err)
		}
	})
	own := p.next()
	if own.Action != "get_version_info" {
		t.Fatalf("call %s", own.Action)
	}
	p.answer(own, "{}")
	wg.Wait()
	for _, w := range waiting {
		if len(w) != 0 {
			t.Fatalf("a waiting call heard %+v", <-w)
		}
	}
}

func TestWaitingCallsTakeTurns(t *testing.T) {
	f, _, p := linked(t)
	for range maxPending {
		f.submit("a", "at-once")
	}
	var first []call
	for range maxPending {
		first = append(first, p.next())
	}
	for i := range 20 {
		f.submit("a", "a"+strconv.Itoa(i))
	}
	for i := range 3 {
		f.submit("b", "b"+strconv.Itoa(i))
	}
	var got []string
	for i := range 8 {
		p.answer(first[i], "{}")
		got = append(got, p.next().Action)
	}
	want := []string{"a0", "b0", "a1", "b1", "a2", "b2", "a3", "a4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestLostLinkFailsCallsAtOnce(t *testing.T) {
	f, _, p := linked(t)
	var left, never []<-chan Answer
	for range maxPending {
		left = append(left, f.submit("a", "send_msg"))
	}
	for range 10 {
		never = append(never, f.submit("a", "send_msg"))
	}
	p.next()
	p.conn.Close(1001, "restart")
	for _, c := range left {
		if a := receive(t, "the end of a call", c); !errors.Is(a.Err, ErrDropped) || !a.Final {
			t.Fatalf("a call that left: %+v", a)
		}
	}
	for _, c := range never {
		if a := receive(t, "the end of a call", c); !errors.Is(a.Err, ErrAway) || !a.Final {
			t.Fatalf("a call that never left: %+v", a)
		}
	}
	if n := f.account.Pending(); n != 0 {
		t.Errorf("%d calls are pending", n)
	}
	if n := len(f.account.calls.waiting) + len(f.account.calls.turns); n != 0 {
		t.Errorf("%d queues are left", n)
	}
}

func TestFault_T23_NoAnswerAtAll(t *testing.T) {
	f, _, p := linked(t)
	f.account.calls.mu.Lock()
	f.account.calls.timeout = 20 * time.Millisecond
	f.account.calls.mu.Unlock()
	got := f.submit("app", "send_msg")
	c := p.next()
	if a := receive(t, "the timeout", got); !errors.Is(a.Err, ErrTimeout) || !a.Final {
		t.Fatalf("answer %+v", a)
	}
	if n := f.account.Pending(); n != 0 {
		t.Errorf("%d calls are pending", n)
	}
	p.answer(c, "{}")
	until(t, "the late answer is counted", func() bool { return f.account.State().Late == 1 })
	if len(got) != 0 {
		t.Errorf("the call heard again: %+v", <-got)
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	f, _, p := linked(t)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { _, err = f.account.Do(ctx, "get_version_info", nil) })
	p.next()
	cancel()
	wg.Wait()
	if !errors.Is(err, ErrTimeout) {
		t.Errorf("Do: %v", err)
	}
	if n := f.account.Pending(); n != 0 {
		t.Errorf("%d calls are pending", n)
	}
}

// A call that has not left was not done for certain: the caller may try again.
func TestWaitingCallThatGivesUp(t *testing.T) {
	f, _, p := linked(t)
	for range maxPending + maxInternal {
		f.account.Submit(Call{Action: "x", Done: func(Answer) {}})
	}
	for range maxPending + maxInternal {
		p.next()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.account.Do(ctx, "get_version_info", nil); !errors.Is(err, ErrBusy) {
		t.Errorf("Do: %v", err)
	}
	if n := len(f.account.calls.waiting) + len(f.account.calls.turns); n != 0 {
		t.Errorf("%d queues are left", n)
	}
}

func TestFault_T21_StreamsKeepTheirCall(t *testing.T) {
	f, _, p := linked(t)
	frame := func(c call, kind, data string) string {
		return fmt.Sprintf(`{"status":"ok","retcode":0,"data":{"type":%q,"data_type":%q},"echo":%q,"stream":"stream-action"}`, kind, data, c.Echo)
	}
	tests := []struct {
		action string
		frames [][2]string
	}{
		{"download_file_stream", [][2]string{{"stream", "file_info"}, {"stream", "file_chunk"}, {"stream", "file_chunk"}, {"response", "file_complete"}}},
		{"download_file_image_stream_async", [][2]string{{"stream", "file_info"}, {"error", "error"}}},
		{"test_download_stream", [][2]string{{"stream", "x"}, {"response", "end"}}},
		{"upload_file_stream", [][2]string{{"stream", ""}}}, // one answer, although it says that it streams
	}
	for _, tt := range tests {
		t.Run(tt.action, func(t *testing.T) {
			got := f.submit("app", tt.action)
			c := p.next()
			for i, part := range tt.frames {
				want := frame(c, part[0], part[1])
				p.send(want)
				a := receive(t, "a frame", got)
				if string(a.Frame) != want {
					t.Fatalf("frame %d is %s", i, a.Frame)
				}
				last := i == len(tt.frames)-1
				if a.Final != last {
					t.Fatalf("frame %d: final is %v", i, a.Final)
				}
				pending := 1
				if last {
					pending = 0
				}
				if n := f.account.Pending(); n != pending {
					t.Fatalf("after frame %d %d calls are pending", i, n)
				}
			}
			late := f.account.State().Late
			p.send(frame(c, "stream", "after the end"))
			until(t, "the superfluous frame is counted", func() bool { return f.account.State().Late == late+1 })
			if len(got) != 0 {
				t.Errorf("heard after the end: %+v", <-got)
			}
		})
	}
}

// An upload or download may take longer than one call; only silence ends it.
func TestStreamsLiveWhileTheyProgress(t *testing.T) {
	f, _, p := linked(t)
	got := f.submit("app", "download_file_stream")
	c := p.next()
	p.send(fmt.Sprintf(`{"status":"ok","retcode":0,"data":{"type":"stream"},"echo":%q,"stream":"stream-action"}`, c.Echo))
	receive(t, "a frame", got)
	f.account.calls.mu.Lock()
	f.account.calls.timeout = time.Millisecond
	f.account.calls.mu.Unlock()
	p.send(fmt.Sprintf(`{"status":"ok","retcode":0,"data":{"type":"stream"},"echo":%q,"stream":"stream-action"}`, c.Echo))
	receive(t, "a frame", got)
	if a := receive(t, "the timeout of silence", got); !errors.Is(a.Err, ErrTimeout) || !a.Final {
		t.Errorf("answer %+v", a)
	}
}

func TestNothingFollowsTheFinalAnswer(t *testing.T) {
	heard := 0
	e := &entry{Call: Call{Done: func(Answer) { heard++ }}}
	e.fail(ErrTimeout)
	e.tell(Answer{Frame: []byte("{}")})
	e.drop()
	if heard != 1 {
		t.Errorf("heard %d answers", heard)
	}
}

func TestFullSendQueueIsBusy(t *testing.T) {
	f := newFixture(t, setup(), botQQ)
	l := listen(t, f.account)
	blackHole(t, l)
	until(t, "the link", func() bool { return f.account.State().Linked })
	big := []byte(`{"message":"` + strings.Repeat("x", 8<<20) + `"}`)
	for range 8 {
		done := make(chan Answer, 1)
		f.account.Submit(Call{App: "a", Action: "send_msg", Params: big, Done: func(a Answer) { done <- a }})
		select {
		case a := <-done:
			if !errors.Is(a.Err, ErrBusy) {
				t.Fatalf("answer %+v", a)
			}
			return
		default:
		}
	}
	t.Fatal("64 MiB were queued for a peer that does not read")
}

func TestCallsOfAClosedAccount(t *testing.T) {
	f, _, p := linked(t)
	got := f.submit("a", "send_msg")
	p.next()
	f.account.Close()
	if a := receive(t, "the end of the call", got); !errors.Is(a.Err, ErrDropped) && !errors.Is(a.Err, ErrAway) {
		t.Errorf("answer %+v", a)
	}
	if a := receive(t, "a refusal", f.submit("a", "send_msg")); !errors.Is(a.Err, ErrAway) {
		t.Errorf("answer %+v", a)
	}
	var closed *link.CloseError
	if err := receive(t, "the link's end", p.ended); !errors.As(err, &closed) || closed.Code != 1001 {
		t.Errorf("NapCat's link ended with %v, want 1001", err)
	}
}
