package store

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/catflap/catflap/policy"
)

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Record{
			Chat:      policy.Chat{Group: rapid.Bool().Draw(t, "group"), ID: rapid.Uint64().Draw(t, "chat")},
			Time:      rapid.Int64().Draw(t, "time"),
			User:      rapid.Uint64().Draw(t, "user"),
			Sender:    rapid.String().Draw(t, "sender"),
			MessageID: rapid.Int64().Draw(t, "id"),
			RealSeq:   rapid.String().Draw(t, "real_seq"),
			Direction: Direction(rapid.IntRange(0, 1).Draw(t, "direction")),
			Context:   rapid.Bool().Draw(t, "context"),
			Recalled:  rapid.Bool().Draw(t, "recalled"),
			Raw:       rapid.SliceOf(rapid.Byte()).Draw(t, "raw"),
			Text:      rapid.String().Draw(t, "text"),
		}
		key := chatKey{account: rapid.Uint16().Draw(t, "account"), group: r.Chat.Group, id: r.Chat.ID}
		limit := rapid.IntRange(0, maxLimit).Draw(t, "limit")
		value := encodeRecord(key, limit, &r)
		got, head, err := decodeRecord(value)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		want := recordHead{key: key, messageID: r.MessageID, time: r.Time, limit: limit}
		if short, err := decodeHead(value); head != want || short != want || err != nil {
			t.Fatalf("heads %+v and %+v (%v), want %+v", head, short, err, want)
		}
		for i := range value {
			if _, _, err := decodeRecord(value[:i]); err == nil {
				t.Fatalf("%d of %d bytes were enough", i, len(value))
			}
		}
	})
}

func TestWaitingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := waiting{
			class: Class(rapid.IntRange(0, int(ClassMeta)).Draw(t, "class")),
			at:    rapid.Int64().Draw(t, "at"),
			stamp: stamp{
				Age: rapid.Int64().Draw(t, "age"), Boot: rapid.String().Draw(t, "boot"),
				Steady: rapid.Int64().Draw(t, "steady"), Wall: rapid.Int64().Draw(t, "wall"),
			},
			account: rapid.String().Draw(t, "account"),
			apps:    rapid.SliceOfN(rapid.String(), 0, maxWaitingApps).Draw(t, "apps"),
			raw:     rapid.SliceOf(rapid.Byte()).Draw(t, "raw"),
		}
		got, err := decodeWaiting(encodeWaiting(&w))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w, got, cmp.AllowUnexported(waiting{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// Whatever lies in the file: no panic, and what decodes encodes to something that decodes to the same.
func FuzzDecode(f *testing.F) {
	r := Record{Chat: policy.Chat{Group: true, ID: 123}, Time: 1_700_000_000, User: 456, Sender: "猫", MessageID: -77, RealSeq: "9", Raw: []byte(`[{"type":"text"}]`), Text: "hi"}
	f.Add(encodeRecord(chatKey{account: 1, group: true, id: 123}, 100, &r))
	f.Add(encodeWaiting(&waiting{class: ClassRequest, at: 5, account: "bot", apps: []string{"koishi"}, raw: []byte("{}")}))
	f.Add([]byte{recordLayout})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decodeHead(b)
		if r, head, err := decodeRecord(b); err == nil {
			again := encodeRecord(head.key, head.limit, &r)
			r2, head2, err := decodeRecord(again)
			if err != nil || head2 != head || !cmp.Equal(r, r2) {
				t.Errorf("%+v became %+v (%v)", r, r2, err)
			}
			if gone, _, err := decodeRecord(emptied(again)); err != nil || !gone.Recalled || gone.Text != "" || gone.Raw != nil {
				t.Errorf("emptied: %+v (%v)", gone, err)
			}
		}
		if w, err := decodeWaiting(b); err == nil {
			w2, err := decodeWaiting(encodeWaiting(&w))
			if err != nil || !bytes.Equal(encodeWaiting(&w), encodeWaiting(&w2)) {
				t.Errorf("%+v became %+v (%v)", w, w2, err)
			}
		}
		_, _, _ = parseAccessKey(b)
		_, _ = parseChatKey(b)
	})
}
