package onebot

// intern returns the text of a raw JSON string; the words that NapCat and the
// standard use cost no allocation. Anything but a string gives "".
func intern(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	switch string(raw[1 : len(raw)-1]) {
	case "message":
		return "message"
	case "message_sent":
		return "message_sent"
	case "notice":
		return "notice"
	case "request":
		return "request"
	case "meta_event":
		return "meta_event"
	case "group":
		return "group"
	case "private":
		return "private"
	case "normal":
		return "normal"
	case "friend":
		return "friend"
	case "anonymous":
		return "anonymous"
	case "other":
		return "other"
	case "group_self":
		return "group_self"
	case "group_upload":
		return "group_upload"
	case "group_admin":
		return "group_admin"
	case "group_decrease":
		return "group_decrease"
	case "group_increase":
		return "group_increase"
	case "group_ban":
		return "group_ban"
	case "friend_add":
		return "friend_add"
	case "group_recall":
		return "group_recall"
	case "friend_recall":
		return "friend_recall"
	case "notify":
		return "notify"
	case "essence":
		return "essence"
	case "group_card":
		return "group_card"
	case "group_msg_emoji_like":
		return "group_msg_emoji_like"
	case "bot_offline":
		return "bot_offline"
	case "online_file_receive":
		return "online_file_receive"
	case "online_file_send":
		return "online_file_send"
	case "offline_file":
		return "offline_file"
	case "client_status":
		return "client_status"
	case "poke":
		return "poke"
	case "title":
		return "title"
	case "group_name":
		return "group_name"
	case "input_status":
		return "input_status"
	case "profile_like":
		return "profile_like"
	case "gray_tip":
		return "gray_tip"
	case "lucky_king":
		return "lucky_king"
	case "honor":
		return "honor"
	case "set":
		return "set"
	case "unset":
		return "unset"
	case "leave":
		return "leave"
	case "kick":
		return "kick"
	case "kick_me":
		return "kick_me"
	case "disband":
		return "disband"
	case "approve":
		return "approve"
	case "invite":
		return "invite"
	case "ban":
		return "ban"
	case "lift_ban":
		return "lift_ban"
	case "add":
		return "add"
	case "delete":
		return "delete"
	case "cancel":
		return "cancel"
	case "receive":
		return "receive"
	case "refuse":
		return "refuse"
	case "lifecycle":
		return "lifecycle"
	case "heartbeat":
		return "heartbeat"
	case "connect":
		return "connect"
	case "enable":
		return "enable"
	case "disable":
		return "disable"
	case "ok":
		return "ok"
	case "failed":
		return "failed"
	case "async":
		return "async"
	case "normal-action":
		return "normal-action"
	case "stream-action":
		return "stream-action"
	case "stream":
		return "stream"
	case "response":
		return "response"
	case "error":
		return "error"
	case "":
		return ""
	}
	return decodeString(raw)
}

// name returns the member's key when it is one that this package looks for
// inside values; any other key gives "" so that nothing is allocated.
func (m *object) name() string {
	key := m.key
	if m.escaped {
		var buf [shortName]byte
		text, ok := shortString(buf[:0], key)
		if !ok {
			return ""
		}
		return knownName(text)
	}
	return knownName(key)
}

func knownName(key []byte) string {
	switch string(key) {
	case "user_id":
		return "user_id"
	case "level":
		return "level"
	case "type":
		return "type"
	case "data":
		return "data"
	case "qq":
		return "qq"
	case "id":
		return "id"
	case "text":
		return "text"
	case "nickname":
		return "nickname"
	case "card":
		return "card"
	case "online":
		return "online"
	case "good":
		return "good"
	case "action":
		return "action"
	case "params":
		return "params"
	case "echo":
		return "echo"
	case "self_id":
		return "self_id"
	case "group_id":
		return "group_id"
	case "friend_id":
		return "friend_id"
	case "target_id":
		return "target_id"
	case "message":
		return "message"
	case "messages":
		return "messages"
	case "message_id":
		return "message_id"
	case "message_type":
		return "message_type"
	case "message_format":
		return "message_format"
	case "raw_message":
		return "raw_message"
	case "context":
		return "context"
	case "request_type":
		return "request_type"
	case "operation":
		return "operation"
	case "reply":
		return "reply"
	case "approve":
		return "approve"
	}
	return ""
}
