package apps

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/catflap/catflap/appliance/config"
)

func newPostFault(err error, c config.App, now time.Time) fault {
	return fault{at: now, text: err.Error(), hints: postHints(err, c)}
}

// postHints says what a post that was not taken most likely means.
func postHints(err error, c config.App) []Hint {
	var refused *refusedPost
	if errors.As(err, &refused) && c.Protocol == "onebot12" {
		return postHints12(refused.status, c)
	}
	if errors.As(err, &refused) {
		switch refused.status {
		case http.StatusUnauthorized, http.StatusForbidden:
			return []Hint{{
				fmt.Sprintf("the signature or the token is not what the app expects: make apps.%s.secret the app's own secret (NoneBot: ONEBOT_SECRET, Koishi: secret), and accessToken its token", c.Name),
				fmt.Sprintf("签名或令牌与应用不一致：请让 apps.%s.secret 等于应用的 secret（NoneBot 为 ONEBOT_SECRET，Koishi 为 secret），accessToken 等于应用的令牌", c.Name),
			}}
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			return []Hint{{
				fmt.Sprintf("the path may be wrong: apps.%s.post ends in %q; NoneBot takes posts at /onebot/v11/http, Koishi at /onebot, aiocqhttp at /", c.Name, pathOf(c.Post)),
				fmt.Sprintf("路径可能不对：apps.%s.post 的路径是 %q；NoneBot 为 /onebot/v11/http，Koishi 为 /onebot，aiocqhttp 为 /", c.Name, pathOf(c.Post)),
			}}
		}
		return nil
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return []Hint{{
			fmt.Sprintf("the host name in apps.%s.post is not known here", c.Name),
			fmt.Sprintf("apps.%s.post 中的主机名无法解析", c.Name),
		}}
	}
	var authority x509.UnknownAuthorityError
	if errors.As(err, &authority) {
		return []Hint{{
			fmt.Sprintf("the app's certificate is not signed by an authority that this box knows: name the authority's file as apps.%s.caFile", c.Name),
			fmt.Sprintf("应用的证书不是由本机信任的机构签发：请把该机构的证书文件写为 apps.%s.caFile", c.Name),
		}}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return hints(err, c)
	}
	return nil
}

// postHints12 are those of the V12 adapter of NoneBot, which checks the token.
func postHints12(status int, c config.App) []Hint {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return []Hint{{
			fmt.Sprintf("the token is not what the app expects: make ONEBOT_V12_ACCESS_TOKEN (NoneBot, file .env) the accessToken of apps.%s", c.Name),
			fmt.Sprintf("令牌与应用不一致：请让 NoneBot .env 中的 ONEBOT_V12_ACCESS_TOKEN 等于 apps.%s 的 accessToken", c.Name),
		}}
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return []Hint{{
			fmt.Sprintf("the path may be wrong: apps.%s.post ends in %q; the V12 adapter of NoneBot takes posts at /onebot/v12/http", c.Name, pathOf(c.Post)),
			fmt.Sprintf("路径可能不对：apps.%s.post 的路径是 %q；NoneBot 的 V12 适配器为 /onebot/v12/http", c.Name, pathOf(c.Post)),
		}}
	}
	return nil
}
