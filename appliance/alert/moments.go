package alert

import (
	"fmt"
	"strings"
	"time"
)

// Bounds of what happens at one moment and does not recover.
const (
	maxAsked     = 1000 // pairing requests that are remembered
	maxNamed     = 5    // of the strangers that one message names
	tokenWindow  = 10 * time.Minute
	tokenLimit   = 10 // wrong tokens within the window
	tokenSilence = 6 * time.Hour
)

// requests tells of strangers who have not been told of. Those of one look go into one message for each account.
func (w *Watch) requests(now time.Time, list []Request) []Notice {
	waiting := make(map[Request]bool, len(list))
	fresh := make(map[string][]Request)
	var accounts []string
	for _, r := range list {
		if len(waiting) == maxAsked {
			break
		}
		waiting[r] = true
		if w.asked[r] || !w.primed {
			continue
		}
		if fresh[r.Account] == nil {
			accounts = append(accounts, r.Account)
		}
		fresh[r.Account] = append(fresh[r.Account], r)
	}
	w.asked, w.primed = waiting, true
	var out []Notice
	for _, account := range accounts {
		out = append(out, requestNotice(account, fresh[account]))
	}
	return out
}

func requestNotice(account string, list []Request) Notice {
	n := Notice{Event: PairingRequest, Subject: "account:" + account, State: Once,
		Title: Text{EN: fmt.Sprintf("%d asks for access: %s", list[0].User, account), ZH: fmt.Sprintf("%d 请求接入：%s", list[0].User, account)}}
	if len(list) > 1 {
		n.Title = Text{EN: fmt.Sprintf("%d people ask for access: %s", len(list), account), ZH: fmt.Sprintf("%d 人请求接入：%s", len(list), account)}
	}
	var lines []string
	for i, r := range list {
		if i == maxNamed {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, fmt.Sprintf("%d: catflap pairing approve %s", r.User, r.Code))
	}
	n.More = Text{EN: strings.Join(lines, "\n"), ZH: strings.Join(lines, "\n")}
	return n
}

// doorWatch counts the wrong tokens at one door.
type doorWatch struct {
	began      time.Time // of the half of the window that runs
	base, past uint64    // how many there were then, and when the half before it began
	told       time.Time
}

// tokens tells of doors at which wrong tokens are shown again and again: somebody guesses, or an app has the wrong token.
func (w *Watch) tokens(now time.Time, list []Door) []Notice {
	var out []Notice
	open := make(map[string]bool, len(list))
	for _, d := range list {
		open[d.Name] = true
		s := w.doors[d.Name]
		if s == nil || d.Wrong < s.base { // a new one, or opened again
			s = &doorWatch{began: now}
			w.doors[d.Name] = s
		}
		if now.Sub(s.began) > tokenWindow/2 {
			s.began, s.base, s.past = now, d.Wrong, s.base
		}
		n := d.Wrong - s.past
		if n < tokenLimit || !s.told.IsZero() && now.Sub(s.told) < tokenSilence {
			continue
		}
		s.told, s.began, s.base, s.past = now, now, d.Wrong, d.Wrong
		if d.Logins {
			out = append(out, loginNotice(d, n))
			continue
		}
		out = append(out, Notice{Event: TokenFailures, Subject: "door:" + d.Name, State: Once,
			Title: Text{EN: fmt.Sprintf("Bad tokens: %s has refused %d connections", d.Name, n), ZH: fmt.Sprintf("令牌错误：%s 已拒绝 %d 次连接", d.Name, n)},
			More: Text{EN: "The last was " + oneLine(d.Last) + ". It is an app or NapCat with the wrong accessToken, or somebody who guesses; guessing is slowed down.",
				ZH: "最近一次：" + oneLine(d.Last) + "。可能是应用或 NapCat 的 accessToken 写错，也可能有人在猜测；猜测会被减速。"}})
	}
	for name := range w.doors {
		if !open[name] {
			delete(w.doors, name)
		}
	}
	return out
}

func loginNotice(d Door, n uint64) Notice {
	last := oneLine(d.Last)
	return Notice{Event: TokenFailures, Subject: "door:" + d.Name, State: Once,
		Title: Text{EN: fmt.Sprintf("Wrong passwords: the console has refused %d logins", n), ZH: fmt.Sprintf("密码错误：控制台已拒绝 %d 次登录", n)},
		More: Text{EN: "The last came from " + last + ". Somebody guesses, or has forgotten it; guessing is slowed down. If it was you, `catflap console link` lets you in.",
			ZH: "最近一次来自 " + last + "。可能有人在猜密码，也可能是忘记了；猜测会被减速。如果是你自己，运行 `catflap console link` 即可进入。"}}
}

func updateNotice(version string) Notice {
	v := oneLine(version)
	return Notice{Event: UpdateAvailable, Subject: "catflap", State: Once,
		Title: Text{EN: "catflap " + v + " is available", ZH: "catflap " + v + " 可以更新"},
		More:  Text{EN: "`catflap update` installs it.", ZH: "运行 `catflap update` 即可安装。"}}
}
