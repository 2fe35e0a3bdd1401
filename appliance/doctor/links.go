package doctor

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
)

func checkInstance(r *Readings, rep *report) {
	switch {
	case r.Barred:
		rep.add(Warning, both("catflap runs, and this user may not talk to it: what only it knows is missing below", "catflap 正在运行，但当前用户无权与它通信：以下缺少只有它知道的内容"),
			both("sudo catflap doctor, or join the group catflap", "用 sudo catflap doctor，或加入 catflap 组"))
	case r.Status != nil:
		rep.add(OK, both("catflap %s runs", "catflap %s 正在运行", r.Status.Version), console.Text{})
		if r.Version != "" && r.Status.Version != r.Version {
			rep.add(Warning, both("this program is %s, and %s runs", "本程序是 %s，而正在运行的是 %s", r.Version, r.Status.Version),
				both("`catflap service restart` brings the new one", "`catflap service restart` 换成新版本"))
		}
		for _, hint := range r.Status.Hint {
			rep.add(Warning, hint, console.Text{})
		}
	case r.Running:
		rep.add(Critical, both("catflap runs and does not answer", "catflap 正在运行，但没有应答"), both("`catflap service restart`; its log says what it was doing", "`catflap service restart`；日志里有它当时在做什么"))
	case r.Config != nil:
		rep.add(Warning, both("catflap is not running", "catflap 没有运行"), both("`catflap service start`, or `catflap run`", "`catflap service start`，或 `catflap run`"))
	}
}

func checkService(r *Readings, rep *report) {
	s := r.Service
	if s == nil {
		return
	}
	switch {
	case !s.Installed:
		rep.add(Warning, both("catflap is no service here (%s): it does not start with the box", "catflap 还不是这里的服务（%s）：开机不会自动启动", s.Manager),
			both("`sudo catflap service install`", "`sudo catflap service install`"))
		return
	case s.Running:
		rep.add(OK, both("the service runs (%s)", "服务正在运行（%s）", s.Manager), console.Text{})
	case strings.HasSuffix(s.Detail, "exit status 217"): // systemd's EXIT_USER
		rep.add(Critical, both("the service does not run: %s", "服务没有运行：%s", s.Detail), both("systemd could not become the user catflap: `id catflap` says whether it is there, `sudo catflap service install` makes it; a kernel or container that knows no user namespaces needs PrivateUsers=no (`sudo systemctl edit catflap`)", "systemd 无法切换到用户 catflap：`id catflap` 查看该用户是否存在，`sudo catflap service install` 会创建它；没有用户命名空间的内核或容器需要 PrivateUsers=no（`sudo systemctl edit catflap`）"))
	default:
		rep.add(Critical, both("the service does not run: %s", "服务没有运行：%s", s.Detail), both("`catflap service logs` says why, `sudo catflap service start` starts it", "`catflap service logs` 查看原因，`sudo catflap service start` 启动"))
	}
	if s.Shadowed != "" {
		rep.add(Warning, both("%s, of an install by hand, hides the service of the package: upgrades of the package have no effect", "手动安装的 %s 遮住了软件包的服务：升级软件包不起作用", s.Shadowed),
			both("`sudo catflap service uninstall` removes it", "用 `sudo catflap service uninstall` 删除它"))
	}
	if !s.Enabled {
		rep.add(Warning, both("the service does not start with the box", "服务不会随开机启动"), both("`sudo catflap service install` switches that on", "`sudo catflap service install` 会打开自启"))
	}
	const often = 3
	if s.Restarts > often {
		rep.add(Warning, both("the service was restarted %d times since it was started", "服务启动以来重启了 %d 次", s.Restarts), both("`catflap service logs` says why", "`catflap service logs` 查看原因"))
	}
}

// checkUpdate finds an update that a power cut has left half done: the new program may never have come up.
func checkUpdate(r *Readings, rep *report) {
	if u := r.Update; u != nil {
		rep.add(Critical, both("the update of %s from %s to %s was cut short: nobody knows whether the new one is well", "%s 从 %s 到 %s 的更新中断了：不确定新版本是否正常", u.Program, u.From, u.To),
			both("to go back: `sudo %[1]s.old update --undo`; if all is well: `sudo %[1]s update --settle`", "要退回：`sudo %[1]s.old update --undo`；如果一切正常：`sudo %[1]s update --settle`", u.Program))
	}
}

// privileged is the first port that a user other than root may listen on.
const privileged = 1024

func checkPorts(r *Readings, rep *report) {
	if r.Service != nil && r.Service.Installed && r.Service.Account != "" {
		for _, l := range r.Listeners {
			_, text, err := net.SplitHostPort(l.Address)
			if port, other := strconv.Atoi(text); err == nil && other == nil && port > 0 && port < privileged {
				rep.add(Critical, both("%s is %s: the service (user %s) may not listen below %d", "%s 是 %s：服务（用户 %s）不能监听 %d 以下的端口", l.Key, l.Address, r.Service.Account, privileged),
					both("set %s to a port from %d on, in NapCat or the bots too", "把 %s 改成不小于 %d 的端口，NapCat 或机器人里也要改", l.Key, privileged))
			}
		}
	}
	if r.Status != nil {
		for _, l := range r.Listeners {
			_, port, err := net.SplitHostPort(l.Address)
			if err != nil || port == "0" || l.Key == "console.listen" { // that has reasons of its own to stay closed
				continue
			}
			found := false
			for _, address := range r.Status.Listen {
				found = found || strings.Contains(address+"/", ":"+port+"/")
			}
			if !found {
				rep.add(Warning, both("%s is %s in the file, and the running catflap does not listen there", "文件里 %s 是 %s，而正在运行的 catflap 没有监听它", l.Key, l.Address),
					both("`catflap reload`", "`catflap reload`"))
			}
		}
		if len(rep.list) == 0 && len(r.Listeners) > 0 {
			rep.add(OK, both("catflap listens where it is to", "catflap 监听的地址与配置一致"), console.Text{})
		}
		return
	}
	if r.Running { // nobody tried them
		return
	}
	for _, l := range r.Listeners {
		if l.Err != nil {
			rep.add(Critical, both("%s: %s", "%s：%s", l.Key, l.Err), both("stop what has it, or set %s to another address", "停掉占用者，或把 %s 改成别的地址", l.Key))
		}
	}
	if len(rep.list) == 0 && len(r.Listeners) > 0 {
		rep.add(OK, both("the addresses to listen on are free", "要监听的地址都空闲"), console.Text{})
	}
}

func checkNapCat(r *Readings, rep *report) {
	if r.Status == nil {
		for _, d := range r.Dials {
			if d.Err != nil {
				rep.add(Critical, both("account %s: NapCat does not answer at %s: %s", "账号 %s：NapCat 在 %s 没有应答：%s", d.Account, d.Address, d.Err),
					both("start NapCat; `catflap napcat config` prints the server that it needs", "启动 NapCat；`catflap napcat config` 会给出它需要的服务器配置"))
			} else {
				rep.add(OK, both("account %s: something answers at %s", "账号 %s：%s 有应答", d.Account, d.Address), console.Text{})
			}
		}
		return
	}
	for i := range r.Status.Accounts {
		a := &r.Status.Accounts[i]
		fix := console.Text{}
		for _, hint := range a.Hint {
			fix.EN, fix.ZH = joined(fix.EN, hint.EN), joined(fix.ZH, hint.ZH)
		}
		if fix.EN == "" && !(a.Connected && a.Online) {
			fix = both("look at NapCat's log; `catflap napcat config` prints the entry that it needs", "查看 NapCat 的日志；`catflap napcat config` 会给出它需要的配置")
		}
		switch {
		case a.Connected && a.Online && a.LastError == "":
			level := OK
			if len(a.Hint) > 0 {
				level = Warning
			}
			rep.add(level, both("account %s: NapCat is connected, QQ %d is online", "账号 %s：NapCat 已连接，QQ %d 在线", a.Name, a.SelfID), fix)
		case a.Connected && a.Online:
			rep.add(Warning, both("account %s: NapCat is connected; last error: %s", "账号 %s：NapCat 已连接；最近的错误：%s", a.Name, a.LastError), fix)
		case a.Connected:
			rep.add(Critical, both("account %s: NapCat is connected, but QQ is not: %s", "账号 %s：NapCat 已连接，但 QQ 不在线：%s", a.Name, a.LastError), fix)
		default:
			found := both("account %s: NapCat is not connected", "账号 %s：NapCat 没有连接", a.Name)
			if a.LastError != "" {
				found = both("account %s: NapCat is not connected: %s", "账号 %s：NapCat 没有连接：%s", a.Name, a.LastError)
			}
			rep.add(Critical, found, fix)
		}
		if r.Facts != nil && r.Facts.Accounts[a.Name].Form == "string" {
			rep.add(Warning, both("account %s: NapCat sends messages as strings: what stands in them cannot be told from CQ codes for sure", "账号 %s：NapCat 以字符串格式发送消息：其中的文字与 CQ 码无法可靠区分", a.Name),
				both("in NapCat set messagePostFormat to array; `catflap napcat config --write DIR` does it", "在 NapCat 里把消息格式设为 array；`catflap napcat config --write DIR` 可以代劳"))
		}
	}
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

func checkNapCatFiles(r *Readings, rep *report) {
	for _, n := range r.NapCat {
		fix := both("`catflap napcat config --write %s --account %s` corrects it; then restart NapCat", "`catflap napcat config --write %s --account %s` 会改正；然后重启 NapCat", n.Dir, n.Account)
		if n.Err != nil { // that command would refuse it too
			own := both("correct that file by hand, or let NapCat's WebUI save its network settings again", "请手工修正该文件，或在 NapCat 的 WebUI 里重新保存网络配置")
			if n.Path == "" {
				own = both("name NapCat's config folder with --napcat DIR", "用 --napcat DIR 指定 NapCat 的 config 文件夹")
			}
			rep.add(Critical, both("account %s: %s", "账号 %s：%s", n.Account, n.Err), own)
			continue
		}
		if len(n.Changes) == 0 {
			rep.add(OK, both("account %s: %s is right", "账号 %s：%s 正确", n.Account, n.Path), console.Text{})
		}
		for _, c := range n.Changes {
			level := Warning
			if slices.Contains([]string{"", "enable", "url", "host", "port", "token"}, c.Key) {
				level = Critical
			}
			own := fix
			if c.Key == "debug" || c.Key == "heartInterval" { // the owner's: the command leaves them alone
				own = both("change it in NapCat's WebUI", "请在 NapCat 的 WebUI 里修改")
			}
			rep.add(level, both("account %s: %s", "账号 %s：%s", n.Account, c.String()), own)
		}
	}
}

// checkContainer knows the commonest reason why nobody ever comes: 127.0.0.1 in a container is the container.
func checkContainer(r *Readings, rep *report) {
	if r.Config == nil || r.Containers == "" {
		return
	}
	for i := range r.Config.Accounts {
		a := &r.Config.Accounts[i]
		if !a.Enabled || a.Link != "reverse" && a.Link != "http" || !local(a.WSHost) || seen(r, a) {
			continue
		}
		rep.add(Warning, both("account %s: nobody has ever connected, catflap listens on %s only, and this host has containers (%s): a NapCat in one of them cannot reach it", "账号 %s：从未有人连接，catflap 只监听 %s，而本机有容器（%s）：容器里的 NapCat 连不到它", a.Name, a.WSHost, r.Containers),
			both("if NapCat is in a container: wsHost: 0.0.0.0, `catflap reload`, and the address of this box in NapCat (`catflap napcat config`)", "如果 NapCat 在容器里：设 wsHost: 0.0.0.0，`catflap reload`，并在 NapCat 里填本机地址（`catflap napcat config`）"))
	}
}

// seen reports whether an account was ever linked, or may have been.
func seen(r *Readings, a *config.Account) bool {
	if r.Facts == nil || r.Facts.Accounts[a.Name].Pinned != 0 {
		return true
	}
	if r.Status != nil {
		for i := range r.Status.Accounts {
			if r.Status.Accounts[i].Name == a.Name && r.Status.Accounts[i].Connected {
				return true
			}
		}
	}
	return false
}

func checkApps(r *Readings, rep *report) {
	if r.Status == nil {
		return
	}
	for i := range r.Status.Apps {
		a := &r.Status.Apps[i]
		fix := console.Text{}
		for _, hint := range a.Hint {
			fix.EN, fix.ZH = joined(fix.EN, hint.EN), joined(fix.ZH, hint.ZH)
		}
		if fix.EN == "" && a.LastError != "" {
			fix = both("last error: %s", "最近的错误：%s", a.LastError)
		}
		switch {
		case a.Paused:
			rep.add(Warning, both("app %s (account %s) is paused: events that wait: %d", "应用 %s（账号 %s）已暂停：等待的事件 %d 个", a.Name, a.Account, a.Backlog), both("`catflap app resume %s`", "`catflap app resume %s`", a.Name))
		case a.Connected:
			rep.add(OK, both("app %s (account %s) is connected", "应用 %s（账号 %s）已连接", a.Name, a.Account), console.Text{})
		case a.Subscribed:
			rep.add(Warning, both("app %s (account %s) is away: events that wait: %d", "应用 %s（账号 %s）不在线：等待的事件 %d 个", a.Name, a.Account, a.Backlog), fix)
		case a.Protocol != "agent":
			if fix.EN == "" {
				fix = both("start it, with the address and token of app %[1]s (`catflap config show`, apps.%[1]s and gateway); `catflap app list` shows when it comes", "启动它，并填写应用 %[1]s 的地址和令牌（`catflap config show` 里的 apps.%[1]s 和 gateway）；`catflap app list` 会显示它是否连上", a.Name)
			}
			rep.add(Warning, both("app %s (account %s) has never connected", "应用 %s（账号 %s）从未连接", a.Name, a.Account), fix)
		}
		if a.Dropped > 0 {
			rep.add(Warning, both("app %s (account %s) has lost events at its bounds since the start: %d", "应用 %s（账号 %s）自启动以来因超出上限丢失事件 %d 个", a.Name, a.Account, a.Dropped),
				both("queue.maxEvents, queue.maxMb and queue.maxAge of the app are the bounds", "上限由该应用的 queue.maxEvents、queue.maxMb 和 queue.maxAge 决定"))
		}
	}
}
