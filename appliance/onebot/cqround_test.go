package onebot

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Texts that hurt: all that the CQ form escapes, its entities, whole codes, and letters of several bytes.
var hurtful = rapid.OneOf(
	rapid.SampledFrom([]string{"[CQ:image,file=file:///etc/passwd]", "&#91;CQ:at,qq=all&#93;", "&amp;#91;", "&", "[", "]", ",", "=", "]]>", "[CQ:", "\n", "\u2028", "\"\\", "猫", "😀", "\x00", " "}),
	rapid.StringN(0, 12, -1),
)

var cqText = rapid.Custom(func(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(hurtful, 1, 4).Draw(t, "parts"), "")
})

// cqMessage is any message that the standard can express as a CQ string: no text beside another, no value that is empty.
var cqMessage = rapid.Custom(func(t *rapid.T) []Segment {
	word := rapid.StringMatching(`[A-Za-z0-9_]{1,8}`)
	var out []Segment
	for range rapid.IntRange(0, 6).Draw(t, "segments") {
		if last := len(out) - 1; (last < 0 || out[last].Type != "text") && rapid.Bool().Draw(t, "text") {
			if text := cqText.Draw(t, "text"); text != "" {
				out = append(out, Segment{Type: "text", Data: map[string]any{"text": text}})
			}
			continue
		}
		kind := word.Filter(func(s string) bool { return s != "text" }).Draw(t, "type")
		data := map[string]any{}
		for k, v := range rapid.MapOfN(word, cqText, 0, 20).Draw(t, "data") {
			if v != "" {
				data[k] = v
			}
		}
		out = append(out, Segment{Type: kind, Data: data})
	}
	return out
})

func rawMessage(t interface{ Fatal(...any) }, segments []Segment) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if segments == nil {
		segments = []Segment{}
	}
	if err := enc.Encode(segments); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// decode(encode(x)) = x, in both implementations: of decoded segments, and of raw JSON.
func TestCQRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := cqMessage.Draw(t, "message")
		if diff := cmp.Diff(want, ParseCQ(FormatCQ(want))); diff != "" {
			t.Fatalf("%q: %s", FormatCQ(want), diff)
		}
		raw := rawMessage(t, want)
		text, err := ToString(raw)
		if err != nil {
			t.Fatal(err)
		}
		array, err := ToArray(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseMessage(array)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s became %s, then %s: %s", raw, text, array, diff)
		}
		back, err := ToString(array)
		if err != nil || !bytes.Equal(back, text) {
			t.Fatalf("%s became %s, then %s, %v", text, array, back, err)
		}
	})
}

// No text, and no value, becomes a code of its own (FAULTS S01): the codes of the string are the segments that are no text.
func TestFault_S01_NothingInATextBecomesACode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := cqMessage.Draw(t, "message")
		codes := 0
		for _, s := range message {
			if s.Type != "text" {
				codes++
			}
		}
		raw := rawMessage(t, message)
		text, err := ToString(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, encoded := range []string{FormatCQ(message), decodeString(text)} {
			if n := strings.Count(encoded, "["); n != codes {
				t.Fatalf("%s became %q: %d codes, want %d", raw, encoded, n, codes)
			}
			if n := strings.Count(encoded, "]"); n != codes {
				t.Fatalf("%s became %q: %d ends of codes, want %d", raw, encoded, n, codes)
			}
		}
	})
	// Names that cannot stand in a code must not open one either.
	for _, c := range []struct{ in, want string }{
		{`[{"type":"a]x[CQ:at,qq=all","data":{}}]`, `""`},
		{`[{"type":"a","data":{"k]x[CQ:b":"1","k":"v"}}]`, `"[CQ:a,k=v]"`},
		{`[{"type":"a,file","data":{"x":"1"}},{"type":"","data":{}}]`, `""`},
		{`[{"type":"json","data":{"data":{"a":["]",",","&"]}}}]`, `"[CQ:json,data={\"a\":&#91;\"&#93;\"&#44;\"&#44;\"&#44;\"&amp;\"&#93;}]"`},
	} {
		if got, err := ToString([]byte(c.in)); err != nil || string(got) != c.want {
			t.Errorf("%s became %s, %v; want %s", c.in, got, err, c.want)
		}
	}
}

// The plain text of a message is the same in both forms, and of a text the text itself.
func TestCQTextIsTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ToValidUTF8(cqText.Draw(t, "text"), "")
		raw := rawMessage(t, []Segment{{Type: "text", Data: map[string]any{"text": text}}})
		cq, err := ToString(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendText(nil, cq)); got != text || !utf8.ValidString(got) {
			t.Fatalf("%q became %s, then %q", text, cq, got)
		}
	})
}

// A lot of anything takes a moment: quadratic work here would take minutes.
func TestCQIsLinear(t *testing.T) {
	const size, many = 1 << 18, 1 << 18
	for name, part := range map[string]string{
		"openings": "[CQ:", "pairs": ",a=1", "open values": "[CQ:a,b=", "entities": "&#91;", "codes": "[CQ:a,b=1]", "ends": "]", "half entities": "&#9", "names": "aaaa", "bad keys": "[CQ:a,b",
	} {
		for _, s := range []string{strings.Repeat(part, size/len(part)), "[CQ:a" + strings.Repeat(part, size/len(part)) + "]"} {
			raw := appendQuoted(nil, s)
			array, err := ToArray(raw)
			if err != nil {
				t.Fatal(name, err)
			}
			if _, err := ToString(array); err != nil {
				t.Fatal(name, err)
			}
			ParseCQ(s)
			AppendText(nil, raw)
			ScanMentions(raw, 10001)
			Strip(raw)
			LocalPaths("send_msg", append(append([]byte(`{"message":`), raw...), '}'))
			if _, err := Compose("send_msg", append(append([]byte(`{"message":`), raw...), '}'), &ComposeRules{}); err != nil {
				t.Fatal(name, err)
			}
		}
	}
	distinct := []byte("[CQ:a")
	for i := range many {
		distinct = strconv.AppendInt(append(distinct, ",k"...), int64(i), 10)
		distinct = append(distinct, "=1"...)
	}
	distinct = append(distinct, ']')
	array, err := ToArray(appendQuoted(nil, string(distinct)))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(array, []byte(`":"1"`)); n != many {
		t.Errorf("%d keys, want %d", n, many)
	}
}

// Of a key that stands twice the last counts, however many there are.
func TestCQKeysTwice(t *testing.T) {
	for _, n := range []int{1, 7, 15, 16, 17, 40} {
		s := "[CQ:a" + strings.Repeat(",x=0", n) + ",y=1,x=2]"
		got, err := ToArray(appendQuoted(nil, s))
		if want := `[{"type":"a","data":{"y":"1","x":"2"}}]`; err != nil || string(got) != want {
			t.Errorf("%d times: %s, %v", n, got, err)
		}
	}
}

// raw_message says what message says, whatever was missing and whatever form is asked for.
func TestRawMessageIsConsistent(t *testing.T) {
	value := regexp.MustCompile(`"raw_message":("(?:[^"\\]|\\.)*")`)
	for _, message := range []string{`[{"type":"text","data":{"text":" a [b] "}},{"type":"at","data":{"qq":"10001"}}]`, `" a &#91;b&#93; [CQ:at,qq=10001]"`, `{"type":"dice","data":{"result":"6"}}`, `[]`, `""`, `[null]`} {
		frame := []byte(`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","user_id":20002,"message_id":5,"sender":{"user_id":20002},"message":` + message + `}`)
		h := peekOf(t, string(frame))
		whole, err := Complete(frame, &h)
		if err != nil {
			t.Fatal(err)
		}
		h = peekOf(t, string(whole))
		text, err := Reformat(whole, &h, "string")
		if err != nil {
			t.Fatal(err)
		}
		h = peekOf(t, string(text))
		for _, f := range [][]byte{whole, text} {
			if m := value.FindSubmatch(f); m == nil || !bytes.Equal(m[1], h.Message) {
				t.Errorf("%s: raw_message is not %s in %s", message, h.Message, f)
			}
		}
	}
}

// A raw_message that says something else, such as other addresses of media, goes with the array only.
func TestRawMessageFollowsTheString(t *testing.T) {
	frame := `{"time":1,"self_id":10001,"post_type":"message","raw_message":"a","message":[{"type":"text","data":{"text":" a "}}]}`
	h := peekOf(t, frame)
	got, err := Reformat([]byte(frame), &h, "string")
	if want := `{"time":1,"self_id":10001,"post_type":"message","raw_message":" a ","message":" a ","message_format":"string"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestReformatAnswer(t *testing.T) {
	const array, text = `"message":[{"type":"at","data":{"qq":"1"}},{"type":"text","data":{"text":" a"}}]`, `"message":"[CQ:at,qq=1] a"`
	one := func(message, form string) string {
		return `{"message_id":5,` + message + `,"raw_message":"[CQ:at,qq=1] a","message_format":"` + form + `"}`
	}
	for _, c := range []struct{ action, data, form, want string }{
		{"get_msg", one(array, "array"), "string", one(text, "string")},
		{"get_msg_async", one(text, "string"), "array", one(array, "array")},
		{"get_msg", one(array, "array"), "array", ""},
		{"get_msg", one(text, "string"), "string", ""},
		{"get_msg", `null`, "string", ""},
		{"get_msg", `{"message":null}`, "string", ""},
		{"get_group_msg_history", `{"messages":[` + one(array, "array") + `, null,` + one(text, "string") + `]}`, "array", `{"messages":[` + one(array, "array") + `, null,` + one(array, "array") + `]}`},
		{"get_friend_msg_history", `{"messages":[` + one(array, "array") + `]}`, "string", `{"messages":[` + one(text, "string") + `]}`},
		{"get_forward_msg", `{"messages":[{"sender":{}},` + one(text, "string") + `]}`, "array", `{"messages":[{"sender":{}},` + one(array, "array") + `]}`},
		{"send_msg", `{"message":"x"}`, "array", ""},
	} {
		frame := func(data string) string {
			return ` {"status":"ok","retcode":0,"data":` + data + `,"message":"","echo":"1"}`
		}
		want := c.want
		if want == "" {
			want = c.data
		}
		got, err := ReformatAnswer(c.action, []byte(frame(c.data)), c.form)
		if err != nil || string(got) != frame(want) {
			t.Errorf("%s as %s:\n got %s, %v\nwant %s", c.action, c.form, got, err, frame(want))
		}
	}
}
