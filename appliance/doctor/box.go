package doctor

import (
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/store"
)

const mib = 1 << 20

func checkDatabase(r *Readings, rep *report) {
	d := r.Database
	if d != nil {
		restore := both("`catflap restore FILE` puts a backup back; without one `catflap restore --salvage` goes on with what is sound", "`catflap restore FILE` 恢复备份；没有备份则用 `catflap restore --salvage` 保住完好的部分")
		if d.NoCopy {
			restore = both("`catflap restore FILE` puts a backup back; without one remove state.db and journal.db to start anew, without pairings and history (the copy state.db.bak is damaged too)", "`catflap restore FILE` 恢复备份；没有备份就删除 state.db 和 journal.db 重新开始，配对和历史会丢失（副本 state.db.bak 也已损坏）")
		}
		var damage *store.DamagedError
		switch {
		case errors.As(d.Err, &damage):
			rep.add(Critical, both("%s is damaged: %s", "%s 已损坏：%s", damage.File, damage.Reason), restore)
		case errors.Is(d.Err, store.ErrNewer):
			rep.add(Critical, both("%s", "%s", d.Err), both("install the newer catflap again", "请重新安装更新的 catflap"))
		case d.Err != nil:
			rep.add(Warning, both("the databases could not be checked: %s", "无法检查数据库：%s", d.Err), unchecked(d.Err))
		case d.Problem != "":
			rep.add(Critical, both("%s", "%s", d.Problem), restore)
		case d.Skipped:
			rep.add(OK, both("the databases (%d MiB) are in use and were not walked through", "数据库（%d MiB）正在使用，未逐页检查", d.Bytes/mib), both("`catflap doctor --full` checks a copy of them", "`catflap doctor --full` 会检查其副本"))
		default:
			rep.add(OK, both("every page of the databases is sound (%d KiB)", "数据库逐页检查完好（%d KiB）", d.Bytes>>10), console.Text{})
		}
	}
	if r.Status != nil && r.Status.Store.CommitErrors > 0 {
		rep.add(Critical, both("writes to the databases have failed since the start: %d", "启动以来数据库写入失败 %d 次", r.Status.Store.CommitErrors), both("is the disk full or read-only? the log says more", "磁盘是否已满或只读？日志里有详情"))
	}
}

// unchecked says what to do when the databases cannot be looked at.
func unchecked(err error) console.Text {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return both("run it as the user that owns the data folder, or with sudo", "请以数据文件夹的属主运行，或使用 sudo")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return both("the disk is full: delete what is not needed, then ask again", "磁盘已满：请删除不需要的文件后再检查")
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EROFS):
		return both("the disk is failing: copy what is there, and replace it; `dmesg` says more", "磁盘正在损坏：请先复制数据再更换；`dmesg` 里有详情")
	case errors.Is(err, store.ErrLocked):
		return both("another catflap command is at work there: ask again when it has ended", "另一个 catflap 命令正在使用：等它结束后再检查")
	}
	return both("the database files must be plain files in the data folder: look at them with `ls -l`, and at the disk with `dmesg`", "数据库必须是数据文件夹里的普通文件：用 `ls -l` 查看，并用 `dmesg` 检查磁盘")
}

func checkDisk(r *Readings, rep *report) {
	d := r.Disk
	if d == nil {
		return
	}
	// Below the first nothing can be relied upon, below the second a flood or an update fills it.
	const least, little, fewFiles = 32 * mib, 256 * mib, 1000
	room := both("delete what is not needed, or lower store.maxMb and media.maxTotalMb", "删除不需要的文件，或调低 store.maxMb 和 media.maxTotalMb")
	switch {
	case d.ReadOnly:
		rep.add(Critical, both("the disk of the data folder is read-only: a card that wears out often ends so", "数据文件夹所在的磁盘是只读的：存储卡老化时常会这样"),
			both("make a backup of what is there, and replace the card; `dmesg` says why", "先备份，再更换存储卡；`dmesg` 查看原因"))
	case d.Free < least:
		rep.add(Critical, both("the disk of the data folder is full: %d MiB free", "数据文件夹所在的磁盘已满：剩余 %d MiB", d.Free/mib), room)
	case d.Free < little:
		rep.add(Warning, both("the disk of the data folder has %d MiB free", "数据文件夹所在的磁盘只剩 %d MiB", d.Free/mib), room)
	default:
		rep.add(OK, both("the disk of the data folder has %d of %d MiB free", "数据文件夹所在的磁盘剩余 %d / %d MiB", d.Free/mib, d.Total/mib), console.Text{})
		if c := r.Config; c != nil {
			want := int64(c.Store.MaxMB+c.Media.MaxTotalMB)*mib - used(r)
			if want > d.Free {
				rep.add(Warning, both("store.maxMb and media.maxTotalMb let catflap take %d MiB more than is free", "store.maxMb 与 media.maxTotalMb 的总和比剩余空间多 %d MiB", (want-d.Free)/mib), room)
			}
		}
	}
	if d.FreeFiles >= 0 && d.FreeFiles < fewFiles && !d.ReadOnly {
		rep.add(Warning, both("the disk has room for %d files only (inodes)", "磁盘只能再存 %d 个文件（inode）", d.FreeFiles), both("delete small files, such as old logs", "删除小文件，例如旧日志"))
	}
	if d.SDCard {
		level, fix := OK, console.Text{}
		if r.Config != nil && r.Config.Store.Sync < time.Second {
			level, fix = Warning, both("store.sync: 5s", "store.sync: 5s")
		}
		rep.add(level, both("the data folder is on an SD card (%s): writes are grouped by store.sync to spare it", "数据文件夹在 SD 卡上（%s）：写入按 store.sync 合并以延长寿命", d.Device), fix)
	}
}

// used is what the databases take already.
func used(r *Readings) (n int64) {
	for i := range r.Files {
		if r.Files[i].Kind == DataFile {
			n += r.Files[i].Size
		}
	}
	return n
}

func checkMemory(r *Readings, rep *report) {
	m := r.Memory
	if m == nil {
		return
	}
	if r.Config != nil {
		limit := r.Config.Memory.Limit
		switch {
		case m.ServiceMax > 0 && m.ServiceMax < limit:
			rep.add(Critical, both("the service may use %d MiB and memory.limit is %d MiB: the kernel ends catflap before it saves memory", "服务最多可用 %d MiB，而 memory.limit 是 %d MiB：catflap 会在节省内存之前被内核结束", m.ServiceMax/mib, limit/mib),
				both("`sudo catflap service install` writes the bound that fits, or lower memory.limit", "`sudo catflap service install` 会写入合适的上限，或调低 memory.limit"))
		case m.Total > 0 && limit > m.Total/2:
			rep.add(Warning, both("memory.limit is %d MiB, more than half of this box (%d MiB)", "memory.limit 是 %d MiB，超过本机内存（%d MiB）的一半", limit/mib, m.Total/mib), both("lower memory.limit", "调低 memory.limit"))
		default:
			found, bound := both("memory.limit is %d MiB of %d MiB", "memory.limit 是 %d MiB，本机共 %d MiB", limit/mib, m.Total/mib), inForce(m)
			rep.add(OK, console.Text{EN: found.EN + bound.EN, ZH: found.ZH + bound.ZH}, console.Text{})
		}
	}
	const little = 32 * mib
	if m.Available > 0 && m.Available < little {
		rep.add(Warning, both("this box has %d MiB of memory left", "本机只剩 %d MiB 可用内存", m.Available/mib), both("NapCat takes most: restart it at night, or add zram", "NapCat 占用最多：可在夜间重启它，或启用 zram"))
	}
	if m.NoCgroup {
		rep.add(OK, both("the kernel has the memory cgroup switched off, as Raspberry Pi OS does: MemoryMax of the service is void, and catflap bounds itself by memory.limit", "内核关闭了内存 cgroup（Raspberry Pi OS 默认如此）：服务的 MemoryMax 无效，catflap 靠 memory.limit 自我限制"),
			both("to switch it on: cgroup_enable=memory cgroup_memory=1 in /boot/firmware/cmdline.txt, and a reboot", "如需打开：在 /boot/firmware/cmdline.txt 加 cgroup_enable=memory cgroup_memory=1 并重启"))
	}
}

// inForce adds what the box makes of memory.limit.
func inForce(m *Memory) console.Text {
	switch {
	case m.GoLimit != "":
		return both("; GOMEMLIMIT=%s is in force here", "；此处以 GOMEMLIMIT=%s 为准", m.GoLimit)
	case m.ServiceMax > 0:
		return both("; the service may use %d MiB", "；服务最多可用 %d MiB", m.ServiceMax/mib)
	case m.Group > 0:
		return both("; the cgroup here allows %d MiB, so %d MiB are in force", "；此处的 cgroup 只允许 %d MiB，因此以 %d MiB 为准", m.Group/mib, m.InForce/mib)
	}
	return console.Text{}
}

func checkClock(r *Readings, rep *report) {
	// No catflap is older than the first year; a box without a battery starts in 1970, or where it stopped.
	const first, last = 2026, 2100
	year := r.Now.UTC().Year()
	sync := both("`sudo timedatectl set-ntp true`, or install an NTP client", "`sudo timedatectl set-ntp true`，或安装 NTP 客户端")
	if year < first || year > last {
		rep.add(Critical, both("the clock says %s", "时钟显示 %s", r.Now.UTC().Format("2006-01-02")), sync)
		return
	}
	if r.Clock == nil {
		return
	}
	const slack = 10 * time.Minute
	if ahead := r.Clock.Newest.Sub(r.Now); ahead > slack {
		rep.add(Warning, both("files of the data folder are %s younger than the clock: it has jumped back", "数据文件夹里的文件比时钟晚 %s：时钟曾向后跳", ahead.Truncate(time.Minute)), sync)
	}
	if r.Clock.Synced != nil && !*r.Clock.Synced {
		rep.add(Warning, both("the clock is not synchronised", "时钟没有同步"), sync)
	}
	if len(rep.list) == 0 {
		rep.add(OK, both("the clock is plausible (%s)", "时钟正常（%s）", r.Now.Format("2006-01-02 15:04")), console.Text{})
	}
}
