package command

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// spec is what the catalogue says of one parameter, such as "number|string/optional(default 0)".
type spec struct {
	kinds    string // "number|string"
	required bool
	note     string // "default 0"
}

// specsOf reads the catalogue's entry of an action.
func specsOf(info onebot.ActionInfo) (map[string]spec, error) {
	var texts map[string]string
	if err := json.Unmarshal(info.Params, &texts); err != nil {
		return nil, fmt.Errorf("reading the catalogue's entry of %s: %w", info.Name, err)
	}
	out := make(map[string]spec, len(texts))
	for name, text := range texts {
		out[name] = parseSpec(text)
	}
	return out, nil
}

func parseSpec(text string) spec {
	kinds, need, _ := strings.Cut(text, "/")
	word, note, _ := strings.Cut(need, "(")
	return spec{kinds: kinds, required: word == "required", note: strings.TrimSuffix(note, ")")}
}

// has reports whether a kind is among those that the parameter may be.
func (s spec) has(kind string) bool {
	kinds, _, _ := strings.Cut(s.kinds, "(")
	return slices.Contains(strings.Split(kinds, "|"), kind)
}

// structured kinds are written as JSON objects or arrays. A message may also be plain text.
func (s spec) structured() bool {
	return strings.Contains(s.kinds, "array") || strings.Contains(s.kinds, "object") || s.kinds == "message"
}

// options are the values of an enum, nil for other kinds.
func (s spec) options() []string {
	list, ok := strings.CutPrefix(s.kinds, "enum(")
	if !ok {
		return nil
	}
	return strings.Split(strings.TrimSuffix(list, ")"), ",")
}

// counts reports whether a parameter that may be text has to be a whole number all the same: NapCat takes text for a number
// where it takes a number. What is text by its nature is left alone.
func (s spec) counts(name string) bool {
	switch name {
	case "sex", "type", "emoji_id", "package_id":
		return false
	}
	return s.has("number")
}

// whole says which whole number a parameter must be, by its name; "" if the text is that.
func whole(name, text string) string {
	v, err := strconv.ParseInt(text, 10, 64)
	switch name {
	case "user_id", "group_id", "target_id", "friend_id", "target_uins":
		if err != nil || v <= 0 || v > 1<<53-1 {
			return "a QQ or group number"
		}
	case "times", "count", "duration", "timeout", "start", "battery_status", "file_size", "file_count", "file_index", "chunk_size", "chunk_index", "total_chunks":
		if err != nil || v < 0 {
			return "a number of 0 or more"
		}
	}
	if err != nil {
		return "a number"
	}
	return ""
}

// wants says what a value must be; "" if it is that. A number stands for text and a decimal text for a number, as NapCat has it.
func (s spec) wants(name string, value json.RawMessage) string {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return "JSON"
	}
	text, isText := v.(string)
	_, isNumber := v.(float64)
	_, isBool := v.(bool)
	_, isObject := v.(map[string]any)
	list, isArray := v.([]any)
	scalar := isText || isNumber
	number := text
	if isNumber {
		number = string(value)
	}
	switch {
	case v == nil && !s.required:
		return ""
	case s.options() != nil:
		if !slices.Contains(s.options(), strings.Trim(string(value), `"`)) {
			return "one of " + strings.Join(s.options(), ", ")
		}
	case s.kinds == "message":
		if !isText && !isObject && !isArray {
			return "text or segments"
		}
	case s.structured():
		if !(isArray && strings.Contains(s.kinds, "array") || isObject && strings.Contains(s.kinds, "object") || isText && s.has("string")) {
			return "JSON (" + s.kinds + ")"
		}
		return s.wantsOf(name, list)
	case s.has("boolean"):
		if _, known := onebot.Truth(value); !isBool && !known {
			return "true or false"
		}
	case s.counts(name), s.kinds == "number(ms)":
		if !scalar {
			return "a number"
		}
		return whole(name, number)
	case !scalar:
		return "text"
	}
	return ""
}

// wantsOf says what the elements of a list must be; "" if they are that.
func (s spec) wantsOf(name string, list []any) string {
	for _, v := range list {
		text, isText := v.(string)
		number, isNumber := v.(float64)
		_, isObject := v.(map[string]any)
		switch {
		case strings.Contains(s.kinds, "array<number"):
			if isNumber {
				text = strconv.FormatFloat(number, 'f', -1, 64)
			}
			if want := whole(name, text); want != "" {
				return "a list, each of it " + want
			}
		case strings.Contains(s.kinds, "array<string>") && !isText:
			return "a list of texts"
		case (strings.Contains(s.kinds, "array<node>") || strings.Contains(s.kinds, "array<{")) && !isObject:
			return "a list of objects"
		}
	}
	return ""
}

// validate checks all parameters of a call against the catalogue. What is only one of several that the action can do with
// is NapCat's to judge.
func validate(action string, specs map[string]spec, values map[string]json.RawMessage) error {
	names := slices.Sorted(maps.Keys(specs))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		s, ok := specs[key]
		if !ok {
			if key == "self_id" {
				continue // which account: for every action
			}
			hint := "it takes " + strings.Join(names, ", ")
			if len(names) == 0 {
				hint = "it takes none"
			}
			if near := nearest(key, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			return misuse(hint+"\n--unchecked passes on whatever is given", "%s has no parameter %s", action, clean(key))
		}
		if want := s.wants(key, values[key]); want != "" {
			return misuse("`catflap call "+action+" --help` shows what it takes", "%s must be %s, not %s", key, want, shown(values[key]))
		}
	}
	for _, name := range names {
		if _, given := values[name]; given || !specs[name].required {
			continue
		}
		if alias, ok := strings.CutPrefix(specs[name].note, "alias "); ok {
			if _, given := values[alias]; given {
				continue
			}
		}
		return misuse("usage: catflap call "+usage(action, specs), "%s needs %s", action, name)
	}
	return nil
}

// shown is a raw value as an error has it.
func shown(value json.RawMessage) string {
	const most = 60
	text := clean(string(value))
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// ordered lists the parameters: those that must be given first.
func ordered(specs map[string]spec) []string {
	return slices.SortedFunc(maps.Keys(specs), func(a, b string) int {
		if specs[a].required != specs[b].required {
			if specs[a].required {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
}

func usage(action string, specs map[string]spec) string {
	words := []string{action}
	for _, name := range ordered(specs) {
		if specs[name].required {
			words = append(words, name+"=...")
		} else {
			words = append(words, "["+name+"=...]")
		}
	}
	return strings.Join(words, " ")
}
