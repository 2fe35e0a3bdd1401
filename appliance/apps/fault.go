package apps

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
)

// errWaiting is the state before NapCat's first connection.
var errWaiting = errors.New("waiting for NapCat: the account's QQ number is not known yet")

// Hint is a likely cause and the line to set, in both languages.
type Hint struct {
	EN, ZH string
}

// fault is why an app has no connection.
type fault struct {
	at    time.Time
	text  string
	hints []Hint
}

func newFault(err error, c config.App, now time.Time) fault {
	if err == nil {
		return fault{}
	}
	return fault{at: now, text: err.Error(), hints: hints(err, c)}
}

// hints says what a refusal most likely means. NoneBot answers 403 for a wrong token, a duplicate connection and
// a wrong path alike, so all causes are named (reference: frameworks, rule 4 and section 1.1).
func hints(err error, c config.App) []Hint {
	token := Hint{
		fmt.Sprintf("the token may differ: set ONEBOT_ACCESS_TOKEN=... (NoneBot, file .env) or the app's own token option to the accessToken of apps.%s", c.Name),
		fmt.Sprintf("令牌可能不一致：请把 NoneBot 的 .env 中 ONEBOT_ACCESS_TOKEN=...（或该应用的 token 选项）设为 apps.%s 的 accessToken", c.Name),
	}
	duplicate := Hint{
		"another connection for the same QQ number may be open: NapCat or a second program must not connect to this app directly; after a power cut NoneBot needs about 40 s to notice",
		"可能已有同一 QQ 号的连接：NapCat 或其他程序不要再直接连接该应用；断电后 NoneBot 约需 40 秒才会发现旧连接已失效",
	}
	path := Hint{
		fmt.Sprintf("the path may be wrong: apps.%s.connect ends in %q; NoneBot listens on /onebot/v11/ws, Koishi on /onebot, AstrBot and aiocqhttp on /ws", c.Name, pathOf(c.Connect)),
		fmt.Sprintf("路径可能不对：apps.%s.connect 的路径是 %q；NoneBot 为 /onebot/v11/ws，Koishi 为 /onebot，AstrBot 与 aiocqhttp 为 /ws", c.Name, pathOf(c.Connect)),
	}
	if c.Protocol == "onebot12" {
		path = Hint{
			fmt.Sprintf("the path may be wrong: apps.%s.connect ends in %q; the V12 adapter of NoneBot listens on /onebot/v12/ws", c.Name, pathOf(c.Connect)),
			fmt.Sprintf("路径可能不对：apps.%s.connect 的路径是 %q；NoneBot 的 V12 适配器为 /onebot/v12/ws", c.Name, pathOf(c.Connect)),
		}
	}
	selfID := Hint{
		"the app may be configured for another QQ number (Koishi: selfId must equal the account's)",
		"该应用可能配置了别的 QQ 号（Koishi：selfId 必须与账号一致）",
	}
	var refused *link.RefusedError
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusUnauthorized:
			return []Hint{token}
		case http.StatusForbidden:
			return []Hint{token, duplicate, path}
		case http.StatusNotFound:
			return []Hint{path}
		}
		return nil
	}
	var closed *link.CloseError
	if errors.As(err, &closed) && closed.Remote {
		switch closed.Code {
		case 1008, 4001:
			return []Hint{selfID, token, duplicate}
		case 1005:
			return []Hint{path}
		}
		return nil
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return []Hint{{
			fmt.Sprintf("the host name in apps.%s.connect is not known here", c.Name),
			fmt.Sprintf("apps.%s.connect 中的主机名无法解析", c.Name),
		}}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return []Hint{{
			"the app is not running, listens on another port, or runs in a container where 127.0.0.1 is another machine",
			"该应用未运行、监听了其他端口，或运行在容器中（容器里的 127.0.0.1 不是本机）",
		}}
	}
	return nil
}

func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Path == "" {
		return "/"
	}
	return u.Path
}
