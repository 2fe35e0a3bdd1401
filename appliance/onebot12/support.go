package onebot12

import (
	"slices"

	"github.com/catflap/catflap/appliance/onebot"
)

// standardActions are the standard's that are done here.
var standardActions = [...]string{
	"delete_message", "get_file", "get_file_fragmented", "get_friend_list", "get_group_info", "get_group_list", "get_group_member_info",
	"get_group_member_list", "get_latest_events", "get_self_info", "get_status", "get_supported_actions", "get_user_info", "get_version",
	"leave_group", "send_message", "set_group_name", "upload_file", "upload_file_fragmented",
}

// does names the actions whose rules a standard action follows: those of OneBot 11 by which it is done, of which one must be
// allowed, or itself where catflap does it; nil for one that everybody may call.
func does(action string) []string {
	switch action {
	case "delete_message":
		return []string{"delete_msg"}
	case "get_self_info":
		return []string{"get_login_info"}
	case "get_user_info":
		return []string{"get_stranger_info"}
	case "leave_group":
		return []string{"set_group_leave"}
	case "send_message":
		return []string{"send_private_msg", "send_group_msg"}
	case "get_friend_list", "get_group_info", "get_group_list", "get_group_member_info", "get_group_member_list", "set_group_name":
		return []string{action}
	case "get_file", "get_file_fragmented", "upload_file", "upload_file_fragmented": // catflap's own
		return []string{action}
	}
	return nil
}

// ofGuilds reports whether an action is one of the standard's on guilds and channels. NapCat has an action of its own under
// such a name, which means something else.
func ofGuilds(action string) bool {
	switch action {
	case "get_guild_info", "get_guild_list", "set_guild_name", "get_guild_member_info", "get_guild_member_list", "leave_guild",
		"get_channel_info", "get_channel_list", "set_channel_name", "get_channel_member_info", "get_channel_member_list", "leave_channel":
		return true
	}
	return false
}

// SupportOptions are what the list of actions depends on.
type SupportOptions struct {
	Files, Polls bool // as in PlanOptions
	// Allowed reports whether the app may call an OneBot 11 action at all, or a file action, by its own name; nil = any.
	Allowed func(action string) bool
}

// AppendSupported appends the data of get_supported_actions, in alphabetical order: the standard's actions that are done
// here, and NapCat's under "qq.". The bare names of OneBot 11 work too, but are not listed twice.
func AppendSupported(dst []byte, o SupportOptions) []byte {
	allowed := func(name string) bool { return o.Allowed == nil || o.Allowed(name) }
	var names []string
	for _, name := range standardActions {
		switch name {
		case "get_file", "get_file_fragmented", "upload_file", "upload_file_fragmented":
			if !o.Files {
				continue
			}
		case "get_latest_events":
			if !o.Polls {
				continue
			}
		}
		if by := does(name); len(by) == 0 || slices.ContainsFunc(by, allowed) {
			names = append(names, name)
		}
	}
	for _, name := range onebot.Names() {
		if info, _ := onebot.Lookup(name); info.InNapCat && safeName(name) && !onebot.Streams(name) && allowed(name) {
			names = append(names, Platform+"."+name)
		}
	}
	slices.Sort(names)
	dst = append(dst, '[')
	for _, name := range names {
		dst = quotedText(comma(dst), name)
	}
	return append(dst, ']')
}
