package alert

import (
	"fmt"
	"time"
)

// Bounds of the disk: what catflap doctor calls little, and what it calls full.
const (
	diskLittle = 256 << 20
	diskFull   = 32 << 20
)

// linkFindings are the link of an account: away or half-dead, and away for so long that it is said again. A half-dead link is
// closed after two missed probes and looks well for a while when it comes back, which is why only a link that stays well is.
func linkFindings(a Account, grace time.Duration) []finding {
	v, telling := bad, false
	title := Text{EN: "NapCat is not connected: " + a.called(), ZH: "NapCat 未连接：" + a.called()}
	more := Text{EN: "Events do not come and nothing can be sent. Is NapCat running? `catflap status` says more.",
		ZH: "收不到事件，也无法发送。NapCat 是否在运行？`catflap status` 可查看详情。"}
	switch {
	case a.Linked && a.HalfDead:
		telling = true
		title = Text{EN: "NapCat is connected but does not answer: " + a.called(), ZH: "NapCat 已连接但没有应答：" + a.called()}
		more = Text{EN: "Nothing can be sent. Restart NapCat if this stays.", ZH: "无法发送。若持续如此，请重启 NapCat。"}
	case a.Linked:
		v = good
	}
	if v == bad && a.LastError != "" {
		last := oneLine(a.LastError)
		more.EN, more.ZH = more.EN+"\n"+last, more.ZH+"\n"+last
	}
	subject := "account:" + a.Name
	settle := max(settleUsual, a.Settle)
	out := []finding{{
		key: key{LinkDown, subject, false}, verdict: v, after: max(linkAfter, grace), settle: settle, telling: telling,
		raised: Notice{Event: LinkDown, Subject: subject, State: Raised, Title: title, More: more},
		over: Notice{Event: LinkDown, Subject: subject, State: Recovered,
			Title: Text{EN: "NapCat is back: " + a.called(), ZH: "NapCat 已恢复：" + a.called()}},
	}}
	if a.Patience > 0 {
		out = append(out, finding{
			key: key{LinkDown, subject, true}, verdict: v, after: max(a.Patience, linkAfter+settleUsual, grace), settle: settle, silent: true,
			raised: Notice{Event: LinkDown, Subject: subject, State: Raised, Urgent: true,
				Title: Text{EN: "NapCat has not come back: " + a.called(), ZH: "NapCat 一直没有恢复：" + a.called()},
				More: Text{EN: "As many tries as reconnect.maxRetries allows have failed; catflap goes on trying. " + more.EN,
					ZH: "重连次数已达 reconnect.maxRetries；catflap 会继续尝试。" + more.ZH}},
		})
	}
	return out
}

func offlineFinding(a Account) finding {
	v := unknown // while the link is away nobody knows
	if a.Linked && !a.HalfDead {
		v = good
		if !a.Online {
			v = bad
		}
	}
	subject := "account:" + a.Name
	return finding{
		key: key{AccountOffline, subject, false}, verdict: v, after: offlineAfter, settle: settleUsual,
		raised: Notice{Event: AccountOffline, Subject: subject, State: Raised, Urgent: true,
			Title: Text{EN: "QQ is offline: " + a.called(), ZH: "QQ 已掉线：" + a.called()},
			More:  Text{EN: "Log the account in again in NapCat.", ZH: "请在 NapCat 中重新登录该账号。"}},
		over: Notice{Event: AccountOffline, Subject: subject, State: Recovered,
			Title: Text{EN: "QQ is online again: " + a.called(), ZH: "QQ 已重新上线：" + a.called()}},
	}
}

func limitedFinding(a Account) finding {
	v := good
	if a.Limited {
		v = bad
	}
	subject := "account:" + a.Name
	return finding{
		key: key{AccountLimited, subject, false}, verdict: v, settle: settleLong,
		raised: Notice{Event: AccountLimited, Subject: subject, State: Raised, Urgent: true,
			Title: Text{EN: "QQ refuses messages of " + a.called(), ZH: "QQ 拒绝发送消息：" + a.called()},
			More: Text{EN: "Several sends in a row ended with 1200: the account is probably limited. catflap sends at half the rate until one succeeds; let it rest.",
				ZH: "连续多次发送返回 1200，账号可能已被限制。catflap 会以一半速率发送直到成功；请让账号休息。"}},
		over: Notice{Event: AccountLimited, Subject: subject, State: Recovered,
			Title: Text{EN: "QQ takes messages again: " + a.called(), ZH: "消息已可正常发送：" + a.called()}},
	}
}

func appFinding(a App, grace time.Duration) finding {
	v := unknown // away, but nothing waits yet
	switch {
	case a.Connected || a.Paused || !a.Waiting:
		v = good
	case a.Backlog > 0:
		v = bad
	}
	name := a.Name + " (" + a.Account + ")"
	subject := "app:" + a.Name + "@" + a.Account
	return finding{
		key: key{AppDown, subject, false}, verdict: v, after: max(appAfter, grace), settle: settleUsual,
		raised: Notice{Event: AppDown, Subject: subject, State: Raised,
			Title: Text{EN: fmt.Sprintf("App %s is away, %d events wait for it", name, a.Backlog), ZH: fmt.Sprintf("应用 %s 未连接，有 %d 个事件在等待", name, a.Backlog)},
			More: Text{EN: "They are kept within apps." + a.Name + ".queue. `catflap app list` says more.",
				ZH: "它们会在 apps." + a.Name + ".queue 的限度内保留。`catflap app list` 可查看详情。"}},
		over: Notice{Event: AppDown, Subject: subject, State: Recovered,
			Title: Text{EN: "App " + name + " is back", ZH: "应用 " + name + " 已恢复"}},
	}
}

// diskFinding is the disk of the data folder. Once it is low it has to get half as much again to be well.
func diskFinding(f Facts, low bool) finding {
	least := min(diskLittle, f.DiskTotal/10)
	if low {
		least += least / 2
	}
	v := good
	if f.DiskFree < least {
		v = bad
	}
	mib := f.DiskFree >> 20
	title := Text{EN: fmt.Sprintf("The disk is nearly full: %d MiB free", mib), ZH: fmt.Sprintf("磁盘空间不足：剩余 %d MiB", mib)}
	return finding{
		key: key{DiskLow, "disk", false}, verdict: v, settle: settleLong,
		raised: Notice{Event: DiskLow, Subject: "disk", State: Raised, Urgent: f.DiskFree < diskFull, Title: title,
			More: Text{EN: "Delete what is not needed, or lower store.maxMb and media.maxTotalMb.", ZH: "请删除不需要的文件，或调低 store.maxMb 和 media.maxTotalMb。"}},
		over: Notice{Event: DiskLow, Subject: "disk", State: Recovered,
			Title: Text{EN: fmt.Sprintf("The disk has room again: %d MiB free", mib), ZH: fmt.Sprintf("磁盘空间已恢复：剩余 %d MiB", mib)}},
	}
}

// storeWatch knows how many commits had failed at the last look.
type storeWatch struct {
	seen     bool
	failures uint64
}

// finding is bad while the last commit is one that failed, and when one failed since the last look.
func (s *storeWatch) finding(f Facts) finding {
	v := good
	if f.StoreError != "" || s.seen && f.Failures > s.failures {
		v = bad
	}
	s.seen, s.failures = true, f.Failures
	why := oneLine(f.StoreError)
	return finding{
		key: key{StoreErrors, "store", false}, verdict: v, settle: settleLong,
		raised: Notice{Event: StoreErrors, Subject: "store", State: Raised, Urgent: true,
			Title: Text{EN: "Nothing can be written to the disk", ZH: "无法写入磁盘"},
			More: Text{EN: "Messages still pass, but history and what waits for apps are in memory only. Is the disk full or worn out? " + why,
				ZH: "消息仍在转发，但历史和等待应用的事件只在内存中。磁盘是否已满或已损坏？ " + why}},
		over: Notice{Event: StoreErrors, Subject: "store", State: Recovered,
			Title: Text{EN: "The disk can be written to again", ZH: "磁盘已可正常写入"}},
	}
}
