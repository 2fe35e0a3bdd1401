package napcat

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

const mib = 1 << 20 // what the fixture's accounts read

func TestFault_T27_OversizeEventIsDropped(t *testing.T) {
	f, _, p := linked(t)
	event := func(n int, text string) string {
		return fmt.Sprintf(`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","user_id":20002,"message_id":%d,"raw_message":"%s","message":[]}`, n, text)
	}
	for n := range uint64(3) {
		before, after := event(1, "before"), event(3, "after")
		p.send(before)
		p.send(event(2, strings.Repeat(`\"echo\":\"catflap-7-1\"}`, mib/20)))
		p.send(after)
		for _, want := range []string{before, after} {
			if got := receive(t, "an event", f.events); got != want {
				t.Fatalf("got %.200s; want %s", got, want)
			}
		}
		if st := f.account.State(); st.TooLarge != n+1 || st.BadFrames != 0 || st.Late != 0 || st.Links != 1 || !st.Linked {
			t.Errorf("state %+v", st)
		}
	}
	f.works(p)
	if n := strings.Count(f.log.String(), "above limits.maxFrameMb"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, f.log)
	}
}

func TestFault_T27_OversizeAnswerEndsItsCall(t *testing.T) {
	f, _, p := linked(t)
	large := `"` + strings.Repeat("A", mib) + `"`
	wantTooLarge := func(a Answer, size int) {
		t.Helper()
		want := fmt.Sprintf("NapCat's answer of %d bytes is larger than limits.maxFrameMb", size)
		if !errors.Is(a.Err, ErrTooLarge) || a.Err.Error() != want || !a.Final || a.Frame != nil {
			t.Fatalf("answer %.200s, %v; want %s", a.Frame, a.Err, want)
		}
	}
	size := func(c call) int {
		return len(fmt.Sprintf(`{"status":"ok","retcode":0,"data":%s,"message":"","wording":"","echo":%q,"stream":"normal-action"}`, large, c.Echo))
	}

	other := f.submit("app", "get_status_of_another")
	waiting := p.next()
	got := f.submit("app", "get_image")
	c := p.next()
	p.answer(c, large)
	wantTooLarge(receive(t, "an answer", got), size(c))
	p.answer(c, large) // nobody waits for this one
	p.answer(waiting, "{}")
	if a := receive(t, "the other answer", other); a.Err != nil || !a.Final {
		t.Errorf("the other call got %+v", a)
	}

	// A stream goes on until the frame that does not pass.
	stream := f.submit("app", "download_file_stream")
	c = p.next()
	packet := func(data string) string {
		return fmt.Sprintf(`{"status":"ok","retcode":0,"data":{"type":"stream","data":%s},"echo":%q,"stream":"stream-action"}`, data, c.Echo)
	}
	p.send(packet(`"one"`))
	if a := receive(t, "the first packet", stream); a.Final || a.Err != nil {
		t.Fatalf("answer %+v", a)
	}
	p.send(packet(large))
	wantTooLarge(receive(t, "the end", stream), len(packet(large)))
	p.send(packet(`"three"`))

	f.works(p)
	if n := f.account.Pending(); n != 0 {
		t.Errorf("%d calls are pending", n)
	}
	if st := f.account.State(); st.TooLarge != 3 || st.Links != 1 {
		t.Errorf("state %+v", st)
	}
	if len(got) != 0 || len(stream) != 0 {
		t.Error("a call that had ended heard more")
	}
}

// The same from a NapCat that dials or is dialled: its frames are masked or not.
func TestFault_T27_OversizeAnswerOfNapCat(t *testing.T) {
	large := func(simulator.Call) simulator.Answer {
		return simulator.Answer{Data: map[string]any{"base64": strings.Repeat("A", 3*mib)}}
	}
	check := func(f *fixture, nap *simulator.NapCat) {
		t.Helper()
		receive(t, "the list of groups", f.joined)
		nap.OnAction("get_image", large)
		links := nap.Links()
		if a := receive(t, "an answer", f.submit("app", "get_image")); !errors.Is(a.Err, ErrTooLarge) {
			t.Errorf("answer %.200s, %v", a.Frame, a.Err)
		}
		if a := receive(t, "the next answer", f.submit("app", "get_status")); a.Err != nil {
			t.Errorf("the next call got %v", a.Err)
		}
		if n := nap.Links(); n != links {
			t.Errorf("%d links; want %d", n, links)
		}
	}
	f := newFixture(t, setup(), botQQ)
	check(f, startNapCat(t, listen(t, f.account).url(), simulator.Options{}))

	nap, url := serveNapCat(t, simulator.Options{})
	f = newFixture(t, forward(url), 0)
	f.account.Start()
	check(f, nap)
}
