package command

import (
	"fmt"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/onebot"
)

// describe prints what the catalogue knows of an action.
func (s *Shell) describe(c *cli.Context, action string) error {
	info, err := lookup(action)
	if err != nil {
		return err
	}
	specs, err := specsOf(info)
	if err != nil {
		return err
	}
	t := callEnglish()
	if s.language(c) == "zh" {
		t = callChinese()
	}
	head := info.Name
	if what := t.what[info.Name]; what != "" {
		head += " - " + what
	}
	fmt.Fprintf(s.Out, "%s\n\n%s\n   catflap call %s\n\n%s %s, %s, %s\n", head, t.usage, usage(info.Name, specs), t.effect, t.effects[info.Effect], info.Category, info.Source)
	if !info.InNapCat {
		fmt.Fprintln(s.Out, t.absent)
	}
	if info.Note != "" {
		fmt.Fprintln(s.Out, t.note, info.Note)
	}
	filled, value := onebot.StandardDefault(info.Name)
	if filled != "" {
		fmt.Fprintf(s.Out, "%s "+t.filled+"\n", t.note, filled, value)
	}
	if len(specs) == 0 {
		fmt.Fprintf(s.Out, "\n%s\n\n%s\n   %s\n", t.none, t.example, exampleOf(info.Name, specs))
		return nil
	}
	width, kinds := 0, 0
	for name, p := range specs {
		width, kinds = max(width, len(name)), max(kinds, len(p.kinds))
	}
	fmt.Fprintln(s.Out, "\n"+t.parameters)
	for _, name := range ordered(specs) {
		p := specs[name]
		need := t.optional
		if p.required {
			need = t.required
		}
		if name == filled {
			need += ", default " + value
		} else if p.note != "" {
			need += ", " + p.note
		}
		fmt.Fprintf(s.Out, "   %-*s  %-*s  %s\n", width, name, kinds, p.kinds, need)
	}
	fmt.Fprintf(s.Out, "\n%s\n   %s\n", t.example, exampleOf(info.Name, specs))
	return nil
}

// lookup finds an action by the name that somebody typed.
func lookup(action string) (onebot.ActionInfo, error) {
	base, _ := onebot.Normalise(action)
	info, known := onebot.Lookup(base)
	if known {
		return info, nil
	}
	remedy := "`catflap complete -- call` lists the actions"
	if near := onebot.Nearest(base); near != "" {
		remedy = "did you mean " + near + "?"
	}
	return info, misuse(remedy, "there is no action %s", clean(action))
}

// callCandidates are the actions, or the parameters of the one that is there already.
func callCandidates(args []string) (out []candidate) {
	what := callEnglish().what
	if len(args) == 0 {
		for _, name := range onebot.Names() {
			if info, _ := onebot.Lookup(name); info.InNapCat {
				about := what[name]
				if about == "" {
					about = info.Effect + ", " + info.Category
				}
				out = append(out, candidate{name, about})
			}
		}
		return out
	}
	info, err := lookup(args[0])
	if err != nil {
		return nil
	}
	specs, err := specsOf(info)
	if err != nil {
		return nil
	}
	for _, arg := range args[1:] {
		key, _, _ := strings.Cut(arg, "=")
		delete(specs, strings.TrimSuffix(key, ":"))
	}
	for _, name := range ordered(specs) {
		about := specs[name].kinds
		if specs[name].required {
			about += ", required"
		}
		out = append(out, candidate{name + "=", about})
	}
	return out
}

// callTexts are the words of `call ACTION --help`, in one language.
type callTexts struct {
	usage, effect, note, none, parameters, required, optional, absent, example, filled string
	effects, what                                                                      map[string]string
}

func callEnglish() callTexts {
	return callTexts{
		usage: "USAGE", effect: "EFFECT", note: "NOTE", none: "It takes no parameters.", parameters: "PARAMETERS", required: "required", optional: "optional",
		absent: "NapCat does not have it and will refuse it.", example: "EXAMPLE",
		filled:  "Where %s is left out, catflap sends the standard's default, %s.",
		effects: map[string]string{"read": "reads", "send": "sends (paced)", "manage": "changes something", "destructive": "cannot be undone", "credential": "hands out credentials"},
		what: map[string]string{
			"send_msg": "send a message to a user or a group", "send_private_msg": "send a message to a user", "send_group_msg": "send a message to a group",
			"send_group_forward_msg": "send a forwarded message to a group", "send_private_forward_msg": "send a forwarded message to a user",
			"delete_msg": "recall a message", "get_msg": "read a message", "get_forward_msg": "read a forwarded message", "send_like": "like somebody's profile card",
			"set_group_admin": "make a member an admin, or no longer", "set_group_ban": "mute a member (duration in seconds, 0 lifts it)", "set_group_kick": "remove a member from a group",
			"set_group_whole_ban": "mute a whole group, or no longer", "set_group_name": "name a group", "set_group_card": "set a member's card", "set_group_leave": "leave a group",
			"get_group_list": "list the groups", "get_group_info": "read about a group", "get_group_member_list": "list a group's members", "get_group_member_info": "read about a member",
			"get_friend_list": "list the friends", "delete_friend": "remove a friend", "set_friend_remark": "set the remark of a friend", "get_stranger_info": "read about anybody",
			"set_friend_add_request": "answer a friend request", "set_group_add_request": "answer a request to join, or an invitation",
			"upload_group_file": "put a file into a group", "upload_private_file": "send a file to a user", "get_login_info": "who the account is", "get_status": "whether the account is online",
			"get_version_info": "what NapCat is", "get_group_msg_history": "read a group's messages", "get_friend_msg_history": "read the messages of a private chat", "send_poke": "poke somebody",
		},
	}
}

func callChinese() callTexts {
	return callTexts{
		usage: "用法", effect: "作用", note: "说明", none: "没有参数。", parameters: "参数", required: "必填", optional: "可选",
		absent: "NapCat 没有这个动作，会拒绝。", example: "示例",
		filled:  "不写 %s 时，catflap 按标准发送默认值 %s。",
		effects: map[string]string{"read": "只读", "send": "发送（限速）", "manage": "会改动", "destructive": "无法撤销", "credential": "会给出凭据"},
		what: map[string]string{
			"send_msg": "发消息给用户或群", "send_private_msg": "发私聊消息", "send_group_msg": "发群消息", "send_group_forward_msg": "发合并转发到群", "send_private_forward_msg": "发合并转发给用户",
			"delete_msg": "撤回消息", "get_msg": "读取消息", "get_forward_msg": "读取合并转发", "send_like": "给名片点赞",
			"set_group_admin": "设置或取消群管理员", "set_group_ban": "禁言群成员（duration 为秒，0 解除）", "set_group_kick": "踢出群成员", "set_group_whole_ban": "开启或关闭全员禁言",
			"set_group_name": "修改群名", "set_group_card": "设置群名片", "set_group_leave": "退群", "get_group_list": "群列表", "get_group_info": "群信息", "get_group_member_list": "群成员列表",
			"get_group_member_info": "群成员信息", "get_friend_list": "好友列表", "delete_friend": "删除好友", "set_friend_remark": "设置好友备注", "get_stranger_info": "查询任何人的资料",
			"set_friend_add_request": "处理好友申请", "set_group_add_request": "处理加群申请或邀请", "upload_group_file": "上传群文件", "upload_private_file": "发送文件给用户",
			"get_login_info": "账号是谁", "get_status": "账号是否在线", "get_version_info": "NapCat 的版本", "get_group_msg_history": "读取群消息记录", "get_friend_msg_history": "读取私聊消息记录", "send_poke": "戳一戳",
		},
	}
}
