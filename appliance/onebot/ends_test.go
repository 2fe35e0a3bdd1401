package onebot

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// endsOf cuts a frame as a link does that keeps n bytes of each end.
func endsOf(frame string, n int) (head, tail []byte) {
	n = min(n, len(frame))
	return []byte(frame[:n]), []byte(frame[len(frame)-n:])
}

func TestFault_T02_EchoAtEnds(t *testing.T) {
	filler := strings.Repeat(`A/+9`, 10_000)
	evil := strings.Repeat(`\",\"echo\":\"evil\"}`, 2_000)
	nested := strings.Repeat(`,{"echo":"inner"}`, 2_000)
	slashes := strings.Repeat(`\\`, 10_000)
	for _, c := range []struct{ name, frame, want string }{
		{"NoneBot: behind params", `{"action": "send_msg", "params": {"message": "` + filler + `"}, "echo": "17"}`, `"17"`},
		{"aiocqhttp: an object", `{"action":"send_msg","params":{"message":"` + filler + `"},"echo":{"seq":17}}`, `{"seq":17}`},
		{"a number", `{"action":"a","params":{"x":"` + filler + `"},"echo":17}`, `17`},
		{"other numbers", `{"action":"a","params":{"x":"` + filler + `"},"echo":-1.5e+7}`, `-1.5e+7`},
		{"null", `{"action":"a","params":{"x":"` + filler + `"},"echo":null}`, `null`},
		{"an array", `{"action":"a","params":{"x":"` + filler + `"},"echo":[1,"]}",{"a":[]}]}`, `[1,"]}",{"a":[]}]`},
		{"quotes and slashes", `{"action":"a","params":{"x":"` + filler + `"},"echo":"a\\\"b\\"}`, `"a\\\"b\\"`},
		{"escapes stay as they are", `{"action":"a","params":{"x":"` + filler + `"},"echo":"\u0041"}`, `"\u0041"`},
		{"an escaped key", `{"action":"a","params":{"x":"` + filler + `"},"\u0065cho":1}`, `1`},
		{"before other keys", `{"params":{"x":"` + filler + `"},"echo":"k","self_id":10001,"action":"a","b":true,"c":{"echo":2}}`, `"k"`},
		{"at the start", `{"echo":"s","action":"a","params":{"x":"` + filler + `"}}`, `"s"`},
		{"at the start, a number", `{"echo":3,"action":"a","params":{"x":"` + filler + `"}}`, `3`},
		{"twice", `{"echo":"first","action":"a","params":{"x":"` + filler + `"},"echo":"last"}`, `"last"`},
		{"twice at the start", `{"echo":1,"echo":2,"params":{"x":"` + filler + `"}}`, `2`},
		{"white space", " \n{ \"echo\" : 5 , \"params\" : \"" + filler + "\" , \"echo\"\t:\r\n{ \"seq\" : 1 } }\n ", `{ "seq" : 1 }`},
		{"no white space to stop at", `{"params":"` + filler + `","echo":false}`, `false`},
		{"characters", `{"params":"` + filler + `","echo":"回声"}`, `"回声"`},
		{"a response", `{"status":"ok","retcode":0,"data":["` + filler + `"],"message":"","wording":"","echo":"c-7-1","stream":"normal-action"}`, `"c-7-1"`},

		{"none", `{"action":"a","params":{"x":"` + filler + `"}}`, ``},
		{"text in a string", `{"action":"a","params":{"x":"` + evil + `"}}`, ``},
		{"text in the last string", `{"action":"a","params":"` + evil + `"}`, ``},
		{"text in a string, and a real one", `{"action":"a","params":"` + evil + `","echo":"real"}`, `"real"`},
		{"text at the start", `{"action":"\",\"echo\":1,\"b\":\"","params":"` + filler + `"}`, ``},
		{"nested objects", `{"action":"a","params":{"x":[1` + nested + `],"echo":"inner"}}`, ``},
		{"nested, and a real one", `{"action":"a","params":{"x":[1` + nested + `],"echo":"inner"},"echo":"real"}`, `"real"`},
		{"nested at the start", `{"params":{"echo":1,"x":"` + filler + `"}}`, ``},
		{"the value of another key", `{"params":"` + filler + `","b":"echo"}`, ``},
		{"a longer key", `{"params":"` + filler + `","no\"echo":1}`, ``},
		{"slashes to the border", `{"params":"` + slashes + `","b":1}`, ``},
		{"slashes, and a real one", `{"params":"` + slashes + `","echo":1}`, `1`},
		{"in the middle", `{"a":"` + filler + `","echo":1,"b":"` + filler + `"}`, ``},
		{"too long", `{"a":1,"echo":"` + filler + `"}`, ``},
		{"a number that is cut", `{"a":"` + strings.Repeat("x", 4096-16) + `","echo":12345,"b":"` + filler + `"}`, ``},
		{"an array", `[{"x":"` + filler + `","echo":1}]`, ``},
		{"no JSON at the start", `hello {"x":"` + filler + `","echo":1}`, ``},
		{"broken at the start", `{"a":1,,"x":"` + filler + `","echo":1}`, ``},
		{"broken at the end", `{"x":"` + filler + `","echo":1,}`, ``},
		{"cut off", `{"x":"` + filler + `","echo":1`, ``},
		{"bad number", `{"x":"` + filler + `","echo":01}`, ``},
		{"bad word", `{"x":"` + filler + `","echo":nil}`, ``},
		{"bad key", `{"x":"` + filler + `",echo:1}`, ``},
		{"bad string", `{"x":"` + filler + `","echo":"\x"}`, ``},
		{"bad bracket", `{"x":"` + filler + `","echo":[1}}`, ``},
		{"not UTF-8", `{"x":"` + filler + "\",\"echo\":\"\xff\"}", ``},
		{"too deep", `{"x":"` + filler + `","echo":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, ``},
		{"empty", ``, ``},
		{"one brace", `}`, ``},
	} {
		got, ok := EchoAtEnds(endsOf(c.frame, 4096))
		if ok != (c.want != "") || ok && string(got) != c.want {
			t.Errorf("%s: echo %s, %t; want %s", c.name, got, ok, c.want)
		}
	}
}

// The ends may be all of the frame, or overlap.
func TestEchoAtEndsOfShortFrames(t *testing.T) {
	for _, frame := range lines(t, "actions.jsonl") {
		var a Action
		if err := PeekAction(frame, &a); err != nil {
			continue
		}
		got, ok := EchoAtEnds(frame, frame)
		if ok != (a.Echo != nil) || ok && !bytes.Equal(got, a.Echo) {
			t.Errorf("%s: echo %s, %t", frame, got, ok)
		}
		if name := ActionAtStart(frame); name != a.Name {
			t.Errorf("%s: action %q", frame, name)
		}
		if n := len(frame) * 2 / 3; a.Echo != nil {
			if got, ok := EchoAtEnds(frame[:n], frame[len(frame)-n:]); ok && !bytes.Equal(got, a.Echo) {
				t.Errorf("%s: echo %s from overlapping ends", frame, got)
			}
		}
	}
}

func TestActionAtStart(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{`{"action":"send_msg","params":{"message":"AAAA`, "send_msg"},
		{`{"echo":1,"params":{"action":"inner"},"action":"\u0061"`, "a"},
		{`{"params":{"action":"inner","x":"AAAA`, ""},
		{`{"action":"send_m`, ""},
		{`{"action":7,"x":"`, ""},
		{`{"x":"\"action\":\"b\"`, ""},
		{`["action","b"`, ""},
		{`{"action":"a"}}`, ""},
		{``, ""},
	} {
		if got := ActionAtStart([]byte(c.head)); got != c.want {
			t.Errorf("%s: %q; want %q", c.head, got, c.want)
		}
	}
}

// topEchoes are the values of each "echo" of a frame's own object, by encoding/json's decoder.
func topEchoes(frame []byte) (out [][]byte) {
	dec := json.NewDecoder(bytes.NewReader(frame))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil
		}
		if key == "echo" {
			out = append(out, value)
		}
	}
	return out
}

// Wherever a frame is cut, what is found is a top-level echo of it, and of all of it the last one. What is found in
// anything else is still one JSON value.
func FuzzEchoAtEnds(f *testing.F) {
	addSamples(f, func(frame []byte) {
		f.Add(frame, uint16(40))
		f.Add(frame, uint16(len(frame)))
	})
	f.Add([]byte(`{"a":"\",\"echo\":1}","b":"\\","echo":{"c":"}"}}`), uint16(30))
	f.Add([]byte(`{"echo":1,"a":[{"echo":2}],"echo":3,"b":4}`), uint16(12))
	f.Add([]byte(`{"a":"\\\\\\\"","echo":"\\\\"}`), uint16(17))
	f.Fuzz(func(t *testing.T, frame []byte, n uint16) {
		head, tail := endsOf(string(frame), int(n))
		got, ok := EchoAtEnds(head, tail)
		name := ActionAtStart(head)
		if ok && (!json.Valid(got) || !utf8.Valid(got) || len(got) > int(n)) {
			t.Fatalf("%q, %d at each end: echo %q", frame, n, got)
		}
		members, valid := slowMembers(frame)
		if !valid || !utf8.Valid(frame) {
			return
		}
		all := topEchoes(frame)
		if ok && !slices.ContainsFunc(all, func(e []byte) bool { return bytes.Equal(e, got) }) {
			t.Fatalf("%q, %d at each end: echo %q is none of %q", frame, n, got, all)
		}
		if int(n) < len(frame) {
			return
		}
		if ok != (len(all) > 0) || ok && !bytes.Equal(got, all[len(all)-1]) {
			t.Fatalf("%q: echo %q, %t; want the last of %q", frame, got, ok, all)
		}
		if want := slowString(members["action"]); name != want {
			t.Fatalf("%q: action %q; want %q", frame, name, want)
		}
	})
}
