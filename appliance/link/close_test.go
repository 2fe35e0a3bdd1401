package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCloseCodesBothWays(t *testing.T) {
	tests := []struct {
		name       string
		code       uint16
		reason     string
		wantCode   uint16 // as the other side sees it
		wantReason string
	}{
		{"normal", 1000, "", 1000, ""},
		{"restart with a reason", 1012, "reloading, 稍后再来", 1012, "reloading, 稍后再来"},
		{"policy", 1008, "no", 1008, "no"},
		{"own code", 4001, "newer link", 4001, "newer link"},
		{"no code", 1005, "unsent", 1005, ""},
		{"long reason", 1000, string(bytes.Repeat([]byte("长"), 60)), 1000, string(bytes.Repeat([]byte("长"), 41))},
	}
	for _, test := range tests {
		for _, side := range []string{"accepted", "dialled"} {
			t.Run(test.name+" by "+side, func(t *testing.T) {
				accepted, dialled := pair(t, Options{}, Options{})
				here, there := serve(t, accepted, Handler{}), serve(t, dialled, Handler{})
				if side == "dialled" {
					here, there = there, here
				}
				here.Close(test.code, test.reason)
				here.Close(1001, "a second close does nothing")
				wantClose(t, here.ended(t), test.code, test.reason, false)
				wantClose(t, there.ended(t), test.wantCode, test.wantReason, true)
			})
		}
	}
}

// What was sent before Close arrives before the close frame, also while the other side sends without end.
func TestCloseDeliversWhatWasSent(t *testing.T) {
	accepted, dialled := pair(t, Options{OutSlots: 1000}, Options{})
	events := bytes.Repeat([]byte("e"), 2000)
	count := 0
	peer := serve(t, dialled, Handler{
		Frame: func([]byte) error { count++; return nil },
		Fill: func(b *Batch) {
			for b.Add(events) {
			}
		},
	})
	a := serve(t, accepted, Handler{})
	for range 1000 {
		if err := a.Send([]byte("response")); err != nil {
			t.Fatal(err)
		}
	}
	a.Close(CloseRestart, "bye")
	wantClose(t, a.ended(t), CloseRestart, "bye", false)
	wantClose(t, peer.ended(t), CloseRestart, "bye", true)
	if count != 1000 {
		t.Errorf("%d of 1000 frames arrived", count)
	}
}

func TestFrameErrorCloses(t *testing.T) {
	wrong := errors.New("not JSON")
	tests := []struct {
		name   string
		err    error
		code   uint16
		reason string
	}{
		{"plain", wrong, 1011, ""},
		{"with a code", fmt.Errorf("checking: %w", &CloseError{Code: 1008, Reason: "self_id differs", Err: wrong}), 1008, "self_id differs"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			accepted, dialled := pair(t, Options{}, Options{})
			calls := 0
			a := serve(t, accepted, Handler{Frame: func([]byte) error { calls++; return test.err }})
			d := serve(t, dialled, Handler{})
			for range 3 {
				_ = d.Send([]byte("{"))
			}
			e := a.ended(t)
			wantClose(t, e, test.code, test.reason, false)
			if !errors.Is(e, wrong) {
				t.Errorf("the cause is lost: %v", e)
			}
			wantClose(t, d.ended(t), test.code, test.reason, true)
			if calls != 1 {
				t.Errorf("Frame was called %d times; want once", calls)
			}
		})
	}
}

// A panic of a handler ends its own link, with 1011, and shows the value.
func TestHandlerPanicEndsTheLinkOnly(t *testing.T) {
	tests := map[string]Handler{
		"Frame":   {Frame: func([]byte) error { panic("boom") }},
		"Pong":    {Pong: func([]byte) { panic("boom") }},
		"Fill":    {Fill: func(b *Batch) { b.Add([]byte("half")); panic("boom") }},
		"Written": {Fill: func(b *Batch) { b.Add([]byte("whole")) }, Written: func() { panic("boom") }},
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			accepted, dialled := pair(t, Options{}, Options{})
			d := serve(t, dialled, Handler{})
			_ = d.Send([]byte("x"))
			a := serve(t, accepted, h)
			if name == "Pong" {
				_ = a.Ping(nil)
			}
			e := a.ended(t)
			wantClose(t, e, CloseInternal, "", false)
			var p *PanicError
			if !errors.As(e, &p) || p.Value != "boom" || len(p.Stack) == 0 || errors.Is(e, ErrBadFrame) {
				t.Errorf("the cause is %v", e)
			}
			wantClose(t, d.ended(t), CloseInternal, "", true)
		})
	}
}

// The peer's end without a close frame is 1006, whether FIN or reset.
func TestPeerGoesWithoutAWord(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"fin":   func(c *net.TCPConn) { _ = c.Close() },
		"reset": func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			g := openGate(t, Options{})
			p := dialRaw(t, g)
			a := serve(t, <-g.links, Handler{})
			end(p.Conn.(*net.TCPConn))
			e := a.ended(t)
			wantClose(t, e, CloseAbnormal, "", true)
			if name == "fin" && !errors.Is(e, io.EOF) {
				t.Errorf("the cause is %v", e)
			}
		})
	}
}

// A peer that says goodbye and goes at once, while we write: its code counts, not our failed write.
func TestCloseFrameWinsOverFailedWrite(t *testing.T) {
	for range 20 {
		g := openGate(t, Options{})
		p := dialRaw(t, g)
		block := make(chan struct{})
		first := true
		filler := bytes.Repeat([]byte("e"), 1000)
		a := serve(t, <-g.links, Handler{
			Frame: func([]byte) error {
				if first {
					first = false
					<-block // the writer notices the end first
				}
				return nil
			},
			Fill: func(b *Batch) {
				for b.Add(filler) {
				}
			},
		})
		p.send(t, append(maskedFrame(0x81, "x"), maskedFrame(0x88, "\x0f\xa1gone")...)...)
		_, _ = readFrame(p.in)
		_ = p.Conn.Close() // with unread bytes: a reset
		for late := time.Now().Add(patience); !errors.Is(a.Send(nil), ErrClosed); runtime.Gosched() {
			if time.Now().After(late) {
				t.Fatal("the writer did not notice")
			}
		}
		close(block)
		wantClose(t, a.ended(t), 4001, "gone", true)
	}
}

func TestCloseWithoutServe(t *testing.T) {
	accepted, dialled := pair(t, Options{}, Options{})
	_ = accepted.Send([]byte("first"))
	got := make(chan string, 1)
	d := serve(t, dialled, Handler{Frame: func(data []byte) error { got <- string(data); return nil }})
	accepted.Close(CloseTryLater, "too many links")
	receive(t, accepted.Done(), "Done")
	wantClose(t, d.ended(t), CloseTryLater, "too many links", true)
	if diff := cmp.Diff("first", receive(t, got, "frame")); diff != "" {
		t.Error(diff)
	}
	err := accepted.Serve(t.Context(), Handler{})
	var c *CloseError
	if !errors.As(err, &c) {
		t.Fatalf("Serve after Close: %v", err)
	}
	wantClose(t, c, CloseTryLater, "too many links", false)
}

func TestCloseErrorText(t *testing.T) {
	tests := []struct {
		err  CloseError
		want string
	}{
		{CloseError{Code: 1000, Remote: true}, `link closed by the peer with code 1000`},
		{CloseError{Code: 1008, Reason: "no", Remote: true}, `link closed by the peer with code 1008 "no"`},
		{CloseError{Code: 1006, Err: ErrSilent}, `link closed here with code 1006: the peer was silent for too long`},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %s; want %s", got, test.want)
		}
	}
}
