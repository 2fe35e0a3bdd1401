package web

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/gate"
)

// contentPolicy lets pages use what this site serves, and nothing else: no inline script, no other host, no frame around them.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// protect gives an answer the headers that all of them have, and a request its deadlines.
func (s *Site) protect(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// Not no-referrer: browsers would then send `Origin: null` with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	now := time.Now()
	_ = rc.SetReadDeadline(now.Add(requestTime))
	_ = rc.SetWriteDeadline(now.Add(requestTime))
}

// check says why a request is not for this site or not from its pages; nil when it may be looked at.
func (s *Site) check(r *http.Request) *gate.Refusal {
	if !s.named(r.Host) {
		name := hostname(r.Host)
		if len(name) > 100 {
			name = name[:100]
		}
		return &gate.Refusal{Status: http.StatusMisdirectedRequest, Reason: fmt.Sprintf(
			"this console is not called %q; if it is yours, add the name to console.hosts in catflap.yaml and run `catflap reload`\n"+
				"控制台不认识主机名 %[1]q；如果确实是你的，请把它写进 catflap.yaml 的 console.hosts，然后运行 `catflap reload`", name)}
	}
	changes := !safe(r.Method)
	if !changes && !strings.HasPrefix(r.URL.Path, "/api/") && r.URL.Path != "/live" && r.URL.Path != "/metrics" {
		return nil // links from elsewhere may lead to a page
	}
	if fromPage(r) {
		return &gate.Refusal{Status: http.StatusForbidden, Reason: "the request comes from another web page (Origin, Referer or Sec-Fetch-Site)"}
	}
	return nil
}

// fromPage reports whether a page of another site makes the request. Programs that are no browsers say nothing of it.
func fromPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site != "" && site != "same-origin" && site != "none" {
		return true
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		return !ours(r, origin, site)
	}
	// Without an Origin the Referer is asked, where something changes: a browser that is told to can leave out both.
	if referer := r.Header.Get("Referer"); referer != "" && !safe(r.Method) {
		return !ours(r, referer, site)
	}
	return false
}

// ours reports whether a page's address has the same origin as the request. Behind a proxy that passes the name without
// the port on, the browser's own word has to do.
func ours(r *http.Request, page, site string) bool {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || r.TLS != nil && u.Scheme != "https" {
		return false
	}
	trim := func(host string) string {
		host = strings.ToLower(host)
		if u.Scheme == "https" {
			return strings.TrimSuffix(host, ":443")
		}
		return strings.TrimSuffix(host, ":80")
	}
	return u.Host != "" && trim(u.Host) == trim(r.Host) || site == "same-origin" && hostname(u.Host) == hostname(r.Host)
}

// named reports whether the site may be called by a name. A page whose name was made to point here (DNS rebinding) shows
// that name; an address cannot be made to.
func (s *Site) named(host string) bool {
	name := hostname(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(s.own, name) {
		return true
	}
	return slices.ContainsFunc(s.settings.Load().Hosts, func(known string) bool {
		known = strings.ToLower(strings.TrimSuffix(known, "."))
		if below, wild := strings.CutPrefix(known, "*"); wild {
			return strings.HasSuffix(name, below) && len(name) > len(below)
		}
		return name == known
	})
}

// hostname is a Host header without the port, in lower case, without brackets and the last dot.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// ownNames are what a network at home calls this box.
func ownNames(hostname func() (string, error)) []string {
	name, err := hostname()
	if err != nil || name == "" {
		return nil
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	short, _, _ := strings.Cut(name, ".")
	return []string{name, short, short + ".local", short + ".lan", short + ".home.arpa"}
}

// safe reports whether a method changes nothing.
func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// forwarded reports whether a proxy brings the request.
func forwarded(r *http.Request) bool {
	return slices.ContainsFunc([]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"}, func(name string) bool { return r.Header.Get(name) != "" })
}

// remote is the address of the peer, the zero Addr if it has none.
func remote(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// equal compares two secrets in a time that depends on neither's content; an empty one equals nothing.
func equal(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

// problem answers a program as the API does.
func problem(w http.ResponseWriter, status int, message, remedy string) {
	body, err := json.Marshal(console.Problem{Message: message, Remedy: remedy})
	if err != nil {
		body = nil
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
