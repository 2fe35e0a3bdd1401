package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSet(t *testing.T) {
	for _, c := range []struct {
		name, in, path string
		value          bool
		out            string // "" = refused
	}{
		{"a switch that is there", "groups:\n  \"1\": {enabled: true} # mine\n", "groups.1.enabled", false, "groups:\n  \"1\": {enabled: false} # mine\n"},
		{"it is so already", "groups:\n  1:\n    enabled: true # mine\n", "groups.1.enabled", true, "groups:\n  1:\n    enabled: true # mine\n"},
		{"a word in quotes", "groups: {'1': {enabled: 'yes'}}\n", "groups.1.enabled", false, "groups: {'1': {enabled: false}}\n"},
		{"from the environment", "debug: ${DEBUG} # see unit\n", "debug", true, "debug: true # see unit\n"},
		{"a second key of a group", "groups:\n  \"1\":\n    enabled: true\n    # after\n\n# apps\napps: {}\n", "groups.1.requireMention", false,
			"groups:\n  \"1\":\n    enabled: true\n    # after\n    requireMention: false\n\n# apps\napps: {}\n"},
		{"a second group", "groups:\n    \"1\":\n        enabled: true\napps: {}\n", "groups.2.enabled", true,
			"groups:\n    \"1\":\n        enabled: true\n    \"2\":\n      enabled: true\napps: {}\n"},
		{"the first group", "wsPort: 3001\napps: {}\n", "groups.2.enabled", true, "wsPort: 3001\napps: {}\ngroups:\n  \"2\":\n    enabled: true\n"},
		{"no line end", "wsPort: 3001", "groups.2.enabled", true, "wsPort: 3001\ngroups:\n  \"2\":\n    enabled: true"},
		{"lines of Windows", "wsPort: 3001\r\ndebug: true\r\n", "groups.2.enabled", true, "wsPort: 3001\r\ndebug: true\r\ngroups:\r\n  \"2\":\r\n    enabled: true\r\n"},
		{"an empty map", "groups: {}\n", "groups.2.enabled", true, "groups: {\"2\": {\"enabled\": true}}\n"},
		{"an empty value", "groups: # none yet\napps: {}\n", "groups.2.enabled", true, "groups: {\"2\": {\"enabled\": true}} # none yet\napps: {}\n"},
		{"a null", "groups: ~ # none\n", "groups.2.enabled", true, "groups: {\"2\": {\"enabled\": true}} # none\n"},
		{"a group that is empty", "groups: {\"2\": }\n", "groups.2.enabled", true, "groups: {\"2\": {\"enabled\": true} }\n"},
		{"another in brackets", "groups: {\"1\": {}, /* c */ }\n", "groups.2.enabled", true, "groups: {\"2\": {\"enabled\": true}, \"1\": {}, /* c */ }\n"},
		{"text below", "systemPrompt: |\n  one\n\n  # two\n", "debug", true, "systemPrompt: |\n  one\n\n  # two\ndebug: true\n"},
		{"a list at the same depth", "owners:\n- 1\n- 2\n# end\n", "debug", true, "owners:\n- 1\n- 2\ndebug: true\n# end\n"},
		{"brackets over lines", "apps: {\n}\n", "debug", true, "debug: true\napps: {\n}\n"},
		{"an account of its own", "accounts:\n  bot1:\n    groups: {\"5\": {enabled: false}}\n  bot2: {}\n", "accounts.bot1.groups.5.enabled", true,
			"accounts:\n  bot1:\n    groups: {\"5\": {enabled: true}}\n  bot2: {}\n"},
		{"JSON5", "{\n  // door\n  wsPort: 3001,\n  'groups': {'1': {enabled: true,},},\n}\n", "groups.1.requireMention", false,
			"{\n  // door\n  wsPort: 3001,\n  'groups': {'1': {\"requireMention\": false, enabled: true,},},\n}\n"},
		{"JSON5 over lines", "{\n  // door\n  wsPort: 3001,\n}\n", "groups.1.enabled", true, "{\n  // door\n  \"groups\": {\"1\": {\"enabled\": true}},\n  wsPort: 3001,\n}\n"},
		{"an empty object", "{}", "debug", true, "{\"debug\": true}"},
		{"Chinese before it", "name: 猫门 # 机器人\ngroups: {\"1\": {systemPrompt: \"你好，世界\", enabled: true}}\n", "groups.1.enabled", false,
			"name: 猫门 # 机器人\ngroups: {\"1\": {systemPrompt: \"你好，世界\", enabled: false}}\n"},
		{"a byte order mark", "\ufeffdebug: false\n", "debug", true, "\ufeffdebug: true\n"},
		{"a key that is a word of YAML", "accounts:\n  a: {}\n", "accounts.on.debug", true, "accounts:\n  a: {}\n  \"on\":\n    debug: true\n"},
		{"through a list", "groups: [1]\n", "groups.1.enabled", true, ""},
		{"in place of a map", "debug: {a: 1}\n", "debug", true, ""},
		{"twice the same key", "debug: true\ndebug: true\n", "debug", false, ""},
		{"an alias", "a: &x {b: 1}\nc: *x\n", "c.b", true, ""},
		{"nothing", "# only words\n", "debug", true, ""},
		{"two documents", "debug: true\n---\ndebug: true\n", "debug", false, ""},
		{"no YAML", "debug: [\n", "debug", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := Set([]byte(c.in), strings.Split(c.path, "."), c.value)
			if c.out == "" {
				if err == nil {
					t.Fatalf("it was changed:\n%s", out)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.out, string(out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzSet holds Set to its word: one piece changes, and setting back restores the meaning.
func FuzzSet(f *testing.F) {
	for _, seed := range []string{"groups:\n  \"1\": {enabled: true} # mine\n", "a: |\n  b\nc: ~\n", "{a: [1, 2], // x\n b: {},}", "x:\n- 1\n- 2\n", "accounts:\n  a:\n    groups:\n"} {
		f.Add([]byte(seed), "groups", "1", "enabled", true)
		f.Add([]byte(seed), "a", "b", "c", false)
	}
	f.Fuzz(func(t *testing.T, data []byte, one, two, three string, value bool) {
		path := []string{one, two, three}
		out, err := Set(data, path, value)
		if err != nil {
			if errors.Is(err, ErrNotEditable) && out != nil {
				t.Error("a refusal has a result")
			}
			return
		}
		prefix, suffix := 0, 0
		for prefix < len(data) && prefix < len(out) && data[prefix] == out[prefix] {
			prefix++
		}
		for suffix < len(data)-prefix && suffix < len(out)-prefix && data[len(data)-1-suffix] == out[len(out)-1-suffix] {
			suffix++
		}
		// What went is one scalar at most: what it replaced has no line end unless it was in quotes.
		if gone := data[prefix : len(data)-suffix]; bytes.ContainsAny(gone, "#") && bytes.Contains(gone, []byte("\n")) {
			t.Errorf("%q was replaced in %q", gone, data)
		}
		again, err := Set(out, path, value)
		if err != nil || !bytes.Equal(again, out) {
			t.Errorf("setting it again: %q, %v", again, err)
		}
		if back, err := Set(out, path, !value); err == nil {
			if third, err := Set(back, path, value); err != nil || !bytes.Equal(third, out) {
				t.Errorf("there and back: %q, %q: %v", out, third, err)
			}
		}
	})
}
