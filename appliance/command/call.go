package command

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/catflap/catflap/appliance/onebot"
)

// Call performs one OneBot action as the owner and prints NapCat's answer.
func (s *Shell) Call() *cli.Command {
	return data(&cli.Command{
		Name: "call", Usage: "perform a OneBot action and print the answer", ArgsUsage: "ACTION [key=value ...]",
		UsageText: "catflap call ACTION [key=value ...] [key:=JSON ...] [--params JSON|-] [--account A]\n\n" +
			"examples: catflap call get_group_list\n" +
			"          catflap call send_private_msg user_id=20002 message='good morning'\n" +
			"          catflap call set_group_ban group_id=30003 user_id=20009 duration=600\n" +
			"          catflap call send_group_msg group_id=30003 message:='[{\"type\":\"face\",\"data\":{\"id\":\"66\"}}]'",
		Flags: []cli.Flag{accountFlag(), &cli.StringFlag{Name: "params", Usage: "all parameters as one JSON object; - reads it from the input"}},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return exactly(c, "the action")
			}
			action := c.Args().First()
			base, _ := onebot.Normalise(action)
			info, known := onebot.Lookup(base)
			if !known {
				remedy := "the actions are in the documentation of OneBot 11 and NapCat"
				if near := onebot.Nearest(base); near != "" {
					remedy = "did you mean " + near + "?"
				}
				return misuse(remedy, "there is no action %s", clean(action))
			}
			if !info.InNapCat {
				fmt.Fprintln(s.Err, s.paint(s.Err).warn("! NapCat does not have "+base+"; it will refuse it"))
			}
			params, err := s.params(c, info)
			if err != nil {
				return err
			}
			cl, err := s.connect(c, needLive)
			if err != nil {
				return err
			}
			defer cl.close()
			body := struct {
				Account string          `json:"account,omitempty"`
				Action  string          `json:"action"`
				Params  json.RawMessage `json:"params"`
			}{c.String("account"), action, params}
			var answer []byte
			if err := cl.post(c.Context, "call", body, &answer); err != nil {
				return err
			}
			if err := s.printJSON(answer); err != nil {
				return err
			}
			var envelope struct {
				Status string `json:"status"`
			}
			if err := json.Unmarshal(answer, &envelope); err != nil || envelope.Status == "failed" {
				return &failure{code: exitFailed} // the envelope above says why
			}
			return nil
		},
	})
}

// params joins --params and the key=value arguments, which win, into one JSON object.
func (s *Shell) params(c *cli.Context, info onebot.ActionInfo) ([]byte, error) {
	var specs map[string]string // parameter name to description
	if err := json.Unmarshal(info.Params, &specs); err != nil {
		return nil, fmt.Errorf("reading the catalogue's entry of %s: %w", info.Name, err)
	}
	values := make(map[string]json.RawMessage)
	if text := c.String("params"); text != "" {
		if text == "-" {
			all, err := io.ReadAll(io.LimitReader(s.In, 64<<20))
			if err != nil {
				return nil, failed("", "reading the parameters: %v", err)
			}
			text = string(all)
		}
		if err := json.Unmarshal([]byte(text), &values); err != nil || values == nil {
			return nil, misuse(`for example --params '{"user_id": 20002}'`, "--params is not a JSON object")
		}
	}
	for _, arg := range c.Args().Tail() {
		key, value, err := parameter(arg, specs)
		if err != nil {
			return nil, err
		}
		values[key] = value
	}
	names := slices.Sorted(maps.Keys(specs))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if _, ok := specs[key]; ok || len(names) == 0 {
			continue
		}
		hint := "it knows " + strings.Join(names, ", ")
		if near := nearest(key, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		fmt.Fprintln(s.Err, s.paint(s.Err).warn("! "+info.Name+" has no parameter "+clean(key)+"; "+hint))
	}
	for _, name := range names {
		if _, given := values[name]; !given && required(specs[name]) {
			return nil, misuse("usage: catflap call "+usage(info.Name, specs), "%s needs %s", info.Name, name)
		}
	}
	return encode(values)
}

// parameter types one argument by the catalogue's description of it, such as "number|string/required": decimal digits
// where a number may stand, true and false where a boolean may. key:=JSON is taken as it is.
func parameter(arg string, specs map[string]string) (key string, value json.RawMessage, err error) {
	key, text, ok := strings.Cut(arg, "=")
	if !ok || key == "" || key == ":" {
		return "", nil, misuse("for example user_id=20002, or message:='[...]' for JSON", "%q is not key=value", clean(arg))
	}
	if raw, isJSON := strings.CutSuffix(key, ":"); isJSON {
		if !json.Valid([]byte(text)) {
			return "", nil, misuse("key:=VALUE takes JSON; use key=VALUE for text", "the value of %s is not JSON", clean(raw))
		}
		return raw, json.RawMessage(text), nil
	}
	kinds, _, _ := strings.Cut(specs[key], "/")
	kinds, _, _ = strings.Cut(kinds, "(")
	described := kinds != ""
	has := func(kind string) bool { return slices.Contains(strings.Split(kinds, "|"), kind) }
	switch {
	case (has("boolean") || !described) && (text == "true" || text == "false"):
		return key, json.RawMessage(text), nil
	case has("boolean") && !has("string") && !has("number"):
		return "", nil, misuse("", "%s must be true or false, not %q", key, clean(text))
	case (has("number") || !described) && decimal(text):
		return key, json.RawMessage(text), nil
	case has("number") && !has("string"):
		return "", nil, misuse("", "%s must be a number, not %q", key, clean(text))
	case structured(kinds) && json.Valid([]byte(text)) && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")):
		return key, json.RawMessage(text), nil
	case structured(kinds) && !has("string") && !has("message"):
		return "", nil, misuse("write "+key+":=JSON", "%s must be JSON (%s), not %q", key, kinds, clean(text))
	}
	if value, err = encode(text); err != nil {
		return "", nil, fmt.Errorf("encoding %s: %w", key, err)
	}
	return key, value, nil
}

// structured kinds are written as JSON objects or arrays. A message may also be plain text.
func structured(kinds string) bool {
	return strings.Contains(kinds, "array") || strings.Contains(kinds, "object") || kinds == "message"
}

// decimal integers only, in their one spelling: 007 is text, and so is what a float would round.
func decimal(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(digits) > 15 || digits[0] == '0' && len(text) > 1 {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}

// required says whether the catalogue's description demands the parameter.
func required(spec string) bool {
	_, need, _ := strings.Cut(spec, "/")
	return strings.HasPrefix(need, "required")
}

func usage(action string, specs map[string]string) string {
	var must, may []string
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if required(specs[name]) {
			must = append(must, name+"=...")
		} else {
			may = append(may, "["+name+"=...]")
		}
	}
	return strings.Join(append(append([]string{action}, must...), may...), " ")
}
