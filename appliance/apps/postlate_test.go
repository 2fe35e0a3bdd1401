package apps

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/store"
)

// A join request that the app answers with an error holds up nothing for ever: after some tries newer events pass by it, in
// their own order, and it is tried again until it is taken.
func TestNewerEventsPassByOneThatFails(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	a.trouble = 20 * time.Millisecond
	var tries atomic.Int64
	var well atomic.Bool
	k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
		if strings.Contains(p.body, `"flag"`) && !well.Load() {
			tries.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	a.Start()
	k.lifecycle(botQQ, "enable")
	request := `{"time":1,"self_id":10001,"post_type":"request","request_type":"group","flag":"9"}`
	h.journal.Append(store.Event{For: 1, Account: b.index, Class: store.ClassRequest, Raw: []byte(request)})
	want := []string{h.tell(b, 0), h.tell(b, 0), h.tell(b, 0)}
	for i := 0; i < len(want); {
		switch p := k.next(); p.body {
		case request:
		case want[i]:
			i++
		default:
			t.Fatalf("got %s, want %s", p.body, want[i])
		}
	}
	before := tries.Load()
	if before < postTries {
		t.Errorf("passed by after %d tries", before)
	}
	until(t, "it is tried on, and status says why", func() bool {
		return tries.Load() > before && strings.Contains(status(t, a, "default").LastError, "500")
	})
	if st := status(t, a, "default"); st.Late != 1 || st.Cursor.Backlog != 1 || st.Ack != "post" {
		t.Errorf("status %+v", st)
	}
	well.Store(true)
	until(t, "it is taken", func() bool {
		st := status(t, a, "default")
		return st.Late == 0 && st.Cursor.Backlog == 0 && st.Cursor.Skipped == 0
	})
}

// A proxy's errors say nothing of the event, and everything waits.
func TestNothingPassesByWhileTheAppIsAway(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	a.trouble = 0
	var tries atomic.Int64
	k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
		if !isEvent(p) {
			return
		}
		codes := []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests, http.StatusRequestTimeout}
		w.WriteHeader(codes[tries.Add(1)%int64(len(codes))])
	})
	a.Start()
	k.lifecycle(botQQ, "enable")
	first := h.tell(b, 0)
	h.tell(b, 0)
	for range 4 * postTries {
		k.event(first)
	}
}

// What was set aside and is too old ends as everything else does, and is counted.
func TestAnEventThatFailsEndsByItsAge(t *testing.T) {
	h, b, k := newHouse(t), newBot("default", 0, botQQ), newHook(t)
	a := h.poster(k, b)
	a.trouble = 0
	k.answers(func(w http.ResponseWriter, _ *http.Request, p posted) {
		if isEvent(p) {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	a.Start()
	k.lifecycle(botQQ, "enable")
	h.tell(b, 0)
	until(t, "it is let pass by", func() bool { return status(t, a, "default").Late == 1 })
	c := *a.settings()
	c.Queue.MaxAge.Notice = time.Millisecond
	a.Update(c)
	until(t, "it is given up", func() bool {
		st := status(t, a, "default")
		return st.Late == 0 && st.Cursor.Skipped == 1 && st.Cursor.Backlog == 0
	})
}
