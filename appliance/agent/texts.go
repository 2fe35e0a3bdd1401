package agent

import (
	"fmt"
	"time"
)

// texts are the agent's own words in one language.
type texts struct {
	fresh, stopped, idle, help string
	failed                     func(id string) string
	spent                      func(whose scope, until time.Time) string
	whoami                     func(m *message, owner bool) string
	status                     func(s Status, waiting int, running bool) string
	brokenOff                  string
	ownersOnly, noCode         string
	carriedOut                 string
	undone                     func(err error) string
	confirm                    func(action, whose, code string, within time.Duration) string
}

var words = map[string]texts{
	"zh": {
		fresh:   "好的，新对话开始了。",
		stopped: "已停止。",
		idle:    "现在没有正在进行的回复。",
		help: "我可以直接聊天。命令：\n/new 开始新对话（/重置）\n/stop 停止回复（/停止）\n/status 查看状态（/状态）\n" +
			"/whoami 我是谁（/我是谁）\n/help 显示帮助（/帮助）",
		failed: func(id string) string {
			return fmt.Sprintf("抱歉，没能回复（错误 %s）。请稍后再试。", id)
		},
		spent: func(whose scope, until time.Time) string {
			who := map[scope]string{ofUser: "你今天的额度", ofGroup: "本群今天的额度", ofAll: "今天的总额度"}[whose]
			return fmt.Sprintf("%s已用完，%s 恢复。", who, until.Format("01-02 15:04"))
		},
		whoami: func(m *message, owner bool) string {
			role := "成员"
			switch {
			case owner:
				role = "主人"
			case m.role == "owner":
				role = "群主"
			case m.role == "admin":
				role = "管理员"
			case m.temp != 0:
				role = "临时会话"
			case !m.chat.Group:
				role = "好友"
			}
			return fmt.Sprintf("%s（QQ %d），身份：%s，会话：%s", m.name, m.user, role, m.chat)
		},
		status: func(s Status, waiting int, running bool) string {
			state := "空闲"
			if running {
				state = "正在回复"
			}
			text := fmt.Sprintf("模型：%s\n状态：%s，等待中的消息：%d\n今天用量：%d token，回复 %d 次", s.Model, state, waiting, s.TokensToday, s.TurnsToday)
			if s.Trouble != "" {
				text += fmt.Sprintf("\n上次出错（%s）：模型没有正常回复", s.TroubleAt.Format("15:04"))
			}
			return text
		},
		brokenOff:  "（回复中断）",
		ownersOnly: "只有主人可以确认。",
		noCode:     "没有这个确认码，或者它已经过期。",
		carriedOut: "已执行。",
		undone:     func(err error) string { return "没有成功：" + err.Error() },
		confirm: func(action, whose, code string, within time.Duration) string {
			return fmt.Sprintf("需要主人确认：\n%s\n起因：%s 的消息。\n主人请在 %d 分钟内在这里发送：\n/confirm %s", action, whose, int(within.Minutes()), code)
		},
	},
	"en": {
		fresh:   "Done: this is a new conversation.",
		stopped: "Stopped.",
		idle:    "Nothing is being answered.",
		help:    "Just talk to me. Commands:\n/new starts a new conversation (/reset)\n/stop ends an answer\n/status\n/whoami\n/help",
		failed: func(id string) string {
			return fmt.Sprintf("Sorry, no answer this time (error %s). Please try again later.", id)
		},
		spent: func(whose scope, until time.Time) string {
			who := map[scope]string{ofUser: "Your budget", ofGroup: "This group's budget", ofAll: "The budget"}[whose]
			return fmt.Sprintf("%s for today is used up; it is renewed at %s.", who, until.Format("Jan 2 15:04"))
		},
		whoami: func(m *message, owner bool) string {
			role := "member"
			switch {
			case owner:
				role = "owner of the bot"
			case m.role == "owner":
				role = "owner of the group"
			case m.role == "admin":
				role = "admin"
			case m.temp != 0:
				role = "temporary session"
			case !m.chat.Group:
				role = "friend"
			}
			return fmt.Sprintf("%s (QQ %d), %s, chat %s", m.name, m.user, role, m.chat)
		},
		status: func(s Status, waiting int, running bool) string {
			state := "idle"
			if running {
				state = "answering"
			}
			text := fmt.Sprintf("Model: %s\nState: %s, messages waiting: %d\nToday: %d tokens, %d answers", s.Model, state, waiting, s.TokensToday, s.TurnsToday)
			if s.Trouble != "" {
				text += fmt.Sprintf("\nThe model last failed at %s", s.TroubleAt.Format("15:04"))
			}
			return text
		},
		brokenOff:  "(the answer broke off)",
		ownersOnly: "Only an owner can confirm that.",
		noCode:     "There is no such code, or it is too old.",
		carriedOut: "Done.",
		undone:     func(err error) string { return "That did not work: " + err.Error() },
		confirm: func(action, whose, code string, within time.Duration) string {
			return fmt.Sprintf("An owner has to confirm this:\n%s\nbecause of a message of %s.\nOwner, send this here within %d minutes:\n/confirm %s", action, whose, int(within.Minutes()), code)
		},
	},
}
