package tools

import "encoding/json"

// kept are the fields of results that say something to a model.
var kept = map[string][]string{
	"get_group_info":        {"group_id", "group_name", "member_count", "max_member_count", "group_remark"},
	"get_group_member_info": {"user_id", "nickname", "card", "role", "title", "level", "join_time", "last_sent_time", "shut_up_timestamp"},
	"get_group_member_list": {"user_id", "nickname", "card", "role"},
	"get_friend_list":       {"user_id", "nickname", "remark"},
	"get_msg":               {"message_id", "time", "user_id", "group_id", "sender", "message"},
}

// Result is what a model is told of the data of an action: the fields that mean something to it.
func Result(action string, data json.RawMessage) string {
	fields, known := kept[action]
	if !known || len(data) == 0 {
		return "done"
	}
	var list []map[string]json.RawMessage
	if json.Unmarshal(data, &list) == nil {
		for i := range list {
			list[i] = pick(list[i], fields)
		}
		return text(list)
	}
	var one map[string]json.RawMessage
	if json.Unmarshal(data, &one) == nil {
		return text(pick(one, fields))
	}
	return string(data)
}

func pick(from map[string]json.RawMessage, fields []string) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(fields))
	for _, key := range fields {
		if v, ok := from[key]; ok && string(v) != `""` {
			out[key] = v
		}
	}
	return out
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "done"
	}
	return string(raw)
}
