package store

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A long chat is read a run at a time, in either order, wherever its records are.
func TestHistoryWalk(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour})
	for i := range int64(600) { // indexed, written, and in memory
		s.History().Add("bot", 500, message(groupOne, i))
		if i == 400 || i == 560 {
			flushed(t, s)
		}
	}
	walked := func(walk func(limit int, fn func(Record) bool) error, limit, stop int) (out []int64) {
		err := walk(limit, func(r Record) bool {
			if r.Account != "bot" || r.Chat != groupOne {
				t.Fatalf("%+v", r)
			}
			out = append(out, r.MessageID)
			return len(out) != stop
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	newest := func(limit int, fn func(Record) bool) error { return s.History().Newest("bot", groupOne, limit, fn) }
	oldest := func(limit int, fn func(Record) bool) error { return s.History().Oldest("bot", groupOne, limit, fn) }
	all := span(100, 599)
	if got := walked(oldest, 0, 0); !slices.Equal(got, all) {
		t.Errorf("oldest first: %v", got)
	}
	slices.Reverse(all)
	if got := walked(newest, 0, 0); !slices.Equal(got, all) {
		t.Errorf("newest first: %v", got)
	}
	if got := walked(oldest, 70, 0); !slices.Equal(got, span(530, 599)) {
		t.Errorf("the newest 70, oldest first: %v", got)
	}
	if got := walked(newest, 0, 3); !slices.Equal(got, all[:3]) {
		t.Errorf("stopped after 3: %v", got)
	}
	if got := walked(func(int, func(Record) bool) error {
		return s.History().Newest("other", groupOne, 0, func(Record) bool { t.Error("another account has messages"); return false })
	}, 0, 0); got != nil {
		t.Errorf("%v", got)
	}
}

// Ids repeat: the newest message of an id is meant, within the window of its chat, written or not.
func TestHistoryFind(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour})
	add := func(id int64, text string) {
		r := message(groupOne, id)
		r.Text = text
		s.History().Add("bot", 300, r)
	}
	add(7, "older")
	for i := range int64(290) {
		add(1000+i, "between")
	}
	flushed(t, s)
	add(7, "newer")
	for _, step := range []func(){func() {}, func() { flushed(t, s) }} {
		step()
		if r, ok, err := s.History().Find("bot", groupOne, 7); err != nil || !ok || r.Text != "newer" || r.Account != "bot" || r.MessageID != 7 {
			t.Errorf("Find gave %+v %t %v", r, ok, err)
		}
	}
	s.History().Recall("bot", groupOne, 7)
	if r, ok, err := s.History().Find("bot", groupOne, 7); err != nil || !ok || !r.Recalled || r.Text != "" || r.Raw != nil {
		t.Errorf("recalled: %+v %t %v", r, ok, err)
	}
	for range 300 {
		add(1, "pushes the rest out")
	}
	for _, id := range []int64{7, 8} {
		if r, ok, err := s.History().Find("bot", groupOne, id); err != nil || ok {
			t.Errorf("%d: %+v %t %v", id, r, ok, err)
		}
	}
	if _, ok, err := s.History().Find("other", groupOne, 1); ok || err != nil {
		t.Errorf("another account: %t %v", ok, err)
	}
}

// Walking a chat of 18 MiB does not hold it.
func TestHistoryWalkHoldsLittle(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour})
	raw := []byte(`[{"type":"text","data":{"text":"` + strings.Repeat("x", 30_000) + `"}}]`)
	for i := range int64(600) {
		r := message(groupOne, i)
		r.Raw = raw
		s.History().Add("bot", 600, r)
		if i%20 == 19 {
			flushed(t, s)
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, n, most := heap(), 0, uint64(0)
	err := s.History().Oldest("bot", groupOne, 0, func(Record) bool {
		if n++; n%150 == 0 {
			most = max(most, heap())
		}
		return true
	})
	if err != nil || n != 600 {
		t.Fatalf("%d records, %v", n, err)
	}
	if most > before+(4<<20) {
		t.Errorf("the walk held %d KiB", (most-before)>>10)
	}
}
