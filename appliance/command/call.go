package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/onebot"
)

// describeFlag is what `call ACTION --help` becomes: --help itself knows no arguments.
const describeFlag = "describe"

// Call performs one OneBot action as the owner and prints NapCat's answer.
func (s *Shell) Call() *cli.Command {
	return data(&cli.Command{
		Name: "call", Usage: "perform a OneBot action and print the answer", ArgsUsage: "ACTION [key=value ...]",
		UsageText: "catflap call ACTION [key=value ...] [key:=JSON ...] [--params JSON|-] [--account A]\n\n" +
			"examples: catflap call get_group_list\n" +
			"          catflap call send_private_msg user_id=20002 message='good morning'\n" +
			"          catflap call set_group_ban group_id=30003 user_id=20009 duration=600\n" +
			"          catflap call upload_group_file group_id=30003 file=./report.pdf\n" +
			"          catflap call set_group_ban --help\n" +
			"          catflap call send_group_msg group_id=30003 message:='[{\"type\":\"face\",\"data\":{\"id\":\"66\"}}]'",
		Flags: []cli.Flag{
			accountFlag(), langFlag(), &cli.StringFlag{Name: "params", Usage: "all parameters as one JSON object; - reads it from the input"},
			&cli.BoolFlag{Name: "unchecked", Usage: "pass on actions and parameters that the catalogue does not know, of whatever type"},
			&cli.BoolFlag{Name: "remote-files", Usage: "paths of files are NapCat's, not this machine's"},
			&cli.BoolFlag{Name: describeFlag, Hidden: true},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return exactly(c, "the action")
			}
			action := c.Args().First()
			if c.Bool(describeFlag) {
				return s.describe(c, action)
			}
			info, err := lookup(action)
			switch {
			case err != nil && c.Bool("unchecked"): // of a NapCat that is newer than the catalogue
				info = onebot.ActionInfo{Name: action, Params: []byte("{}"), InNapCat: true}
			case err != nil:
				var f *failure
				if errors.As(err, &f) {
					f.remedy += "\n--unchecked calls whatever is named"
				}
				return err
			}
			if !info.InNapCat {
				fmt.Fprintln(s.Err, s.paint(s.Err).warn("! NapCat does not have "+info.Name+"; it will refuse it"))
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
			if !c.Bool("remote-files") {
				if params, err = cl.carry(c.Context, info, params); err != nil {
					return err
				}
			}
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
	specs, err := specsOf(info)
	if err != nil {
		return nil, err
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
	nameOf(specs, values)
	if !c.Bool("unchecked") {
		if err := validate(info.Name, specs, values); err != nil {
			return nil, err
		}
	}
	return encode(values)
}

// parameter types one argument by the catalogue's description of it, such as "number|string/required": decimal digits
// where a number may stand, true and false where a boolean may. key:=JSON is taken as it is.
func parameter(arg string, specs map[string]spec) (key string, value json.RawMessage, err error) {
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
	p := specs[key]
	has, described := p.has, p.kinds != ""
	switch {
	case (has("boolean") || !described) && (text == "true" || text == "false"):
		return key, json.RawMessage(text), nil
	case has("boolean") && !has("string") && !has("number"):
		return "", nil, misuse("", "%s must be true or false, not %q", key, clean(text))
	case (has("number") || !described) && decimal(text):
		return key, json.RawMessage(text), nil
	case has("number") && !has("string"):
		return "", nil, misuse("", "%s must be a number, not %q", key, clean(text))
	case p.kinds == "message": // text, whatever it looks like: what somebody says may begin with a bracket
	case p.structured() && json.Valid([]byte(text)) && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")):
		return key, json.RawMessage(text), nil
	case p.structured() && !has("string"):
		return "", nil, misuse("write "+key+":=JSON", "%s must be JSON (%s), not %q", key, p.kinds, clean(text))
	}
	if value, err = encode(text); err != nil {
		return "", nil, fmt.Errorf("encoding %s: %w", key, err)
	}
	return key, value, nil
}

// decimal integers only, in their one spelling: 007 is text, and so is what a float would round.
func decimal(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(digits) > 15 || digits[0] == '0' && len(text) > 1 {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}
