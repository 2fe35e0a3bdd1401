package tools

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// maxSegments bounds one message of a model.
const maxSegments = 50

// segmentTypes are what a model can send, as an enum of the schema.
const segmentTypes = `"text","at","reply","image","record","video","file","face","mface","dice","rps","json","xml","markdown","miniapp","location","music","contact","share","node"`

type segment struct {
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

// sendMessage makes an action of segments. Text stays text: there is no form in which a model could write CQ codes.
func sendMessage(turn Turn, a arguments) (Action, error) {
	var list []any
	switch v := a["message"].(type) {
	case []any:
		list = v
	case map[string]any:
		list = []any{v}
	case string:
		list = []any{map[string]any{"type": "text", "text": v}}
	}
	if len(list) == 0 || len(list) > maxSegments {
		return Action{}, fmt.Errorf("%w: message is to be a list of 1 to %d segments", ErrArguments, maxSegments)
	}
	out := make([]segment, len(list))
	nodes := 0
	for i, item := range list {
		fields, ok := item.(map[string]any)
		if !ok {
			return Action{}, fmt.Errorf("%w: segment %d is to be an object", ErrArguments, i+1)
		}
		given := arguments(fields)
		if data, ok := fields["data"].(map[string]any); ok && !isCard(given, data) { // as OneBot writes it
			data["type"] = fields["type"]
			given = data
		}
		s, err := segmentOf(turn, given)
		if err != nil {
			return Action{}, fmt.Errorf("segment %d: %w", i+1, err)
		}
		if s.Type == "node" {
			nodes++
		}
		out[i] = s
	}
	params := map[string]any{"message": out}
	name := "send_private_msg"
	if turn.Chat.Group {
		name = "send_group_msg"
		params["group_id"] = turn.Chat.ID
	} else {
		params["user_id"] = turn.Chat.ID
		if turn.Temp != 0 {
			params["group_id"] = turn.Temp
		}
	}
	switch nodes {
	case 0:
	case len(out):
		delete(params, "message")
		params["messages"] = out
		name = map[bool]string{true: "send_group_forward_msg", false: "send_private_forward_msg"}[turn.Chat.Group]
	default:
		return Action{}, fmt.Errorf("%w: nodes stand in a message of their own", ErrArguments)
	}
	return Action{name, params}, nil
}

// isCard reports whether data is not the fields of a segment but the card itself.
func isCard(a arguments, data map[string]any) bool {
	kind, _ := a.string("type")
	return (kind == "json" || kind == "miniapp") && data["data"] == nil
}

// segmentOf checks one segment and takes only the fields that belong to its type.
func segmentOf(turn Turn, a arguments) (segment, error) {
	kind, _ := a.string("type")
	data := map[string]any{}
	s := segment{kind, data}
	take := func(key string, max int) (err error) {
		data[key], err = a.text(key, max)
		return err
	}
	all := func(max int, keys ...string) error {
		for _, key := range keys {
			if err := take(key, max); err != nil {
				return err
			}
		}
		return nil
	}
	maybe := func(max int, keys ...string) error {
		for _, key := range keys {
			if v, ok := a.string(key); ok && v != "" {
				if err := take(key, max); err != nil {
					return err
				}
			}
		}
		return nil
	}
	rolled := func(most int64) error {
		n, err := a.number("result", 0, 1, most)
		if err == nil && n != 0 {
			data["result"] = n
		}
		return err
	}
	card := func() error {
		switch v := a["data"].(type) {
		case map[string]any:
			raw, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("%w: data", ErrArguments)
			}
			data["data"] = string(raw)
			return nil
		default:
			return take("data", maxText)
		}
	}
	var err error
	switch kind {
	case "text":
		err = take("text", maxText)
	case "at":
		who, _ := a.string("user_id")
		if who == "all" && turn.Owner {
			data["qq"] = who
			break
		}
		var id uint64
		if id, err = a.id("user_id"); err == nil {
			data["qq"] = strconv.FormatUint(id, 10)
		}
	case "reply":
		var id int64
		if id, err = a.message("message_id"); err == nil {
			data["id"] = strconv.FormatInt(id, 10)
		}
	case "image", "record", "video", "file":
		if data["file"], err = medium(turn, a); err == nil {
			err = maybe(2*maxNames, "name", "summary")
		}
	case "face":
		var id int64
		if id, err = a.number("id", -1, 0, 10000); err == nil && id < 0 {
			err = fmt.Errorf("%w: id is missing", ErrArguments)
		}
		data["id"] = strconv.FormatInt(id, 10)
	case "mface":
		if err = all(maxNames, "emoji_package_id", "emoji_id", "key"); err == nil {
			err = maybe(maxNames, "summary")
		}
	case "dice":
		err = rolled(6)
	case "rps":
		err = rolled(3)
	case "json", "miniapp":
		err = card()
	case "xml":
		err = take("data", maxText)
	case "markdown":
		err = take("content", maxText)
	case "location":
		if err = all(32, "lat", "lon"); err == nil {
			err = maybe(2*maxNames, "title", "content")
		}
	case "music":
		if err = all(32, "platform", "id"); err == nil {
			data["type"] = data["platform"]
			delete(data, "platform")
		}
	case "contact":
		if err = all(32, "kind", "id"); err == nil {
			data["type"] = data["kind"]
			delete(data, "kind")
		}
	case "share":
		if err = all(1024, "url", "title"); err == nil {
			err = maybe(1024, "content")
		}
	case "node":
		if err = all(maxText, "user_id", "nickname", "text"); err == nil {
			data["content"] = []segment{{"text", map[string]any{"text": data["text"]}}}
			delete(data, "text")
		}
	default:
		err = fmt.Errorf("%w: there is no segment type %q", ErrArguments, kind)
	}
	return s, err
}
