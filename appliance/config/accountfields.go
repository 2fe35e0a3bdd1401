package config

import "time"

// accountFields are the keys of the top level that describe an account, and of each entry of `accounts`.
func accountFields() []field {
	type a = Account
	return []field{
		{key: "enabled", codec: boolean(), def: "true", link: true, bind: of(func(a *a) any { return &a.Enabled }),
			en: "false: no link for this account", zh: "false：不连接此账号"},
		{key: "name", codec: plainText(), bind: of(func(a *a) any { return &a.Title }),
			en: "a name for people", zh: "显示名称"},
		{key: "wsHost", codec: text("address", checkHost), def: "127.0.0.1", link: true, bind: of(func(a *a) any { return &a.WSHost }),
			en: "address NapCat connects to (reverse WebSocket, HTTP posts); 0.0.0.0 when NapCat runs in a container or on another machine", zh: "NapCat 反向 WebSocket 连接或 HTTP 上报的监听地址；NapCat 在容器或其他机器上时用 0.0.0.0"},
		{key: "wsPort", codec: integer[uint16](0, 65535), def: "3001", link: true, bind: of(func(a *a) any { return &a.WSPort }),
			en: "port NapCat connects to; several accounts may share host and port with different paths", zh: "监听端口；多个账号可共用地址和端口，只要路径不同"},
		{key: "wsPath", codec: text("path", checkPath), def: "/onebot/v11/ws", link: true, bind: of(func(a *a) any { return &a.WSPath }),
			en: "path NapCat connects to; {account} stands for the account's key", zh: "路径；{account} 代表账号的键"},
		{key: "accessToken", codec: secret(), file: true, link: true, bind: of(func(a *a) any { return &a.AccessToken }),
			en: "token NapCat presents (forward, http, sse: that catflap presents); required unless the address is loopback and allowNoToken is true", zh: "访问令牌；除非只监听本机并且 allowNoToken: true，否则必填"},
		{key: "allowNoToken", codec: boolean(), def: "false", link: true, bind: of(func(a *a) any { return &a.AllowNoToken }),
			en: "true: no token is needed, on a loopback address only", zh: "true：允许无令牌（仅限本机地址）"},
		{key: "selfId", codec: number(), link: true, bind: of(func(a *a) any { return &a.SelfID }),
			en: "pins the QQ number; otherwise learned from the first connection", zh: "固定 QQ 号；不填则首次连接时记住"},
		{key: "link", codec: enum([]string{"reverse", "forward", "http", "sse"}, nil), def: "reverse", link: true, bind: of(func(a *a) any { return &a.Link }),
			en: "how catflap and NapCat meet: reverse = NapCat dials, forward = catflap dials NapCat's WebSocket server, http = NapCat's HTTP client posts events and its HTTP server takes calls, sse = catflap reads the events of NapCat's HTTP SSE server and calls it", zh: "连接方式：reverse = NapCat 连过来，forward = 连接 NapCat 的 WebSocket 服务器，http = NapCat 的 HTTP 客户端上报事件并通过其 HTTP 服务器调用，sse = 读取 NapCat 的 HTTP SSE 服务器的事件并调用它"},
		{key: "url", codec: text("ws or wss address", checkURL("ws", "wss")), link: true, bind: of(func(a *a) any { return &a.URL }),
			en: "forward: NapCat's WebSocket server, such as ws://127.0.0.1:3001", zh: "forward 时 NapCat 的 WebSocket 服务器地址"},
		{key: "apiUrl", codec: text("http or https address", checkURL("http", "https")), link: true, bind: of(func(a *a) any { return &a.APIURL }),
			en: "http, sse: NapCat's HTTP (SSE) server, such as http://127.0.0.1:3000", zh: "http、sse 时 NapCat 的 HTTP 服务器地址"},
		{key: "httpPath", codec: text("path", checkPath), def: "/onebot/v11/http", link: true, bind: of(func(a *a) any { return &a.HTTPPath }),
			en: "http: path on wsHost:wsPort that NapCat posts events to; several accounts may share host and port with different paths", zh: "http 时 NapCat 上报事件的路径"},
		{key: "verifyCertificate", codec: boolean(), def: "true", link: true, bind: of(func(a *a) any { return &a.VerifyCertificate }),
			en: "false: the certificate of a wss or https server is not checked", zh: "false：不校验 wss/https 证书"},
		{key: "caFile", codec: plainText(), link: true, bind: of(func(a *a) any { return &a.CAFile }),
			en: "PEM file of the authorities to trust instead of the system's", zh: "自定义 CA 证书（PEM 文件）"},
		{key: "reconnect", codec: object(accountReconnectFields), link: true, bind: of(func(a *a) any { return &a.Reconnect }),
			en: "dialling again after a loss, or supervision where NapCat dials", zh: "断线重连；反向连接时用于监督"},
		{key: "heartbeat", codec: object(heartbeatFields), link: true, bind: of(func(a *a) any { return &a.Heartbeat }),
			en: "probes of the link to NapCat", zh: "对 NapCat 连接的心跳检测"},
		{key: "dmPolicy", codec: enum([]string{"pairing", "open", "closed", "allowlist"}, map[string]string{"disabled": "closed"}), def: "pairing", bind: of(func(a *a) any { return &a.DMPolicy }),
			en: "private messages: pairing = strangers get a code that you approve, allowlist = as pairing but without a reply, open = everybody, closed = nobody (disabled means the same)", zh: "私聊策略：pairing 配对码批准，allowlist 仅名单且不回复，open 所有人，closed 拒绝"},
		{key: "allowFrom", codec: list[string](entry(true, "user:")), bind: of(func(a *a) any { return &a.AllowFrom }),
			en: "QQ numbers that may write private messages without pairing", zh: "免配对的私聊 QQ 号"},
		{key: "groupPolicy", codec: enum([]string{"allowlist", "open", "closed"}, map[string]string{"disabled": "closed"}), def: "allowlist", bind: of(func(a *a) any { return &a.GroupPolicy }),
			en: "groups: allowlist = those in groups or groupAllowFrom, open = all, closed = none (disabled means the same)", zh: "群策略：allowlist 仅列出的群，open 所有群，closed 拒绝"},
		{key: "groupAllowFrom", codec: list[string](entry(true, "user:", "group:")), bind: of(func(a *a) any { return &a.GroupAllowFrom }),
			en: "groups that are admitted and users that may trigger in groups: group:1, user:2, or a bare number", zh: "允许的群和群内用户：group:1、user:2 或纯数字"},
		{key: "groups", codec: table[Group]("<group number or \"*\">", groupFields, groupKey), bind: of(func(a *a) any { return &a.Groups }),
			en: "settings of single groups; an account's map replaces the top level's", zh: "各群设置；账号自己的 groups 会整体替换顶层的"},
		{key: "historyLimit", codec: integer[int](0, 10000), def: "100", bind: of(func(a *a) any { return &a.HistoryLimit }),
			en: "messages kept per chat; 0 = none are stored", zh: "每个会话保存的消息数；0 = 不保存"},
		{key: "textChunkLimit", codec: integer[int](1, 100000), def: "2000", bind: of(func(a *a) any { return &a.TextChunkLimit }),
			en: "longest text of one outgoing message, in UTF-16 units; longer texts are cut", zh: "单条消息最大长度，超出则分段"},
		{key: "mediaMaxMb", codec: integer[int](0, 1024), def: "50", bind: of(func(a *a) any { return &a.MediaMaxMB }),
			en: "largest medium that is fetched or sent, in MiB", zh: "媒体大小上限（MiB）"},
		{key: "owners", codec: list[uint64](number()), bind: of(func(a *a) any { return &a.Owners }),
			en: "QQ numbers that may approve by private message and are told of requests", zh: "主人的 QQ 号：可私聊批准配对并收到通知"},
		{key: "blocked", codec: list[uint64](number()), bind: of(func(a *a) any { return &a.Blocked }),
			en: "QQ numbers that are always ignored", zh: "始终忽略的 QQ 号"},
		{key: "mentionPatterns", codec: list[string](text("regular expression", checkRegexp)), bind: of(func(a *a) any { return &a.MentionPatterns }),
			en: "regular expressions (RE2, case-insensitive) that count as a mention", zh: "视为提及机器人的正则表达式（RE2，不区分大小写）"},
		{key: "botNames", codec: list[string](text("text", checkFilled)), bind: of(func(a *a) any { return &a.BotNames }),
			en: "names that count as a mention", zh: "视为提及机器人的名字"},
		{key: "tempSessions", codec: boolean(), def: "false", bind: of(func(a *a) any { return &a.TempSessions }),
			en: "true: temporary sessions from groups are treated as private messages", zh: "true：接受群临时会话"},
		{key: "mentionAll", codec: boolean(), def: "false", bind: of(func(a *a) any { return &a.MentionAll }),
			en: "true: @all counts as a mention", zh: "true：@全体成员算作提及"},
		{key: "pokeTriggers", codec: boolean(), def: "false", bind: of(func(a *a) any { return &a.PokeTriggers }),
			en: "true: a poke at the bot counts as a mention", zh: "true：戳一戳算作提及"},
		{key: "pairing", codec: object(pairingFields), bind: of(func(a *a) any { return &a.Pairing }),
			en: "bounds of pairing requests", zh: "配对请求的限制"},
		{key: "catchUp", codec: boolean(), def: "true", bind: of(func(a *a) any { return &a.CatchUp }),
			en: "true: messages missed while the link was down are fetched afterwards", zh: "true：断线恢复后补取错过的消息"},
		{key: "files", codec: object(filesFields), bind: of(func(a *a) any { return a }),
			en: "files of this box that actions may name", zh: "动作可以使用的本机文件"},
		{key: "systemPrompt", codec: plainText(), bind: of(func(a *a) any { return &a.SystemPrompt }),
			en: "agents: added to the app's prompt for this account", zh: "智能体：附加到此账号的提示词"},
		{key: "pacing", codec: paced(), bind: of(func(a *a) any { return &a.Pacing }),
			en: "how fast messages are sent; off = as fast as apps want", zh: "发送限速；off = 不限速"},
		{key: "debug", codec: boolean(), def: "false", bind: of(func(a *a) any { return &a.Debug }),
			en: "true: this account's log level is debug", zh: "true：此账号输出调试日志"},
	}
}

func accountReconnectFields() []field {
	type r = Reconnect
	first := []field{
		{key: "enabled", codec: boolean(), def: "true", bind: of(func(r *r) any { return &r.Enabled }),
			en: "false: one dial, then an alert", zh: "false：只连接一次，失败即告警"},
		{key: "maxRetries", codec: integer[int](0, 1000000), def: "10", bind: of(func(r *r) any { return &r.MaxRetries }),
			en: "failures until an alert is raised; dialling goes on; 0 = no alert", zh: "失败多少次后告警（仍继续重连）；0 = 不告警"},
	}
	return append(first, reconnectFields("5000", "60000")...)
}

func appReconnectFields() []field { return reconnectFields("1000", "10000") }

func reconnectFields(delay, maxDelay string) []field {
	type r = Reconnect
	return []field{
		{key: "retryDelay", codec: duration(100*time.Millisecond, time.Hour, false), def: delay, bind: of(func(r *r) any { return &r.RetryDelay }),
			en: "first delay", zh: "首次重连间隔"},
		{key: "backoffMultiplier", codec: decimal(1, 10), def: "2", bind: of(func(r *r) any { return &r.BackoffMultiplier }),
			en: "growth of the delay", zh: "间隔增长倍数"},
		{key: "maxDelay", codec: duration(100*time.Millisecond, 24*time.Hour, false), def: maxDelay, bind: of(func(r *r) any { return &r.MaxDelay }),
			en: "longest delay, at least retryDelay", zh: "最大间隔，不小于 retryDelay"},
	}
}

func heartbeatFields() []field {
	type h = Heartbeat
	return []field{
		{key: "enabled", codec: boolean(), def: "true", bind: of(func(h *h) any { return &h.Enabled }),
			en: "false: no ping and no get_status", zh: "false：不主动检测"},
		{key: "interval", codec: duration(100*time.Millisecond, time.Hour, false), def: "30000", bind: of(func(h *h) any { return &h.Interval }),
			en: "time between probes", zh: "检测间隔"},
		{key: "timeout", codec: duration(100*time.Millisecond, time.Hour, false), def: "10000", bind: of(func(h *h) any { return &h.Timeout }),
			en: "how long an answer may take", zh: "应答超时"},
	}
}

func pairingFields() []field {
	type p = Pairing
	return []field{
		{key: "expiry", codec: duration(time.Second, 720*time.Hour, false), def: "1h", bind: of(func(p *p) any { return &p.Expiry }),
			en: "how long a code is good", zh: "配对码有效期"},
		{key: "maxPending", codec: integer[int](1, 1000), def: "20", bind: of(func(p *p) any { return &p.MaxPending }),
			en: "requests that may wait at once", zh: "同时等待的请求数"},
		{key: "repliesPerHour", codec: integer[int](0, 1000), def: "30", bind: of(func(p *p) any { return &p.RepliesPerHour }),
			en: "replies to strangers per hour", zh: "每小时回复陌生人的次数"},
	}
}

func filesFields() []field {
	return []field{
		{key: "roots", codec: list[string](text("folder", checkAbsolute)), bind: of(func(a *Account) any { return &a.FileRoots }),
			en: "folders that file:// and bare paths may name", zh: "file:// 和路径可以使用的文件夹"},
	}
}

func pacingFields() []field {
	type p = Pacing
	return []field{
		{key: "chat", codec: rate(), def: "1/s", bind: of(func(p *p) any { return &p.ChatRate }),
			en: "sends per chat", zh: "每个会话的发送速率"},
		{key: "chatBurst", codec: integer[int](1, 1000), def: "3", bind: of(func(p *p) any { return &p.ChatBurst }),
			en: "sends per chat at once", zh: "每个会话的突发数"},
		{key: "account", codec: rate(), def: "2/s", bind: of(func(p *p) any { return &p.AccountRate }),
			en: "sends of the whole account", zh: "整个账号的发送速率"},
		{key: "accountBurst", codec: integer[int](1, 1000), def: "10", bind: of(func(p *p) any { return &p.AccountBurst }),
			en: "sends of the whole account at once", zh: "整个账号的突发数"},
	}
}

func groupFields() []field {
	type g = Group
	return []field{
		{key: "enabled", codec: optional[bool](boolean()), bind: of(func(g *g) any { return &g.Enabled }),
			en: "false: this group is ignored", zh: "false：忽略此群"},
		{key: "requireMention", codec: optional[bool](boolean()), bind: of(func(g *g) any { return &g.RequireMention }),
			en: "whether the bot must be mentioned; true when not set", zh: "是否需要@机器人；不填为 true"},
		{key: "allowFrom", codec: optional[[]string](list[string](entry(true, "user:"))), bind: of(func(g *g) any { return &g.AllowFrom }),
			en: "who may trigger in this group; [] = nobody, absent = not set", zh: "此群内允许的用户；[] = 无人，不填 = 未设置"},
		{key: "systemPrompt", codec: plainText(), bind: of(func(g *g) any { return &g.SystemPrompt }),
			en: "agents: added prompt for this group", zh: "智能体：此群附加的提示词"},
		{key: "skills", codec: optional[[]string](list[string](text("text", checkFilled))), bind: of(func(g *g) any { return &g.Skills }),
			en: "agents: skills in this group; [] = none, absent = all", zh: "智能体：此群的技能；[] = 无，不填 = 全部"},
		{key: "tools", codec: optional[Tools](object(groupToolsFields)), bind: of(func(g *g) any { return &g.Tools }),
			en: "agents: tools in this group, within what the app allows", zh: "智能体：此群的工具（只能收窄）"},
	}
}

func groupKey(s string) (string, string) {
	if s == "*" {
		return s, ""
	}
	if _, ok := parseID(s); !ok {
		return "", `expected a group number or "*" as key`
	}
	return s, ""
}

func toolsFields() []field {
	type t = Tools
	return []field{
		{key: "allow", codec: optional[[]string](list[string](text("text", checkFilled))), bind: of(func(t *t) any { return &t.Allow }),
			en: "names, prefix* or groups of tools; [] = none, absent = not set", zh: "允许的工具；[] = 无，不填 = 未设置"},
		{key: "deny", codec: list[string](text("text", checkFilled)), bind: of(func(t *t) any { return &t.Deny }),
			en: "refused tools; deny wins", zh: "拒绝的工具（优先）"},
	}
}

func groupToolsFields() []field {
	return append(toolsFields(), field{key: "toolsBySender", codec: table[Tools]("<user:number or \"*\">", toolsFields, senderKey), bind: of(func(t *Tools) any { return &t.ToolsBySender }),
		en: "tools for single senders", zh: "按发送者设置的工具"})
}

func senderKey(s string) (string, string) {
	if s == "*" {
		return s, ""
	}
	id := s
	if len(s) > 5 && s[:5] == "user:" {
		id = s[5:]
	}
	if _, ok := parseID(id); !ok {
		return "", `expected user:123 or "*" as key`
	}
	return "user:" + id, ""
}
