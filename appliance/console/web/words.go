package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/console"
)

// say is something that the console says, in both languages. Verbs like %d are the same in both.
type say struct{ en, zh string }

// catalogue is everything that the console says, by key. A test holds it to what templates and code ask for.
func catalogue() map[string]say {
	return map[string]say{
		"brand":        {"catflap", "猫门"},
		"skip":         {"Skip to the content", "跳到正文"},
		"nav":          {"Pages", "页面"},
		"nav.overview": {"Overview", "概览"},
		"nav.password": {"Password", "密码"},
		"nav.logout":   {"Log out", "退出"},
		"settings":     {"Display", "显示"},
		"language":     {"Language", "语言"},
		"theme":        {"Colours", "配色"},
		"theme.auto":   {"as the device", "跟随设备"},
		"theme.light":  {"light", "浅色"},
		"theme.dark":   {"dark", "深色"},
		"version":      {"version %s", "版本 %s"},
		"offline":      {"The connection to catflap is lost. Trying again …", "与 catflap 的连接已断开，正在重试……"},

		"login.title":    {"Log in", "登录"},
		"login.password": {"Password", "密码"},
		"login.go":       {"Log in", "登录"},
		"login.link":     {"This link lets you in once. It is used up by this button.", "此链接只能登录一次，点击按钮后即失效。"},
		"login.link.go":  {"Enter", "进入"},
		"login.none":     {"No password is set yet. On the box, type one of these:", "还没有设置密码。请在设备上运行下面的命令之一："},
		"login.lost":     {"Forgotten? On the box, type:", "忘记了？请在设备上运行："},
		"login.wrong":    {"That is not the password.", "密码不对。"},
		"login.wait":     {"Too many wrong passwords from your address. Try again in %d seconds.", "来自你这个地址的错误密码太多，请 %d 秒后再试。"},
		"login.used":     {"The link has been used already or is older than 15 minutes. On the box, make a new one:", "链接已经用过，或者已超过 15 分钟。请在设备上重新生成："},
		"login.busy":     {"Too many people log in at the same time. Try again in a moment.", "同时登录的人太多，请稍后再试。"},

		"password.title":    {"Password of the console", "控制台密码"},
		"password.current":  {"Current password", "当前密码"},
		"password.new":      {"New password", "新密码"},
		"password.again":    {"New password, again", "再输入一次新密码"},
		"password.rule":     {"At least 8 characters.", "至少 8 个字符。"},
		"password.ends":     {"Everybody is logged out by the change, also you.", "修改后所有人都会退出登录，包括你自己。"},
		"password.go":       {"Set the password", "设置密码"},
		"password.bad":      {"The new password needs at least 8 characters, and at most 1024 bytes.", "新密码至少 8 个字符，最多 1024 字节。"},
		"password.differ":   {"The two new passwords differ.", "两次输入的新密码不一致。"},
		"password.sessions": {"Sessions: %d", "登录会话：%d 个"},
		"password.all":      {"Log out everywhere", "退出所有设备"},

		"problem.title":   {"That did not work", "操作没有成功"},
		"problem.csrf":    {"The page was too old or was not ours: open it again and repeat what you did.", "页面已过期或来源不对：请重新打开页面再操作一次。"},
		"problem.form":    {"The form could not be read.", "无法读取提交的表单。"},
		"problem.inside":  {"Something went wrong inside catflap; its log says what.", "catflap 内部出错，详情见日志。"},
		"problem.missing": {"There is no such page.", "没有这个页面。"},
		"problem.back":    {"To the overview", "回到概览"},

		"overview.title":    {"Overview", "概览"},
		"overview.well":     {"All is well.", "一切正常。"},
		"overview.look":     {"Something needs you: %d", "有 %d 处需要处理"},
		"overview.accounts": {"Accounts", "账号"},
		"overview.apps":     {"Apps", "应用"},
		"overview.box":      {"Box", "本机"},
		"overview.noapps":   {"No app is configured. Add one under apps in catflap.yaml.", "没有配置应用。请在 catflap.yaml 的 apps 下添加。"},
		"overview.noqq":     {"not known yet", "尚未得知"},

		"account.online":  {"online", "在线"},
		"account.away":    {"NapCat is away", "NapCat 未连接"},
		"account.offline": {"QQ is offline", "QQ 已离线"},
		"account.qq":      {"QQ number", "QQ 号"},
		"account.link":    {"Link", "连接方式"},
		"account.pending": {"Calls under way", "进行中的调用"},

		"app.connected":  {"connected", "已连接"},
		"app.away":       {"away", "未连接"},
		"app.never":      {"never seen", "从未连接"},
		"app.paused":     {"paused", "已暂停"},
		"app.account":    {"Account", "账号"},
		"app.waiting":    {"Waiting", "等待中"},
		"app.dropped":    {"Dropped", "已丢弃"},
		"app.skipped":    {"Skipped", "已跳过"},
		"app.repeated":   {"Repeated", "已重发"},
		"app.last.error": {"Last error", "最近的错误"},

		"box.uptime":    {"Running for", "已运行"},
		"box.memory":    {"Memory", "内存"},
		"box.go":        {"of which Go", "其中 Go"},
		"box.journal":   {"Journal and history", "事件与历史"},
		"box.state":     {"State", "状态库"},
		"box.unflushed": {"Not written yet", "尚未写盘"},
		"box.written":   {"Written since start", "启动后写盘量"},
		"box.links":     {"Links of apps", "应用连接"},
		"box.of":        {"%d of %d", "%d / %d"},
		"box.errors":    {"%d writes to the store failed since the start; is the disk full?", "启动以来有 %d 次写盘失败；磁盘是不是满了？"},
		"box.dropped":   {"%d records could not be written in time and were dropped.", "有 %d 条记录来不及写盘，已被丢弃。"},
		"time.days":     {"%d d %d h", "%d 天 %d 小时"},
		"time.hours":    {"%d h %d min", "%d 小时 %d 分"},
		"time.minutes":  {"%d min", "%d 分钟"},
	}
}

// languages are those of the pages, by the tag that HTML wants.
func languages() map[string]string { return map[string]string{"en": "en", "zh": "zh-CN"} }

// word gives a text of the catalogue in a language. A key that is missing shows itself.
func (d *drawing) word(language, key string, args ...any) string {
	text := key
	if both, ok := d.words[key]; ok {
		text = both.en
		if language == "zh" {
			text = both.zh
		}
	}
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

// pick chooses from a text in both languages.
func pick(language string, t console.Text) string {
	if language == "zh" && t.ZH != "" || t.EN == "" {
		return t.ZH
	}
	return t.EN
}

// language is that of a request: by choice (cookie), by configuration, by what the browser asks for.
func (s *Site) language(r *http.Request) string {
	set := s.settings.Load()
	for _, choice := range []string{cookie(r, languageCookie), set.Language, accepted(r.Header.Get("Accept-Language")), set.Fallback} {
		if _, ok := languages()[choice]; ok {
			return choice
		}
	}
	return "zh"
}

// accepted finds the language that a browser likes best; empty if it names neither.
func accepted(header string) string {
	if len(header) > 500 {
		return ""
	}
	best, weight := "", 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(quality), "q="); ok {
			q, _ = strconv.ParseFloat(value, 64)
		}
		if _, ok := languages()[base]; ok && q > weight {
			best, weight = base, q
		}
	}
	return best
}
