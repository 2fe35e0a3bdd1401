package onebot

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

func TestFault_P07_LongTextsAreCut(t *testing.T) {
	family := "👨‍👩‍👧‍👦" // one cluster of 11 UTF-16 units
	for _, c := range []struct {
		name, text string
		limit      int
		want       []string
	}{
		{"what fits stays", "hello world", 11, []string{"hello world"}},
		{"blank line before everything", "One. Two\nthree\n\nfour, five. six", 28, []string{"One. Two\nthree", "four, five. six"}},
		{"the last blank line that fits", "a\n\nb\n\nc d e f g h", 10, []string{"a\n\nb", "c d e f g", "h"}},
		{"newline before sentence", "第一行。\n第二句。还有很长的一句话", 11, []string{"第一行。", "第二句。", "还有很长的一句话"}},
		{"sentence before comma", "你好。今天，天气很好", 8, []string{"你好。", "今天，天气很好"}},
		{"all ends of sentences", "一！二？三；四…五六七八九", 9, []string{"一！二？三；四…", "五六七八九"}},
		{"quotes end with the sentence", "他说：“好。”然后就走了", 10, []string{"他说：“好。”", "然后就走了"}},
		{"dots stay together", "等等……然后呢呢呢", 7, []string{"等等……", "然后呢呢呢"}},
		{"comma before space", "我要苹果、香蕉 和梨子啊", 10, []string{"我要苹果、", "香蕉 和梨子啊"}},
		{"no comma, a space", "香蕉香蕉 和梨子啊啊", 8, []string{"香蕉香蕉", "和梨子啊啊"}},
		{"nothing but clusters", "一二三四五六七八九十", 4, []string{"一二三四", "五六七八", "九十"}},
		{"English sentence", "Good morning. How are you, my friend", 25, []string{"Good morning.", "How are you, my friend"}},
		{"a dot within a word ends nothing", "version 1.2.3 of it", 12, []string{"version", "1.2.3 of it"}},
		{"quoted sentence", `He said "go!" and they went`, 20, []string{`He said "go!"`, "and they went"}},
		{"English comma", "one two, three four five", 16, []string{"one two,", "three four five"}},
		{"English words", "one two three four", 9, []string{"one two", "three", "four"}},
		{"a long word", "abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"emoji stay whole", "😀😀😀", 5, []string{"😀😀", "😀"}},
		{"joined emoji stay whole", "ab" + family + "cd", 11, []string{"ab", family, "cd"}},
		{"a cluster above the limit", family + family, 3, []string{family, family}},
		{"flags", "🇨🇳🇩🇪🇫🇷", 9, []string{"🇨🇳🇩🇪", "🇫🇷"}},
		{"accents", strings.Repeat("e\u0301", 5), 5, []string{"e\u0301e\u0301", "e\u0301e\u0301", "e\u0301"}},
		{"windows newlines", "ab\r\n\r\ncd\r\nef", 8, []string{"ab", "cd\r\nef"}},
		{"no-break space is no place", "ab\u00a0cd ef", 7, []string{"ab\u00a0cd", "ef"}},
		{"white space at the limit", "abcd    efgh", 4, []string{"abcd", "efgh"}},
		{"white space at the end", "abcd\n\n\n", 4, []string{"abcd"}},
		{"white space at the start", "      abcd", 4, []string{"abcd"}},
		{"indentation stays", "list:\n  one\n  two", 12, []string{"list:\n  one", "  two"}},
		{"nothing but white space", strings.Repeat(" ", 9), 4, nil},
		{"fence", "```go\naaaa\nbbbb\ncccc\n```", 20, []string{"```go\naaaa\nbbbb\n```", "```go\ncccc\n```"}},
		{"fence between texts", "看看：\n```python\nprint(1)\n\nprint(2)\n```\n好了。再见", 32, []string{"看看：\n```python\nprint(1)\n```", "```python\nprint(2)\n```\n好了。再见"}},
		{"not behind the opening line", "text text\n```go\n" + strings.Repeat("x", 22) + "\n```", 40, []string{"text text", "```go\n" + strings.Repeat("x", 22) + "\n```"}},
		{"no empty block", "```\naaaa\nbbbb\n```\nend end", 17, []string{"```\naaaa\nbbbb\n```", "end end"}},
		{"blank line before the closing line", "```\naaaa\n\n```\nend end end", 18, []string{"```\naaaa\n```", "end end end"}},
		{"not before the closing line", "```\naaaa bbbb cc\n```\nend end", 20, []string{"```\naaaa bbbb cc\n```", "end end"}},
		{"tildes and indentation", "~~~~ sh\n  a\n  b\n  cc\n  dd\n~~~~", 28, []string{"~~~~ sh\n  a\n  b\n  cc\n~~~~", "~~~~ sh\n  dd\n~~~~"}},
		{"never closed", "```\naaaa\nbbbb\ncccc", 16, []string{"```\naaaa\n```", "```\nbbbb\ncccc"}},
		{"fence too large for the limit", "```javascript\nab\n```", 16, []string{"```javascript\nab", "```"}},
		{"inline code is no fence", "``` a ``` b\nc d e f", 12, []string{"``` a ``` b", "c d e f"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pieces, whole := cutText(c.text, c.limit, 100)
			var got []string
			for _, p := range pieces {
				got = append(got, p.before+c.text[p.from:p.to]+p.after)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || !whole {
				t.Errorf("cut of %q at %d (-want +got):\n%s", c.text, c.limit, diff)
			}
		})
	}
}

func TestChunks(t *testing.T) {
	const at, picture, reply = `{"type":"at","data":{"qq":"20002"}}`, `{"type":"image","data":{"file":"a.png"}}`, `{"type":"reply","data":{"id":"7"}}`
	text := func(s string) string { return `{"type":"text","data":{"text":"` + s + `"}}` }
	for _, c := range []struct {
		name, action, message string
		want                  []string // nil: not cut
	}{
		{"short", "send_msg", `[` + text("12345678") + `]`, nil},
		{"short CQ with a long picture", "send_msg", `"12[CQ:image,file=http://example.com/a.png]"`, nil},
		{"array", "send_group_msg", `[` + text("1234 5678") + `]`, []string{`[` + text("1234") + `]`, `[` + text("5678") + `]`}},
		{"two texts are one", "send_msg_async", `[` + text("12") + `,` + text("34 5678") + `]`, []string{`[` + text("1234") + `]`, `[` + text("5678") + `]`}},
		{"one segment", "send_private_msg", text("1234 5678"), []string{`[` + text("1234") + `]`, `[` + text("5678") + `]`}},
		{"CQ string", "send_private_msg", `"[CQ:at,qq=20002]1&#91;34\n5678[CQ:image,file=a.png]"`, []string{`[` + at + `,` + text("1[34") + `]`, `[` + text("5678") + `,` + picture + `]`}},
		{"reply on the first only", "send_msg", `[` + text("1234 5678") + `,` + reply + `,` + text(" 90") + `]`, []string{`[` + reply + `,` + text("1234") + `]`, `[` + text("5678 90") + `]`}},
		{"picture behind the text", "send_msg", `[` + text("1234 5678") + `,` + picture + `]`, []string{`[` + text("1234") + `]`, `[` + text("5678") + `,` + picture + `]`}},
		{"picture above a blank line", "send_msg", `[` + text("1234") + `,` + picture + `,` + text(`\n\n5678`) + `]`, []string{`[` + text("1234") + `,` + picture + `]`, `[` + text("5678") + `]`}},
		{"picture below a blank line", "send_msg", `[` + text(`1234\n\n`) + `,` + picture + `,` + text(`5678`) + `]`, []string{`[` + text("1234") + `]`, `[` + picture + `,` + text("5678") + `]`}},
		{"white space behind the picture only", "send_msg", `[` + text("1234 5678") + `,` + picture + `,` + text(`     `) + `]`, []string{`[` + text("1234") + `]`, `[` + text("5678") + `,` + picture + `]`}},
		{"white space before it", "send_msg", `[` + text("1234 5678     ") + `,` + picture + `]`, []string{`[` + text("1234") + `]`, `[` + text("5678") + `,` + picture + `]`}},
		{"within a word", "send_msg", `[` + text("1234567") + `,` + at + `,` + text("890") + `]`, []string{`[` + text("1234567") + `,` + at + `,` + text("8") + `]`, `[` + text("90") + `]`}},
		{"text that is none", "send_msg", `[{"type":"text","data":{"text":5}},` + text("1234 5678") + `]`, []string{`[{"type":"text","data":{"text":5}},` + text("1234") + `]`, `[` + text("5678") + `]`}},
		{"nodes", "send_msg", `[{"type":"node","data":{"content":"1234 5678"}}]`, nil},
		{"other action", "send_group_notice", `"1234 5678"`, nil},
		{"white space", "send_msg", `"           "`, nil},
		{"null", "send_msg", `null`, nil},
		{"number", "send_msg", `1234567890`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := `{"group_id": 30003,"message":` + c.message + `,"x":[1,"message"]}`
			got, err := Chunks(c.action, []byte(in), 8)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, m := range c.want {
				want = append(want, `{"group_id": 30003,"message":`+m+`,"x":[1,"message"]}`)
			}
			if diff := cmp.Diff(want, words(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	got, err := Chunks("send_msg", []byte(`{"message":"[CQ:at] 789","auto_escape":true}`), 8)
	if want := []string{`{"message":[` + text("[CQ:at]") + `],"auto_escape":true}`, `{"message":[` + text("789") + `],"auto_escape":true}`}; err != nil || !slices.Equal(words(got), want) {
		t.Errorf("literal text became %q, %v", got, err)
	}
	long := func(n int) []byte { return []byte(`{"message":"` + strings.Repeat("x", n) + `"}`) }
	if got, err := Chunks("send_msg", long(MaxChunks*8), 8); err != nil || len(got) != MaxChunks {
		t.Errorf("the longest text makes %d messages, %v", len(got), err)
	}
	if got, err := Chunks("send_msg", long(MaxChunks*8+1), 8); !errors.Is(err, ErrChunks) || got != nil {
		t.Errorf("a longer one makes %d messages, %v", len(got), err)
	}
}

func words(all [][]byte) (out []string) {
	for _, one := range all {
		out = append(out, string(one))
	}
	return out
}

func TestAnswersOfChunks(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{string(AppendChunked(nil, []byte(`{"message_id":5,"x":1}`), []int64{5, -6})), `{"status":"ok","retcode":0,"data":{"message_id":5,"x":1,"catflap_message_ids":[5,-6]},"message":"","wording":""}`},
		{string(AppendChunked(nil, []byte(`null`), nil)), `{"status":"ok","retcode":0,"data":{"catflap_message_ids":[]},"message":"","wording":""}`},
		{string(AppendBroken(nil, 1200, "no", []int64{5})), `{"status":"failed","retcode":1200,"data":{"catflap_message_ids":[5]},"message":"no","wording":"no"}`},
		{string(AppendBroken(nil, 1200, "no", nil)), `{"status":"failed","retcode":1200,"data":null,"message":"no","wording":"no"}`},
	} {
		if c.got != c.want || !json.Valid([]byte(c.got)) {
			t.Errorf("got %s\nwant %s", c.got, c.want)
		}
	}
}

// checkCut says what is wrong with the pieces of a text.
func checkCut(text string, limit int, pieces []piece) error {
	boundaries := map[int]bool{0: true}
	for at, rest, state := 0, text, -1; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		at += len(cluster)
		boundaries[at] = true
	}
	at := 0
	for _, p := range pieces {
		sent := p.before + text[p.from:p.to] + p.after
		switch {
		case strings.TrimSpace(sent) == "":
			return fmt.Errorf("the piece %q is empty", sent)
		case units(sent) > limit && uniseg.GraphemeClusterCount(strings.TrimSpace(text[p.from:p.to])) > 1:
			return fmt.Errorf("the piece %q has %d units", sent, units(sent))
		case !boundaries[p.from] || !boundaries[p.to]:
			return fmt.Errorf("the piece %q cuts a cluster", sent)
		case p.from < at:
			return fmt.Errorf("the piece %q repeats text", sent)
		case !blankOrFence(text[at:p.from]):
			return fmt.Errorf("%q is lost", text[at:p.from])
		case p.before != "" && fenceLess(p.before) != "" || p.after != "" && fenceLess(p.after) != "":
			return fmt.Errorf("%q and %q are no fences", p.before, p.after)
		}
		at = p.to
	}
	if !blankOrFence(text[at:]) {
		return fmt.Errorf("%q is lost at the end", text[at:])
	}
	return nil
}

func blankOrFence(text string) bool {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '`' || r == '~' }) == ""
}

// fenceLess is what is left of text without the lines of fences.
func fenceLess(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if mark, _ := fenceMark(strings.TrimRight(line, "\r\n")); mark == "" {
			out = append(out, line)
		}
	}
	return strings.TrimSpace(strings.Join(out, ""))
}

func TestCutTextKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "bcd", "你好", "。", "，", ". ", ", ", "!", " ", "  ", "\n", "\n\n", "\r\n", "```", "\n```go\n", "\n```\n", "\n~~~\n", "👨‍👩‍👧‍👦", "e\u0301", "🇨🇳", "\u3000", "”", "…", "\t", "x y",
		}), 0, 80).Draw(t, "parts")
		text, limit := strings.Join(parts, ""), rapid.IntRange(1, 60).Draw(t, "limit")
		pieces, whole := cutText(text, limit, 1<<20)
		if err := checkCut(text, limit, pieces); err != nil || !whole {
			t.Fatalf("%q at %d: %v", text, limit, err)
		}
	})
}

func FuzzCutText(f *testing.F) {
	for _, text := range []string{"你好。今天 天气\n\n很好", "```go\nfunc main() {}\n```\nend", "\xff\xfe a b", "e\u0301\u0301\u0301 👨‍👩‍👧‍👦", "~~~~\n\n\n~~~~~ x", "   \n  ```\n", "0\u2007"} {
		f.Add(text, uint8(7))
		f.Add(text, uint8(30))
		f.Add(text, uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, limit uint8) {
		pieces, whole := cutText(text, int(limit)+1, 1<<20)
		if err := checkCut(text, int(limit)+1, pieces); err != nil || !whole {
			t.Errorf("%q at %d: %v", text, int(limit)+1, err)
		}
	})
}

// Whatever an app sends, the parts are actions again, and nothing but white space and fences gets lost or is added.
func FuzzChunks(f *testing.F) {
	f.Add(`{"message":[{"type":"text","data":{"text":"hello my world"}},{"type":"at","data":{"qq":"1"}}]}`, uint8(4))
	f.Add(`{"message":"[CQ:reply,id=5]hello&amp; my\nworld","auto_escape":false}`, uint8(4))
	f.Add(`{"message":{"type":"text","data":{"text":"\ud83d\ude00\ud83d x"}}}`, uint8(1))
	f.Fuzz(func(t *testing.T, params string, limit uint8) {
		parts, err := Chunks("send_msg", []byte(params), int(limit))
		if err != nil && !errors.Is(err, ErrChunks) {
			t.Fatal(err)
		}
		for _, part := range parts {
			if json.Valid([]byte(params)) && utf8.ValidString(params) && !json.Valid(part) {
				t.Errorf("%s has the part %s", params, part)
			}
			segments := MessageParam(part)
			if len(segments) == 0 || segments[0] != '[' || CheckSend("send_msg", part) != nil && CheckSend("send_msg", []byte(params)) == nil {
				t.Errorf("%s has the part %s", params, part)
			}
		}
	})
}
