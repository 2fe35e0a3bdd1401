package policy

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

var chatA, chatB = Chat{Group: true, ID: 1}, Chat{ID: 1}

// waits reserves n sends to one chat at once and gives their waits, rounded to milliseconds; -1 = refused.
func waits(p *Pacer, chat Chat, now time.Time, n int) (ms []int64) {
	for range n {
		wait, ok := p.Reserve(chat, now, 0)
		if !ok {
			ms = append(ms, -1)
			continue
		}
		ms = append(ms, wait.Round(time.Millisecond).Milliseconds())
	}
	return ms
}

func equal(t *testing.T, what string, got []int64, want ...int64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
}

func TestPacerChatBucket(t *testing.T) {
	p := NewPacer(PacingRules{})
	equal(t, "burst 3, then 1/s, refused beyond 10 s", waits(p, chatA, start, 15), 0, 0, 0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, -1, -1)
	equal(t, "a refused send cost nothing", waits(p, chatA, after(time.Second), 2), 10000, -1)
	equal(t, "full again in the end, and no fuller", waits(p, chatA, after(time.Hour), 4), 0, 0, 0, 1000)
}

func TestPacerAccountBucket(t *testing.T) {
	p := NewPacer(PacingRules{})
	for id := uint64(1); id <= 10; id++ {
		equal(t, "burst 10 over all chats", waits(p, Chat{ID: id}, start, 1), 0)
	}
	equal(t, "then 2/s", waits(p, Chat{ID: 11}, start, 2), 500, 1000)
	equal(t, "another chat too", waits(p, chatA, start, 1), 1500)
}

func TestPacerBusyChatDoesNotHoldUpOthers(t *testing.T) {
	p := NewPacer(PacingRules{})
	waits(p, chatA, start, 13) // 10 s of waiting
	equal(t, "another chat", waits(p, chatB, start, 1), 2000)
}

func TestPacerGroupAndUserOfOneNumberAreTwoChats(t *testing.T) {
	p := NewPacer(PacingRules{})
	waits(p, chatA, start, 3)
	equal(t, "the user", waits(p, chatB, start, 1), 0)
}

func TestPacerJitter(t *testing.T) {
	p := NewPacer(PacingRules{})
	if wait, ok := p.Reserve(chatA, start, 0.99); wait != 0 || !ok {
		t.Errorf("a send that need not wait: %v", wait)
	}
	waits(p, chatA, start, 2)
	if wait, _ := p.Reserve(chatA, start, 0.5); wait != 1125*time.Millisecond {
		t.Errorf("jitter 0.5: %v", wait)
	}
	for range 8 {
		p.Reserve(chatA, start, 0.99)
	}
	for range 8 { // never past what was promised
		if wait, ok := p.Reserve(chatA, start, 0.99); ok && wait > 10*time.Second {
			t.Errorf("jitter made it wait %v", wait)
		}
	}
	for _, odd := range []float64{-1, 7, math.Inf(1), math.NaN()} {
		if wait, ok := NewPacer(PacingRules{}).Reserve(chatA, start, odd); wait != 0 || !ok {
			t.Errorf("jitter %v: %v, %v", odd, wait, ok)
		}
	}
}

func TestPacerOff(t *testing.T) {
	p := NewPacer(PacingRules{Off: true})
	p.Restart(start)
	for range 1000 {
		if wait, ok := p.Reserve(chatA, start, 0.5); wait != 0 || !ok {
			t.Fatalf("paced though off: %v, %v", wait, ok)
		}
	}
}

func TestPacerStartsEmptyAfterAReconnect(t *testing.T) {
	p := NewPacer(PacingRules{})
	waits(p, chatA, start, 1)
	p.Restart(after(time.Hour))
	equal(t, "a chat that is known", waits(p, chatA, after(time.Hour), 2), 1000, 2000)
	equal(t, "a chat that is not", waits(p, chatB, after(time.Hour), 1), 1500) // the account's third
	equal(t, "full in the end", waits(p, Chat{ID: 7}, after(2*time.Hour), 4), 0, 0, 0, 1000)
	p.Restart(after(3 * time.Hour))
	equal(t, "half a second later", waits(p, chatA, after(3*time.Hour+500*time.Millisecond), 1), 500)
}

func TestPacerRestartKeepsTheOrder(t *testing.T) {
	p := NewPacer(PacingRules{})
	waits(p, chatA, start, 8) // the last one at 5 s
	p.Restart(after(time.Second))
	equal(t, "after what was promised", waits(p, chatA, after(time.Second), 1), 5000)
}

func TestPacerLimitedAccount(t *testing.T) {
	p := NewPacer(PacingRules{})
	for range 2 {
		if p.Observe(true, start) {
			t.Fatal("two are no run")
		}
	}
	if !p.Observe(true, start) {
		t.Fatal("three are a run")
	}
	if p.Observe(true, start) {
		t.Error("the alert comes again")
	}
	equal(t, "half the rate", waits(p, chatA, start, 6), 0, 0, 0, 2000, 4000, 6000)
	if p.Observe(false, after(20*time.Second)) {
		t.Error("an alert for a success")
	}
	equal(t, "what came in the meantime came at half the rate", waits(p, chatA, after(20*time.Second), 5), 0, 0, 0, 1000, 2000)
	for i, want := range []bool{false, false, true} {
		if got := p.Observe(true, after(time.Minute)); got != want {
			t.Errorf("a new run, send %d: %v", i+1, got)
		}
	}
	p.Observe(false, after(time.Minute))
	p.Observe(true, after(2*time.Minute))
	p.Observe(true, after(2*time.Minute))
	p.Observe(false, after(2*time.Minute))
	if p.Observe(true, after(2*time.Minute)) {
		t.Error("a success between does not end the run")
	}
}

func TestPacerFailuresFarApartAreNoRun(t *testing.T) {
	p := NewPacer(PacingRules{})
	for i := range 10 {
		if p.Observe(true, after(time.Duration(i)*11*time.Minute)) {
			t.Fatal("failures 11 minutes apart are a run")
		}
	}
}

func TestPacerAccountIsHalvedToo(t *testing.T) {
	p := NewPacer(PacingRules{})
	for range 3 {
		p.Observe(true, start)
	}
	for id := uint64(1); id <= 10; id++ {
		waits(p, Chat{ID: id}, start, 1)
	}
	equal(t, "1/s instead of 2/s", waits(p, Chat{ID: 11}, start, 2), 1000, 2000)

	p = NewPacer(PacingRules{})
	for id := uint64(1); id <= 10; id++ {
		waits(p, Chat{ID: id}, start, 1)
	}
	for range 3 {
		p.Observe(true, after(2*time.Second))
	}
	for id := uint64(11); id <= 14; id++ {
		equal(t, "earned at 2/s before", waits(p, Chat{ID: id}, after(2*time.Second), 1), 0)
	}
	equal(t, "1/s from then on", waits(p, Chat{ID: 15}, after(2*time.Second), 1), 1000)
}

func TestPacerBoundsItsChats(t *testing.T) {
	p := NewPacer(PacingRules{AccountRate: 1e6, AccountBurst: 1e6})
	for id := range uint64(3 * maxChats) {
		p.Reserve(Chat{ID: id + 1}, start, 0)
	}
	if len(p.chats) > maxChats {
		t.Errorf("%d chats", len(p.chats))
	}
	p.Reserve(chatA, after(time.Hour), 0)
	if len(p.chats) > 1 {
		t.Errorf("%d chats though all others are full again", len(p.chats))
	}
	// The busiest chat is the last to be forgotten.
	p = NewPacer(PacingRules{AccountRate: 1e6, AccountBurst: 1e6})
	waits(p, chatA, start, 8)
	for id := range uint64(2 * maxChats) {
		p.Reserve(Chat{ID: id + 1}, start, 0)
	}
	equal(t, "the busy chat", waits(p, chatA, start, 1), 6000)
}

func TestPacerOddRules(t *testing.T) {
	for _, r := range []PacingRules{
		{ChatRate: math.NaN(), AccountRate: math.Inf(1), ChatBurst: -1, AccountBurst: math.MaxInt, MaxWait: -1},
		{ChatRate: 1e-300, AccountRate: -1, ChatBurst: 1},
	} {
		p := NewPacer(r)
		if wait, ok := p.Reserve(chatA, start, 0); wait != 0 || !ok {
			t.Errorf("%+v: %v, %v", r, wait, ok)
		}
	}
	p := NewPacer(PacingRules{ChatRate: 1e-300, ChatBurst: 1})
	equal(t, "a rate near zero refuses, and does not overflow", waits(p, chatA, start, 2), 0, -1)
}

func TestPacerClockThatRunsBack(t *testing.T) {
	p := NewPacer(PacingRules{})
	waits(p, chatA, after(time.Hour), 3)
	equal(t, "a little: as if it stood still", waits(p, chatA, after(time.Hour-time.Second), 1), 1000)
	equal(t, "by years: empty, and on it goes", waits(p, chatA, after(-10*365*24*time.Hour), 2), 1000, 2000)
}

func TestPacerProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := PacingRules{
			ChatRate: rapid.Float64Range(0.2, 5).Draw(t, "chat rate"), ChatBurst: rapid.IntRange(1, 5).Draw(t, "chat burst"),
			AccountRate: rapid.Float64Range(0.5, 8).Draw(t, "account rate"), AccountBurst: rapid.IntRange(1, 12).Draw(t, "account burst"),
		}
		p := NewPacer(r)
		now := start
		sent := map[Chat][]time.Time{}
		total := 0
		steps := rapid.IntRange(1, 60).Draw(t, "steps")
		for range steps {
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "pause")) * time.Millisecond)
			chat := Chat{ID: uint64(rapid.IntRange(1, 3).Draw(t, "chat"))}
			wait, ok := p.Reserve(chat, now, rapid.Float64Range(0, 0.99).Draw(t, "jitter"))
			if !ok {
				continue
			}
			if wait < 0 || wait > DefaultMaxWait {
				t.Fatalf("promised in %v", wait)
			}
			total++
			at := now.Add(wait)
			if list := sent[chat]; len(list) > 0 && at.Before(list[len(list)-1]) {
				t.Fatalf("overtakes: %v before %v", at, list[len(list)-1])
			}
			sent[chat] = append(sent[chat], at)
		}
		for chat, list := range sent { // in any window no more than the bucket gives
			for i := range list {
				for j := i; j < len(list); j++ {
					if most := float64(r.ChatBurst) + list[j].Sub(list[i]).Seconds()*r.ChatRate + 1e-3; float64(j-i+1) > most {
						t.Fatalf("%v: %d sends in %v, at most %v", chat, j-i+1, list[j].Sub(list[i]), most)
					}
				}
			}
		}
		if most := float64(r.AccountBurst) + (now.Sub(start)+DefaultMaxWait).Seconds()*r.AccountRate + 1e-3; float64(total) > most {
			t.Fatalf("the account promised %d sends, at most %v", total, most)
		}
	})
}
