package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/console/login"
	"github.com/catflap/catflap/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = "correct horse battery"

// rig is a console on a real socket.
type rig struct {
	*testing.T
	store  *store.Store
	logins *login.Keeper
	site   *Site
	server *Server
	base   string // http://127.0.0.1:port

	mu     sync.Mutex
	status console.Status
	clock  time.Time
	said   strings.Builder // the log
}

func newRig(t *testing.T) *rig {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "data"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, store: st, clock: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	r.status = console.Status{Version: "1.2.3",
		Accounts: []console.AccountStatus{{Name: "bot1", Title: "My <Bot>", SelfID: 10001, Link: "reverse", Connected: true, Online: true}},
		Apps:     []console.AppStatus{{Name: "koishi", Account: "bot1", Connected: true, Subscribed: true, Backlog: 7}},
		Memory:   console.MemoryStatus{RSS: 21 << 20, Go: 6 << 20}, Store: console.StoreStatus{StateBytes: 65536, JournalBytes: 3 << 20}, Links: console.LinksStatus{Used: 2, Limit: 16}}
	r.logins = login.New(st, login.Options{Now: r.now, Cost: 4})
	api := &console.API{Version: "1.2.3", Store: st, Status: r.snapshot, Logins: r.logins,
		Console: func() console.ConsoleStatus { return console.ConsoleStatus{Listen: "127.0.0.1:0", URL: r.base + "/"} },
		Metrics: func() []byte { return []byte("catflap_up 1\n") },
		Tail: func(ctx context.Context, _ string, emit func(console.TailEvent) error) error {
			if err := emit(console.TailEvent{Kind: "message"}); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}}
	log := slog.New(slog.NewTextHandler(writer{r}, nil))
	r.site = New(Options{API: api, Logins: r.logins, Log: log, Now: r.now, Refresh: time.Millisecond,
		Hostname: func() (string, error) { return "Pi4.example", nil }})
	r.serve("127.0.0.1:0", nil)
	t.Cleanup(func() {
		r.server.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// writer keeps the log.
type writer struct{ *rig }

func (w writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

func (r *rig) serve(address string, certificate *Certificate) {
	r.Helper()
	server, err := Listen(address, certificate, r.site, slog.New(slog.DiscardHandler))
	if err != nil {
		r.Fatal(err)
	}
	server.Serve()
	r.server, r.base = server, "http://"+server.Address()
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = r.clock.Add(d)
}

func (r *rig) snapshot() console.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

func (r *rig) password() {
	r.Helper()
	if err := r.logins.SetPassword(good, "test"); err != nil {
		r.Fatal(err)
	}
}

// browser is a person at a browser: it sends what browsers send, follows nothing by itself, and keeps cookies.
type browser struct {
	*rig
	cookies map[string]*http.Cookie
}

func (r *rig) browser() *browser { return &browser{r, make(map[string]*http.Cookie)} }

// answer is a response that has been read.
type answer struct {
	*http.Response
	body string
}

// do sends one request; headers come in pairs.
func (b *browser) do(method, path, body string, headers ...string) answer {
	b.Helper()
	resp := b.open(method, path, body, headers...)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return answer{resp, string(text)}
}

func (b *browser) open(method, path, body string, headers ...string) *http.Response {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	if method != "GET" {
		req.Header.Set("Origin", b.base)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range b.cookies {
		req.AddCookie(c)
	}
	for i := 0; i < len(headers); i += 2 {
		switch {
		case headers[i] == "Host":
			req.Host = headers[i+1]
		case headers[i+1] == "":
			req.Header.Del(headers[i])
		default:
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range resp.Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return resp
}

func (b *browser) session() *http.Cookie {
	for name, c := range b.cookies {
		if strings.HasPrefix(name, "catflap_session_") {
			return c
		}
	}
	return nil
}

// csrf is the token of the session's pages.
func (b *browser) csrf() string {
	b.Helper()
	page := b.do("GET", "/", "")
	_, rest, ok := strings.Cut(page.body, `<meta name="csrf" content="`)
	token, _, _ := strings.Cut(rest, `"`)
	if !ok || token == "" {
		b.Fatalf("no token in %d %s", page.StatusCode, page.body)
	}
	return token
}

// logIn returns a browser that is in.
func (r *rig) logIn() *browser {
	r.Helper()
	if !r.logins.HasPassword() {
		r.password()
	}
	b := r.browser()
	if a := b.do("POST", "/login", url.Values{"password": {good}}.Encode()); a.StatusCode != 303 || b.session() == nil {
		r.Fatalf("logging in: %d %s", a.StatusCode, a.body)
	}
	return b
}

func TestFault_T20_NothingWithoutLogin(t *testing.T) {
	r := newRig(t)
	r.password()
	b := r.browser()
	for _, c := range []struct {
		method, path string
		status       int
		location     string
	}{
		{"GET", "/", 303, "/login"},
		{"GET", "/password", 303, "/login?next=%2Fpassword"},
		{"GET", "/no/such?secret=1", 303, "/login?next=%2Fno%2Fsuch"},
		{"GET", "//evil.example/", 303, "/login"},
		{"POST", "/password", 303, "/login"},
		{"POST", "/logout", 303, "/login"},
		{"DELETE", "/", 303, "/login"},
		{"GET", "/live?page=overview", 401, ""},
		{"GET", "/api/v1/status", 401, ""},
		{"GET", "/api/v1/tail", 401, ""},
		{"GET", "/api/", 401, ""},
		{"POST", "/api/v1/reload", 401, ""},
		{"POST", "/api/v1/console/link", 401, ""},
		{"GET", "/login", 200, ""},
		{"GET", "/assets/console.css", 200, ""},
		{"GET", "/assets/../web.go", 404, ""},
		{"GET", "/healthz", 200, ""},
		{"GET", "/readyz", 200, ""},
	} {
		a := b.do(c.method, c.path, "")
		if a.StatusCode != c.status || a.Header.Get("Location") != c.location {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, a.StatusCode, a.Header.Get("Location"), c.status, c.location)
		}
		if strings.Contains(a.body, "koishi") || strings.Contains(a.body, "10001") {
			t.Errorf("%s %s tells a stranger:\n%s", c.method, c.path, a.body)
		}
	}
	for _, wrong := range []string{"x", strings.Repeat("a", 5000), ""} {
		b.cookies["s"] = &http.Cookie{Name: "catflap_session_" + port(r.base), Value: wrong}
		if a := b.do("GET", "/api/v1/status", ""); a.StatusCode != 401 {
			t.Errorf("a made-up session: %d", a.StatusCode)
		}
	}
}

func port(base string) string { return base[strings.LastIndex(base, ":")+1:] }

func TestLoginByPassword(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	if a := b.do("GET", "/login", ""); a.StatusCode != 200 || !strings.Contains(a.body, "catflap console password") || strings.Contains(a.body, `type="password"`) {
		t.Errorf("without a password: %d %s", a.StatusCode, a.body)
	}
	if a := b.do("POST", "/login", "password="); a.StatusCode != 403 {
		t.Errorf("an empty password where none is set: %d", a.StatusCode)
	}
	r.password()
	if a := b.do("POST", "/login", "password=wrong"); a.StatusCode != 403 || b.session() != nil {
		t.Errorf("a wrong one: %d", a.StatusCode)
	}
	for _, c := range [][2]string{{"/password", "/password"}, {"//evil.example", "/"}, {"https://evil.example/", "/"}, {"/\\evil.example", "/"}, {"/login", "/"}, {"", "/"}, {"/a\r\nb", "/"}} {
		a := b.do("POST", "/login", url.Values{"password": {good}, "next": {c[0]}}.Encode())
		if a.StatusCode != 303 || a.Header.Get("Location") != c[1] {
			t.Errorf("next %q: %d %q, want %q", c[0], a.StatusCode, a.Header.Get("Location"), c[1])
		}
	}
	if n := r.logins.Sessions(); n != 1 {
		t.Errorf("one browser has %d sessions", n)
	}
	if a := b.do("GET", "/login?next=/password", ""); a.StatusCode != 303 || a.Header.Get("Location") != "/password" {
		t.Errorf("the login page for somebody who is in: %d %q", a.StatusCode, a.Header.Get("Location"))
	}
	if a := b.do("GET", "/", ""); a.StatusCode != 200 || !strings.Contains(a.body, "My &lt;Bot&gt;") || !strings.Contains(a.body, "koishi") || !strings.Contains(a.body, "21 MiB") {
		t.Errorf("the overview: %d %s", a.StatusCode, a.body)
	}
	if a := b.do("GET", "/nothing", ""); a.StatusCode != 404 {
		t.Errorf("a page that does not exist: %d", a.StatusCode)
	}
	old := b.session()
	if a := b.do("POST", "/logout", "csrf="+b.csrf()); a.StatusCode != 303 || b.session() != nil {
		t.Errorf("logging out: %d", a.StatusCode)
	}
	b.cookies["s"] = old
	if a := b.do("GET", "/api/v1/status", ""); a.StatusCode != 401 {
		t.Errorf("the cookie of a session that was ended: %d", a.StatusCode)
	}
}

// A link shows a page first: programs that look at links before people do must not use it up.
func TestLoginByLink(t *testing.T) {
	r := newRig(t)
	r.password()
	in := r.logIn()
	a := in.do("POST", "/api/v1/console/link", "{}", "X-CSRF-Token", in.csrf())
	var link console.LinkResult
	if err := json.Unmarshal([]byte(a.body), &link); err != nil || a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	path := strings.TrimPrefix(link.URL, r.base)
	_, key, _ := strings.Cut(path, "key=")
	b := r.browser()
	for range 2 {
		if a := b.do("GET", path, ""); a.StatusCode != 200 || !strings.Contains(a.body, `name="key" value="`+key) {
			t.Fatalf("the link's page: %d %s", a.StatusCode, a.body)
		}
	}
	if a := b.do("GET", path+"&lang=en", ""); a.StatusCode != 303 || a.Header.Get("Location") != path {
		t.Errorf("choosing a language loses the key: %d %q", a.StatusCode, a.Header.Get("Location"))
	}
	if a := b.do("POST", "/login", "key="+key); a.StatusCode != 303 || b.session() == nil {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := r.browser().do("POST", "/login", "key="+key); a.StatusCode != 403 || !strings.Contains(a.body, "console link") {
		t.Errorf("a second time: %d %s", a.StatusCode, a.body)
	}
	// Who came by a link may set a password without knowing the old one.
	form := url.Values{"csrf": {b.csrf()}, "password": {"a new password"}, "again": {"a new password"}}
	if a := b.do("POST", "/password", form.Encode()); a.StatusCode != 303 || b.session() != nil {
		t.Errorf("setting a password: %d %s", a.StatusCode, a.body)
	}
	if a := in.do("GET", "/api/v1/status", ""); a.StatusCode != 401 {
		t.Errorf("the other session outlived the password: %d", a.StatusCode)
	}
}

func TestChangingThePassword(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	csrf := b.csrf()
	post := func(current, password, again string) answer {
		return b.do("POST", "/password", url.Values{"csrf": {csrf}, "current": {current}, "password": {password}, "again": {again}}.Encode(), "Accept-Language", "en")
	}
	for _, c := range []struct {
		current, password, again string
		status                   int
		text                     string
	}{
		{good, "one password", "other password", 422, "differ"},
		{good, "short", "short", 422, "at least 8"},
		{"wrong", "another one", "another one", 403, "not the password"},
		{good, "another one", "another one", 303, ""},
	} {
		if a := post(c.current, c.password, c.again); a.StatusCode != c.status || !strings.Contains(a.body, c.text) {
			t.Errorf("%+v: %d %s", c, a.StatusCode, a.body)
		}
	}
	if b.session() != nil || r.logins.Sessions() != 0 {
		t.Error("a session outlived the password")
	}
	if err := r.logins.Confirm(t.Context(), netip.MustParseAddr("127.0.0.1"), "another one"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	// The same by the API.
	b = r.browser()
	b.do("POST", "/login", "password=another+one")
	csrf = b.csrf()
	for _, c := range []struct {
		body   string
		status int
	}{{`{"password":"third password"}`, 403}, {`{"password":"third password","current":"no"}`, 403}, {`{"password":"third password","current":"another one"}`, 200}} {
		if a := b.do("POST", "/api/v1/console/password", c.body, "X-CSRF-Token", csrf); a.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.body, a.StatusCode, a.body)
		}
	}
}

func TestFault_T20_CookieFlags(t *testing.T) {
	r := newRig(t)
	c := r.logIn().session()
	if c.Name != "catflap_session_"+port(r.base) || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" || c.Domain != "" || c.MaxAge != 90*24*3600 {
		t.Errorf("the cookie is %+v", c)
	}
	cert, key := selfSigned(t, t.TempDir(), "first")
	certificate, err := LoadCertificate(cert, key, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r.server.Secure(certificate)
	resp := overTLS(t, r.server.Address(), "POST", "/login", url.Values{"password": {good}}.Encode(), "https://"+r.server.Address())
	if cookies := resp.Cookies(); resp.StatusCode != 303 || len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode {
		t.Errorf("over TLS: %d %v", resp.StatusCode, cookies)
	}
	// A page that came in the clear is another origin.
	if resp := overTLS(t, r.server.Address(), "POST", "/login", url.Values{"password": {good}}.Encode(), "http://"+r.server.Address()); resp.StatusCode != 403 {
		t.Errorf("from a page in the clear: %d", resp.StatusCode)
	}
}

func TestFault_T20_DNSRebinding(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	r.site.Configure(Settings{Language: "auto", Fallback: "zh", Hosts: []string{"bot.example.com", "*.bots.example", "fd00::7"}})
	for host, status := range map[string]int{
		"127.0.0.1:" + port(r.base): 200, "localhost": 200, "LOCALHOST.:6750": 200, "x.localhost:1": 200, "[::1]:6750": 200, "192.168.1.7": 200,
		"pi4": 200, "PI4.local:6750": 200, "pi4.example": 200, "bot.example.com": 200, "BOT.example.com.:443": 200, "a.bots.example": 200, "[fd00::7]": 200,
		"evil.example": 421, "localhost.evil.example": 421, "bots.example": 421, "xbots.example": 421, "bot.example.com.evil.example": 421,
		"127.0.0.1.evil.example": 421, "pi5.local": 421, ".localhost.evil": 421, "pi4.example.evil": 421, "a b": 421,
	} {
		for _, path := range []string{"/", "/login", "/api/v1/status", "/assets/console.js", "/metrics"} {
			a := b.do("GET", path, "", "Host", host)
			want := status
			if want == 200 && path == "/login" {
				want = 303
			}
			if a.StatusCode != want {
				t.Errorf("Host %s, %s: %d, want %d", host, path, a.StatusCode, want)
			}
			if status == 421 && (!strings.Contains(a.body, "console.hosts") || strings.Contains(a.body, "koishi")) {
				t.Errorf("Host %s, %s: %s", host, path, a.body)
			}
		}
	}
	if a := b.do("GET", "/healthz", "", "Host", "evil.example"); a.StatusCode != 200 || a.body != "ok\n" {
		t.Errorf("/healthz: %d %q", a.StatusCode, a.body)
	}
}

func TestFault_T20_ForeignPages(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	csrf := b.csrf()
	own := r.base
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
	}{
		{"own page", "POST", "/api/v1/console/link", []string{"Origin", own}, 200},
		{"own page, as a browser says it", "POST", "/api/v1/console/link", []string{"Origin", own, "Sec-Fetch-Site", "same-origin"}, 200},
		{"no browser", "POST", "/api/v1/console/link", []string{"Origin", ""}, 200},
		{"foreign", "POST", "/api/v1/console/link", []string{"Origin", "http://evil.example"}, 403},
		{"another port", "POST", "/api/v1/console/link", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"another port, and the browser says so", "POST", "/api/v1/console/link", []string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"}, 403},
		{"null", "POST", "/api/v1/console/link", []string{"Origin", "null"}, 403},
		{"a file", "POST", "/api/v1/console/link", []string{"Origin", "file://"}, 403},
		{"foreign by its Referer", "POST", "/api/v1/console/link", []string{"Origin", "", "Referer", "http://evil.example/" + own}, 403},
		{"own by its Referer", "POST", "/api/v1/console/link", []string{"Origin", "", "Referer", own + "/password"}, 200},
		{"own name as a prefix", "POST", "/api/v1/console/link", []string{"Origin", own + ".evil.example"}, 403},
		{"cross-site by the browser's word", "POST", "/api/v1/console/link", []string{"Origin", "", "Sec-Fetch-Site", "cross-site"}, 403},
		{"same site is not the same origin", "POST", "/api/v1/console/link", []string{"Origin", "", "Sec-Fetch-Site", "same-site"}, 403},
		{"a proxy that hides the port", "POST", "/api/v1/console/link", []string{"Host", "localhost", "Origin", "https://localhost:8443", "Sec-Fetch-Site", "same-origin"}, 200},
		{"the same without the browser's word", "POST", "/api/v1/console/link", []string{"Host", "localhost", "Origin", "https://localhost:8443"}, 403},
		{"a default port", "POST", "/api/v1/console/link", []string{"Host", "localhost:443", "Origin", "https://LOCALHOST"}, 200},
		{"reading the API from elsewhere", "GET", "/api/v1/status", []string{"Origin", "http://evil.example"}, 403},
		{"the same without an Origin", "GET", "/api/v1/status", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"reading it from an own page", "GET", "/api/v1/status", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"a foreign stream", "GET", "/live?page=overview", []string{"Origin", "http://evil.example"}, 403},
		{"foreign metrics", "GET", "/metrics", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a link to a page", "GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Referer", "http://evil.example/"}, 200},
		{"logging out from elsewhere", "POST", "/logout", []string{"Origin", "http://evil.example"}, 403},
		{"logging in from elsewhere", "POST", "/login", []string{"Origin", "http://evil.example"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := "{}"
			if !strings.HasPrefix(c.path, "/api") {
				body = url.Values{"csrf": {csrf}, "password": {good}}.Encode()
			}
			a := b.do(c.method, c.path, body, append([]string{"X-CSRF-Token", csrf}, c.headers...)...)
			if a.StatusCode != c.status {
				t.Errorf("%d %s, want %d", a.StatusCode, a.body, c.status)
			}
			if a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Error("foreign pages may read the answer")
			}
		})
	}
}

func TestFault_T20_CSRF(t *testing.T) {
	r := newRig(t)
	b, other := r.logIn(), r.logIn()
	csrf, foreign := b.csrf(), other.csrf()
	if csrf == foreign {
		t.Fatal("two sessions have the same token")
	}
	for _, token := range []string{"", "x", foreign} {
		if a := b.do("POST", "/api/v1/console/link", "{}", "X-CSRF-Token", token); a.StatusCode != 403 {
			t.Errorf("the API with token %q: %d", token, a.StatusCode)
		}
		if a := b.do("POST", "/logout", "csrf="+token); a.StatusCode != 403 {
			t.Errorf("a form with token %q: %d", token, a.StatusCode)
		}
		if a := b.do("POST", "/password", url.Values{"csrf": {token}, "current": {good}, "password": {"a new password"}, "again": {"a new password"}}.Encode()); a.StatusCode != 403 {
			t.Errorf("the password with token %q: %d", token, a.StatusCode)
		}
	}
	if a := b.do("POST", "/logout", "csrf="+csrf+strings.Repeat("&x=y", maxForm)); a.StatusCode != 413 {
		t.Errorf("an endless form: %d", a.StatusCode)
	}
	if b.session() == nil || !r.logins.HasPassword() || r.logins.Sessions() != 2 {
		t.Error("something happened all the same")
	}
	if a := b.do("POST", "/api/v1/console/link", "{}", "X-CSRF-Token", csrf); a.StatusCode != 200 {
		t.Errorf("with the token: %d %s", a.StatusCode, a.body)
	}
}

func TestFault_T20_BruteForceIsDelayed(t *testing.T) {
	r := newRig(t)
	r.password()
	b := r.browser()
	for i := range 10 {
		a := b.do("POST", "/login", fmt.Sprintf("password=guess%d", i), "X-Forwarded-For", fmt.Sprintf("10.0.0.%d", i))
		want := 403
		if i >= 3 {
			want = 429
		}
		if a.StatusCode != want || want == 429 && a.Header.Get("Retry-After") != "1" {
			t.Errorf("guess %d: %d, Retry-After %q", i, a.StatusCode, a.Header.Get("Retry-After"))
		}
	}
	if n, last := r.site.Guesses(); n != 10 || !strings.HasPrefix(last, "127.0.0.1:") {
		t.Errorf("the alarm hears of %d guesses, the last from %q", n, last)
	}
	if a := b.do("POST", "/login", url.Values{"password": {good}}.Encode()); a.StatusCode != 429 || b.session() != nil {
		t.Errorf("the right password while waiting: %d", a.StatusCode)
	}
	// A link lets the owner in all the same.
	key, err := r.logins.NewLink("test")
	if err != nil {
		t.Fatal(err)
	}
	if a := r.browser().do("POST", "/login", "key="+key); a.StatusCode != 303 {
		t.Errorf("a link while waiting: %d", a.StatusCode)
	}
	r.pass(time.Second)
	if a := b.do("POST", "/login", url.Values{"password": {good}}.Encode()); a.StatusCode != 303 {
		t.Errorf("the right password afterwards: %d", a.StatusCode)
	}
}

func TestFault_S05_Headers(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	for _, path := range []string{"/", "/login", "/nothing", "/api/v1/status", "/api/v1/nothing", "/assets/console.js", "/healthz", "/metrics"} {
		a := b.do("GET", path, "")
		for name, want := range map[string]string{
			"Content-Security-Policy": contentPolicy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if got := a.Header.Get("Cache-Control"); got != "no-store" && !strings.HasPrefix(path, "/assets/") {
			t.Errorf("%s: Cache-Control is %q", path, got)
		}
		if strings.Contains(a.body, "<script>") || strings.Contains(a.body, " style=") || strings.Contains(a.body, " on") && strings.Contains(a.body, ` onclick=`) {
			t.Errorf("%s has what its policy forbids", path)
		}
	}
	if strings.Contains(contentPolicy, "unsafe") || !strings.Contains(contentPolicy, "frame-ancestors 'none'") || !strings.Contains(contentPolicy, "default-src 'none'") {
		t.Errorf("the policy is %s", contentPolicy)
	}
}

func TestMetricsAreForThisBox(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	token, err := r.logins.NewScrapeToken("test")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"a program on this box", nil, 200},
		{"a proxy brings a stranger", []string{"X-Forwarded-For", "203.0.113.1"}, 401},
		{"a proxy brings one who has the token", []string{"X-Forwarded-For", "203.0.113.1", "Authorization", "Bearer " + token}, 200},
		{"a wrong token", []string{"Via", "1.1 proxy", "Authorization", "Bearer x" + token}, 401},
		{"an empty token", []string{"Forwarded", "for=1", "Authorization", "Bearer "}, 401},
	} {
		a := b.do("GET", "/metrics", "", c.headers...)
		if a.StatusCode != c.status || (c.status == 200) != (a.body == "catflap_up 1\n") {
			t.Errorf("%s: %d %q", c.name, a.StatusCode, a.body)
		}
	}
	if a := r.logIn().do("GET", "/metrics", "", "X-Forwarded-For", "203.0.113.1"); a.StatusCode != 200 {
		t.Errorf("somebody who is logged in: %d", a.StatusCode)
	}
}

func TestReadiness(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	if a := b.do("GET", "/readyz", ""); a.StatusCode != 200 || a.body != "ready\n" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	r.mu.Lock()
	r.status.Accounts = []console.AccountStatus{{Name: "bot1"}}
	r.mu.Unlock()
	if a := b.do("GET", "/readyz", ""); a.StatusCode != 503 || a.body != "no account is linked\n" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func TestLanguageAndColours(t *testing.T) {
	r := newRig(t)
	b := r.browser()
	lang := func(headers ...string) string {
		a := b.do("GET", "/login", "", headers...)
		_, rest, _ := strings.Cut(a.body, `<html lang="`)
		tag, _, _ := strings.Cut(rest, `"`)
		if got := a.Header.Get("Content-Language"); got != tag {
			t.Errorf("Content-Language is %q, the page's %q", got, tag)
		}
		return tag
	}
	for header, want := range map[string]string{
		"": "zh-CN", "fr": "zh-CN", "en-GB,en;q=0.9": "en", "zh-TW": "zh-CN", "en;q=0.5, zh;q=0.8": "zh-CN", "fr, en;q=0.1": "en", "zh;q=0": "zh-CN", strings.Repeat("en,", 1000): "zh-CN",
	} {
		if got := lang("Accept-Language", header); got != want {
			t.Errorf("%.30q: %s, want %s", header, got, want)
		}
	}
	r.site.Configure(Settings{Language: "en", Fallback: "zh"})
	if got := lang("Accept-Language", "zh"); got != "en" {
		t.Errorf("the configuration says en: %s", got)
	}
	if a := b.do("GET", "/login?lang=zh&theme=dark&next=/password", ""); a.StatusCode != 303 || a.Header.Get("Location") != "/login?next=%2Fpassword" {
		t.Errorf("%d %q", a.StatusCode, a.Header.Get("Location"))
	}
	if got := lang("Accept-Language", "en"); got != "zh-CN" {
		t.Errorf("by choice: %s", got)
	}
	if a := b.do("GET", "/login", ""); !strings.Contains(a.body, `data-theme="dark"`) {
		t.Errorf("no dark page: %s", a.body)
	}
	for _, path := range []string{"/login?lang=%22%3E", "/login?theme=x"} {
		if a := b.do("GET", path, ""); a.StatusCode != 303 || len(a.Cookies()) != 0 {
			t.Errorf("%s: %d %v", path, a.StatusCode, a.Cookies())
		}
	}
	if a := b.logIn().do("GET", "//evil.example/?lang=en", ""); strings.HasPrefix(a.Header.Get("Location"), "//") {
		t.Errorf("a choice leads away: %q", a.Header.Get("Location"))
	}
}

// events reads a stream.
type events struct {
	*testing.T
	lines *bufio.Scanner
	body  io.Closer
}

func (b *browser) events(path string) *events {
	b.Helper()
	resp := b.open("GET", path, "")
	b.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		b.Fatalf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return &events{b.T, bufio.NewScanner(resp.Body), resp.Body}
}

// next is the data of the next event; "" at the end of the stream.
func (e *events) next() string {
	var data []string
	for e.lines.Scan() {
		line := e.lines.Text()
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			data = append(data, text)
		} else if line == "" && data != nil {
			return strings.Join(data, "\n")
		}
	}
	return ""
}

func TestLive(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	s := b.events("/live?page=overview")
	if first := s.next(); !strings.Contains(first, `data-part="accounts"`) || !strings.Contains(first, "My &lt;Bot&gt;") || strings.Contains(first, "<html") {
		t.Errorf("the first part is %s", first)
	}
	r.mu.Lock()
	r.status.Accounts = []console.AccountStatus{{Name: "bot1", LastError: "line\r\nbreak"}}
	r.mu.Unlock()
	if second := s.next(); !strings.Contains(second, "line\nbreak") || !strings.Contains(second, `class="head bad"`) {
		t.Errorf("the second part is %s", second)
	}
	// Logging out ends it.
	b.do("POST", "/logout", "csrf="+b.csrf())
	if last := s.next(); last != "" {
		t.Errorf("the stream goes on: %s", last)
	}
	if a := r.logIn().do("GET", "/live?page=nothing", ""); a.StatusCode != 404 {
		t.Errorf("a stream that does not exist: %d", a.StatusCode)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	for range maxStreams - 1 {
		b.events("/live?page=overview").next()
	}
	tail := b.open("GET", "/api/v1/tail", "")
	defer tail.Body.Close()
	lines := bufio.NewScanner(tail.Body)
	if !lines.Scan() {
		t.Fatal("no line in the tail")
	}
	for _, path := range []string{"/live?page=overview", "/api/v1/tail"} {
		if a := b.do("GET", path, ""); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := b.do("GET", "/", ""); a.StatusCode != 200 {
		t.Errorf("a page beside them: %d", a.StatusCode)
	}
	r.password() // logs everybody out
	for lines.Scan() {
		t.Errorf("the tail goes on: %s", lines.Text())
	}
	b = r.logIn()
	b.events("/live?page=overview").next()
}

func TestFault_T19_LogsHoldNoSecret(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	key, err := r.logins.NewLink("test")
	if err != nil {
		t.Fatal(err)
	}
	b.do("GET", "/login?key="+key, "", "Host", "evil.example")
	b.do("POST", "/login", "key="+key, "Origin", "http://evil.example")
	r.pass(time.Minute)
	b.do("POST", "/login", "password=a-wrong-guess")
	r.mu.Lock()
	said := r.said.String()
	r.mu.Unlock()
	for _, secret := range []string{key, good, "a-wrong-guess", b.cookies["catflap_session_"+port(r.base)].Value} {
		if strings.Contains(said, secret) {
			t.Errorf("the log holds %.8s...:\n%s", secret, said)
		}
	}
	if !strings.Contains(said, "console.hosts") || !strings.Contains(said, "that is not the password") {
		t.Errorf("the log does not tell what was refused:\n%s", said)
	}
}

// A browser that changes console.listen gets its answer, though its listener is replaced.
func TestRetireLetsAnswersEnd(t *testing.T) {
	r := newRig(t)
	began, end := make(chan struct{}), make(chan struct{})
	server, err := Listen("127.0.0.1:0", nil, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-end
		_, _ = w.Write([]byte("done"))
	}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server.Serve()
	got := make(chan string)
	go func() {
		b := r.browser()
		b.base = "http://" + server.Address()
		got <- b.do("GET", "/", "").body
	}()
	<-began
	server.Retire()
	if _, err := net.Dial("tcp", server.Address()); err == nil {
		t.Error("a retired server accepts")
	}
	again, err := Listen(server.Address(), nil, r.site, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Errorf("its port is not free: %v", err)
	} else {
		again.Close()
	}
	close(end)
	if text := <-got; text != "done" {
		t.Errorf("the answer was %q", text)
	}
	server.Close()
	if !server.Ended() {
		t.Error("it has not ended")
	}
}

func TestAPageThatBreaks(t *testing.T) {
	r := newRig(t)
	b := r.logIn()
	r.site.API.Status = func() console.Status { panic("a mistake with a " + good) }
	req, err := http.NewRequest("GET", r.base+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(b.session())
	if resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Errorf("it answers %d", resp.StatusCode)
	} else if errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if a := b.do("GET", "/password", ""); a.StatusCode != 200 {
		t.Errorf("another page: %d", a.StatusCode)
	}
}
