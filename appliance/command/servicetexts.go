package command

// serviceTexts is what `catflap service` and `catflap update` say, in one language. Fields with %s are formats; a test
// holds the two languages to the same fields and verbs.
type serviceTexts struct {
	// service
	Would, Did, Same, Nothing     string
	NotRoot, NotRootFix           string
	Packaged, PackagedFix         string
	NoManager, NoManagerFix       string
	NotInstalled, NotInstalledFix string
	NoConfig, NoConfigFix         string
	Differ, DifferFix             string
	Elsewhere, Writable           string
	Running, Stopped, Answers     string
	Silent, StartsBoot, NotBoot   string
	DataKept, LogsHint, NoLog     string
	NoOwnConfig, NoOwnConfigFix   string
	CopyOf, NewData, NewDataFix   string
	Ignored, CheckFix             string
	NoAnswer, NoAnswerFix         string
	ShadowedFix                   string
	BootAs, BootAsFix             string
	Cut, CutFix, Undone           string
	NothingCut, Whole             string
	// update
	Current, Available, Older   string
	Fetched, Checked, Copied    string
	Stopping, Swapped, Waiting  string
	Up, NoService, RollingBack  string
	RolledBack, RollbackFailed  string
	NoSource, NoSourceFix       string
	OwnedBy, OwnedByFix         string
	CannotWrite, CannotWriteFix string
}

func (s *Shell) serviceTexts(language string) *serviceTexts {
	if language == "zh" {
		return serviceChinese()
	}
	return serviceEnglish()
}

func serviceEnglish() *serviceTexts {
	return &serviceTexts{
		Would:           "would: %s",
		Did:             "done:  %s",
		Same:            "same:  %s",
		Nothing:         "Everything was as it should be; nothing was changed.",
		NotRoot:         "only root may change the services of the system",
		NotRootFix:      "run it with sudo, or add --user for a service of your own",
		Packaged:        "a package brings the service already (%s)",
		PackagedFix:     "sudo systemctl enable --now catflap",
		NoManager:       "no service manager was found on this machine",
		NoManagerFix:    "start `catflap run` by whatever starts programs here; in a container that is the container itself",
		NotInstalled:    "the service is not installed",
		NotInstalledFix: "`catflap service install` does it",
		NoConfig:        "There is no configuration yet, so the service was not started.",
		NoConfigFix:     "%s init --config %s   and then   %s service start",
		Differ:          "there is another configuration at %s already",
		DifferFix:       "leave out --config to use that one, or copy %s over it",
		Elsewhere:       "The configuration takes values from an environment that is not this one: put them into %s.",
		Writable:        "The service runs as the user catflap: it must be able to write to %s.",
		Running:         "running",
		Stopped:         "not running",
		Answers:         "it answers: version %s, up %s",
		Silent:          "it does not answer on %s",
		StartsBoot:      "starts with the machine",
		NotBoot:         "does not start with the machine",
		DataKept:        "The configuration (%s) and the data (%s) are kept; --purge removes them.",
		LogsHint:        "`catflap service logs` shows why",
		NoLog:           "this service manager keeps the log where catflap does not know it",
		NoOwnConfig:     "there is no configuration of your own for a service of your own",
		NoOwnConfigFix:  "`catflap init` writes ./catflap.yaml; or name one with --config",
		CopyOf:          "The service's configuration is a copy of %s: from now on edit %s.",
		NewData:         "The service keeps approvals and history in %s. What `catflap run` kept until now stays where it is. To take it along:",
		NewDataFix:      "%s backup --config %s before.tar.gz   (as the user who ran it)\nsudo %s service stop\nsudo %s restore before.tar.gz --config %s\nsudo %s service start",
		Ignored:         "%s in this folder is not used: the service has %s.",
		CheckFix:        "nothing was stopped or started: correct it, then `%s config check --config %s`",
		NoAnswer:        "the service manager does not answer: %s",
		NoAnswerFix:     "in a container start `catflap run` itself; for --user log in as that user (not by su or sudo), so that its systemd runs",
		ShadowedFix:     "an older unit in /etc/systemd/system hides it: `sudo catflap service uninstall` removes that one, then upgrade by the package manager",
		BootAs:          "root may not run it with the data folder %s of the user %s: its files would be root's, and the service could not open them",
		BootAsFix:       "sudo catflap service start; to see it in the foreground: sudo -u %s catflap run --config %s",
		Cut:             "the update of %s from %s to %s was cut short",
		CutFix:          "if `catflap status` is well: sudo %[1]s update --settle    to go back: sudo %[1]s.old update --undo",
		Undone:          "%s is version %s again.",
		NothingCut:      "no update of %s was cut short",
		Whole:           "The update of %s to %s counts as done.",
		Current:         "catflap %s is installed; the release is %s: nothing to do.",
		Available:       "catflap %s is installed; %s is available.",
		Older:           "the release is %s, which is older than the installed %s",
		Fetched:         "fetched %s (%s)",
		Checked:         "signature, checksum, architecture and version are right",
		Copied:          "copied state.db to %s",
		Stopping:        "the service is stopped",
		Swapped:         "%s is now version %s; the old one is %s",
		Waiting:         "started; waiting until it answers",
		Up:              "catflap %s is up.",
		NoService:       "No service of catflap runs here: restart what runs `catflap run`.",
		RollingBack:     "version %s did not come up (%v): going back",
		RolledBack:      "version %s did not come up; %s runs again",
		RollbackFailed:  "version %s did not come up, and going back failed: %v",
		NoSource:        "catflap does not know where releases are",
		NoSourceFix:     "--from URL or --from DIR, or set CATFLAP_UPDATE_FROM: a folder with SHA256SUMS, SHA256SUMS.minisig and the archives",
		OwnedBy:         "%s belongs to the package manager (%s)",
		OwnedByFix:      "upgrade it there: %s",
		CannotWrite:     "the program %s cannot be replaced: %v",
		CannotWriteFix:  "run it with sudo",
	}
}

func serviceChinese() *serviceTexts {
	return &serviceTexts{
		Would:           "将执行：%s",
		Did:             "已完成：%s",
		Same:            "无变化：%s",
		Nothing:         "一切都已就绪，没有改动。",
		NotRoot:         "只有 root 可以更改系统服务",
		NotRootFix:      "用 sudo 运行，或加 --user 安装为你自己的用户服务",
		Packaged:        "软件包已经带来了该服务（%s）",
		PackagedFix:     "sudo systemctl enable --now catflap",
		NoManager:       "本机没有找到服务管理器",
		NoManagerFix:    "用本机启动程序的方式运行 `catflap run`；在容器里就是容器本身",
		NotInstalled:    "服务尚未安装",
		NotInstalledFix: "用 `catflap service install` 安装",
		NoConfig:        "还没有配置文件，所以没有启动服务。",
		NoConfigFix:     "先运行 %s init --config %s   然后   %s service start",
		Differ:          "%s 已有另一份配置",
		DifferFix:       "去掉 --config 就用那一份，或者用 %s 覆盖它",
		Elsewhere:       "配置用到了当前环境里没有的变量：请写进 %s。",
		Writable:        "服务以用户 catflap 运行：它必须能写入 %s。",
		Running:         "运行中",
		Stopped:         "未运行",
		Answers:         "有应答：版本 %s，已运行 %s",
		Silent:          "%s 没有应答",
		StartsBoot:      "随机器启动",
		NotBoot:         "不随机器启动",
		DataKept:        "配置（%s）和数据（%s）已保留；加 --purge 才会删除。",
		LogsHint:        "用 `catflap service logs` 查看原因",
		NoLog:           "catflap 不知道这个服务管理器把日志放在哪里",
		NoOwnConfig:     "没有可供你的用户服务使用的配置",
		NoOwnConfigFix:  "用 `catflap init` 生成 ./catflap.yaml，或用 --config 指定",
		CopyOf:          "服务的配置是 %s 的副本：以后请编辑 %s。",
		NewData:         "服务把批准记录和历史保存在 %s。之前 `catflap run` 保存的内容仍在原处。要一并带过来：",
		NewDataFix:      "%s backup --config %s before.tar.gz   （以当时运行的用户）\nsudo %s service stop\nsudo %s restore before.tar.gz --config %s\nsudo %s service start",
		Ignored:         "没有使用当前文件夹里的 %s：服务的配置是 %s。",
		CheckFix:        "没有停止或启动任何东西：请先修正，再运行 `%s config check --config %s`",
		NoAnswer:        "服务管理器没有应答：%s",
		NoAnswerFix:     "在容器里请直接运行 `catflap run`；用 --user 时请以该用户登录（不要用 su 或 sudo），让它的 systemd 运行起来",
		ShadowedFix:     "/etc/systemd/system 里较旧的单元遮住了它：`sudo catflap service uninstall` 会删除那一个，之后用软件包管理器升级",
		BootAs:          "root 不能用数据文件夹 %s（属于用户 %s）运行：新文件会属于 root，服务就打不开了",
		BootAsFix:       "sudo catflap service start；想在前台查看：sudo -u %s catflap run --config %s",
		Cut:             "%s 从 %s 到 %s 的更新中断了",
		CutFix:          "如果 `catflap status` 正常：sudo %[1]s update --settle    要退回：sudo %[1]s.old update --undo",
		Undone:          "%s 已恢复为版本 %s。",
		NothingCut:      "%s 没有中断的更新",
		Whole:           "%s 到 %s 的更新视为完成。",
		Current:         "已安装 catflap %s；发布版本是 %s：无需更新。",
		Available:       "已安装 catflap %s；可更新到 %s。",
		Older:           "发布版本 %s 比已安装的 %s 旧",
		Fetched:         "已下载 %s（%s）",
		Checked:         "签名、校验和、架构和版本都正确",
		Copied:          "已把 state.db 复制到 %s",
		Stopping:        "服务已停止",
		Swapped:         "%s 现在是版本 %s；旧程序是 %s",
		Waiting:         "已启动，等待应答",
		Up:              "catflap %s 已就绪。",
		NoService:       "本机没有运行中的 catflap 服务：请重启运行 `catflap run` 的程序。",
		RollingBack:     "版本 %s 没有启动成功（%v）：正在回退",
		RolledBack:      "版本 %s 没有启动成功；已恢复运行 %s",
		RollbackFailed:  "版本 %s 没有启动成功，回退也失败了：%v",
		NoSource:        "catflap 不知道发布文件在哪里",
		NoSourceFix:     "用 --from 网址 或 --from 文件夹，或设 CATFLAP_UPDATE_FROM：里面要有 SHA256SUMS、SHA256SUMS.minisig 和压缩包",
		OwnedBy:         "%s 由软件包管理器管理（%s）",
		OwnedByFix:      "请在那里升级：%s",
		CannotWrite:     "程序 %s 无法替换：%v",
		CannotWriteFix:  "用 sudo 运行",
	}
}
