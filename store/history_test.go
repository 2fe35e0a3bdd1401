package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

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

// audit compares the tables with each other: index, chats and counters tell the same story.
func audit(t testing.TB, s *Store) {
	t.Helper()
	err := s.log.view(func(tx *bbolt.Tx) error {
		indexed := getUint(tx.Bucket(bucketMeta), keyIndexed)
		counts := map[chatKey]uint32{}
		var inUse, total uint64
		err := tx.Bucket(bucketIndex).ForEach(func(k, _ []byte) error {
			key, ok := parseChatKey(k)
			if !ok || len(k) != indexKeyLen {
				return fmt.Errorf("index key %q", k)
			}
			if tx.Bucket(bucketEvents).Get(k[chatKeyLen:]) == nil {
				return fmt.Errorf("index key %q leads nowhere", k)
			}
			counts[key]++
			inUse++
			return nil
		})
		if err != nil {
			return err
		}
		err = tx.Bucket(bucketChats).ForEach(func(k, v []byte) error {
			key, _ := parseChatKey(k)
			c := parseChat(v)
			if c.count != counts[key] || c.count > c.limit+trimSlack {
				return fmt.Errorf("chat %v counts %d of at most %d, the index has %d", key, c.count, c.limit, counts[key])
			}
			delete(counts, key)
			return nil
		})
		if err != nil {
			return err
		}
		if len(counts) > 0 {
			return fmt.Errorf("chats without a row: %v", counts)
		}
		err = tx.Bucket(bucketEvents).ForEach(func(k, _ []byte) error {
			if seq, _ := seqOf(k); seq <= indexed {
				total++
			}
			return nil
		})
		if m := tx.Bucket(bucketMeta); total != getUint(m, keyTotal) || inUse != getUint(m, keyInUse) {
			return fmt.Errorf("counted %d records and %d in use, have %d and %d", getUint(m, keyTotal), getUint(m, keyInUse), total, inUse)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestHistoryModel(t *testing.T) {
	base := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		dir := filepath.Join(base, fmt.Sprint(runs))
		s, err := Open(dir, Options{Sync: time.Hour})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		type chat struct {
			account string
			chat    policy.Chat
			limit   int
		}
		chats := []chat{{"a", groupOne, 3}, {"a", userTwo, 60}, {"b", groupOne, 20}, {"b", policy.Chat{ID: 1}, 150}}
		want := map[chat][]Record{}
		next := int64(0)
		pick := func(t *rapid.T) chat { return rapid.SampledFrom(chats).Draw(t, "chat") }
		check := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				c := pick(t)
				for range rapid.IntRange(1, 150).Draw(t, "n") {
					next++
					r := message(c.chat, next%50)
					r.Text = fmt.Sprint("text ", r.MessageID)
					s.History().Add(c.account, c.limit, r)
					want[c] = append(want[c], r)
				}
				want[c] = want[c][max(0, len(want[c])-c.limit):]
			},
			"recall": func(t *rapid.T) {
				c, id := pick(t), rapid.Int64Range(0, 49).Draw(t, "id")
				s.History().Recall(c.account, c.chat, id)
				for i := len(want[c]) - 1; i >= 0; i-- {
					if r := &want[c][i]; r.MessageID == id {
						r.Recalled, r.Raw, r.Text = true, nil, ""
						break
					}
				}
			},
			"clear": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					c := pick(t)
					check(s.History().Clear(c.account, c.chat))
					delete(want, c)
				}
			},
			"flush": func(t *rapid.T) { check(s.History().Flush(rt.Context())) },
			"restart": func(t *rapid.T) {
				check(s.Close())
				s, err = Open(dir, Options{Sync: time.Hour})
				check(err)
			},
			"kill": func(t *rapid.T) {
				check(s.History().Flush(rt.Context()))
				runs++
				dir = filepath.Join(base, fmt.Sprint(runs))
				check(os.Mkdir(dir, 0o700))
				for _, name := range []string{stateName, journalName} {
					b, err := os.ReadFile(filepath.Join(s.dir, name))
					check(err)
					check(os.WriteFile(filepath.Join(dir, name), b, 0o600))
				}
				check(s.Close())
				s, err = Open(dir, Options{Sync: time.Hour})
				check(err)
			},
			"": func(t *rapid.T) {
				for _, c := range chats {
					got, err := s.History().Show(c.account, c.chat, 0)
					check(err)
					if len(got) != len(want[c]) {
						t.Fatalf("%v: %d messages, want %d", c, len(got), len(want[c]))
					}
					for i, r := range got {
						w := want[c][i]
						if r.MessageID != w.MessageID || r.Time != w.Time || r.Recalled != w.Recalled || r.Text != w.Text {
							t.Fatalf("%v: message %d is %+v, want %+v", c, i, r, w)
						}
					}
				}
				listed := map[string]int{}
				for _, c := range s.History().List("") {
					listed[c.Account+" "+c.Chat.String()] = c.Messages
				}
				for _, c := range chats {
					if n := listed[c.account+" "+c.chat.String()]; n != len(want[c]) {
						t.Fatalf("%v lists %d messages, want %d", c, n, len(want[c]))
					}
				}
			},
		})
		check(s.Close())
		s, err = Open(dir, Options{})
		check(err)
		audit(t, s)
	})
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

// Nothing waits while somebody holds the file.
func TestFault_T09_HeldWrite(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Millisecond, QueueSync: time.Millisecond, UnflushedBytes: 64 << 10})
	c := s.Journal().OpenCursor(CursorOptions{App: "koishi", Account: "bot"})
	tx, err := s.log.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	var got []*Event
	for i := range int64(20_000) { // far more than the budget, and the committer hangs
		s.History().Add("bot", 10_000, message(groupOne, i))
		s.Journal().Append(Event{For: 1, Raw: []byte("{}")})
		s.History().Recall("bot", groupOne, i)
		s.Audit().Add(AuditEntry{Action: "x"})
		s.Decisions().Add(Decision{})
		got = c.Next(got[:0], 10, 0)
		c.Ack(got[0].Seq)
	}
	if list, err := s.History().Show("bot", groupOne, 10); err != nil || len(list) != 10 {
		t.Errorf("Show = %d, %v", len(list), err)
	}
	st := s.Stats()
	if st.UnflushedBytes > 64<<10+groupBytes+maxAuditWaiting*200 || st.DroppedUnflushed == 0 {
		t.Errorf("%+v", st)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	flushed(t, s)
	if got := newest(t, s); got != 19_999 {
		t.Errorf("the newest message is %d", got)
	}
}

func newest(t *testing.T, s *Store) int64 {
	t.Helper()
	list, err := s.History().Show("bot", groupOne, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("Show = %v, %v", list, err)
	}
	return list[0].MessageID
}

// A full disk: nothing stops, what waits is kept and bounded, and writing resumes by itself.
func TestFault_S08_DiskFull(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{Steady: portableSteady(), UnflushedBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.log.fault.Store(&noSpace)
		for i := range int64(2000) {
			s.History().Add("bot", 5000, message(groupOne, i))
			if i == 1000 {
				time.Sleep(10 * time.Minute)
				synctest.Wait()
			}
		}
		st := s.Stats()
		if st.CommitErrors < 5 || st.CommitErrors > 30 || st.DroppedUnflushed == 0 || st.UnflushedBytes > 64<<10 || st.LastError != "no space left on device" {
			t.Errorf("while full: %+v", st)
		}
		kept := ids(t, s, "bot", groupOne, 0)
		if len(kept) == 0 || !slices.Equal(kept, span(kept[0], 1999)) {
			t.Errorf("kept %v", kept)
		}
		s.log.fault.Store(nil)
		time.Sleep(lastRetry + time.Second)
		synctest.Wait()
		if st := s.Stats(); st.UnflushedBytes != 0 || st.LastError != "" {
			t.Errorf("after: %+v", st)
		}
		if got := ids(t, s, "bot", groupOne, 0); !slices.Equal(got, kept) {
			t.Errorf("%d messages after, %d before", len(got), len(kept))
		}
	})
}

// The file stays below its bound, old messages leave first, and the tables stay whole.
func TestJournalSizeBound(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour, MaxBytes: minMaxBytes})
	for i := range int64(12_000) {
		r := message(policy.Chat{ID: uint64(i%40 + 1)}, i)
		r.Raw = make([]byte, 1000)
		s.History().Add("bot", maxLimit, r)
		if i%100 == 0 {
			flushed(t, s)
		}
	}
	flushed(t, s)
	st := s.Stats()
	if st.JournalBytes > minMaxBytes || st.CommitErrors != 0 || st.DroppedUnflushed != 0 {
		t.Errorf("%+v", st)
	}
	if used := s.log.used(); used > minMaxBytes/5*4 || used < minMaxBytes/3 {
		t.Errorf("%d bytes in use", used)
	}
	audit(t, s)
	if got := ids(t, s, "bot", policy.Chat{ID: 40}, 1); len(got) != 1 || got[0] != 11_999 {
		t.Errorf("the newest is %v", got)
	}
}

// A smaller window holds at once, also over a restart, and the disk follows.
func TestHistoryWindowShrinks(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{Sync: time.Hour})
	for i := range int64(600) {
		s.History().Add("bot", 500, message(groupOne, i))
	}
	closed(t, s)
	s = opened(t, dir, Options{Sync: time.Hour})
	if got := ids(t, s, "bot", groupOne, 0); !slices.Equal(got, span(100, 599)) {
		t.Errorf("%d messages", len(got))
	}
	s.History().Add("bot", 10, message(groupOne, 600))
	if got := ids(t, s, "bot", groupOne, 0); !slices.Equal(got, span(591, 600)) {
		t.Errorf("%v", got)
	}
	closed(t, s)
	s = opened(t, dir, Options{Sync: time.Hour})
	if got := ids(t, s, "bot", groupOne, 0); !slices.Equal(got, span(591, 600)) {
		t.Errorf("after a restart %v", got)
	}
	if got := s.History().List("bot"); got[0].Messages != 10 {
		t.Errorf("%v", got)
	}
	audit(t, s)
}

// Dead records do not pile up, and the file does not grow with the number of messages.
func TestHistorySweep(t *testing.T) {
	s := opened(t, t.TempDir(), Options{Sync: time.Hour})
	n := int64(0)
	for range 300 {
		for range 100 {
			n++
			s.History().Add("bot", 100, message(policy.Chat{ID: uint64(n%10 + 1)}, n))
		}
		flushed(t, s)
	}
	audit(t, s)
	s.history.mu.Lock()
	total, inUse := s.history.total, s.history.inUse
	s.history.mu.Unlock()
	if inUse < 1000 || inUse > 10*(100+trimSlack) || total > inUse*3/2+sweepSlack+2*sweepRun {
		t.Errorf("%d records, %d in use", total, inUse)
	}
	if st := s.Stats(); st.JournalBytes > 3<<20 {
		t.Errorf("the file has %d bytes", st.JournalBytes)
	}
}

func TestAddRefusesGiants(t *testing.T) {
	s := opened(t, t.TempDir(), Options{})
	r := message(groupOne, 1)
	r.Raw = make([]byte, maxRecordBytes)
	s.History().Add("bot", 10, r)
	if st := s.Stats(); st.DroppedUnflushed != 1 || st.UnflushedBytes != 0 {
		t.Errorf("%+v", st)
	}
}

// large makes a journal.db of about the given size.
func large(b testing.TB, dir string, size int64) {
	s := opened(b, dir, Options{})
	raw := make([]byte, 1500)
	for i := int64(0); s.log.used() < size; i++ {
		s.History().Add("bot", maxLimit, Record{Chat: policy.Chat{ID: uint64(i % 200)}, MessageID: i, Raw: raw})
		if i%1000 == 0 {
			flushed(b, s)
		}
	}
	closed(b, s)
}

// Opening reads the same few pages whatever the size: 100 MB in a few milliseconds.
func BenchmarkOpen100MB(b *testing.B) {
	dir := b.TempDir()
	large(b, dir, 100<<20)
	for b.Loop() {
		s, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkHistoryAdd(b *testing.B) {
	s := opened(b, b.TempDir(), Options{})
	r := message(groupOne, 1)
	r.Raw = make([]byte, 600)
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		i++
		r.Chat.ID = i % 200
		s.History().Add("bot", 100, r)
	}
	b.ReportMetric(float64(s.Stats().WrittenBytes)/float64(b.N), "diskB/op")
}

// BenchmarkFlash reports the bytes written per message in steady state, at five messages per commit.
func BenchmarkFlash(b *testing.B) {
	s := opened(b, b.TempDir(), Options{Sync: time.Hour})
	r := message(groupOne, 1)
	r.Raw = make([]byte, 600)
	i := uint64(0)
	step := func() {
		for range 5 {
			i++
			r.Chat.ID = (i * i * 2654435761) % 200
			s.History().Add("bot", 100, r)
		}
		flushed(b, s)
	}
	for range 6000 {
		step()
	}
	before := s.Stats().WrittenBytes
	for b.Loop() {
		step()
	}
	b.ReportMetric(float64(s.Stats().WrittenBytes-before)/float64(5*b.N), "diskB/msg")
}
