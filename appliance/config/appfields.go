package config

import (
	"math"
	"time"
)

// appFields are the keys of each entry of `apps`.
func appFields() []field {
	type a = App
	return append([]field{
		{key: "enabled", codec: boolean(), def: "true", link: true, bind: of(func(a *a) any { return &a.Enabled }),
			en: "false: no link, no queue, the token is refused", zh: "false：不连接、不排队、令牌无效"},
		{key: "protocol", codec: enum([]string{"onebot11", "onebot12", "agent"}, nil), def: "onebot11", link: true, bind: of(func(a *a) any { return &a.Protocol }),
			en: "what the app speaks; agent = a language model answers", zh: "应用协议；agent = 由语言模型回复"},
		{key: "connect", codec: text("ws or wss address", checkURL("ws", "wss")), link: true, bind: of(func(a *a) any { return &a.Connect }),
			en: "catflap dials the app here (reverse WebSocket)", zh: "主动连接的地址（反向 WebSocket）"},
		{key: "listen", codec: text("host:port", checkListen), link: true, bind: of(func(a *a) any { return &a.Listen }),
			en: "a port of the app's own with root-level paths", zh: "此应用独占的监听端口"},
		{key: "post", codec: text("http or https address", checkURL("http", "https")), link: true, bind: of(func(a *a) any { return &a.Post }),
			en: "events are posted here (HTTP POST)", zh: "HTTP 上报地址"},
		{key: "secret", codec: secret(), file: true, link: true, bind: of(func(a *a) any { return &a.Secret }),
			en: "signs what is posted (X-Signature)", zh: "HTTP 上报签名密钥"},
		{key: "accessToken", codec: secret(), file: true, link: true, bind: of(func(a *a) any { return &a.AccessToken }),
			en: "token; names the app at the gateway and must be unique there; presented to the app with connect", zh: "令牌；在网关上标识应用且必须唯一；connect 时出示给应用"},
		{key: "allowNoToken", codec: boolean(), def: "false", link: true, bind: of(func(a *a) any { return &a.AllowNoToken }),
			en: "true: no token is needed, with a loopback listen of its own only", zh: "true：允许无令牌（仅限独占的本机端口）"},
		{key: "accounts", codec: list[string](accountName()), bind: of(func(a *a) any { return &a.Accounts }),
			en: "the accounts it serves, by key or QQ number; absent = all", zh: "服务的账号（键或 QQ 号）；不填 = 全部"},
		{key: "transports", codec: list[string](enum([]string{"ws", "http", "sse"}, nil)), def: "[ws, http, sse]", link: true, bind: of(func(a *a) any { return &a.Transports }),
			en: "what the token may use at the gateway", zh: "令牌在网关上可用的传输方式"},
		{key: "reconnect", codec: object(appReconnectFields), bind: of(func(a *a) any { return &a.Reconnect }),
			en: "dialling again after a loss; it never ends", zh: "断线重连（永不放弃）"},
		{key: "messageFormat", codec: enum([]string{"array", "string"}, nil), def: "array", bind: of(func(a *a) any { return &a.MessageFormat }),
			en: "form of messages in events", zh: "事件中消息的格式"},
		{key: "reportSelf", codec: boolean(), def: "false", bind: of(func(a *a) any { return &a.ReportSelf }),
			en: "true: the account's own messages are reported (message_sent)", zh: "true：上报自己发送的消息"},
		{key: "heartbeat", codec: duration(time.Second, time.Hour, true), def: "15000", bind: of(func(a *a) any { return &a.Heartbeat }),
			en: "heartbeat events made for this app; 0 = none (frameworks drop links that are silent for 30 s)", zh: "心跳事件间隔；0 = 关闭"},
		{key: "requireMention", codec: optional[bool](boolean()), bind: of(func(a *a) any { return &a.RequireMention }),
			en: "overrides the group's requireMention; false = this app sees every message of admitted groups", zh: "覆盖群的 requireMention；false = 收到已允许群的所有消息"},
		{key: "ack", codec: enum([]string{"ping", "written"}, nil), def: "ping", bind: of(func(a *a) any { return &a.Ack }),
			en: "what counts as delivered: a ping answered, or bytes written", zh: "送达的判据：ping 应答或已写出"},
		{key: "only", codec: object(matchFields), bind: of(func(a *a) any { return &a.Only }),
			en: "the app receives only what matches all of these keys", zh: "只接收同时满足这些条件的事件"},
		{key: "except", codec: object(matchFields), bind: of(func(a *a) any { return &a.Except }),
			en: "the app does not receive what matches all of these keys", zh: "不接收同时满足这些条件的事件"},
		{key: "actions", codec: object(actionsFields), bind: of(func(a *a) any { return &a.Actions }),
			en: "what the app may do", zh: "允许的动作"},
		{key: "targets", codec: enum([]string{"any", "policy"}, nil), def: "any", bind: of(func(a *a) any { return &a.Targets }),
			en: "policy: it may write only to chats that the policy admits", zh: "policy：只能向策略允许的会话发送"},
		{key: "chunk", codec: boolean(), def: "false", bind: of(func(a *a) any { return &a.Chunk }),
			en: "true: long texts are cut at textChunkLimit", zh: "true：长文本自动分段"},
		{key: "rewriteMedia", codec: boolean(), def: "true", bind: of(func(a *a) any { return &a.RewriteMedia }),
			en: "false: media keep QQ's own addresses", zh: "false：保留 QQ 原始媒体链接"},
		{key: "queue", codec: object(queueFields), bind: of(func(a *a) any { return &a.Queue }),
			en: "what is kept while the app is away", zh: "应用离线时保留的事件"},
		{key: "markdown", codec: enum([]string{"forward", "refuse", "plain"}, nil), bind: of(func(a *a) any { return &a.Markdown }),
			en: "markdown segments: forward (default) or refuse; agents: plain (default) or forward", zh: "markdown 消息段：forward（默认）或 refuse；智能体：plain（默认）或 forward"},
		{key: "unsupported", codec: enum([]string{"refuse", "text"}, nil), def: "refuse", bind: of(func(a *a) any { return &a.Unsupported }),
			en: "what becomes of segments that NapCat cannot send", zh: "NapCat 无法发送的消息段如何处理"},
		{key: "cors", codec: list[string](text("origin", checkOrigin)), bind: of(func(a *a) any { return &a.CORS }),
			en: "origins that browsers may call from", zh: "允许浏览器跨域的来源"},
		{key: "verifyCertificate", codec: boolean(), def: "true", link: true, bind: of(func(a *a) any { return &a.VerifyCertificate }),
			en: "false: the certificate of a wss or https server is not checked", zh: "false：不校验 wss/https 证书"},
		{key: "caFile", codec: plainText(), link: true, bind: of(func(a *a) any { return &a.CAFile }),
			en: "PEM file of the authorities to trust instead of the system's", zh: "自定义 CA 证书（PEM 文件）"},
		{key: "debug", codec: boolean(), def: "false", bind: of(func(a *a) any { return &a.Debug }),
			en: "true: this app's log level is debug", zh: "true：此应用输出调试日志"},
	}, agentFields()...)
}

// agentFields are the keys that only apps with `protocol: agent` have.
func agentFields() []field {
	type a = App
	return []field{
		{key: "backend", codec: enum([]string{"openai", "openclaw"}, nil), def: "openai", bind: of(func(a *a) any { return &a.Agent.Backend }),
			en: "agent: what answers", zh: "智能体：后端类型"},
		{key: "baseUrl", codec: text("http or https address", checkURL("http", "https")), bind: of(func(a *a) any { return &a.Agent.BaseURL }),
			en: "agent: address of the chat-completions API, such as http://127.0.0.1:11434/v1", zh: "智能体：聊天补全接口地址"},
		{key: "apiKey", codec: secret(), file: true, bind: of(func(a *a) any { return &a.Agent.APIKey }),
			en: "agent: key of that API", zh: "智能体：接口密钥"},
		{key: "model", codec: plainText(), bind: of(func(a *a) any { return &a.Agent.Model }),
			en: "agent: model", zh: "智能体：模型"},
		{key: "fallbackModels", codec: list[string](text("text", checkFilled)), bind: of(func(a *a) any { return &a.Agent.FallbackModels }),
			en: "agent: models to try when the first fails", zh: "智能体：备用模型"},
		{key: "systemPrompt", codec: plainText(), bind: of(func(a *a) any { return &a.Agent.SystemPrompt }),
			en: "agent: prompt", zh: "智能体：提示词"},
		{key: "vision", codec: enum([]string{"auto", "on", "off"}, map[string]string{"true": "on", "false": "off"}), def: "auto", bind: of(func(a *a) any { return &a.Agent.Vision }),
			en: "agent: whether pictures are shown to the model", zh: "智能体：是否把图片交给模型"},
		{key: "maxTokens", codec: integer[int](1, 1000000), def: "1024", bind: of(func(a *a) any { return &a.Agent.MaxTokens }),
			en: "agent: longest answer in tokens; openclaw decides that itself", zh: "智能体：回复的最大 token 数；openclaw 自行决定"},
		{key: "historyMessages", codec: integer[int](0, 10000), def: "20", bind: of(func(a *a) any { return &a.Agent.HistoryMessages }),
			en: "agent: messages of the chat shown to the model", zh: "智能体：提供给模型的历史消息数"},
		{key: "timeouts", codec: object(timeoutsFields), bind: of(func(a *a) any { return &a.Agent.Timeouts }),
			en: "agent: bounds of one answer", zh: "智能体：超时"},
		{key: "sessions", codec: object(sessionsFields), bind: of(func(a *a) any { return &a.Agent.Sessions }),
			en: "agent: who shares a conversation", zh: "智能体：会话"},
		{key: "budgets", codec: object(budgetsFields), bind: of(func(a *a) any { return &a.Agent.Budgets }),
			en: "agent: tokens per day; 0 = no bound", zh: "智能体：每日 token 预算；0 = 不限"},
		{key: "concurrency", codec: integer[int](1, 64), def: "1", bind: of(func(a *a) any { return &a.Agent.Concurrency }),
			en: "agent: answers at once", zh: "智能体：并发数"},
		{key: "quote", codec: enum([]string{"first", "all", "off"}, map[string]string{"false": "off"}), def: "first", bind: of(func(a *a) any { return &a.Agent.Quote }),
			en: "agent: which parts of an answer quote the question", zh: "智能体：回复是否引用原消息"},
		{key: "longReply", codec: enum([]string{"chunk", "forward"}, nil), def: "chunk", bind: of(func(a *a) any { return &a.Agent.LongReply }),
			en: "agent: long answers are cut, or sent as a forward card", zh: "智能体：长回复分段或合并转发"},
		{key: "skillsDir", codec: plainText(), bind: of(func(a *a) any { return &a.Agent.SkillsDir }),
			en: "agent: folder of skills", zh: "智能体：技能文件夹"},
		{key: "tools", codec: object(toolsFields), bind: of(func(a *a) any { return &a.Agent.Tools }),
			en: "agent: tools of the model", zh: "智能体：工具"},
		{key: "mcp", codec: table[MCP]("<name>", mcpFields, mcpKey), bind: of(func(a *a) any { return &a.Agent.MCP }),
			en: "agent: tool servers", zh: "智能体：MCP 服务器"},
	}
}

func matchFields() []field {
	type m = Match
	return []field{
		{key: "chats", codec: list[string](text("group:1 or user:2", checkChat)), bind: of(func(m *m) any { return &m.Chats }),
			en: "chats", zh: "会话"},
		{key: "types", codec: list[string](text("event type", checkType)), bind: of(func(m *m) any { return &m.Types }),
			en: "event types such as message.group, notice.*, notice.notify.poke", zh: "事件类型"},
		{key: "commands", codec: list[string](text("text", checkFilled)), bind: of(func(m *m) any { return &m.Commands }),
			en: "the text begins with one of these as whole words, case as written (\"/weather\", \"天气\"); one of signs only (\"/\") is a prefix: any word may follow it at once. Mentions and quotes do not count as text",
			zh: "文本以其中之一开头：整词匹配、区分大小写（\"/weather\"、\"天气\"）；只含符号的（\"/\"）是前缀，后面可紧接任意词。@ 与引用不算文本"},
		{key: "matches", codec: text("regular expression", checkRegexp), bind: of(func(m *m) any { return &m.Matches }),
			en: "the text matches this regular expression (RE2)", zh: "匹配此正则表达式（RE2）"},
	}
}

func actionsFields() []field {
	type a = Actions
	return []field{
		{key: "allow", codec: optional[[]string](list[string](text("action or effect", checkAction))), bind: of(func(a *a) any { return &a.Allow }),
			en: "names or @read @send @manage @destructive @credential; absent = all but @credential and a few more, [] = nothing", zh: "允许的动作名或分组；不填 = 默认，[] = 全部禁止"},
		{key: "deny", codec: list[string](text("action or effect", checkAction)), bind: of(func(a *a) any { return &a.Deny }),
			en: "refused names or effects; deny wins", zh: "拒绝的动作（优先）"},
	}
}

func queueFields() []field {
	type q = Queue
	return []field{
		{key: "maxAge", codec: object(maxAgeFields), bind: of(func(q *q) any { return &q.MaxAge }),
			en: "how old an event may be when it is delivered", zh: "事件的最长保留时间"},
		{key: "maxEvents", codec: integer[int](1, 100000), def: "2000", bind: of(func(q *q) any { return &q.MaxEvents }),
			en: "events kept", zh: "最多保留的事件数"},
		{key: "maxMb", codec: integer[int](1, 1024), def: "16", bind: of(func(q *q) any { return &q.MaxMB }),
			en: "MiB kept", zh: "最多保留的大小（MiB）"},
	}
}

func maxAgeFields() []field {
	type m = MaxAge
	const long = 30 * 24 * time.Hour
	return []field{
		{key: "message", codec: duration(time.Second, long, true), def: "10m", bind: of(func(m *m) any { return &m.Message }),
			en: "messages", zh: "消息"},
		{key: "notice", codec: duration(time.Second, long, true), def: "10m", bind: of(func(m *m) any { return &m.Notice }),
			en: "notices", zh: "通知"},
		{key: "request", codec: duration(time.Second, long, true), def: "24h", bind: of(func(m *m) any { return &m.Request }),
			en: "friend and group requests", zh: "加好友和加群请求"},
	}
}

func timeoutsFields() []field {
	type t = Timeouts
	return []field{
		{key: "idle", codec: duration(time.Second, time.Hour, false), def: "120s", bind: of(func(t *t) any { return &t.Idle }),
			en: "silence of the model; openclaw says nothing while its tools run, so only total counts for it", zh: "模型无输出的时间；openclaw 运行工具时没有输出，只看 total"},
		{key: "total", codec: duration(time.Second, 24*time.Hour, false), def: "300s", bind: of(func(t *t) any { return &t.Total }),
			en: "one answer as a whole", zh: "一次回复的总时间"},
	}
}

func sessionsFields() []field {
	type s = Sessions
	return []field{
		{key: "perMember", codec: boolean(), def: "false", bind: of(func(s *s) any { return &s.PerMember }),
			en: "true: each member of a group has a conversation of their own", zh: "true：群成员各自独立会话"},
		{key: "idle", codec: duration(time.Minute, 720*time.Hour, true), def: "4h", bind: of(func(s *s) any { return &s.Idle }),
			en: "silence after which a conversation starts afresh; 0 = never", zh: "多久无消息后重新开始；0 = 从不"},
	}
}

func budgetsFields() []field {
	type b = Budgets
	return []field{
		{key: "userTokensPerDay", codec: integer[int64](0, math.MaxInt32), def: "0", bind: of(func(b *b) any { return &b.UserTokensPerDay }),
			en: "per user", zh: "每个用户"},
		{key: "groupTokensPerDay", codec: integer[int64](0, math.MaxInt32), def: "0", bind: of(func(b *b) any { return &b.GroupTokensPerDay }),
			en: "per group", zh: "每个群"},
		{key: "tokensPerDay", codec: integer[int64](0, math.MaxInt32), def: "0", bind: of(func(b *b) any { return &b.TokensPerDay }),
			en: "all together", zh: "总计"},
	}
}

func mcpFields() []field {
	type m = MCP
	return []field{
		{key: "url", codec: text("http or https address", checkURL("http", "https")), bind: of(func(m *m) any { return &m.URL }),
			en: "address of the server", zh: "服务器地址"},
		{key: "headers", codec: headers(), bind: of(func(m *m) any { return &m.Headers }),
			en: "headers to send", zh: "请求头"},
		{key: "include", codec: list[string](text("text", checkFilled)), bind: of(func(m *m) any { return &m.Include }),
			en: "tools to take; absent = all", zh: "使用的工具；不填 = 全部"},
	}
}

// accountName is the key of an account or its QQ number; check.go looks it up.
func accountName() codec {
	return scalar[string]{
		kind: "account", tags: []string{"!!str", "!!int"}, expect: "the name of an account",
		parse:  func(s string) (string, string) { return s, checkName(s) },
		format: func(s string) (string, string) { return s, "!!str" },
		schema: map[string]any{"type": []any{"string", "integer"}},
	}.codec()
}

func mcpKey(s string) (string, string) { return s, checkName(s) }
