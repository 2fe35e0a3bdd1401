package router

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestsThatAreKept(t *testing.T) {
	longest := strings.Repeat("f", maxRequest-len("friend "))
	for _, tt := range []struct {
		name, flag string
		kept       bool
	}{
		{"as NapCat writes it", "1767225600", true},
		{"no flag", "", true},
		{"blanks", "a b  c", true},
		{"escapes, as they stand in the frame", `a\nb\"`, true},
		{"the longest", longest, true},
		{"too long", longest + "f", false},
		{"a newline", "a\nfriend b", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m requestMemory
			m.add("group", []byte("other"))
			if known, kept := m.add("friend", []byte(tt.flag)); known || kept != tt.kept {
				t.Errorf("at first: known %v, kept %v", known, kept)
			}
			if known, kept := m.add("friend", []byte(tt.flag)); known != tt.kept || kept != tt.kept {
				t.Errorf("again: known %v, kept %v", known, kept)
			}
			var again requestMemory
			again.load(m.text())
			if diff := cmp.Diff(m.known, again.known); diff != "" {
				t.Errorf("after a restart (-before +after):\n%s", diff)
			}
			if known, _ := again.add("friend", []byte("b")); known {
				t.Error("a flag has made another request known")
			}
		})
	}
}

// What the store is given has a bound, whatever the flags are.
func TestRequestsAreBounded(t *testing.T) {
	var m requestMemory
	for i := range 3 * maxRequests {
		m.add("friend", fmt.Appendf(nil, "%0*d", maxRequest-len("friend "), i))
	}
	if n, most := len(m.text()), maxRequests*(maxRequest+1); len(m.known) != maxRequests || n > most {
		t.Errorf("%d requests in %d bytes, want %d in at most %d", len(m.known), n, maxRequests, most)
	}
	if known, _ := m.add("friend", fmt.Appendf(nil, "%0*d", maxRequest-len("friend "), 3*maxRequests-1)); !known {
		t.Error("the newest request was forgotten")
	}
	var again requestMemory
	again.load(strings.Repeat(m.text()+"\n", 3) + strings.Repeat("x", 1<<20))
	if diff := cmp.Diff(m.known, again.known); diff != "" {
		t.Errorf("read from a text that is too long (-want +got):\n%s", diff)
	}
	again.load("")
	if len(again.known) != 0 {
		t.Errorf("an empty text means %q", again.known)
	}
}

func TestARequestThatIsNotKeptIsDeliveredEachTime(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	request := fmt.Sprintf(`{"time":1,"self_id":10001,"post_type":"request","request_type":"friend","user_id":20010,"comment":"hi","flag":"%s"}`, strings.Repeat("f", 1<<16))
	for range 2 {
		if d := h.event(request); d.Reason == "duplicate" {
			t.Errorf("%s (%s)", d.Outcome, d.Reason)
		}
	}
	h.lane.saveRequests()
	if text := h.store.Settings().Get(requestsKey + "default"); text != "" {
		t.Errorf("%d bytes were stored", len(text))
	}
}
