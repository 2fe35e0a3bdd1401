package appliance

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
)

// house is an appliance whose configuration differs only in the console.
type house struct {
	*testing.T
	dir     string
	console string // of the next start or reload
	*Appliance
}

func newHouse(t *testing.T, console string) *house {
	t.Helper()
	h := &house{T: t, dir: t.TempDir(), console: console}
	h.start()
	t.Cleanup(h.stop)
	return h
}

func (h *house) parse() (*config.Config, error) {
	return config.Parse(filepath.Join(h.dir, "catflap.yaml"), []byte("accessToken: t0ken-of-napcat\nwsPort: 0\ndataDir: data\nlanguage: en\n"+
		"gateway: {listen: \"127.0.0.1:0\"}\nconsole: {"+h.console+"}\n"), nil)
}

func (h *house) start() {
	h.Helper()
	cfg, err := h.parse()
	if err != nil {
		h.Fatal(err)
	}
	h.Appliance, err = Open(cfg, Options{Log: slog.New(slog.DiscardHandler), Reload: h.parse})
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) stop() {
	h.Helper()
	if err := h.Appliance.Close(); err != nil {
		h.Error(err)
	}
}

// reload returns the error's text, "" for none.
func (h *house) reload(console string) string {
	h.console = console
	_, err := h.Reload(h.Context())
	if err == nil {
		return ""
	}
	return err.Error()
}

func (h *house) password() {
	h.Helper()
	if err := h.api.ChangePassword(h.Context(), "", "correct horse"); err != nil {
		h.Fatal(err)
	}
}

// at is where the console answers, "" if it is closed.
func (h *house) at() string {
	u, err := url.Parse(h.consoleStatus().URL)
	if err != nil {
		h.Fatal(err)
	}
	return u.Host
}

func port0(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// ask gets a page over a connection of its own.
func ask(t *testing.T, address, path string, cookies ...*http.Cookie) (int, string) {
	t.Helper()
	resp := send(t, "GET", address, path, "", cookies...)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func send(t *testing.T, method, address, path, body string, cookies ...*http.Cookie) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		req.AddCookie(c)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// freePort finds a port that nothing listens on, below those that the kernel gives away: so that nobody takes it before it
// is used, or between two uses.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", 31000+rand.IntN(1700)))
		if err == nil {
			defer l.Close()
			return port0(l.Addr().String())
		}
	}
	t.Fatal("no free port")
	return ""
}

func TestFault_T20_SessionsOutliveARestart(t *testing.T) {
	h := newHouse(t, "listen: 127.0.0.1:"+freePort(t))
	key, err := h.browser.logins.NewLink("test")
	if err != nil {
		t.Fatal(err)
	}
	h.stop()
	h.start()
	resp := send(t, "POST", h.at(), "/login", "key="+key)
	resp.Body.Close()
	if resp.StatusCode != 303 || len(resp.Cookies()) != 1 {
		t.Fatalf("logging in: %d %v", resp.StatusCode, resp.Cookies())
	}
	cookie := resp.Cookies()[0]
	for range 2 {
		status, body := ask(t, h.at(), "/api/v1/status", cookie)
		var st console.Status
		if err := json.Unmarshal([]byte(body), &st); status != 200 || err != nil || len(st.Accounts) != 1 {
			t.Fatalf("%d %s", status, body)
		}
		h.stop()
		h.start()
	}
	h.password()
	if status, _ := ask(t, h.at(), "/api/v1/status", cookie); status != 401 {
		t.Errorf("a session outlived the password: %d", status)
	}
}

// Bots must not stand still because the console may not be opened: it stays closed and everybody is told.
func TestFault_T20_NoPasswordNoOpenAddress(t *testing.T) {
	h := newHouse(t, `listen: "0.0.0.0:0"`)
	const why = "console.listen: others can reach 0.0.0.0:0 and no password is set; set one with `catflap console password`, then the console opens by itself"
	if h.at() != "" || h.Addresses()["console"] != "" || h.Addresses()["gateway"] == "" && h.Addresses()["napcat.default"] == "" {
		t.Errorf("the addresses are %v", h.Addresses())
	}
	if hints := h.Status().Hint; len(hints) != 1 || hints[0].EN != why || hints[0].ZH == "" {
		t.Errorf("status hints at %v", hints)
	}
	if closed := h.consoleStatus().Closed; len(closed) != 1 || closed[0].EN != why {
		t.Errorf("the console is closed because %v", closed)
	}
	if err := h.reload(`listen: "0.0.0.0:0", language: zh`); err != "" {
		t.Errorf("a reload of something else: %s", err)
	}
	h.password()
	if status, _ := ask(t, "127.0.0.1:"+port0(h.at()), "/login"); status != 200 {
		t.Errorf("with a password: %d", status)
	}
	if hints := h.Status().Hint; len(hints) != 0 {
		t.Errorf("status hints at %v", hints)
	}
	h.stop()
	h.start()
	if h.at() == "" {
		t.Error("closed after a restart")
	}
}

func TestConsoleFollowsReloads(t *testing.T) {
	port := freePort(t)
	h := newHouse(t, "listen: 127.0.0.1:"+port)
	answers := func(address, path string, want int) {
		t.Helper()
		if got, _ := ask(t, address, path); got != want {
			t.Errorf("%s%s: %d, want %d", address, path, got, want)
		}
	}
	answers("127.0.0.1:"+port, "/login", 200)
	// Nothing changes by a reload that would open it to others without a password.
	want := "console.listen: others can reach 0.0.0.0:" + port + " and no password is set; set one with `catflap console password`, then the console opens by itself"
	if err := h.reload("listen: 0.0.0.0:" + port); err != want {
		t.Errorf("reload: %s", err)
	}
	answers("127.0.0.1:"+port, "/login", 200)
	// The same port on more addresses, which the old listener is in the way of.
	h.password()
	if err := h.reload("listen: 0.0.0.0:" + port + ", hosts: [bot.example]"); err != "" {
		t.Fatalf("reload: %s", err)
	}
	answers("127.0.0.2:"+port, "/login", 200)
	if got := h.Addresses()["console"]; got != "http://bot.example:"+port+"/" {
		t.Errorf("it is told to be at %s", got)
	}
	if err := h.reload("listen: 127.0.0.3:" + port); err != "" {
		t.Fatalf("reload: %s", err)
	}
	answers("127.0.0.3:"+port, "/login", 200)
	if c, err := net.Dial("tcp", "127.0.0.2:"+port); err == nil {
		c.Close()
		t.Error("the old address still answers")
	}
	// A port that is taken changes nothing.
	taken, err := net.Listen("tcp", "127.0.0.4:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := h.reload("listen: " + taken.Addr().String()); !strings.HasPrefix(err, "console.listen: listening on "+taken.Addr().String()+": the port is taken by ") {
		t.Errorf("a taken port: %s", err)
	}
	answers("127.0.0.3:"+port, "/login", 200)
	// The same where the console itself was in the way at first.
	other, err := net.Listen("tcp", "127.0.0.5:"+port)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.reload("listen: 0.0.0.0:" + port); !strings.HasPrefix(err, "console.listen: listening on 0.0.0.0:"+port) {
		t.Errorf("a taken port: %s", err)
	}
	other.Close()
	answers("127.0.0.3:"+port, "/login", 200)
	if err := h.reload("listen: off"); err != "" {
		t.Errorf("off: %s", err)
	}
	if c, err := net.Dial("tcp", "127.0.0.3:"+port); err == nil {
		c.Close()
		t.Error("it is not off")
	}
	if h.at() != "" || len(h.Status().Hint) != 0 {
		t.Errorf("off: %q, %v", h.at(), h.Status().Hint)
	}
	if err := h.reload("listen: 127.0.0.1:" + port); err != "" {
		t.Errorf("on again: %s", err)
	}
	answers("127.0.0.1:"+port, "/login", 200)
	for i := range 20 { // what was replaced is not kept for ever
		if err := h.reload(fmt.Sprintf("listen: 127.0.0.%d:%s", i%2+1, port)); err != "" {
			t.Fatal(err)
		}
	}
	answers("127.0.0.2:"+port, "/login", 200)
}

func TestConsolePortTakenAtTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	h := &house{T: t, dir: t.TempDir(), console: "listen: " + taken.Addr().String()}
	cfg, err := h.parse()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(cfg, Options{Log: slog.New(slog.DiscardHandler)})
	var busy *listenError
	if !errors.As(err, &busy) || busy.key != "console.listen" {
		t.Errorf("a taken port: %v", err)
	}
	if a != nil {
		a.Close()
	}
}

func TestConsoleTLS(t *testing.T) {
	port := freePort(t)
	h := newHouse(t, "listen: 127.0.0.1:"+port+", tls: {cert: cert.pem, key: key.pem}")
	if closed := h.consoleStatus().Closed; len(closed) != 1 || !strings.HasPrefix(closed[0].EN, "console.tls: ") {
		t.Fatalf("without the files: %v", closed)
	}
	writeCertificate(t, h.dir)
	if err := h.reload("listen: 127.0.0.1:" + port + ", tls: {cert: cert.pem, key: key.pem}"); err != "" {
		t.Fatal(err)
	}
	if url := h.consoleStatus().URL; url != "https://127.0.0.1:"+port+"/" {
		t.Errorf("it is told to be at %s", url)
	}
	shows := func() error {
		c, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := shows(); err != nil {
		t.Errorf("no TLS: %v", err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "key.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.reload("listen: 127.0.0.1:" + port + ", tls: {cert: cert.pem, key: key.pem}, language: zh"); err != "" {
		t.Errorf("a reload amid a renewal: %s", err)
	}
	if err := shows(); err != nil {
		t.Errorf("amid a renewal: %v", err)
	}
	if err := h.reload("listen: 127.0.0.1:" + port + ", tls: {cert: cert.pem, key: other.pem}"); !strings.HasPrefix(err, "console.tls: ") {
		t.Errorf("another key that is not there: %s", err)
	}
	if err := h.reload("listen: 127.0.0.1:" + port); err != "" {
		t.Error(err)
	}
	if status, _ := ask(t, "127.0.0.1:"+port, "/login"); status != 200 {
		t.Errorf("without TLS again: %d", status)
	}
}

func TestConsolePasswordOfTheConfiguration(t *testing.T) {
	h := newHouse(t, `listen: "0.0.0.0:0", password: short`)
	if closed := h.consoleStatus().Closed; len(closed) != 1 || !strings.HasPrefix(closed[0].EN, "console.password: the password needs at least 8 characters; ") {
		t.Errorf("a short password: %v", closed)
	}
	if err := h.reload(`listen: "127.0.0.1:0", password: correct horse`); err != "" {
		t.Fatal(err)
	}
	resp := send(t, "POST", h.at(), "/login", "password=correct+horse")
	resp.Body.Close()
	if resp.StatusCode != 303 {
		t.Errorf("logging in with it: %d", resp.StatusCode)
	}
}

// Names and labels of /metrics are a promise.
func TestMetricsShowWhatStatusKnows(t *testing.T) {
	h := newHouse(t, `listen: "127.0.0.1:0"`)
	status, page := ask(t, h.at(), "/metrics")
	if status != 200 {
		t.Fatalf("%d %s", status, page)
	}
	for _, line := range []string{
		`catflap_account_linked{account="default"} 0`, `catflap_account_online{account="default"} 0`, "catflap_links_limit 16", "catflap_store_commit_errors_total 0", "catflap_console_sessions 0",
	} {
		if !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "catflap_") {
			t.Errorf("a strange name: %s", line)
		}
	}
}

// docs/metrics.md has every metric and no other.
func TestMetricsAreDocumented(t *testing.T) {
	h := newHouse(t, `listen: "127.0.0.1:0"`)
	names := regexp.MustCompile("catflap_[a-z_]+")
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `catflap_") {
			documented[names.FindString(line)] = true
		}
	}
	shown := make(map[string]bool)
	for line := range strings.Lines(string(h.measure())) {
		if strings.HasPrefix(line, "# TYPE ") {
			shown[names.FindString(line)] = true
		}
	}
	if diff := cmp.Diff(shown, documented); diff != "" {
		t.Errorf("(-shown +documented):\n%s", diff)
	}
}

// The dashboard for Grafana names metrics that there are, and is JSON.
func TestDashboardNamesMetricsThatExist(t *testing.T) {
	page, err := os.ReadFile("../packaging/grafana/catflap.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(page, &dashboard); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, `listen: "127.0.0.1:0"`)
	metrics := string(h.measure())
	names, seen := regexp.MustCompile("catflap_[a-z_]+"), make(map[int]bool)
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 || seen[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q shows nothing, or twice", p.ID, p.Title)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			found := names.FindAllString(target.Expr, -1)
			if len(found) == 0 {
				t.Errorf("%s: %s names no metric", p.Title, target.Expr)
			}
			for _, name := range found {
				if !strings.Contains(metrics, "# TYPE "+name+" ") {
					t.Errorf("%s: there is no metric %s", p.Title, name)
				}
			}
		}
	}
}
