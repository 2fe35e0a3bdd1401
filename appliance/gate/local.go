package gate

import (
	"net"
	"net/http"
	"strings"
)

// CheckLocal judges a request where no token is asked for, so that only this box's own programs can come: it refuses what a
// web page made the owner's browser send. A picture whose address is an action carries no Origin, but Sec-Fetch-Site; a
// page whose name was pointed at this box (DNS rebinding) carries that name as Host. Who types the address passes, and
// pages that CheckOrigin knows by their Origin do.
func CheckLocal(r *http.Request) *Refusal {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && r.Header.Get("Origin") == "" {
		return &Refusal{http.StatusForbidden, "request comes from a web page (Sec-Fetch-Site header)"}
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host != "" && net.ParseIP(host) == nil && !strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return &Refusal{http.StatusForbidden, "without a token, the address must name this machine as localhost or by its IP address (Host header)"}
	}
	return nil
}
