package tools

import (
	"encoding/json"
	"fmt"
	"strings"
)

const (
	nothing  = `{"type":"object","properties":{}}`
	aMember  = `{"type":"object","properties":{"user_id":{"type":"string"}},"required":["user_id"]}`
	maxText  = 8 << 10
	maxNames = 128
)

func object(properties string, required string) json.RawMessage {
	return json.RawMessage(`{"type":"object","properties":{` + properties + `},"required":[` + required + `]}`)
}

// qqTools are named like the actions that they become. The chat is never an argument.
var qqTools = []Tool{
	{Name: "get_group_info", Group: Read, Description: "Name and size of this group", Schema: json.RawMessage(nothing), plan: inGroup("get_group_info", nil)},
	{Name: "get_group_member_info", Group: Read, Description: "Name, card, role and title of a member of this group", Schema: json.RawMessage(aMember), plan: inGroup("get_group_member_info", userID)},
	{Name: "get_group_member_list", Group: Read, Description: "Members of this group", Schema: json.RawMessage(nothing), plan: inGroup("get_group_member_list", nil)},
	{Name: "get_msg", Group: Read, Description: "A message by its id", Schema: object(`"message_id":{"type":"string"}`, `"message_id"`), plan: anywhere("get_msg", messageID)},

	{Name: "send_message", Group: Send, Description: "Send an extra message to this chat. Your answer is sent anyway: use this for pictures, files, cards and other segments only",
		Schema: object(`"message":{"type":"array","items":{"type":"object","properties":{"type":{"type":"string","enum":[`+segmentTypes+`]}},"required":["type"]},"description":"segments: text{text} at{user_id} reply{message_id} image{file} record{file} video{file} file{file,name} face{id} mface{emoji_package_id,emoji_id,key,summary} dice{result 1-6} rps{result 1-3} json{data} xml{data} markdown{content} miniapp{data} location{lat,lon,title,content} music{platform,id} contact{kind,id} share{url,title,content} node{user_id,nickname,text}; file is an address of a medium seen in this chat"}`, `"message"`),
		plan:   sendMessage},
	{Name: "send_poke", Group: Send, Description: "Poke somebody in this chat", Schema: json.RawMessage(aMember), plan: poke},
	{Name: "upload_group_file", Group: Send, Description: "Put a medium seen in this chat into the group's files",
		Schema: object(`"file":{"type":"string"},"name":{"type":"string"},"folder":{"type":"string"}`, `"file","name"`), plan: inGroup("upload_group_file", uploaded)},
	{Name: "upload_private_file", Group: Send, Description: "Send a medium seen in this private chat as a file",
		Schema: object(`"file":{"type":"string"},"name":{"type":"string"}`, `"file","name"`), plan: uploadPrivate},

	{Name: "set_group_ban", Group: Moderate, Confirm: true, Description: "Mute a member for some seconds, 0 ends it",
		Schema: object(`"user_id":{"type":"string"},"duration":{"type":"integer","minimum":0,"maximum":2592000}`, `"user_id","duration"`), plan: inGroup("set_group_ban", userID, within("duration", 0, 2592000))},
	{Name: "set_group_kick", Group: Moderate, Confirm: true, Description: "Remove a member; block: no new request",
		Schema: object(`"user_id":{"type":"string"},"block":{"type":"boolean"}`, `"user_id"`), plan: inGroup("set_group_kick", userID, flagged("block", "reject_add_request", false))},
	{Name: "set_group_whole_ban", Group: Moderate, Confirm: true, Description: "Mute the whole group or end that",
		Schema: object(`"enable":{"type":"boolean"}`, `"enable"`), plan: inGroup("set_group_whole_ban", flagged("enable", "enable", true))},
	{Name: "set_group_admin", Group: Moderate, Confirm: true, Description: "Make a member an admin, or not one any more",
		Schema: object(`"user_id":{"type":"string"},"enable":{"type":"boolean"}`, `"user_id","enable"`), plan: inGroup("set_group_admin", userID, flagged("enable", "enable", true))},
	{Name: "set_group_name", Group: Moderate, Confirm: true, Description: "Rename this group",
		Schema: object(`"group_name":{"type":"string"}`, `"group_name"`), plan: inGroup("set_group_name", texted("group_name"))},
	{Name: "set_group_card", Group: Moderate, Confirm: true, Description: "Set a member's name in this group",
		Schema: object(`"user_id":{"type":"string"},"card":{"type":"string"}`, `"user_id","card"`), plan: inGroup("set_group_card", userID, texted("card"))},
	{Name: "delete_msg", Group: Moderate, Confirm: true, Description: "Recall a message",
		Schema: object(`"message_id":{"type":"string"}`, `"message_id"`), plan: anywhere("delete_msg", messageID)},

	{Name: "get_friend_list", Group: Account, Description: "Friends of the bot's account", Schema: json.RawMessage(nothing), plan: anywhere("get_friend_list")},
	{Name: "set_friend_remark", Group: Account, Description: "Set a friend's remark",
		Schema: object(`"user_id":{"type":"string"},"remark":{"type":"string"}`, `"user_id","remark"`), plan: anywhere("set_friend_remark", userID, texted("remark"))},
	{Name: "delete_friend", Group: Account, Confirm: true, Description: "End a friendship", Schema: json.RawMessage(aMember), plan: anywhere("delete_friend", userID)},
}

// part puts one argument into the params of an action.
type part func(turn Turn, from arguments, to map[string]any) error

func anywhere(action string, parts ...part) func(Turn, arguments) (Action, error) {
	return func(turn Turn, a arguments) (Action, error) {
		params := map[string]any{}
		for _, p := range parts {
			if p == nil {
				continue
			}
			if err := p(turn, a, params); err != nil {
				return Action{}, err
			}
		}
		return Action{action, params}, nil
	}
}

// inGroup makes an action on the group in which the model is asked.
func inGroup(action string, parts ...part) func(Turn, arguments) (Action, error) {
	make := anywhere(action, parts...)
	return func(turn Turn, a arguments) (Action, error) {
		if !turn.Chat.Group {
			return Action{}, fmt.Errorf("%w: this is no group", ErrArguments)
		}
		act, err := make(turn, a)
		if err == nil {
			act.Params["group_id"] = turn.Chat.ID
		}
		return act, err
	}
}

func userID(_ Turn, from arguments, to map[string]any) (err error) {
	to["user_id"], err = from.id("user_id")
	return err
}

func messageID(_ Turn, from arguments, to map[string]any) (err error) {
	to["message_id"], err = from.message("message_id")
	return err
}

func within(key string, min, max int64) part {
	return func(_ Turn, from arguments, to map[string]any) (err error) {
		if _, ok := from.string(key); !ok {
			return fmt.Errorf("%w: %s is missing", ErrArguments, key)
		}
		to[key], err = from.number(key, min, min, max)
		return err
	}
}

func flagged(key, param string, def bool) part {
	return func(_ Turn, from arguments, to map[string]any) (err error) {
		to[param], err = from.flag(key, def)
		return err
	}
}

func texted(key string) part {
	return func(_ Turn, from arguments, to map[string]any) (err error) {
		to[key], err = from.text(key, maxNames)
		return err
	}
}

func uploaded(turn Turn, from arguments, to map[string]any) (err error) {
	if to["file"], err = medium(turn, from); err != nil {
		return err
	}
	if to["name"], err = from.text("name", 2*maxNames); err != nil {
		return err
	}
	if folder, ok := from.string("folder"); ok && folder != "" {
		to["folder"] = folder
	}
	return nil
}

func uploadPrivate(turn Turn, a arguments) (Action, error) {
	if turn.Chat.Group {
		return Action{}, fmt.Errorf("%w: this is no private chat", ErrArguments)
	}
	act, err := anywhere("upload_private_file", uploaded)(turn, a)
	if err == nil {
		act.Params["user_id"] = turn.Chat.ID
	}
	return act, err
}

func poke(turn Turn, a arguments) (Action, error) {
	act, err := anywhere("send_poke", userID)(turn, a)
	switch {
	case err != nil:
	case turn.Chat.Group:
		act.Params["group_id"] = turn.Chat.ID
	case act.Params["user_id"] != turn.Chat.ID:
		return Action{}, fmt.Errorf("%w: user_id is not in this chat", ErrArguments)
	}
	return act, err
}

// medium is a file that catflap keeps: a model can never name a path or a foreign address.
func medium(turn Turn, from arguments) (string, error) {
	address, _ := from.string("file")
	if file, ok := turn.Own(strings.TrimSpace(address)); ok {
		return file, nil
	}
	return "", fmt.Errorf("%w: file is to be the address of a picture or file that was seen in this chat", ErrArguments)
}
