package router

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/policy"
)

var slow = policy.PacingRules{ChatRate: 1, ChatBurst: 3, AccountRate: 2, AccountBurst: 10, MaxWait: maxPacedWait}

func newPace() *pace {
	p := &pace{}
	p.init(time.Now, func() float64 { return 0 })
	return p
}

func TestSendsOfAChatKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		defer p.close()
		var mu sync.Mutex
		var sent []string
		var refused int
		for i := range 20 {
			p.do(slow, paced{app: "bot", chat: policy.Chat{ID: 1}, keep: func() {}, run: func(err error) {
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, errPaced) {
					refused++
					return
				}
				sent = append(sent, fmt.Sprintf("%02d", i))
			}})
		}
		mu.Lock()
		if len(sent) != 3 {
			t.Errorf("%d sends went at once, the burst is 3", len(sent))
		}
		mu.Unlock()
		<-time.After(20 * time.Second) // of the bubble's clock
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if !slices.IsSorted(sent) {
			t.Errorf("sent in the order %v", sent)
		}
		// Ten seconds at one a second fit behind the burst; jitter may cost some of them.
		if len(sent)+refused != 20 || len(sent) < 8 || len(sent) > 14 {
			t.Errorf("%d sent, %d refused of 20", len(sent), refused)
		}
	})
}

func TestABusyChatDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		defer p.close()
		for range 5 {
			p.do(slow, paced{app: "bot", chat: policy.Chat{ID: 1}, keep: func() {}, run: func(error) {}})
		}
		direct := false
		p.do(slow, paced{app: "bot", chat: policy.Chat{ID: 2}, keep: func() {}, run: func(err error) { direct = err == nil }})
		if !direct {
			t.Error("a send to an idle chat had to wait")
		}
	})
}

func TestClosedPaceRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		var ends []error
		for range 6 {
			p.do(slow, paced{app: "bot", chat: policy.Chat{ID: 1}, keep: func() {}, run: func(err error) { ends = append(ends, err) }})
		}
		p.close()
		p.do(slow, paced{app: "bot", chat: policy.Chat{ID: 1}, keep: func() {}, run: func(err error) { ends = append(ends, err) }})
		if len(ends) != 7 {
			t.Fatalf("%d of 7 sends ended", len(ends))
		}
		for _, err := range ends[3:] {
			if !errors.Is(err, napcat.ErrAway) {
				t.Errorf("a waiting send ended with %v", err)
			}
		}
	})
}

func TestPacingOffIsOff(t *testing.T) {
	p := newPace()
	defer p.close()
	n := 0
	for range 500 {
		p.do(policy.PacingRules{Off: true}, paced{app: "bot", chat: policy.Chat{ID: 1}, keep: func() {}, run: func(err error) {
			if err == nil {
				n++
			}
		}})
	}
	if n != 500 {
		t.Errorf("%d of 500 sends went at once", n)
	}
}
