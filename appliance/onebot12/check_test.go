package onebot12

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// decode reads JSON, numbers kept as they are written.
func decode(t testing.TB, raw []byte) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("no valid JSON: %v: %s", err, raw)
	}
	if dec.More() {
		t.Fatalf("more than one JSON value: %s", raw)
	}
	return v
}

// nested does to data what NoneBot does with everything that it gets: dotted keys become objects. A clash is what ends its
// link.
func nested(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = nested(v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			inner, err := nested(inner)
			if err != nil {
				return nil, err
			}
			parts := strings.Split(name, ".")
			if len(parts) > 2 {
				return nil, fmt.Errorf("%q has two dots", name)
			}
			at := out
			for _, part := range parts[:len(parts)-1] {
				if _, ok := at[part]; !ok {
					at[part] = map[string]any{}
				}
				next, ok := at[part].(map[string]any)
				if !ok {
					return nil, fmt.Errorf("%q clashes with %q", name, part)
				}
				at = next
			}
			last := parts[len(parts)-1]
			if _, taken := at[last]; taken {
				return nil, fmt.Errorf("%q is there twice", name)
			}
			at[last] = inner
		}
		return out, nil
	}
	return v, nil
}

// stringIDs finds ids that are no strings.
func stringIDs(v any, where string) error {
	switch v := v.(type) {
	case []any:
		for i := range v {
			if err := stringIDs(v[i], fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, inner := range v {
			here := where + "." + name
			if isID(strings.TrimPrefix(name, "qq.")) {
				switch inner.(type) {
				case json.Number, nil:
					return fmt.Errorf("%s is %v, no string", here, inner)
				}
			}
			if err := stringIDs(inner, here); err != nil {
				return err
			}
		}
	}
	return nil
}

// needed are the members of standard events that must be there, all strings.
var needed = map[string][]string{
	"message.private":               {"message_id", "alt_message", "user_id"},
	"message.group":                 {"message_id", "alt_message", "user_id", "group_id"},
	"message.channel":               {"message_id", "alt_message", "user_id", "guild_id", "channel_id"},
	"notice.friend_increase":        {"user_id"},
	"notice.private_message_delete": {"message_id", "user_id"},
	"notice.group_member_increase":  {"group_id", "user_id", "operator_id"},
	"notice.group_member_decrease":  {"group_id", "user_id", "operator_id"},
	"notice.group_message_delete":   {"group_id", "message_id", "user_id", "operator_id"},
}

// checkEvent checks what is true of every event.
func checkEvent(t testing.TB, out []byte) {
	t.Helper()
	e, ok := decode(t, out).(map[string]any)
	if !ok {
		t.Fatalf("no object: %s", out)
	}
	text := func(name string) string {
		s, ok := e[name].(string)
		if !ok {
			t.Errorf("%s is %v, no string: %s", name, e[name], out)
		}
		return s
	}
	kind := text("type") + "." + text("detail_type")
	text("sub_type")
	if text("id") == "" {
		t.Errorf("no id: %s", out)
	}
	if n, ok := e["time"].(json.Number); !ok || !strings.Contains(n.String(), ".") {
		t.Errorf("time is %v, no float: %s", e["time"], out)
	}
	if self, ok := e["self"].(map[string]any); !ok || self["platform"] != "qq" || self["user_id"] == "" {
		t.Errorf("self is %v: %s", e["self"], out)
	}
	for _, name := range needed[kind] {
		text(name)
	}
	if strings.HasPrefix(kind, "message.") {
		if _, ok := e["message"].([]any); !ok {
			t.Errorf("message is %v, no list: %s", e["message"], out)
		}
	}
	checkData(t, out)
}

// checkData checks what is true of all that is translated.
func checkData(t testing.TB, out []byte) {
	t.Helper()
	v := decode(t, out)
	if err := stringIDs(v, ""); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := nested(v); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	checkSegments(t, v)
}

func checkSegments(t testing.TB, v any) {
	switch v := v.(type) {
	case []any:
		for _, inner := range v {
			checkSegments(t, inner)
		}
	case map[string]any:
		if list, ok := v["message"].([]any); ok {
			for _, s := range list {
				m, _ := s.(map[string]any)
				kind, _ := m["type"].(string)
				data, ok := m["data"].(map[string]any)
				if kind == "" || !ok || data["type"] != nil {
					t.Errorf("no segment of OneBot 12: %v", s)
				}
				switch kind {
				case "image", "voice", "audio", "video", "file":
					if id, _ := data["file_id"].(string); id == "" || strings.Contains(id, ".") {
						t.Errorf("file_id is %v: %v", data["file_id"], s)
					}
				}
			}
		}
		for _, inner := range v {
			checkSegments(t, inner)
		}
	}
}
