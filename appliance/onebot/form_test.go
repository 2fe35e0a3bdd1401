package onebot

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestForm(t *testing.T) {
	tests := []struct{ name, action, query, want string }{
		{"nothing", "get_status", "", `{}`},
		{"ids", "send_group_msg", "group_id=30003&user_id=20002&message=hi", `{"group_id":30003,"message":"hi","user_id":"20002"}`},
		{"suffix", "set_group_ban_async", "duration=60&group_id=1", `{"duration":60,"group_id":1}`},
		{"a message of digits stays text", "send_msg", "message=123", `{"message":"123"}`},
		{"a message that looks like an array, too", "send_msg", "message=[1]", `{"message":"[1]"}`},
		{"segments", "send_group_msg", `group_id=1&message=[{"type":"face","data":{"id":"14"}}]`, `{"group_id":1,"message":[{"type":"face","data":{"id":"14"}}]}`},
		{"segments that are meant as text", "send_group_msg", `message=[{"type":"face"}]&auto_escape=true`, `{"auto_escape":true,"message":"[{\"type\":\"face\"}]"}`},
		{"objects that are no segments", "send_msg", `message=[{"a":1}]`, `{"message":"[{\"a\":1}]"}`},
		{"CQ code", "send_msg", "message=%5BCQ:at,qq=1%5D%20%22x%22", `{"message":"[CQ:at,qq=1] \"x\""}`},
		{"empty", "send_msg", "user_id=&auto_escape=&message=", `{"auto_escape":"","message":"","user_id":""}`},
		{"booleans", "set_group_add_request", "flag=1&approve=false&reason=no", `{"approve":false,"flag":"1","reason":"no"}`},
		{"in other spellings", "get_group_member_info", "no_cache=YES", `{"no_cache":true}`},
		{"no boolean", "get_group_member_info", "no_cache=maybe", `{"no_cache":"maybe"}`},
		{"a text of digits", "set_group_card", "card=007&group_id=1", `{"card":"007","group_id":1}`},
		{"no canonical number", "set_group_card", "group_id=007&user_id=%2B1", `{"group_id":"007","user_id":"+1"}`},
		{"an id that would be rounded", "get_msg", "message_id=9007199254740993", `{"message_id":"9007199254740993"}`},
		{"a negative id", "get_msg", "message_id=-2147483648", `{"message_id":-2147483648}`},
		{"a number with a fraction", "set_group_add_request", "count=1.5e3", `{"count":1.5e3}`},
		{"no number", "set_group_add_request", "count=NaN", `{"count":"NaN"}`},
		{"self_id", "anything", "self_id=10001&x=10001", `{"self_id":10001,"x":"10001"}`},
		{"unknown action", "no_such", "a=1&b=true", `{"a":"1","b":"true"}`},
		{"twice", "send_like", "user_id=1&user_id=2", `{"user_id":[1,2]}`},
		{"twice, unknown", "no_such", "a=1&a=2", `{"a":["1","2"]}`},
		{"nodes", "send_group_forward_msg", `group_id=1&messages=[{"type":"node"}]`, `{"group_id":1,"messages":[{"type":"node"}]}`},
		{"no nodes", "send_group_forward_msg", `messages=[{"type":`, `{"messages":"[{\"type\":"}`},
		{"two values are no array", "send_group_forward_msg", `messages=[1],"self_id":[2]`, `{"messages":"[1],\"self_id\":[2]"}`},
		{"objects", ".handle_quick_operation", `context={"a":1}&operation={"reply":"x"}`, `{"context":{"a":1},"operation":{"reply":"x"}}`},
		{"list of ids", "set_group_kick_members", "group_id=1&user_id=2&user_id=3", `{"group_id":1,"user_id":[2,3]}`},
		{"no UTF-8", "send_msg", "message=%c4%e3", `{"message":"` + "\ufffd\ufffd" + `"}`},
		{"a name with a quote", "send_msg", "a%22b=1", `{"a\"b":"1"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(Form(tt.action, values))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFormBeside(t *testing.T) {
	for _, tt := range []struct{ name, params, query, want string }{
		{"fills", `{ "message" : "x" }`, "group_id=30003&auto_escape=no", `{ "message" : "x","auto_escape":false,"group_id":30003 }`},
		{"fills nothing", `{}`, "group_id=30003", `{"group_id":30003}`},
		{"the body wins", `{"group_\u0069d":1,"user_id":null}`, "group_id=2&user_id=3", `{"group_\u0069d":1,"user_id":null}`},
		{"no query", `{"a":1}`, "", `{"a":1}`},
		{"a name with a quote", `{"a":1}`, "b%22c=2", `{"a":1,"b\"c":"2"}`},
		{"twice", `{"a":1}`, "b=1&b=2", `{"a":1,"b":["1","2"]}`},
	} {
		values, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(FormBeside("send_group_msg", []byte(tt.params), values)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// Every type that the catalogue names is read on purpose: a new one must be put into kind.
func TestFormKnowsTheTypesOfTheCatalogue(t *testing.T) {
	text := map[string]bool{ // stay as they are
		"string": true, "string|null": true, "string|array<string>": true, "array<string>|string": true, "enum(private,group)": true,
		"enum(all,talkative,performer,legend,strong_newbie,emotion)": true, "enum(bili,weibo)": true, "enum(mp3,amr,wma,m4a,spx,ogg,wav,flac)": true,
		"enum(disabled,require_approval,no_approval,no_approval_under_100)": true,
	}
	for _, name := range Names() {
		info, _ := Lookup(name)
		var params map[string]string
		if err := json.Unmarshal(info.Params, &params); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for key, spec := range params {
			types, _, _ := strings.Cut(spec, "/")
			if kind := info.kind(key); (kind == fieldText) != text[types] {
				t.Errorf("%s.%s: %s is read as kind %d", name, key, types, kind)
			}
		}
	}
}

func TestReadBody(t *testing.T) {
	tests := []struct{ body, params, echo, fault string }{
		{"", "", "", ""},
		{" \r\n", "", "", ""},
		{"null", "", "", ""},
		{" null ", "", "", ""},
		{" {} ", "{}", "", ""},
		{`{"a":1,"echo":{"seq":1}}`, `{"a":1,"echo":{"seq":1}}`, `{"seq":1}`, ""},
		{`{"echo":1,"ec\u0068o":"2"}`, `{"echo":1,"ec\u0068o":"2"}`, `"2"`, ""},
		{`{"echo":null}`, `{"echo":null}`, "null", ""},
		{"[]", "", "", "the frame is not a JSON object"},
		{"1", "", "", "the frame is not a JSON object"},
		{"nul", "", "", "the frame is not valid JSON: byte 3"},
		{"null null", "", "", "the frame is not valid JSON: byte 5"},
		{"{}{}", "", "", "the frame is not valid JSON: byte 2"},
		{`{},"action":"x"`, "", "", "the frame is not valid JSON: byte 2"},
		{`{"a":}`, "", "", "the frame is not valid JSON: byte 5"},
		{"{a:1}", "", "", "the frame is not valid JSON: byte 1"},
		{`{"a":` + strings.Repeat("[", 1000), "", "", "the frame nests deeper than 128 levels"},
	}
	for _, tt := range tests {
		t.Run(tt.body[:min(len(tt.body), 30)], func(t *testing.T) {
			got, err := ReadBody([]byte(tt.body))
			fault := ""
			if err != nil {
				fault = err.Error()
			}
			if string(got.Params) != tt.params || string(got.Echo) != tt.echo || fault != tt.fault {
				t.Errorf("params %s, echo %s, %v", got.Params, got.Echo, err)
			}
		})
	}
}

// What Form makes is an object that every part of catflap reads, with the texts that went in.
func FuzzForm(f *testing.F) {
	for _, seed := range [][2]string{
		{"send_group_msg", "group_id=30003&message=%5BCQ:at,qq=1%5D&auto_escape=1"},
		{"send_group_forward_msg", `messages=[{"type":"node"}]&messages=[`},
		{"set_group_add_request", "approve=false&count=1e9&count=-0&reason=%c4%e3"},
		{"set_group_kick_members", "user_id=[1,2]&self_id=99999999999999999999"},
		{"no_such", "a=%00&a=%22,%22self_id%22:1&=x"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		params := Form(name, values)
		var got map[string]any
		if err := json.Unmarshal(params, &got); err != nil {
			t.Fatalf("%s: %v", params, err)
		}
		body, err := ReadBody(params)
		if err != nil || string(body.Params) != string(params) {
			t.Fatalf("%s is read as %s: %v", params, body.Params, err)
		}
		var a Action
		if err := PeekAction(AppendAction(nil, "x"+name, params, nil), &a); err != nil {
			t.Fatalf("%s: %v", params, err)
		}
		base, _ := Normalise(name)
		info, _ := Lookup(base)
		for key, texts := range values {
			if !utf8.ValidString(key) {
				continue
			}
			v, ok := got[key]
			if !ok {
				t.Fatalf("%s lacks %q", params, key)
			}
			if info.kind(key) != fieldText || len(texts) != 1 || !utf8.ValidString(texts[0]) {
				continue
			}
			if v != texts[0] {
				t.Fatalf("%q became %v", texts[0], v)
			}
		}
	})
}

func FuzzReadBody(f *testing.F) {
	for _, seed := range []string{"", "null", `{"a":1,"echo":{"seq":1}}`, `{},"action":"x"`, `{"echo":`, "[]", "\ufeff{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ReadBody(body)
		if err != nil {
			return
		}
		if got.Params != nil && !json.Valid(got.Params) {
			t.Fatalf("%q passed", got.Params)
		}
		// It cannot reach beyond its place in a frame.
		var a Action
		if err := PeekAction(AppendAction(nil, "name", got.Params, got.Echo), &a); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if a.Name != "name" || string(a.Params) != string(got.Params) || string(a.Echo) != string(got.Echo) {
			t.Fatalf("%q is read as %s %s %s", body, a.Name, a.Params, a.Echo)
		}
	})
}
