package onebot

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"
)

var standardCases = []struct{ name, in, want string }{
	{"set_group_ban", `{"group_id":1,"user_id":2}`, `{"group_id":1,"user_id":2,"duration":1800}`},
	{"set_group_ban_async", `{ "group_id" : 1 }`, `{ "group_id" : 1,"duration":1800 }`},
	{"set_group_ban", `{"duration":0,"group_id":1}`, `{"duration":0,"group_id":1}`},
	{"set_group_ban", `{"d\u0075ration":5}`, `{"d\u0075ration":5}`},
	{"set_group_ban", `{"duration":null,"group_id":1}`, `{"group_id":1,"duration":1800}`},
	{"set_group_ban", ``, `{"duration":1800}`},
	{"set_group_ban", `{}`, `{"duration":1800}`},
	{"set_group_admin", `{"group_id":"1","user_id":2}`, `{"group_id":"1","user_id":2,"enable":true}`},
	{"set_group_admin", `{"enable":false}`, `{"enable":false}`},
	{"get_group_member_info", `{"group_id":1}`, `{"group_id":1,"no_cache":false}`},
	{"set_group_whole_ban", `{"group_id":1}`, `{"group_id":1}`},
	{"set_group_card", `{"group_id":1, "card":null ,"user_id":2}`, `{"group_id":1 ,"user_id":2}`},
	{"set_group_card", `{"a":null,"b":null}`, `{}`},
	{"set_group_card", `{"group_id":1,"data":{"x":null}}`, `{"group_id":1,"data":{"x":null}}`},
	{"set_group_add_request", `{"flag":"f","reason":null,"approve":null}`, `{"flag":"f","reason":null}`},
	{"set_group_add_request", `{"flag":"f", "approve":0}`, `{"flag":"f", "approve":false}`},
	{"set_friend_add_request", `{"approve":"no","flag":"f"}`, `{"approve":false,"flag":"f"}`},
	{"set_friend_add_request_async", `{"appro\u0076e":"False"}`, `{"appro\u0076e":false}`},
	{"set_friend_add_request", `{"approve":"YES"}`, `{"approve":true}`},
	{"set_friend_add_request", `{"approve":1}`, `{"approve":true}`},
	{"set_friend_add_request", `{"approve":false}`, `{"approve":false}`},
	{"set_group_card", `{"approve":0}`, `{"approve":0}`},
	{"set_group_whole_ban", `{"group_id":0,"enable":"no"}`, `{"group_id":0,"enable":false}`},
	{"set_group_whole_ban", `{"enable":"0"}`, `{"enable":false}`},
	{"set_group_admin", `{"enable":"1","user_id":"1"}`, `{"enable":true,"user_id":"1"}`},
	{"set_group_admin", `{"en\u0061ble":1}`, `{"en\u0061ble":true}`},
	{"set_group_kick", `{"reject_add_request":"yes"}`, `{"reject_add_request":true}`},
	{"set_group_kick", `{"reject_add_request":true}`, `{"reject_add_request":true}`},
	{"set_msg_emoji_like", `{"set":"False","emoji_id":"0"}`, `{"set":false,"emoji_id":"0"}`},
	{"get_stranger_info", `{"user_id":1,"no_cache":0}`, `{"user_id":1,"no_cache":false}`},
	{"send_group_msg", `{"group_id":1,"user_id":null,"message":"x"}`, `{"group_id":1,"user_id":null,"message":"x"}`},
	{"not_an_action", `{"x":null}`, `{"x":null}`},
	{"get_status", ``, ``},
}

func TestStandardFillsWhatNapCatTurnsAround(t *testing.T) {
	for _, c := range standardCases {
		in := []byte(c.in)
		got := Standard(c.name, in)
		if string(got) != c.want || string(in) != c.in {
			t.Errorf("%s %s: got %s, want %s", c.name, c.in, got, c.want)
		}
		if c.in == c.want && len(in) > 0 && &got[0] != &in[0] {
			t.Errorf("%s %s: was copied", c.name, c.in)
		}
	}
}

// The result is valid; no member but nulls and the default has changed, and a second time changes nothing.
func FuzzStandard(f *testing.F) {
	for _, c := range standardCases {
		f.Add(c.name, []byte(c.in))
	}
	f.Fuzz(func(t *testing.T, name string, params []byte) {
		got := Standard(name, params)
		if !bytes.Equal(Standard(name, got), got) {
			t.Fatalf("%s %q became %q, then another", name, params, got)
		}
		base, _ := Normalise(name)
		info, _ := Lookup(base)
		before, ok := slowMembers(params)
		if !ok || !utf8.Valid(params) || slowDepth(params) > MaxDepth-2 {
			return
		}
		after, ok := slowMembers(got)
		if !ok || !json.Valid(got) {
			t.Fatalf("%s %q became %q", name, params, got)
		}
		for key, value := range before {
			if _, spelt := Truth(value); string(value) != "null" && !bytes.Equal(after[key], value) && !(spelt && info.kind(key) == fieldBool) {
				t.Errorf("%s %q became %q: %s changed", name, params, got, key)
			}
		}
	})
}

func TestSynonymsAreInTheCatalogueAndAlike(t *testing.T) {
	for _, names := range synonyms {
		effect := ""
		for _, name := range names {
			info, ok := Lookup(name)
			if !ok {
				t.Errorf("the catalogue has no %s", name)
			}
			if effect == "" {
				effect = info.Effect
			}
			if info.Effect != effect {
				t.Errorf("%s has the effect %s, its synonyms %s", name, info.Effect, effect)
			}
			if !slices.Contains(Synonyms(name), names[0]) {
				t.Errorf("%s is not found", name)
			}
		}
	}
	if got := Synonyms("send_msg"); got != nil {
		t.Errorf("send_msg has the synonyms %q", got)
	}
}

func TestMessageOf(t *testing.T) {
	for _, c := range []struct {
		params string
		id     int64
		given  bool
	}{
		{`{"message_id":7}`, 7, true},
		{`{"message_id":"-7","x":1}`, -7, true},
		{`{"message_id":"7541234567890123456"}`, 7541234567890123456, true},
		{`{"message_id":["7"]}`, 0, true},
		{`{"message_id":null}`, 0, false},
		{`{"group_id":1}`, 0, false},
		{``, 0, false},
		{`[]`, 0, false},
	} {
		if id, given := MessageOf([]byte(c.params)); id != c.id || given != c.given {
			t.Errorf("%s: got %d, %t", c.params, id, given)
		}
	}
}
