package web

// reasonWords say in plain words why something happened. A test holds them to the reasons of package policy.
func reasonWords() map[string]say {
	return map[string]say{
		"reason.delivered":             {"Every rule lets it through.", "所有规则都允许。"},
		"reason.self.foreign":          {"It belongs to another QQ account than this one.", "事件属于另一个 QQ 账号。"},
		"reason.duplicate":             {"It has come before.", "已经收到过。"},
		"reason.self.admitted":         {"The account itself said it; that triggers nothing.", "账号自己发的消息，不会触发应用。"},
		"reason.self.not-admitted":     {"The account itself said it, in a chat that is not the bot's business.", "账号自己在与机器人无关的聊天中发的消息。"},
		"reason.event.unknown-type":    {"It is a kind of event that OneBot does not have.", "不是 OneBot 定义的事件类型。"},
		"reason.event.no-sender":       {"It does not say who sent it.", "没有注明发送者。"},
		"reason.event.no-group":        {"It does not say in which group.", "没有注明群号。"},
		"reason.blocked":               {"The person is blocked.", "此人已被拉黑。"},
		"reason.owner.command":         {"An owner's command to catflap; apps do not see it.", "管理员给猫门的命令，应用看不到。"},
		"reason.group.closed":          {"groupPolicy is closed: no group is answered.", "groupPolicy 为 closed：不回应任何群。"},
		"reason.group.disabled":        {"The group is switched off in the configuration.", "配置中关闭了此群。"},
		"reason.group.not-listed":      {"The group is not on the list of allowed groups.", "此群不在允许的列表中。"},
		"reason.sender.not-allowed":    {"The group is allowed, but this person may not use the bot there (allowFrom, groupAllowFrom).", "群已允许，但此人不能在群里使用机器人（allowFrom、groupAllowFrom）。"},
		"reason.dm.closed":             {"dmPolicy is closed: no private message is answered.", "dmPolicy 为 closed：不回应任何私聊。"},
		"reason.dm.not-listed":         {"The person is not in allowFrom, and dmPolicy is allowlist.", "dmPolicy 为 allowlist，此人不在 allowFrom 中。"},
		"reason.dm.temp-session":       {"A private message by way of a group; tempSessions is off.", "来自群的临时会话，而 tempSessions 已关闭。"},
		"reason.dm.pairing-required":   {"The person has not been approved yet.", "此人尚未获得批准。"},
		"reason.mention.required":      {"The group needs a mention, and the bot was not mentioned.", "此群需要 @ 机器人，而消息没有 @。"},
		"reason.mention.reply-unknown": {"It quotes a message that catflap does not know, so it does not count as a mention.", "引用的消息猫门不认识，不算 @ 机器人。"},
		"reason.policy.invalid":        {"The rules could not be read: everything is refused.", "规则无法读取：一律拒绝。"},
		"reason.app.except":            {"The app's `except` leaves it out.", "被应用的 except 排除。"},
		"reason.app.not-in-only":       {"The app's `only` does not have it.", "不在应用的 only 范围内。"},
		"reason.app.self-off":          {"The account itself said it, and the app has no reportSelf.", "账号自己发的消息，应用没有开启 reportSelf。"},
		"reason.app.invalid":           {"The app's view could not be read: it gets nothing.", "应用的过滤规则无法读取：不会收到任何事件。"},

		"reason.app.mention-required": {"The app wants a mention (its requireMention), and the bot was not mentioned.", "应用要求 @ 机器人（应用的 requireMention），而消息没有 @。"},
		"reason.app.away":             {"The app is not connected, and nothing is kept for it before its first connection.", "应用没有连接；首次连接之前的事件不会为它保留。"},
		"reason.app.none":             {"No app serves this account.", "没有应用服务此账号。"},

		"outcome.away":    {"not there", "不在线"},
		"outcome.deliver": {"delivered", "已送达"},
		"outcome.context": {"only remembered", "仅记录"},
		"outcome.pair":    {"asked to pair", "要求配对"},
		"outcome.command": {"command", "命令"},
		"outcome.drop":    {"ignored", "已忽略"},

		"kind.message.group":   {"group message", "群消息"},
		"kind.message.private": {"private message", "私聊消息"},
		"kind.message_sent":    {"own message", "自己的消息"},
		"kind.notice":          {"notice", "通知"},
		"kind.request":         {"request", "请求"},
		"kind.meta_event":      {"sign of life", "元事件"},
	}
}
