package command

import (
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
)

// texts is what init, demo and explain say, in one language. Fields with %s and %d are formats; a test holds the two
// languages to the same fields and verbs.
type texts struct {
	// init
	AskWhere, AskAddress, AskOwner, AskApps    string
	BadWhere, BadNumber, BadApp, NeedAddress   string
	BadAddress                                 string
	Wrote, NapCatHead, NapCatWhere, NapCatOver string
	AppsHead, ThenRun                          string
	DotEnv, Restart                            string
	KoishiSteps, AstrBotSteps, ZeroBotSteps    string
	OtherSteps, ContainerNote, OpenNote        string
	ConsoleStep, FirstLink, LaterLink, RunLink string
	OnlyYou, OnlyService, OldKept              string
	OpenNoteNobody                             string
	// talking to what runs
	NotRunning, NotRunningFix, Barred, BarredFix string
	// console
	AskPassword, AskAgain, PasswordsDiffer, PasswordSet              string
	LinkNote, LoggedOut                                              string
	ConsoleAt, ConsoleHere, ConsoleOff, ConsoleBare, ConsoleSessions string
	ConsoleLater                                                     string
	// demo
	DemoHead, DemoLinked, DemoEcho                                                 string
	SceneFriend, SceneStranger, SceneGroup, SceneUnlisted                          string
	FriendSays, StrangerSays, GroupSays, BotSays, Told                             string
	FriendWhy, StrangerWhy, Approve, StrangerIn, UnmentionedWhy                    string
	MentionWhy, UnlistedWhy, ExplainHead, TryHead, TryConsole, TryStop, Gone, Fail string
	// explain: why a reason came up, and the key to set
	reasons map[string]string
}

// why explains a reason of `catflap explain`; empty when it needs no words.
func (t *texts) why(reason string) string { return t.reasons[reason] }

// texts chooses the language: --lang, else the locale's, else English. c may be nil.
func (s *Shell) texts(c *cli.Context) *texts {
	if s.language(c) == "zh" {
		return chinese()
	}
	return english()
}

func (s *Shell) language(c *cli.Context) string {
	if c != nil && c.String("lang") != "" {
		return c.String("lang")
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value, _ := s.Env(name); value != "" {
			if strings.HasPrefix(strings.ToLower(value), "zh") {
				return "zh"
			}
			return "en"
		}
	}
	return "en"
}

// langFlag chooses the language of what a command says.
func langFlag() cli.Flag {
	return &cli.StringFlag{Name: "lang", Usage: "zh or en (default: by $LANG)", Action: func(_ *cli.Context, value string) error {
		if value != "zh" && value != "en" {
			return misuse("", "--lang must be zh or en, not %q", clean(value))
		}
		return nil
	}}
}

func english() *texts {
	return &texts{
		AskWhere:        "Where does NapCat run? 1 = on this host, 2 = in a container on this host, 3 = on another machine [1]: ",
		AskAddress:      "The address of this box, as NapCat and the frameworks reach it%s: ",
		AskOwner:        "Your own QQ number: it is let in and may approve others (empty = none): ",
		AskApps:         "Which bots will be connected? (%s; several with commas, empty = other): ",
		BadWhere:        "%q is none of host, container, remote",
		BadNumber:       "%q is not a QQ number",
		BadApp:          "%q is none of %s",
		NeedAddress:     "the address of this box in its network could not be guessed: give it (flag --address)",
		BadAddress:      "%q is no host: give it without ws://, port and path, such as 192.168.1.10",
		Wrote:           "Wrote %s (it holds the tokens: only %s can read it).",
		NotRunning:      "catflap is not running (nothing answers at %s)",
		NotRunningFix:   "start it with `catflap run`; --config must name the file that it runs with\nif it runs: it keeps the data folder that it was started with, and a changed dataDir needs a restart",
		Barred:          "no permission to talk to the running instance at %s",
		BarredFix:       "run it as the same user as the service, with sudo, or join the group catflap and log in again",
		ConsoleLater:    "(catflap is not running: nothing answers there until it does)",
		OnlyYou:         "you",
		OnlyService:     "root and the service",
		OldKept:         "The one that was there is kept as %s: its tokens are still in NapCat and in the bots.",
		OpenNoteNobody:  "Until you approve people (`catflap pairing list`), or list yourself under owners or groups in the file, the bot answers nobody: that is on purpose.",
		NapCatHead:      "1. NapCat: in its WebUI, under network configuration, add a WebSocket client with these values. It connects at once.",
		NapCatWhere:     "   Instead of the WebUI: `%s` merges this into onebot11_<QQ>.json in NapCat's config folder DIR; then restart NapCat.",
		NapCatOver:      "   catflap listens on %s; NapCat dials %s.",
		AppsHead:        "2. The bots:",
		ThenRun:         "3. Start it:    %s\n   look at it:  %s",
		DotEnv:          "in its .env:",
		Restart:         "then restart it",
		KoishiSteps:     "in adapter-onebot: protocol ws-reverse, path /onebot, selfId = the bot's QQ number. Koishi checks no token on that path: keep its port 5140 away from the network",
		AstrBotSteps:    "add the platform aiocqhttp: ws_reverse_host 127.0.0.1, ws_reverse_port 6199, ws_reverse_token as below",
		ZeroBotSteps:    "driver.NewWebSocketClient(URL, token) with:",
		OtherSteps:      "it connects to catflap by WebSocket (OneBot 11) with:",
		ConsoleStep:     "4. Look at it in a browser, once it runs:  %s",
		FirstLink:       "4. Look at it in a browser, once it runs. This link lets one person in, once, within a day:",
		LaterLink:       "`%s` makes another; `%s` sets a password. Whoever has the link is in: do not pass it on.",
		RunLink:         "The console has no password yet. This link lets one person in, once, within 15 minutes: %s",
		AskPassword:     "New password of the console (at least %d characters): ",
		AskAgain:        "The same again: ",
		PasswordsDiffer: "the two passwords differ, nothing was changed",
		PasswordSet:     "The password is set; everybody is logged out.",
		LinkNote:        "It lets one person in, once, within %s. Open it in the browser; who has it is in.",
		LoggedOut:       "Everybody is logged out.",
		ConsoleAt:       "the console is at %s",
		ConsoleHere:     "Only this machine reaches it. From another one: ssh -L %[1]s:127.0.0.1:%[1]s USER@BOX, or set console.listen to 0.0.0.0:%[1]s.",
		ConsoleOff:      "the console is switched off (console.listen: off)",
		ConsoleBare:     "No password is set: `catflap console password`, or `catflap console link` for one visit.",
		ConsoleSessions: "logged in: %d",
		ContainerNote:   "NapCat cannot reach the loopback of this box, so catflap listens on all addresses. The tokens protect it; a firewall is still wise.",
		OpenNote:        "Until you approve people (`catflap pairing list`) or list groups in the file, the bot answers its owners only: that is on purpose.",

		DemoHead:       "catflap demo: a throw-away instance, a simulated NapCat (bot %d) and an echo app that answers \"ping X\" with \"pong X\".",
		DemoLinked:     "NapCat is linked.",
		DemoEcho:       "The echo app is connected to the gateway by WebSocket.",
		SceneFriend:    "Somebody whom allowFrom lists writes",
		SceneStranger:  "Somebody whom nobody has approved writes",
		SceneGroup:     "In a listed group",
		SceneUnlisted:  "In a group that is not listed",
		FriendSays:     "%d says: %s",
		StrangerSays:   "%d says: %s",
		GroupSays:      "%d says in group %d: %s",
		BotSays:        "the bot answers: %s",
		Told:           "the bot tells %d: %s",
		FriendWhy:      "allowFrom has this person, so the echo app got the message.",
		StrangerWhy:    "dmPolicy is pairing: no app sees the message, and the person gets a code.",
		Approve:        "You approve: %s",
		StrangerIn:     "Approved people get through from now on, in private chats only.",
		UnmentionedWhy: "Nobody mentioned the bot: the message is kept as context and no app gets it.",
		MentionWhy:     "An @ mention triggers the bot.",
		UnlistedWhy:    "groupPolicy is allowlist and the group is not listed: the message is dropped, its text is kept nowhere.",
		ExplainHead:    "What `catflap explain` says about all this:",
		TryHead:        "It keeps running. Try in another terminal, the first line first:",
		TryConsole:     "And in a browser (the link works once; `catflap console link` makes another):",
		TryStop:        "Ctrl-C ends the demo and removes %s.",
		Gone:           "The demo is over; its folder is removed.",
		Fail:           "this did not happen: %s",
		reasons: map[string]string{
			"blocked":               "the sender is on a block list (`blocked` in the file, or `catflap pairing block`)",
			"duplicate":             "the same message came before",
			"group.not-listed":      "groupPolicy is allowlist: add the group's number under `groups` (or to groupAllowFrom) to let it in",
			"group.disabled":        "groups.<id>.enabled is false",
			"group.closed":          "groupPolicy is closed: no group gets through",
			"sender.not-allowed":    "the group's allowFrom (or groupAllowFrom) does not have the sender",
			"mention.required":      "nobody mentioned the bot; groups.<id>.requireMention: false, or requireMention: false of an app, lifts that",
			"mention.reply-unknown": "a reply to a message that catflap does not know to be the bot's counts as no mention",
			"dm.pairing-required":   "dmPolicy is pairing and the sender is not approved: `catflap pairing approve CODE`, or allowFrom",
			"dm.closed":             "dmPolicy is closed: no private message gets through",
			"dm.not-listed":         "dmPolicy is allowlist and allowFrom does not have the sender",
			"dm.temp-session":       "a stranger wrote by way of a group; tempSessions: true lets that in",
			"self.not-admitted":     "the account's own message in a chat that is not the bot's business",
			"self.foreign":          "the event carries another QQ number than the account's; `catflap account unpin NAME` if the account has changed",
			"app.except":            "the app's `except` matches",
			"app.not-in-only":       "the app's `only` does not match",
			"app.mention-required":  "the app has requireMention: true, and nobody mentioned the bot",
			"app.away":              "the app has not connected for events (or not for longer than queue.maxAge.request): nothing is kept for it until it does; `catflap status` says how",
			"app.none":              "no app serves the account: see apps in the file",
			"app.self-off":          "the account's own message; reportSelf: true gives it to the app",
			"policy.invalid":        "the policy could not be read, so everything is refused: `catflap config check`",
		},
	}
}

func chinese() *texts {
	return &texts{
		AskWhere:        "NapCat 在哪里运行？1 = 本机，2 = 本机的容器里，3 = 另一台机器 [1]：",
		AskAddress:      "本机的地址，NapCat 和各机器人要能连到%s：",
		AskOwner:        "你自己的 QQ 号：直接放行，并且可以批准别人（留空 = 不设）：",
		AskApps:         "要接入哪些机器人？（%s；多个用逗号分开，留空 = other，即其他程序）：",
		BadWhere:        "%q 不是 host、container、remote 之一",
		BadNumber:       "%q 不是 QQ 号",
		BadApp:          "%q 不是 %s 之一",
		NeedAddress:     "无法确定本机的内网地址，请直接给出（选项 --address）",
		BadAddress:      "%q 不是主机地址：不要带 ws://、端口和路径，例如 192.168.1.10",
		Wrote:           "已写入 %s（里面有令牌，只有%s能读）。",
		NotRunning:      "catflap 没有运行（%s 没有应答）",
		NotRunningFix:   "用 `catflap run` 启动；--config 必须指向它运行时用的文件\n如果它在运行：它一直使用启动时的数据文件夹，改了 dataDir 需要重启",
		Barred:          "无权与 %s 上正在运行的实例通信",
		BarredFix:       "用与服务相同的用户或 sudo 运行，或加入 catflap 组后重新登录",
		ConsoleLater:    "（catflap 没有运行：启动之前那里没有应答）",
		OnlyYou:         "你",
		OnlyService:     " root 和服务",
		OldKept:         "原来的文件保留为 %s：NapCat 和各机器人里填的还是其中的旧令牌。",
		OpenNoteNobody:  "在你批准别人（`catflap pairing list`），或把自己写进文件的 owners、把群写进 groups 之前，机器人不回应任何人：这是有意为之。",
		NapCatHead:      "1. NapCat：在它的 WebUI → 网络配置里新建一个 WebSocket 客户端，填入下面的值，保存后立即生效。",
		NapCatWhere:     "   不用 WebUI 的话：`%s` 会把它合并进 onebot11_<QQ号>.json（DIR 是 NapCat 的 config 文件夹），然后重启 NapCat。",
		NapCatOver:      "   catflap 监听 %s，NapCat 连接 %s。",
		AppsHead:        "2. 机器人：",
		ThenRun:         "3. 启动：%s\n   查看：%s",
		DotEnv:          "在它的 .env 里写：",
		Restart:         "然后重启它",
		KoishiSteps:     "adapter-onebot 里选 protocol ws-reverse，path 填 /onebot，selfId 填机器人的 QQ 号。Koishi 在这条路径上不检查令牌：不要把它的 5140 端口暴露到网络上",
		AstrBotSteps:    "添加平台 aiocqhttp：ws_reverse_host 填 127.0.0.1，ws_reverse_port 填 6199，ws_reverse_token 填下面的令牌",
		ZeroBotSteps:    "driver.NewWebSocketClient(URL, token) 填：",
		OtherSteps:      "由它通过 WebSocket（OneBot 11）连接 catflap：",
		ConsoleStep:     "4. 启动后在浏览器里查看：%s",
		FirstLink:       "4. 启动后在浏览器里查看。下面的链接在一天内可供一个人登录一次：",
		LaterLink:       "`%s` 可再生成一个；`%s` 设置密码。拿到链接的人就能进入，请勿转发。",
		RunLink:         "控制台还没有密码。此链接在 15 分钟内可供一个人登录一次：%s",
		AskPassword:     "控制台的新密码（至少 %d 个字符）：",
		AskAgain:        "再输入一次：",
		PasswordsDiffer: "两次输入的密码不一致，没有任何改动",
		PasswordSet:     "密码已设置；所有人都已退出登录。",
		LinkNote:        "在 %s 内可供一个人登录一次。请在浏览器中打开；拿到链接的人就能进入。",
		LoggedOut:       "所有人都已退出登录。",
		ConsoleAt:       "控制台地址：%s",
		ConsoleHere:     "只有本机能访问。从其他机器访问：ssh -L %[1]s:127.0.0.1:%[1]s 用户@本机，或把 console.listen 设为 0.0.0.0:%[1]s。",
		ConsoleOff:      "控制台已关闭（console.listen: off）",
		ConsoleBare:     "还没有设置密码：运行 `catflap console password`；只登录一次可用 `catflap console link`。",
		ConsoleSessions: "已登录：%d",
		ContainerNote:   "NapCat 连不到本机的 127.0.0.1，所以 catflap 监听所有地址。有令牌保护，但最好再配防火墙。",
		OpenNote:        "在你批准别人（`catflap pairing list`）或把群写进文件之前，机器人只回应主人（owners）：这是有意为之。",

		DemoHead:       "catflap 演示：一个用完即弃的实例、一个模拟的 NapCat（机器人 %d），和一个对“ping X”回答“pong X”的应用。",
		DemoLinked:     "NapCat 已连上。",
		DemoEcho:       "应用已通过 WebSocket 连上网关。",
		SceneFriend:    "allowFrom 名单里的人发来私聊",
		SceneStranger:  "未获批准的人发来私聊",
		SceneGroup:     "在名单里的群",
		SceneUnlisted:  "在名单以外的群",
		FriendSays:     "%d 说：%s",
		StrangerSays:   "%d 说：%s",
		GroupSays:      "%d 在群 %d 里说：%s",
		BotSays:        "机器人回答：%s",
		Told:           "机器人回复 %d：%s",
		FriendWhy:      "allowFrom 里有这个人，所以应用收到了消息。",
		StrangerWhy:    "dmPolicy 是 pairing：任何应用都看不到这条消息，对方会收到一个配对码。",
		Approve:        "你来批准：%s",
		StrangerIn:     "批准之后，对方的私聊就会放行；群聊不受影响。",
		UnmentionedWhy: "没有人 @ 机器人：消息只作为上下文保存，应用收不到。",
		MentionWhy:     "@ 了机器人，消息就会送达应用。",
		UnlistedWhy:    "groupPolicy 是 allowlist，而这个群不在名单里：消息被丢弃，内容不会保存在任何地方。",
		ExplainHead:    "`catflap explain` 对这一切的说明：",
		TryHead:        "演示会继续运行。在另一个终端里试试（先执行第一行）：",
		TryConsole:     "也可以用浏览器打开（链接只能用一次；`catflap console link` 可再生成）：",
		TryStop:        "按 Ctrl-C 结束演示并删除 %s。",
		Gone:           "演示结束，文件夹已删除。",
		Fail:           "有一步没有成功：%s",
		reasons: map[string]string{
			"blocked":               "发送者在黑名单里（文件里的 `blocked`，或 `catflap pairing block`）",
			"duplicate":             "同一条消息之前已经收到过",
			"group.not-listed":      "groupPolicy 是 allowlist：把群号写进 `groups`（或 groupAllowFrom）就能放行",
			"group.disabled":        "groups.<群号>.enabled 是 false",
			"group.closed":          "groupPolicy 是 closed：所有群都不放行",
			"sender.not-allowed":    "群的 allowFrom（或 groupAllowFrom）里没有这个人",
			"mention.required":      "没有人 @ 机器人；设 groups.<群号>.requireMention: false，或应用的 requireMention: false 就不需要 @",
			"mention.reply-unknown": "回复的消息不确定是不是机器人发的，不算 @",
			"dm.pairing-required":   "dmPolicy 是 pairing 而这个人还没被批准：`catflap pairing approve 配对码`，或写进 allowFrom",
			"dm.closed":             "dmPolicy 是 closed：所有私聊都不放行",
			"dm.not-listed":         "dmPolicy 是 allowlist，而 allowFrom 里没有这个人",
			"dm.temp-session":       "陌生人通过群发起的临时会话；设 tempSessions: true 才按私聊处理",
			"self.not-admitted":     "账号自己在别的聊天里发的消息，与机器人无关",
			"self.foreign":          "事件里的 QQ 号不是这个账号的；如果换了账号，用 `catflap account unpin 名称`",
			"app.except":            "符合应用的 `except`",
			"app.not-in-only":       "不符合应用的 `only`",
			"app.mention-required":  "应用的 requireMention 为 true，而消息没有 @ 机器人",
			"app.away":              "应用尚未连接接收事件（或离线已超过 queue.maxAge.request）：连接之前不会为它保留事件；`catflap status` 会说明如何连接",
			"app.none":              "没有应用服务此账号：请查看文件中的 apps",
			"app.self-off":          "账号自己发的消息；应用设 reportSelf: true 才会收到",
			"policy.invalid":        "策略无法读取，所以全部拒绝：`catflap config check`",
		},
	}
}
