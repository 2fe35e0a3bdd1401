package onebot

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// The right side is what node prints for JSON.stringify(JSON.parse(x)).
var stringifiedCases = []struct{ in, want string }{
	{`{"a":"<&> 猫 \n \" \\"}`, `{"a":"<&> 猫 \n \" \\"}`},
	{" { \"a\" :\t[ 1 , 2 ]\r\n} ", `{"a":[1,2]}`},
	{`{"a":"\u732b\u003c\/ \u002F"}`, `{"a":"猫</ /"}`},
	{`{"\u0061":"x y"}`, `{"a":"x y"}`},
	{`{"a":"\ud83d\ude00"}`, `{"a":"😀"}`},
	{`{"a":"\uD83D \ude00\uD83D\uD83D\ude00"}`, `{"a":"\ud83d \ude00\ud83d😀"}`},
	{`{"a":"\u0022\u005c\u000a\u0008\u001F\u007f\u2028"}`, "{\"a\":\"\\\"\\\\\\n\\b\\u001f\x7f\u2028\"}"},
	{`""`, `""`},
	{``, ``},
}

func TestStringified(t *testing.T) {
	for _, c := range stringifiedCases {
		in := []byte(c.in)
		got := Stringified(in)
		if string(got) != c.want || string(in) != c.in {
			t.Errorf("%s became %s, want %s", c.in, got, c.want)
		}
		if c.in == c.want && len(in) > 0 && &got[0] != &in[0] {
			t.Errorf("%s was copied", c.in)
		}
	}
}

// Nothing but the spelling changes, and a second time nothing does.
func FuzzStringified(f *testing.F) {
	for _, c := range stringifiedCases {
		f.Add([]byte(c.in))
	}
	addSamples(f, func(frame []byte) { f.Add(frame) })
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := Stringified(raw)
		if !json.Valid(raw) || !utf8.Valid(raw) {
			return
		}
		if !json.Valid(got) || !bytes.Equal(Stringified(got), got) {
			t.Fatalf("%q became %q", raw, got)
		}
		var before, after any
		if json.Unmarshal(raw, &before) == nil && (json.Unmarshal(got, &after) != nil || !reflect.DeepEqual(before, after)) {
			t.Fatalf("%q became %q, which is something else", raw, got)
		}
	})
}
