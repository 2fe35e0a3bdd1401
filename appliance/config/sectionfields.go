package config

import (
	"strings"
	"time"
)

// sectionFields are the keys of the top level that belong to no account, apart from `accounts` and `apps`.
func sectionFields() []field {
	type c = Config
	return []field{
		{key: "gateway", codec: object(gatewayFields), bind: of(func(c *c) any { return &c.Gateway }),
			en: "where apps come to", zh: "应用接入网关"},
		{key: "console", codec: object(consoleFields), bind: of(func(c *c) any { return &c.Console }),
			en: "the web console", zh: "网页控制台"},
		{key: "store", codec: object(storeFields), bind: of(func(c *c) any { return &c.Store }),
			en: "the database", zh: "数据库"},
		{key: "media", codec: object(mediaFields), bind: of(func(c *c) any { return &c.Media }),
			en: "the media cache", zh: "媒体缓存"},
		{key: "memory", codec: object(memoryFields), bind: of(func(c *c) any { return &c.Memory }),
			en: "memory", zh: "内存"},
		{key: "limits", codec: object(limitsFields), bind: of(func(c *c) any { return &c.Limits }),
			en: "frames and links", zh: "帧和连接"},
		{key: "alerts", codec: object(alertsFields), bind: of(func(c *c) any { return &c.Alerts }),
			en: "messages to the owner by another road than QQ", zh: "QQ 之外的告警通道"},
		{key: "log", codec: object(logFields), bind: of(func(c *c) any { return &c.Log }),
			en: "the log", zh: "日志"},
		{key: "dataDir", codec: plainText(), bind: of(func(c *c) any { return &c.DataDir }),
			en: "folder of the database and media; absent: $STATE_DIRECTORY, or /var/lib/catflap when this file lies under /etc/catflap, or $XDG_DATA_HOME/catflap", zh: "数据目录；不填则按系统约定选择"},
		{key: "language", codec: enum([]string{"zh", "en"}, nil), def: "zh", bind: of(func(c *c) any { return &c.Language }),
			en: "language of texts sent to QQ users", zh: "发给 QQ 用户的文字语言"},
	}
}

func gatewayFields() []field {
	type g = Gateway
	return []field{
		{key: "listen", codec: text("host:port", checkListen), def: "127.0.0.1:6700", link: true, bind: of(func(g *g) any { return &g.Listen }),
			en: "address apps connect to", zh: "应用连接的地址"},
		{key: "platform", codec: text("word", checkPlatform), def: "qq", bind: of(func(g *g) any { return &g.Platform }),
			en: "first part of paths such as /qq/bot1/onebot/v11/ws", zh: "路径中的平台名"},
	}
}

func consoleFields() []field {
	type c = Console
	return []field{
		{key: "listen", codec: text("host:port", checkConsole), def: "127.0.0.1:6750", link: true, bind: of(func(c *c) any { return &c.Listen }),
			en: "address of the console; `off` = none; one that others reach needs a password", zh: "控制台地址；`off` 表示不开；其他设备可访问的地址需要先设置密码"},
		{key: "language", codec: enum([]string{"auto", "zh", "en"}, nil), def: "auto", bind: of(func(c *c) any { return &c.Language }),
			en: "language of its pages", zh: "界面语言"},
		{key: "hosts", codec: list[string](text("host name", checkHostName)), bind: of(func(c *c) any { return &c.Hosts }),
			en: "further host names it may be called by", zh: "允许的其他主机名"},
		{key: "tls", codec: object(tlsFields), link: true, bind: of(func(c *c) any { return &c.TLS }),
			en: "certificate; both or neither", zh: "证书（两项都填或都不填）"},
		{key: "password", codec: secret(), file: true, bind: of(func(c *c) any { return &c.Password }),
			en: "first password; better set by `catflap console password`", zh: "初始密码；建议用 `catflap console password` 设置"},
	}
}

func tlsFields() []field {
	type t = TLS
	return []field{
		{key: "cert", codec: plainText(), bind: of(func(t *t) any { return &t.Cert }),
			en: "PEM file of the certificate", zh: "证书文件（PEM）"},
		{key: "key", codec: plainText(), bind: of(func(t *t) any { return &t.Key }),
			en: "PEM file of its key", zh: "私钥文件（PEM）"},
	}
}

func storeFields() []field {
	type s = Store
	return []field{
		{key: "sync", codec: duration(100*time.Millisecond, time.Hour, false), def: "5s", bind: of(func(s *s) any { return &s.Sync }),
			en: "history is written this often, or every 256 KiB", zh: "历史写盘间隔（或每 256 KiB）"},
		{key: "queueSync", codec: duration(10*time.Millisecond, time.Hour, false), def: "1s", bind: of(func(s *s) any { return &s.QueueSync }),
			en: "events that an absent app waits for are written this often", zh: "离线应用等待的事件写盘间隔"},
		{key: "maxMb", codec: integer[int](8, 65536), def: "256", bind: of(func(s *s) any { return &s.MaxMB }),
			en: "largest size of the database in MiB", zh: "数据库大小上限（MiB）"},
	}
}

func mediaFields() []field {
	type m = Media
	return []field{
		{key: "dir", codec: text("folder", checkFilled), def: "media", bind: of(func(m *m) any { return &m.Dir }),
			en: "folder, inside dataDir unless it is a full path", zh: "文件夹，相对于 dataDir"},
		{key: "maxTotalMb", codec: integer[int](0, 1<<20), def: "512", bind: of(func(m *m) any { return &m.MaxTotalMB }),
			en: "largest size of the cache in MiB, and twice that of the largest medium; 0 = no cache", zh: "缓存总大小（MiB），单个媒体最大为其一半；0 = 不缓存"},
		{key: "maxAge", codec: duration(time.Minute, 10*365*24*time.Hour, false), def: "168h", bind: of(func(m *m) any { return &m.MaxAge }),
			en: "media older than this are removed", zh: "媒体保留时间"},
		{key: "eagerMb", codec: integer[int](0, 1024), def: "1", bind: of(func(m *m) any { return &m.EagerMB }),
			en: "media up to this size are fetched at once, in MiB; 0 = nothing before somebody asks for it", zh: "立即下载的大小上限（MiB）；0 = 有人读取时才下载"},
		{key: "maxDailyMb", codec: integer[int](0, 1<<20), def: "2048", bind: of(func(m *m) any { return &m.MaxDailyMB }),
			en: "MiB fetched per day; 0 = nothing is fetched", zh: "每日下载上限（MiB）；0 = 不下载"},
		{key: "rewrite", codec: boolean(), def: "true", bind: of(func(m *m) any { return &m.Rewrite }),
			en: "addresses in events point to the cache", zh: "事件中的链接改为指向缓存"},
		{key: "publicUrl", codec: text("http or https address", orEmpty(checkPublicURL)), bind: of(func(m *m) any { return &m.PublicURL }),
			en: "how apps and NapCat reach the gateway, such as http://192.168.1.2:6700", zh: "应用和 NapCat 访问网关的地址"},
		{key: "napcatUrl", codec: text("http or https address", orEmpty(checkPublicURL)), bind: of(func(m *m) any { return &m.NapcatURL }),
			en: "how NapCat reaches the gateway where that is not publicUrl, such as http://host.docker.internal:6700", zh: "NapCat 访问网关的地址，与 publicUrl 不同时才填"},
		{key: "napcatDir", codec: text("folder", orEmpty(checkFullPath)), bind: of(func(m *m) any { return &m.NapcatDir }),
			en: "folder that NapCat sees under the same path; files to send are put there for a while", zh: "NapCat 以相同路径可见的文件夹，待发送的文件会临时放在其中"},
		{key: "allowHosts", codec: list[string](text("host name", checkHostName)), bind: of(func(m *m) any { return &m.AllowHosts }),
			en: "hosts that media may be fetched from although their addresses are private, such as nas.lan or *.lan", zh: "即使解析为内网地址也允许下载的主机，如 nas.lan 或 *.lan"},
		{key: "allowPrivate", codec: list[string](text("network", checkPrivate)), bind: of(func(m *m) any { return &m.AllowPrivate }),
			en: "private addresses or networks that media may be fetched from, such as 198.18.0.0/15 of a fake-IP proxy", zh: "允许下载的内网地址或网段，如 fake-IP 代理的 198.18.0.0/15"},
	}
}

func memoryFields() []field {
	return []field{
		{key: "limit", codec: size(16<<20, 64<<30), def: "48MiB", bind: of(func(m *Memory) any { return &m.Limit }),
			en: "bounds Go memory and buffers", zh: "内存上限"},
	}
}

func limitsFields() []field {
	type l = Limits
	return []field{
		{key: "maxFrameMb", codec: integer[int](1, 64), def: "8", bind: of(func(l *l) any { return &l.MaxFrameMB }),
			en: "largest frame in MiB, at most a sixth of memory.limit", zh: "最大帧（MiB），不超过 memory.limit 的六分之一"},
		{key: "links", codec: integer[int](1, 1024), def: "16", bind: of(func(l *l) any { return &l.Links }),
			en: "WebSocket links at once", zh: "同时的 WebSocket 连接数"},
	}
}

func alertsFields() []field {
	type a = Alerts
	events := []string{"account.offline", "link.down", "account.limited", "disk.low", "app.down", "pairing.request", "store.errors", "token.failures", "update.available"}
	return []field{
		{key: "quietHours", codec: text("hours", checkQuietHours), bind: of(func(a *a) any { return &a.QuietHours }),
			en: "no alerts between these hours of the local time, such as 23:00-07:00; what happens then comes in one message at their end", zh: "免打扰时段（本地时间），如 23:00-07:00；期间的告警在结束时合并为一条"},
		{key: "to", codec: list[string](alertAddress()), bind: of(func(a *a) any { return &a.To }),
			en: "addresses: ntfy://, bark://, smtp://, generic://, telegram:// (docs/alerts.md)", zh: "告警地址：ntfy://、bark://、smtp://、generic://、telegram://（见 docs/alerts.md）"},
		{key: "on", codec: list[string](enum(events, nil)), def: "[" + strings.Join(events, ", ") + "]", bind: of(func(a *a) any { return &a.On }),
			en: "what is told", zh: "告警事件"},
	}
}

// alertAddress is a secret with a known form.
func alertAddress() codec {
	return scalar[string]{
		kind: "address (secret)", tags: []string{"!!str"}, expect: "text", secret: true,
		parse:  func(s string) (string, string) { return s, checkAlertAddress(s) },
		format: func(s string) (string, string) { return s, "!!str" },
		schema: map[string]any{"type": "string", "writeOnly": true},
	}.codec()
}

func logFields() []field {
	type l = Log
	return []field{
		{key: "level", codec: enum([]string{"info", "debug", "warn", "error"}, nil), def: "info", bind: of(func(l *l) any { return &l.Level }),
			en: "how much is logged", zh: "日志级别"},
		{key: "format", codec: enum([]string{"text", "json"}, nil), def: "text", bind: of(func(l *l) any { return &l.Format }),
			en: "form of the log", zh: "日志格式"},
	}
}
