package onebot

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func addSamples(f *testing.F, add func(frame []byte)) {
	for _, name := range []string{"events.jsonl", "responses.jsonl", "actions.jsonl", "odd.jsonl"} {
		for _, frame := range lines(f, name) {
			add(frame)
		}
	}
}

// PeekHead accepts exactly the objects that encoding/json accepts, within the
// depth, and reads the same fields.
func FuzzPeekHead(f *testing.F) {
	addSamples(f, func(frame []byte) { f.Add(frame) })
	f.Fuzz(func(t *testing.T, frame []byte) {
		var h Head
		err := PeekHead(frame, &h)
		want, ok := slowMembers(frame)
		if (err == nil) != ok {
			t.Fatalf("%q: PeekHead says %v, encoding/json %t", frame, err, ok)
		}
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrDepth) && !errors.Is(err, ErrNotObject) {
				t.Fatalf("%q: unknown error %v", frame, err)
			}
			return
		}
		if !utf8.Valid(frame) {
			return // encoding/json replaces bytes where we pass them on
		}
		for _, c := range []struct {
			key string
			got uint64
		}{{"self_id", h.SelfID}, {"group_id", h.GroupID}, {"target_id", h.TargetID}} {
			if v := slowID(want[c.key]); v != c.got {
				t.Errorf("%q: %s is %d, want %d", frame, c.key, c.got, v)
			}
		}
		if v := slowID(want["user_id"]); v != 0 && v != h.UserID {
			t.Errorf("%q: user_id is %d, want %d", frame, h.UserID, v)
		}
		if v, _ := slowInt(want["message_id"]); v != h.MessageID {
			t.Errorf("%q: message_id is %d, want %d", frame, h.MessageID, v)
		}
		if v := slowString(want["post_type"]); v != h.PostType {
			t.Errorf("%q: post_type is %q, want %q", frame, h.PostType, v)
		}
		if v := slowString(want["sub_type"]); v != h.SubType {
			t.Errorf("%q: sub_type is %q, want %q", frame, h.SubType, v)
		}
		if v := slowString(want["status"]); v != h.Status {
			t.Errorf("%q: status is %q, want %q", frame, h.Status, v)
		}
		for _, c := range []struct {
			key string
			got []byte
		}{{"message", h.Message}, {"echo", h.Echo}, {"sender", h.Sender}, {"comment", h.Comment}, {"data", h.Data}} {
			if !bytes.Equal(want[c.key], c.got) {
				t.Errorf("%q: %s is %s, want %s", frame, c.key, c.got, want[c.key])
			}
		}
		if key, known := map[string]string{"message": "message_type", "message_sent": "message_type", "notice": "notice_type",
			"request": "request_type", "meta_event": "meta_event_type"}[h.PostType]; known && h.Detail != slowString(want[key]) || !known && h.Detail != "" {
			t.Errorf("%q: detail is %q", frame, h.Detail)
		}
		var sender map[string]json.RawMessage
		if h.Missing&MissingSender == 0 && h.PostType == "message" && json.Unmarshal(h.Sender, &sender) == nil {
			if _, ok := slowInt(sender["user_id"]); !ok && h.Missing&MissingSenderID == 0 {
				t.Errorf("%q: missing sender.user_id not seen", frame)
			}
		}
	})
}

// A completed event is valid, lacks nothing, and differs only where it must.
func FuzzComplete(f *testing.F) {
	addSamples(f, func(frame []byte) { f.Add(frame) })
	f.Fuzz(func(t *testing.T, frame []byte) {
		var h, again Head
		if PeekHead(frame, &h) != nil {
			return
		}
		if h.Missing&MissingSelfID != 0 {
			h.SelfID = 10001
		}
		if h.Missing&MissingTime != 0 {
			h.Time = 1767225600
		}
		out, err := Complete(frame, &h)
		if err != nil {
			if !errors.Is(err, ErrIncomplete) {
				t.Fatalf("%q: %v", frame, err)
			}
			return
		}
		if err := PeekHead(out, &again); err != nil || !json.Valid(out) {
			t.Fatalf("%q became %q: %v", frame, out, err)
		}
		if again.Missing != 0 || again.Echo != nil {
			t.Fatalf("%q became %q, which lacks %#x", frame, out, again.Missing)
		}
		if again.SelfID != h.SelfID || again.UserID != h.UserID || again.GroupID != h.GroupID || again.Time != h.Time || again.MessageID != h.MessageID {
			t.Fatalf("%q became %q: ids changed", frame, out)
		}
		before, _ := slowMembers(frame)
		after, _ := slowMembers(out)
		for key, value := range before {
			if fieldOf([]byte(key)) == fieldNone && !bytes.Equal(value, after[key]) {
				t.Errorf("%q became %q: %q changed", frame, out, key)
			}
		}
	})
}

// The caller's echo comes back as it was sent, and nothing else changes.
func FuzzRestoreEcho(f *testing.F) {
	for _, echo := range []string{`"1"`, `1`, `1.50`, `{"seq":1}`, `null`, `""`, ``} {
		addSamples(f, func(frame []byte) { f.Add(frame, []byte(echo)) })
	}
	f.Fuzz(func(t *testing.T, frame, echo []byte) {
		var h Head
		if PeekHead(frame, &h) != nil {
			return
		}
		if len(echo) == 0 {
			echo = nil
		} else if scanValue(echo, 0, 2) != len(echo) {
			return
		}
		out := RestoreEcho(frame, &h, echo)
		before, _ := slowMembers(frame)
		after, ok := slowMembers(out)
		if !ok {
			t.Fatalf("%q with echo %q became %q", frame, echo, out)
		}
		if got, ok := after["echo"]; ok != (echo != nil) || !bytes.Equal(got, echo) {
			t.Fatalf("%q with echo %q became %q", frame, echo, out)
		}
		delete(before, "echo")
		delete(after, "echo")
		if _, given := before["data"]; !given && h.Status != "" {
			if string(after["data"]) != "null" {
				t.Fatalf("%q became %q, without data", frame, out)
			}
			delete(after, "data")
		}
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%q became %q", frame, out)
		}
	})
}

func FuzzPeekAction(f *testing.F) {
	addSamples(f, func(frame []byte) { f.Add(frame) })
	f.Fuzz(func(t *testing.T, frame []byte) {
		var a Action
		err := PeekAction(frame, &a)
		want, ok := slowMembers(frame)
		if ok != (err == nil || errors.Is(err, ErrNoAction) || errors.Is(err, ErrParams)) {
			t.Fatalf("%q: PeekAction says %v, encoding/json %t", frame, err, ok)
		}
		if !ok {
			return
		}
		if !bytes.Equal(a.Echo, want["echo"]) {
			t.Errorf("%q: echo is %s", frame, a.Echo)
		}
		name := slowString(want["action"])
		if (name == "") != errors.Is(err, ErrNoAction) {
			t.Errorf("%q: %v", frame, err)
		}
		if utf8.Valid(frame) && a.Name != name {
			t.Errorf("%q: action is %q", frame, a.Name)
		}
		params := want["params"]
		if err != nil || string(params) == "null" {
			params = nil
		}
		if err == nil && !bytes.Equal(a.Params, params) {
			t.Errorf("%q: params are %s", frame, a.Params)
		}
		CheckSend(a.Name, a.Params)
		TargetOf(a.Name, a.Params)
		call := AppendCall(nil, a.Name, a.Params, "c-1")
		var again Action
		if err == nil && utf8.Valid(frame) {
			if err := PeekAction(call, &again); err != nil || again.Name != a.Name || a.Params != nil && !bytes.Equal(again.Params, a.Params) {
				t.Errorf("%q became %q: %v", frame, call, err)
			}
		}
	})
}

func FuzzScanMentions(f *testing.F) {
	for _, s := range mentionCases {
		f.Add([]byte(s.message))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		want, ok := slowMentions(message, 10001)
		got := ScanMentions(message, 10001)
		if !ok || !utf8.Valid(message) {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", message, diff)
		}
	})
}

// Every way through the CQ form gives the same segments.
func FuzzCQ(f *testing.F) {
	for _, s := range []string{"", "a,b &#91;x&#93; &amp; y", "[CQ:image,file=1&#44;2.png]", "[CQ:face, id=1]", "[CQ:x-y]",
		"[CQ:image,file.x=1]", "[CQ:at,qq=1", "[CQ:at,qq=1[CQ:face,id=1]", "[CQ:a,b=1,b=2,c=]&amp;#91;", "[CQ:shake]\n[CQ:text,text=x]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		segments := ParseCQ(s)
		plainText := ""
		for _, seg := range segments {
			if seg.Type == "text" && isLiteral(seg) {
				plainText += seg.Data["text"].(string)
			}
		}
		raw := appendQuoted(nil, s)
		array, err := ToArray(raw)
		if err != nil || !json.Valid(array) {
			t.Fatalf("%q became %s: %v", s, array, err)
		}
		fromArray, err := ParseMessage(array)
		if err != nil && len(segments) > 0 {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tidy(segments), tidy(fromArray)); diff != "" {
			t.Errorf("%q as array %s: %s", s, array, diff)
		}
		if diff := cmp.Diff(tidy(segments), tidy(ParseCQ(FormatCQ(segments)))); diff != "" {
			t.Errorf("%q formatted %q: %s", s, FormatCQ(segments), diff)
		}
		back, err := ToString(array)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tidy(segments), tidy(ParseCQ(slowString(back)))); diff != "" {
			t.Errorf("%q via array %s: %s", s, back, diff)
		}
		if len(s) < 4000 && !bytes.Contains([]byte(s), []byte("[CQ:text")) {
			if got := string(AppendText(nil, raw)); got != plainText {
				t.Errorf("%q: text %q, want %q", s, got, plainText)
			}
			if got := string(AppendText(nil, array)); got != plainText {
				t.Errorf("%s: text %q, want %q", array, got, plainText)
			}
		}
		Summary(raw, 20)
	})
}

func isLiteral(s Segment) bool { _, ok := s.Data["text"].(string); return ok && len(s.Data) == 1 }

// tidy drops what the CQ form cannot keep: empty values, and the border
// between two texts.
func tidy(in []Segment) []Segment {
	out := []Segment{}
	for _, s := range in {
		data := map[string]any{}
		for k, v := range s.Data {
			if v != "" && (s.Type != "text" || k == "text") {
				data[k] = v
			}
		}
		if s.Type == "text" {
			if len(data) == 0 {
				continue
			}
			if n := len(out); n > 0 && out[n-1].Type == "text" {
				out[n-1].Data["text"] = out[n-1].Data["text"].(string) + data["text"].(string)
				continue
			}
		}
		out = append(out, Segment{Type: s.Type, Data: data})
	}
	return out
}

// What Strip leaves is valid, holds no payload, and is left alone by a second
// Strip.
func FuzzStrip(f *testing.F) {
	for _, c := range stripCases {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		out := Strip(message)
		if json.Valid(message) && slowDepth(message) <= MaxDepth && !json.Valid(out) {
			t.Fatalf("%q became %q", message, out)
		}
		if again := Strip(out); !bytes.Equal(again, out) {
			t.Fatalf("%q became %q, then %q", message, out, again)
		}
	})
}
