package json5

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func compact(t *testing.T, v *Value) string {
	t.Helper()
	var out any
	text := v.AppendJSON(nil)
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`null`, `null`}, {` true `, `true`}, {"\ufeff1", `1`}, {`+1`, `1`}, {`-1`, `-1`}, {`.5`, `0.5`}, {`5.`, `5.0`}, {`5.e1`, `5.0e1`}, {`-.5e-3`, `-0.5e-3`},
		{`0xFF`, `255`}, {`-0x10`, `-16`}, {`0xffffffffffffffff`, `18446744073709551615`}, {`1e400`, `1e400`},
		{`'it\'s'`, `"it's"`}, {`"a\x41\u0042\v\0"`, `"aAB\u000b\u0000"`}, {`"\ud83d\ude00"`, `"😀"`}, {`"\ud83dx"`, `"�x"`}, {`"\A"`, `"A"`}, {"\"a\\\nb\"", `"ab"`}, {"'a\\\r\nb'", `"ab"`},
		{`{a:1,'b':2,"c":3,}`, `{ "a": 1, "b": 2, "c": 3 }`}, {`{$_é1:[]}`, `{ "$_é1": [] }`}, {`[1,[2,],{},]`, `[ 1, [ 2 ], {} ]`}, {`[]`, `[]`},
		{"/* a */ [1, // b\n2 /* c\n*/ ]// d", `[ 1, 2 ]`}, {`"<&>"`, `"<&>"`},
	} {
		v, err := Parse([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if c.in == "1e400" { // encoding/json has no such number, JSON has
			if got := string(v.AppendJSON(nil)); got != c.want {
				t.Errorf("%s: got %s", c.in, got)
			}
			continue
		}
		if got := compact(t, v); got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "1:1: expected a value, found the end of the file"},
		{"{", "1:2: expected a name or }, found the end of the file"},
		{"{a", "1:3: expected : after a name, found the end of the file"},
		{"{a:1 b:2}", "1:6: expected , or }, found 'b'"},
		{"[1 2]", "1:4: expected , or ], found '2'"},
		{"[,]", "1:2: expected a value, found ','"},
		{"{,}", "1:2: expected a name or }, found ','"},
		{"1 2", "1:3: expected the end of the file, found '2'"},
		{"\n 'a\n'", "2:2: this text is never closed: add '"},
		{"/* x", "1:1: this comment is never closed: add */"},
		{"[abc]", "1:2: expected a value, found \"abc\": text needs quotes"},
		{"01", "1:1: expected a value, found \"01\": text needs quotes"},
		{"--1", "1:1: expected a value, found \"--1\": text needs quotes"},
		{"+-1", "1:1: expected a value, found \"+-1\": text needs quotes"},
		{"0x", "1:1: expected a value, found \"0x\": text needs quotes"},
		{"NaN", "1:1: expected a value, found \"NaN\": text needs quotes"},
		{`"\u00g0"`, "1:2: expected 4 hexadecimal digits after \\u"},
		{`"\1"`, "1:2: JSON5 has no escape \\1"},
		{"\xff", "1:1: the file is not UTF-8 text"},
		{strings.Repeat("[", MaxDepth+1), "1:129: more than 128 levels deep"},
	} {
		_, err := Parse([]byte(c.in))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.in, err, c.want)
		}
	}
}

func TestPositions(t *testing.T) {
	v, err := Parse([]byte("{\n  'a': 1, // 猫\n  猫: [ 2,\r\n 3]}"))
	if err != nil {
		t.Fatal(err)
	}
	got := [][2]int{}
	for _, m := range v.Members {
		got = append(got, [2]int{m.Line, m.Column}, [2]int{m.Value.Line, m.Value.Column})
	}
	last := v.Members[1].Value.Items[1]
	got = append(got, [2]int{last.Line, last.Column})
	if diff := cmp.Diff([][2]int{{2, 3}, {2, 8}, {3, 3}, {3, 6}, {4, 2}}, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}

func TestGetAndSet(t *testing.T) {
	v, err := Parse([]byte(`{a:1,b:2}`))
	if err != nil {
		t.Fatal(err)
	}
	v.Set("a", &Value{Kind: Bool, Text: "true"})
	v.Set("c", nil)
	if got := compact(t, v); got != `{ "a": true, "b": 2, "c": null }` {
		t.Errorf("got %s", got)
	}
	if v.Get("x").Get("y") != nil || v.Get("b").Text != "2" {
		t.Error("Get of an absent member is not nil")
	}
}

// FuzzParse: no panic; what is accepted is written as JSON that reads as the same value; all JSON is accepted.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{a:1,'b':[.5,0x1F,-1.e3],}`, `"\ud83d\ude00\x00"`, "/*", "// x", `{"a":{"b":null}}`, "[1,2", `'\`, `"\u12`, "+.", "-", "0xg"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err != nil {
			if json.Valid(data) && !strings.Contains(err.Error(), "levels deep") && !strings.Contains(err.Error(), "UTF-8") {
				t.Fatalf("JSON is refused: %v", err)
			}
			return
		}
		text := v.AppendJSON(nil)
		if !json.Valid(text) {
			t.Fatalf("%q was written as %q, which is no JSON", data, text)
		}
		again, err := Parse(text)
		if err != nil || string(again.AppendJSON(nil)) != string(text) {
			t.Fatalf("%q reads as something else: %v", text, err)
		}
	})
}
