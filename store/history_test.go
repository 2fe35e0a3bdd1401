package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/catflap/catflap/policy"
)

var (
	groupOne = policy.Chat{Group: true, ID: 1}
	userTwo  = policy.Chat{ID: 2}
)

func message(chat policy.Chat, id int64) Record {
	return Record{Chat: chat, MessageID: id, Time: 1_700_000_000 + id, User: 5, Sender: "猫", RealSeq: "7", Raw: []byte(`[{"type":"text","data":{"text":"x"}}]`), Text: fmt.Sprint("text ", id)}
}

func ids(t testing.TB, s *Store, account string, chat policy.Chat, limit int) (out []int64) {
	t.Helper()
	list, err := s.History().Show(account, chat, limit)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range list {
		if r.Chat != chat || r.Account != account || i > 0 && r.Seq <= list[i-1].Seq {
			t.Fatalf("Show gave %+v", r)
		}
		if !r.Recalled && r.Text != fmt.Sprint("text ", r.MessageID) {
			t.Fatalf("message %d says %q", r.MessageID, r.Text)
		}
		out = append(out, r.MessageID)
	}
	return out
}

func flushed(t testing.TB, s *Store) {
	t.Helper()
	if err := s.History().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func span(from, to int64) (out []int64) {
	for ; from <= to; from++ {
		out = append(out, from)
	}
	return out
}

func TestHistoryWindowOverRestarts(t *testing.T) {
	dir := t.TempDir()
	next := int64(0)
	for round := range 6 {
		s := opened(t, dir, Options{Sync: time.Hour})
		for range 230 {
			next++
			s.History().Add("bot", 100, message(groupOne, next))
			if next%17 == 0 {
				s.History().Add("bot", 5, message(userTwo, next))
			}
			if next%40 == 0 {
				flushed(t, s)
			}
		}
		if got, want := ids(t, s, "bot", groupOne, 0), span(next-99, next); !slices.Equal(got, want) {
			t.Fatalf("round %d: %v, want %v", round, got, want)
		}
		if got := ids(t, s, "bot", groupOne, 3); !slices.Equal(got, span(next-2, next)) {
			t.Fatalf("round %d: newest 3 = %v", round, got)
		}
		if got := ids(t, s, "bot", userTwo, 1000); len(got) != 5 || got[4] != next/17*17 {
			t.Fatalf("round %d: user = %v", round, got)
		}
		if got := ids(t, s, "other", groupOne, 0); got != nil {
			t.Fatalf("another account has %v", got)
		}
		last := next
		want := []ChatInfo{
			{Account: "bot", Chat: groupOne, Messages: 100, Last: 1_700_000_000 + last},
			{Account: "bot", Chat: userTwo, Messages: 5, Last: 1_700_000_000 + last/17*17},
		}
		if got := s.History().List(""); !slices.Equal(got, want) {
			t.Fatalf("round %d: List = %v, want %v", round, got, want)
		}
		switch round % 3 {
		case 0:
			closed(t, s)
		case 1: // the power goes after a flush: nothing is lost
			flushed(t, s)
			dir = killed(t, s)
		case 2: // the power goes before it: what came since the last flush is lost, and nothing else
			flushed(t, s)
			s.History().Add("bot", 100, message(groupOne, 1_000_000))
			dir = killed(t, s)
		}
	}
}

// What a busy chat pushes out before the flush is never written.
func TestHistoryPushedOut(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour})
	for i := range int64(3000) {
		s.History().Add("bot", 10, message(groupOne, i))
	}
	if st := s.Stats(); st.UnflushedBytes > 10*(recordOverhead+200) || st.DroppedUnflushed != 0 {
		t.Errorf("%+v", st)
	}
	flushed(t, s)
	n := 0
	if err := s.log.view(func(tx *bbolt.Tx) error { n = tx.Bucket(bucketEvents).Stats().KeyN; return nil }); err != nil {
		t.Fatal(err)
	}
	if n != 10 {
		t.Errorf("%d records were written, want 10", n)
	}
	s.History().Add("bot", 0, message(userTwo, 1))
	if got := s.History().List("bot"); len(got) != 1 {
		t.Errorf("limit 0 was kept: %v", got)
	}
}

func TestHistorySyncInterval(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{Sync: 5 * time.Second, Steady: portableSteady()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.History().Add("bot", 10, message(groupOne, 1))
		commits := s.log.commits.Load()
		time.Sleep(4900 * time.Millisecond)
		synctest.Wait()
		if got := s.log.commits.Load(); got != commits {
			t.Errorf("%d commits before the interval was over", got-commits)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got := s.log.commits.Load(); got != commits+1 || s.Stats().UnflushedBytes != 0 {
			t.Errorf("%d commits after it, %d bytes unwritten", got-commits, s.Stats().UnflushedBytes)
		}
		// A full group does not wait.
		for i := range int64(groupBytes/1000 + 1) {
			r := message(policy.Chat{ID: uint64(i + 1)}, i)
			r.Raw = make([]byte, 1000)
			s.History().Add("bot", 10, r)
		}
		synctest.Wait()
		if got := s.log.commits.Load(); got < commits+2 {
			t.Error("a full group waited")
		}
		// Quiet: no commit, whatever time passes.
		time.Sleep(6 * time.Second)
		synctest.Wait()
		commits = s.log.commits.Load()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := s.log.commits.Load(); got != commits {
			t.Errorf("%d commits while nothing happened", got-commits)
		}
	})
}

func TestRecall(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{Sync: time.Hour})
	for i := range int64(300) { // 1..256 and more: indexed and not
		s.History().Add("bot", 1000, message(groupOne, i))
	}
	flushed(t, s)
	for i := range int64(20) {
		s.History().Add("bot", 1000, message(groupOne, 300+i))
	}
	flushed(t, s)
	s.History().Add("bot", 1000, message(groupOne, 400))
	s.History().Add("bot", 1000, message(userTwo, 7))
	gone := []int64{3, 310, 400}
	for _, id := range append(gone, 99999) {
		s.History().Recall("bot", groupOne, id)
	}
	s.History().Recall("nobody", groupOne, 5)
	check := func(s *Store) {
		t.Helper()
		list, err := s.History().Show("bot", groupOne, 0)
		if err != nil {
			t.Fatal(err)
		}
		var empty []int64
		for _, r := range list {
			if r.Recalled {
				if r.Raw != nil || r.Text != "" {
					t.Errorf("%d still says %q %s", r.MessageID, r.Text, r.Raw)
				}
				empty = append(empty, r.MessageID)
			} else if r.Text == "" {
				t.Errorf("%d lost its text", r.MessageID)
			}
		}
		if !slices.Equal(empty, gone) {
			t.Errorf("recalled: %v, want %v", empty, gone)
		}
	}
	check(s)
	flushed(t, s)
	check(s)
	s = opened(t, killed(t, s), Options{})
	check(s)
	if err := s.History().Recent("bot", 1000, func(r Record) {
		if slices.Contains(gone, r.MessageID) && r.Chat == groupOne != r.Recalled {
			t.Errorf("Recent gave %+v", r)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestClear(t *testing.T) {
	for _, tc := range []struct {
		name, account string
		chat          policy.Chat
		left          string
	}{
		{"a chat", "a", groupOne, "a user:2 b group:1 b user:2"},
		{"an account", "a", policy.Chat{}, "b group:1 b user:2"},
		{"everything", "", policy.Chat{}, ""},
		{"a chat of all accounts", "", userTwo, "a group:1 b group:1"},
		{"an unknown account", "c", policy.Chat{}, "a group:1 a user:2 b group:1 b user:2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := opened(t, t.TempDir(), Options{Sync: time.Hour})
			fill := func(n int) {
				for i := range n {
					for _, account := range []string{"a", "b"} {
						for _, chat := range []policy.Chat{groupOne, userTwo} {
							s.History().Add(account, 50, message(chat, int64(i)))
						}
					}
				}
			}
			left := func(s *Store) string {
				var out []string
				for _, c := range s.History().List("") {
					out = append(out, c.Account, c.Chat.String())
				}
				return strings.Join(out, " ")
			}
			for range 20 {
				fill(60)
				flushed(t, s)
			}
			fill(10)
			if err := s.History().Clear(tc.account, tc.chat); err != nil {
				t.Fatal(err)
			}
			flushed(t, s)
			if got := left(s); got != tc.left {
				t.Errorf("left %q, want %q", got, tc.left)
			}
			s = opened(t, killed(t, s), Options{Sync: time.Hour})
			if got := left(s); got != tc.left {
				t.Errorf("after a restart %q", got)
			}
			audit(t, s)
			// Nothing of it is in the tables, dead or not.
			err := s.log.view(func(tx *bbolt.Tx) error {
				return tx.Bucket(bucketEvents).ForEach(func(_, v []byte) error {
					head, err := decodeHead(v)
					if name := s.history.names[head.key.account]; !strings.Contains(tc.left, name+" "+head.key.chat().String()) {
						return fmt.Errorf("a record of %s %s is left (%v)", name, head.key.chat(), err)
					}
					return nil
				})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRecent(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour})
	for i := range int64(200) {
		s.History().Add("a", 1000, message(groupOne, i))
		if i%10 == 0 {
			s.History().Add("b", 1000, message(userTwo, i))
		}
		if i == 150 {
			flushed(t, s)
		}
	}
	for _, tc := range []struct {
		account string
		n, want int
	}{{"a", 20, 20}, {"a", 1000, 200}, {"b", 15, 15}, {"b", 1000, 20}, {"", 1000, 220}, {"c", 10, 0}, {"a", 0, 0}} {
		var got []Record
		err := s.History().Recent(tc.account, tc.n, func(r Record) {
			got = append(got, r)
			// The database is free while the caller works: a write would wait for a reader's remap otherwise.
			if n := s.log.db.Stats().OpenTxN; n != 0 {
				t.Fatalf("%d transactions are open", n)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != tc.want || !slices.IsSortedFunc(got, func(a, b Record) int { return int(b.Seq) - int(a.Seq) }) {
			t.Errorf("Recent(%q, %d): %d records", tc.account, tc.n, len(got))
		}
	}
}
