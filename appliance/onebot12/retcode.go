package onebot12

import (
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// upstream is the fault that a failed OneBot 11 answer means. The codes are NapCat's and the router's own.
func upstream(action string, h *onebot.Head) *Fault {
	wording := ""
	for _, raw := range [...][]byte{h.Wording, h.Message} {
		if len(raw) > 2 && raw[0] == '"' {
			wording = decoded(raw[1 : len(raw)-1])
			break
		}
	}
	base, _ := onebot.Normalise(action)
	code := codeOf(base, h.Retcode, wording)
	if wording == "" {
		wording = "NapCat says no more than that it failed"
	}
	if code == Uncertain && !strings.HasPrefix(wording, "uncertain: ") {
		wording = "uncertain, it may have been done: " + wording
	}
	return &Fault{Code: code, Message: wording}
}

// codeOf maps a return code; the wording tells NapCat's reasons apart, which share one.
func codeOf(base string, retcode int64, wording string) int {
	info, known := onebot.Lookup(base)
	reads := known && info.Effect == "read"
	lower := strings.ToLower(wording)
	switch retcode {
	case 400, 1400:
		switch {
		case strings.Contains(lower, "packetbackend"), strings.Contains(lower, "packet backend"):
			return PacketBackend
		case strings.HasPrefix(wording, "the file "): // the router could not hand it over
			return DownloadFault
		}
		return BadParam
	case 404, 1404:
		return UnsupportedAction
	case 401, 403:
		return UpstreamRefused
	case 1403:
		if strings.Contains(lower, "token") {
			return UpstreamRefused
		}
		return Blocked
	case 1429:
		return Limited
	case 1503:
		if strings.HasPrefix(wording, "uncertain") && !reads {
			return Uncertain
		}
		return BotOffline
	case 1504:
		if reads {
			return ReadTimeout
		}
		return Uncertain
	}
	switch {
	case strings.Contains(wording, "不支持的Api"):
		return UnsupportedAction
	case strings.HasPrefix(wording, "Timeout: ") && !reads:
		return Uncertain
	case strings.Contains(lower, "packetbackend"), strings.Contains(lower, "packet backend"):
		return PacketBackend
	case strings.Contains(wording, "不存在"), strings.Contains(wording, "未找到"), strings.Contains(lower, "not found"):
		return missing(base, wording, lower)
	}
	return UpstreamFault
}

// missing is the code for somebody or something that is not there.
func missing(base, wording, lower string) int {
	switch {
	case strings.Contains(wording, "消息"), strings.Contains(lower, "message"), strings.Contains(lower, "msg"):
		return MessageUnknown
	case strings.Contains(wording, "成员"), strings.Contains(lower, "member"):
		return MemberUnknown
	case strings.Contains(wording, "好友"), strings.Contains(lower, "friend"):
		return FriendUnknown
	case strings.Contains(wording, "群"), strings.Contains(lower, "group"):
		return GroupUnknown
	}
	switch base {
	case "delete_msg", "get_msg", "get_forward_msg":
		return MessageUnknown
	case "get_group_member_info":
		return MemberUnknown
	case "get_group_info", "get_group_member_list", "set_group_leave", "set_group_name":
		return GroupUnknown
	case "get_stranger_info":
		return FriendUnknown
	}
	return UpstreamFault
}
