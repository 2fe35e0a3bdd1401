package command

import (
	"encoding/json"
	"testing"
)

func TestParameter(t *testing.T) {
	texts := map[string]string{
		"user_id":      "number|string/required",
		"count":        "number(ms)/optional",
		"card":         "string/optional",
		"enable":       "boolean/optional(default true)",
		"approve":      "boolean|string/optional",
		"message":      "message/required",
		"messages":     "array<node>/required",
		"operation":    "object/required",
		"users":        "string|array<string>/optional",
		"message_type": "enum(private,group)/optional",
	}
	specs := make(map[string]spec)
	for name, text := range texts {
		specs[name] = parseSpec(text)
	}
	for _, c := range []struct{ arg, key, want, fails string }{
		{arg: "user_id=20002", key: "user_id", want: "20002"},
		{arg: "user_id=abc", key: "user_id", want: `"abc"`},
		{arg: "user_id=007", key: "user_id", want: `"007"`},
		{arg: "user_id=-5", key: "user_id", want: "-5"},
		{arg: "user_id=-", key: "user_id", want: `"-"`},
		{arg: "user_id=0", key: "user_id", want: "0"},
		{arg: "user_id=1.5", key: "user_id", want: `"1.5"`},
		{arg: "user_id=12345678901234567890", key: "user_id", want: `"12345678901234567890"`},
		{arg: "count=600", key: "count", want: "600"},
		{arg: "count=many", fails: `count must be a number, not "many"`},
		{arg: "card=123", key: "card", want: `"123"`},
		{arg: "card=true", key: "card", want: `"true"`},
		{arg: "card=", key: "card", want: `""`},
		{arg: "card=a=b", key: "card", want: `"a=b"`},
		{arg: "card=<b>&\"", key: "card", want: `"<b>&\""`},
		{arg: "enable=true", key: "enable", want: "true"},
		{arg: "enable=yes", fails: `enable must be true or false, not "yes"`},
		{arg: "approve=false", key: "approve", want: "false"},
		{arg: "approve=0", key: "approve", want: `"0"`},
		{arg: "message=hello", key: "message", want: `"hello"`},
		{arg: "message=123", key: "message", want: `"123"`},
		{arg: `message=[{"type":"face"}]`, key: "message", want: `"[{\"type\":\"face\"}]"`},
		{arg: `message={"a":1}`, key: "message", want: `"{\"a\":1}"`},
		{arg: `message=[1, 2]`, key: "message", want: `"[1, 2]"`},
		{arg: "message=[笑] hi", key: "message", want: `"[笑] hi"`},
		{arg: `message:=[1]`, key: "message", want: "[1]"},
		{arg: `message:=[`, fails: "the value of message is not JSON"},
		{arg: "messages=x", fails: `messages must be JSON (array<node>), not "x"`},
		{arg: `operation={"a":1}`, key: "operation", want: `{"a":1}`},
		{arg: "users=a", key: "users", want: `"a"`},
		{arg: "message_type=group", key: "message_type", want: `"group"`},
		{arg: "unlisted=5", key: "unlisted", want: "5"},
		{arg: "unlisted=true", key: "unlisted", want: "true"},
		{arg: "unlisted=text", key: "unlisted", want: `"text"`},
		{arg: "nothing", fails: `"nothing" is not key=value`},
		{arg: "=5", fails: `"=5" is not key=value`},
		{arg: ":=5", fails: `":=5" is not key=value`},
	} {
		key, value, err := parameter(c.arg, specs)
		if c.fails != "" {
			if err == nil || err.Error() != c.fails {
				t.Errorf("parameter(%q) fails with %v, want %q", c.arg, err, c.fails)
			}
			continue
		}
		if err != nil || key != c.key || string(value) != c.want {
			t.Errorf("parameter(%q) = %s, %s, %v; want %s, %s", c.arg, key, value, err, c.key, c.want)
		}
	}
}

// Whatever is typed becomes JSON or an error.
func FuzzParameter(f *testing.F) {
	for _, seed := range []string{"user_id=20002", "message=[笑]", "message:=[1]", "a:=", "=", "x=007", "x=\xff", "b=true"} {
		f.Add(seed, "number|string/required")
		f.Add(seed, "boolean/optional")
		f.Add(seed, "message/required")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, arg, text string) {
		specOf := parseSpec(text)
		key, value, err := parameter(arg, map[string]spec{"user_id": specOf, "message": specOf, "x": specOf, "b": specOf})
		if err != nil {
			return
		}
		if key == "" || !json.Valid(value) {
			t.Errorf("parameter(%q) under %q = %q, %s", arg, text, key, value)
		}
	})
}
