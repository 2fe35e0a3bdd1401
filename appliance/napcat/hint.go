package napcat

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
)

// Hint is a likely cause and what to set, in both languages.
type Hint struct {
	EN, ZH string
}

// side names what catflap dials: the key in the configuration, and NapCat's own word for the server behind it.
type side struct {
	key, entry, scheme, secure string
}

func sideOf(c config.Account) side {
	switch c.Link {
	case "http":
		return side{"apiUrl", "httpServers", "http://", "https://"}
	case "sse":
		return side{"apiUrl", "httpSseServers", "http://", "https://"}
	}
	return side{"url", "websocketServers", "ws://", "wss://"}
}

// hints says what keeps catflap from NapCat most likely. No error and unknown ones have none.
func hints(err error, c config.Account) []Hint {
	at := sideOf(c)
	var refused *link.RefusedError
	if errors.As(err, &refused) {
		return refusedHints(refused.Status, at)
	}
	var answered *answerError
	if errors.As(err, &answered) {
		return answeredHints(answered, at)
	}
	if secure := secureHints(err, at); secure != nil {
		return secure
	}
	var dns *net.DNSError
	switch {
	case errors.Is(err, errToken):
		return []Hint{tokenHint(at)}
	case errors.As(err, &dns):
		return []Hint{{
			fmt.Sprintf("the host name in %s is not known here", at.key),
			fmt.Sprintf("%s 中的主机名无法解析", at.key),
		}}
	case errors.Is(err, syscall.ECONNREFUSED):
		return []Hint{{
			fmt.Sprintf("nothing listens at %s: start NapCat and enable the entry under network.%s (`catflap napcat config` prints it); in a container 127.0.0.1 is the container itself, there NapCat must listen on 0.0.0.0", at.key, at.entry),
			fmt.Sprintf("%s 处没有服务在监听：请启动 NapCat 并启用 network.%s 中的条目（`catflap napcat config` 可得到）；容器内的 127.0.0.1 是容器自身，NapCat 需监听 0.0.0.0", at.key, at.entry),
		}}
	}
	return nil
}

func tokenHint(at side) Hint {
	return Hint{
		fmt.Sprintf("accessToken here must be the token of NapCat's entry under network.%s", at.entry),
		fmt.Sprintf("此处的 accessToken 必须与 NapCat 的 network.%s 条目中的 token 一致", at.entry),
	}
}

func pathHint(at side) Hint {
	return Hint{
		fmt.Sprintf("%s has a wrong path, or something else than NapCat listens there; NapCat's own address has no path, as in %s127.0.0.1:3001", at.key, at.scheme),
		fmt.Sprintf("%s 的路径不对，或在该处监听的不是 NapCat；NapCat 的地址不带路径，例如 %s127.0.0.1:3001", at.key, at.scheme),
	}
}

// refusedHints are for a server that did not answer the upgrade with 101.
func refusedHints(status int, at side) []Hint {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return []Hint{tokenHint(at)}
	case http.StatusNotFound:
		return []Hint{pathHint(at)}
	}
	return []Hint{{
		"url is a server that speaks HTTP only: give the port of NapCat's WebSocket server, or set enableWebsocket: true on its HTTP server",
		"url 处的服务只支持 HTTP：请填写 NapCat 的 WebSocket 服务器端口，或在其 HTTP 服务器上设置 enableWebsocket: true",
	}}
}

// answeredHints are for a server that is not the HTTP server that catflap looks for.
func answeredHints(a *answerError, at side) []Hint {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return []Hint{tokenHint(at)}
	case http.StatusUpgradeRequired:
		return []Hint{{
			"apiUrl is a WebSocket server: give the port of NapCat's HTTP server",
			"apiUrl 处是 WebSocket 服务器：请填写 NapCat 的 HTTP 服务器端口",
		}}
	case http.StatusOK:
		if at.entry == "httpSseServers" {
			return []Hint{{
				"apiUrl is an HTTP server without an event stream: NapCat needs an entry under network.httpSseServers (`catflap napcat config` prints it)",
				"apiUrl 处的 HTTP 服务器没有事件流：NapCat 需要 network.httpSseServers 条目（`catflap napcat config` 可得到）",
			}}
		}
	}
	return []Hint{pathHint(at)}
}

// secureHints are for TLS that does not come about; nil for other errors.
func secureHints(err error, at side) []Hint {
	var (
		plain     tls.RecordHeaderError
		unknown   x509.UnknownAuthorityError
		wrongName x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return []Hint{{
			fmt.Sprintf("the server does not speak TLS: write %s instead of %s in %s", at.scheme, at.secure, at.key),
			fmt.Sprintf("服务器未使用 TLS：请把 %[3]s 中的 %[2]s 改为 %[1]s", at.scheme, at.secure, at.key),
		}}
	case errors.As(err, &unknown):
		return []Hint{{
			"the certificate is not signed by a known authority: name the authority's PEM file in caFile, or set verifyCertificate: false",
			"证书不是由受信任的机构签发：请在 caFile 中指定 CA 的 PEM 文件，或设置 verifyCertificate: false",
		}}
	case errors.As(err, &wrongName), errors.As(err, &invalid):
		return []Hint{{
			fmt.Sprintf("the certificate is not valid for the host in %s now: use a name that is in the certificate, see to its dates, or set verifyCertificate: false", at.key),
			fmt.Sprintf("证书对 %s 中的主机当前无效：请使用证书中的名称并检查有效期，或设置 verifyCertificate: false", at.key),
		}}
	}
	return nil
}
