package policy

import (
	"fmt"
	"strings"
	"time"
)

// Lang is the language of texts sent to QQ users (`language`). What is neither "zh" nor "en" reads as "zh".
type Lang string

// The languages.
const (
	Chinese Lang = "zh"
	English Lang = "en"
)

func (l Lang) pick(zh, en string) string {
	if l == English {
		return en
	}
	return zh
}

// All texts are made of numbers, codes and our own words: nothing that a stranger wrote is repeated to anybody.

// PairingReply is what a stranger gets: that access is not set up, the QQ number, the code on a line of its own, and the exact
// command by which the bot's owner approves.
func PairingReply(lang Lang, user uint64, code, command string) string {
	return fmt.Sprintf(lang.pick(
		"你还没有使用这个机器人的权限。\n你的 QQ：%d\n配对码：\n%s\n请机器人的主人执行：\n%s",
		"You have no access to this bot yet.\nYour QQ: %d\nPairing code:\n%s\nAsk the bot's owner to run:\n%s"), user, code, command)
}

// OwnerNotice tells an owner of a new request, and what to answer. account is its name in the configuration.
func OwnerNotice(lang Lang, account string, user uint64, code string) string {
	return fmt.Sprintf(lang.pick(
		"QQ %d 请求使用机器人 %s。\n同意请回复：\n/pair ok %s\n拒绝：/pair deny %s\n永久屏蔽：/pair block %s",
		"QQ %d asks for access to the bot %s.\nTo approve, answer:\n/pair ok %s\nTo refuse: /pair deny %s\nTo refuse for good: /pair block %s"), user, account, code, code, code)
}

// ApprovedNotice tells a user that the request was approved.
func ApprovedNotice(lang Lang) string {
	return lang.pick("已通过，现在可以和我聊天了。", "You have been approved and can talk to me now.")
}

// OwnerHelp answers a "/pair ..." that was not understood.
func OwnerHelp(lang Lang) string {
	return lang.pick(
		"用法：\n/pair ok 配对码\n/pair deny 配对码\n/pair block 配对码\n/pair list\n也可以用 QQ 号代替配对码。",
		"Usage:\n/pair ok CODE\n/pair deny CODE\n/pair block CODE\n/pair list\nA QQ number may stand for the code.")
}

// OwnerDone confirms a command to the owner: verb is VerbOK, VerbDeny or VerbBlock.
func OwnerDone(lang Lang, verb string, user uint64) string {
	switch verb {
	case VerbOK:
		return fmt.Sprintf(lang.pick("已同意 QQ %d。", "QQ %d is approved."), user)
	case VerbDeny:
		return fmt.Sprintf(lang.pick("已拒绝 QQ %d，对方可以再次请求。", "QQ %d is refused and may ask again."), user)
	case VerbBlock:
		return fmt.Sprintf(lang.pick("已屏蔽 QQ %d。", "QQ %d is blocked."), user)
	default:
		return OwnerHelp(lang)
	}
}

// OwnerNoRequest answers a code or number that no pending request has.
func OwnerNoRequest(lang Lang) string {
	return lang.pick("没有这个配对请求，可能已过期。用 /pair list 查看。", "There is no such request; it may have expired. See /pair list.")
}

// OwnerOwnCode answers an owner who sends the code of a request of his own.
func OwnerOwnCode(lang Lang) string {
	return lang.pick("不能批准自己的请求。", "Nobody can approve his own request.")
}

// OwnerList answers "/pair list". At most 20 requests are shown, as a QQ message should stay readable.
func OwnerList(lang Lang, list []Pending, now time.Duration) string {
	const most = 20
	if len(list) == 0 {
		return lang.pick("没有待处理的配对请求。", "No pairing request is waiting.")
	}
	var b strings.Builder
	fmt.Fprintf(&b, lang.pick("待处理的配对请求：%d", "Pairing requests waiting: %d"), len(list))
	for _, p := range list[:min(len(list), most)] {
		fmt.Fprintf(&b, lang.pick("\n%s  QQ %d  %d 分钟前", "\n%s  QQ %d  %d min ago"), p.Code, p.User, int64((now-p.Created)/time.Minute))
	}
	if len(list) > most {
		b.WriteString("\n...")
	}
	return b.String()
}
