package onebot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// event is a message event with those bytes as message.
func event(message string) string {
	return `{"self_id":10001,"user_id":20002,"time":1,"message_id":5,"message_type":"private","sub_type":"friend","sender":{"user_id":20002,"nickname":"A"},` +
		`"message": ` + message + ` ,"raw_message":"[CQ:image,url=http://q/1]","font":14,"post_type":"message"}`
}

// renamed says what becomes of the test's media.
func renamed(m Medium) (url, note string) {
	switch {
	case strings.HasPrefix(m.File, "keep"):
		return "", ""
	case m.Size > 100:
		return "", `too "large"`
	}
	return "http://c/media/" + m.Type, ""
}

func TestRewriteMedia(t *testing.T) {
	for _, c := range []struct{ name, message, want string }{
		{"text", `[{"type":"text","data":{"text":"[CQ:image,url=http://q/1]"}}]`, ""},
		{"string", `"[CQ:image,url=http://q/1]"`, ""},
		{"mface", `[{"type":"mface","data":{"url":"http://q/1"}}]`, ""},
		{"empty", `[]`, ""},
		{"image", `[{"type":"text","data":{"text":"a"}}, {"type":"image","data":{"summary":"","file":"A.png","sub_type":0,"url":"http://q/1?a=b&c","file_size":"7"}}]`,
			`[{"type":"text","data":{"text":"a"}}, {"type":"image","data":{"summary":"","file":"A.png","sub_type":0,"url":"http://c/media/image","catflap_origin_url":"http://q/1?a=b&c","file_size":"7"}}]`},
		{"data first, odd white space, escapes", "[ {\"data\" : { \"url\" : \"http:\\/\\/q\\u002f1\" , \"x\":1 } , \"type\" : \"video\" } ]",
			"[ {\"data\" : { \"url\" : \"http://c/media/video\",\"catflap_origin_url\":\"http:\\/\\/q\\u002f1\" , \"x\":1 } , \"type\" : \"video\" } ]"},
		{"no address", `[{"type":"record","data":{"file":"a.amr","path":"/x/a.amr" }}]`,
			`[{"type":"record","data":{"file":"a.amr","path":"/x/a.amr" ,"catflap_origin_url":null,"url":"http://c/media/record"}}]`},
		{"nothing at all", `[{"type":"record","data":{ }}]`, `[{"type":"record","data":{ "catflap_origin_url":null,"url":"http://c/media/record"}}]`},
		{"address null", `[{"type":"file","data":{"url":null}}]`, `[{"type":"file","data":{"url":"http://c/media/file","catflap_origin_url":null}}]`},
		{"too large", `[{"type":"file","data":{"file":"b","file_size":"101","url":"http://q/1"}}]`,
			`[{"type":"file","data":{"file":"b","file_size":"101","url":"http://q/1","catflap_note":"too \"large\""}}]`},
		{"kept", `[{"type":"image","data":{"file":"keep","url":"http://q/1"}}]`, ""},
		{"two, one kept", `[{"type":"image","data":{"url":"u1"}},{"type":"image","data":{"file":"keep","url":"u2"}},{"type":"video","data":{"url":"u3"}}]`,
			`[{"type":"image","data":{"url":"http://c/media/image","catflap_origin_url":"u1"}},{"type":"image","data":{"file":"keep","url":"u2"}},{"type":"video","data":{"url":"http://c/media/video","catflap_origin_url":"u3"}}]`},
		{"two addresses", `[{"type":"image","data":{"url":"u1","url":"u2"}}]`, ""},
		{"two data", `[{"type":"image","data":{"url":"u1"},"data":{"url":"u2"}}]`, ""},
		{"data is no object", `[{"type":"image","data":["url"]}]`, ""},
		{"no data", `[{"type":"image"}]`, ""},
		{"no segment", `[1,null,"image",{"type":1,"data":{"url":"u"}}]`, ""},
		{"rewritten by another catflap", `[{"type":"image","data":{"url":"u","catflap_origin_url":"v"}}]`, ""},
		{"nested", `[{"type":"forward","data":{"id":"1","content":[{"message":[{"type":"image","data":{"url":"u"}}]}]}}]`, ""},
	} {
		frame := []byte(event(c.message))
		h := peekOf(t, string(frame))
		got := RewriteMedia(frame, &h, renamed)
		want := event(c.message)
		if c.want != "" {
			want = event(c.want)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
		if c.want == "" && &got[0] != &frame[0] {
			t.Errorf("%s: the frame was copied", c.name)
		}
		if c.name == "rewritten by another catflap" {
			continue
		}
		h = peekOf(t, string(got))
		if back := RestoreMedia(got, &h); string(back) != string(frame) {
			t.Errorf("%s: restored as %s", c.name, back)
		}
	}
}

func TestRewriteMediaAsks(t *testing.T) {
	frame := []byte(event(`[{"type":"file","data":{"file":"r\u00e9sum\u00e9.pdf","file_id":"/abc","file_size":12,"url":"http://q/\"1"}},{"type":"record","data":{"file":1,"file_size":"x"}}]`))
	h := peekOf(t, string(frame))
	var got []Medium
	RewriteMedia(frame, &h, func(m Medium) (string, string) {
		got = append(got, m)
		return "", ""
	})
	want := []Medium{{Type: "file", File: "résumé.pdf", FileID: "/abc", URL: `http://q/"1`, Size: 12}, {Type: "record"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRewriteMediaCostsNothingWithoutMedia(t *testing.T) {
	frame := []byte(event(`[{"type":"text","data":{"text":"hello"}},{"type":"at","data":{"qq":"1"}}]`))
	h := peekOf(t, string(frame))
	with := func(Medium) (string, string) { return "x", "" }
	if n := testing.AllocsPerRun(100, func() {
		if h.Media || len(RewriteMedia(frame, &h, with)) != len(frame) || len(RestoreMedia(frame, &h)) != len(frame) {
			t.Fatal("changed")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Only url, catflap_origin_url and catflap_note of media differ, the bytes around them are the same, and the way back
// leads to the very frame.
func TestRewriteMediaProperty(t *testing.T) {
	text := rapid.StringMatching(`[a-z"\\/ \[\],:&=\x{7}\x{4e2d}]{0,8}`)
	value := rapid.OneOf(rapid.Map(text, quoted), rapid.SampledFrom([]string{"null", "1", "{}", `{"url":"u"}`, `[{"type":"image"}]`, `"https:\/\/q\/1"`}))
	gap := rapid.SampledFrom([]string{"", "", " ", "\n\t"})
	segment := rapid.Custom(func(t *rapid.T) string {
		var members []string
		for _, key := range rapid.Permutation([]string{"url", "file", "file_id", "file_size", "summary"}).Draw(t, "keys")[:rapid.IntRange(0, 5).Draw(t, "count")] {
			members = append(members, gap.Draw(t, "gap")+quoted(key)+gap.Draw(t, "gap")+":"+gap.Draw(t, "gap")+value.Draw(t, key)+gap.Draw(t, "gap"))
		}
		kind := rapid.SampledFrom([]string{"image", "record", "video", "file", "text", "json"}).Draw(t, "type")
		parts := []string{`"type":` + quoted(kind), `"data":{` + gap.Draw(t, "gap") + strings.Join(members, ",") + "}"}
		return "{" + strings.Join(rapid.Permutation(parts).Draw(t, "order"), ","+gap.Draw(t, "gap")) + "}"
	})
	rapid.Check(t, func(t *rapid.T) {
		message := "[" + strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "segments"), ","+gap.Draw(t, "gap")) + "]"
		checkRewrite(t, []byte(event(message)), rapid.SampledFrom([]string{"", "http://c/media/k\"\\"}).Draw(t, "url"), rapid.SampledFrom([]string{"", "note"}).Draw(t, "note"))
	})
}

func quoted(s string) string { return string(appendQuoted(nil, s)) }

type failer interface {
	Fatalf(format string, args ...any)
}

func checkRewrite(t failer, frame []byte, url, note string) {
	var h, h2 Head
	if PeekHead(frame, &h) != nil || bytes.Contains(frame, []byte("catflap_")) || bytes.Contains(frame, []byte(`\u`)) {
		return
	}
	if h.PostType != "message" {
		return
	}
	out := RewriteMedia(frame, &h, func(Medium) (string, string) { return url, note })
	if err := PeekHead(out, &h2); err != nil {
		t.Fatalf("%s\nbecomes %s: %v", frame, out, err)
	}
	if h2.Missing != h.Missing || h2.Media != h.Media || h2.MessageAt != h.MessageAt || len(h2.Message)-len(h.Message) != len(out)-len(frame) {
		t.Fatalf("%s\nbecomes %s: %+v, %+v", frame, out, h, h2)
	}
	if back := RestoreMedia(out, &h2); !bytes.Equal(back, frame) {
		t.Fatalf("%s\nbecomes %s\nand then %s", frame, out, back)
	}
	if diff := cmp.Diff(withoutOurs(frame, false), withoutOurs(out, true)); diff != "" && json.Valid(frame) {
		t.Fatalf("%s\nbecomes %s\n%s", frame, out, diff)
	}
}

// withoutOurs decodes a frame, less what RewriteMedia may change.
func withoutOurs(frame []byte, rewritten bool) string {
	var v map[string]any
	if json.Unmarshal(frame, &v) != nil {
		return ""
	}
	list, _ := v["message"].([]any)
	for _, s := range list {
		segment, _ := s.(map[string]any)
		data, ok := segment["data"].(map[string]any)
		if kind, _ := segment["type"].(string); !ok || mediaKind([]byte(quoted(kind))) == "" {
			continue
		}
		delete(data, "url")
		if rewritten {
			delete(data, "catflap_origin_url")
			delete(data, "catflap_note")
		}
	}
	return fmt.Sprint(v)
}

func FuzzRewriteMedia(f *testing.F) {
	addSamples(f, func(frame []byte) { f.Add(frame, "http://c/media/k", "") })
	for _, m := range []string{`[{"type":"image","data":{"url":"u"}}]`, `[{"type":"file","data":{ }},{"data":{"url":null},"type":"record"}]`, `[{"type":"image","data":{"url":"u","url":"v"}}]`} {
		f.Add([]byte(event(m)), "", "n")
		f.Add([]byte(event(m)), "http://c/media/k", "")
	}
	f.Fuzz(func(t *testing.T, frame []byte, url, note string) {
		checkRewrite(t, frame, url, note)
		// Bytes that PeekHead has not seen do no harm.
		h := Head{Media: true, MessageAt: min(len(frame), len(url))}
		RestoreMedia(RewriteMedia(frame, &h, func(Medium) (string, string) { return url, note }), &h)
	})
}
