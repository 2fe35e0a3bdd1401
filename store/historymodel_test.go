package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/catflap/catflap/policy"
)

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
