package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The secrets of every box. No output of catflap may hold one.
const (
	napcatToken  = "e2e-napcat-token-4c1d"
	nonebotToken = "e2e-nonebot-token-77ab"
	koishiToken  = "e2e-koishi-token-19fe"
	probeToken   = "e2e-probe-token-a0b2"
	wrongToken   = "e2e-wrong-token-d3d3"
	hookSecret   = "e2e-hook-secret-5e5e"
)

var secrets = []string{napcatToken, nonebotToken, koishiToken, probeToken, wrongToken, hookSecret, modelKey}

// raceless tells the race detector not to wait a second at the end of every process; it still reports and fails it.
const raceless = "GORACE=atexit_sleep_ms=0"

// box is one catflap with its folder and ports, as on a board of its own.
type box struct {
	dir     string
	program string
	napcat  int // wsPort
	gateway int
	nonebot int // where a NoneBot of this test listens
	koishi  int // where a Koishi of this test listens
	console int
	past    []*process // every catflap of this box
	*process
}

// newBox writes a configuration and starts nothing. The text is YAML in which NAPCAT, GATEWAY, NONEBOT, KOISHI and
// CONSOLE stand for free ports. Keys that every box needs and the text does not name are added.
func newBox(t *testing.T, config string) *box {
	t.Helper()
	b := &box{dir: t.TempDir(), program: binary, napcat: freePort(t), gateway: freePort(t), nonebot: freePort(t), koishi: freePort(t), console: freePort(t)}
	b.write(t, config)
	t.Cleanup(func() { b.inspect(t) })
	return b
}

// startBox is newBox and a running catflap.
func startBox(t *testing.T, config string) *box {
	t.Helper()
	b := newBox(t, config)
	b.start(t)
	return b
}

func (b *box) path() string { return filepath.Join(b.dir, "catflap.yaml") }

// fill puts the box's ports into a text.
func (b *box) fill(text string) string {
	return strings.NewReplacer("NAPCAT", fmt.Sprint(b.napcat), "GATEWAY", fmt.Sprint(b.gateway),
		"NONEBOT", fmt.Sprint(b.nonebot), "KOISHI", fmt.Sprint(b.koishi), "CONSOLE", fmt.Sprint(b.console)).Replace(text)
}

// write replaces the configuration file.
func (b *box) write(t *testing.T, config string) {
	t.Helper()
	has := func(key string) bool {
		return strings.HasPrefix(config, key+":") || strings.Contains(config, "\n"+key+":")
	}
	for _, more := range []struct{ key, line string }{
		{"wsPort", "wsPort: NAPCAT"},
		{"accessToken", "accessToken: " + napcatToken},
		{"gateway", "gateway: {listen: 127.0.0.1:GATEWAY}"},
		{"console", "console: {listen: 127.0.0.1:CONSOLE}"},
		{"log", "log: {level: debug}"},
		{"dataDir", "dataDir: " + filepath.Join(b.dir, "data")},
		{"language", "language: en"},
	} {
		if !has(more.key) {
			config = more.line + "\n" + config
		}
	}
	if err := os.WriteFile(b.path(), []byte(b.fill(config)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs catflap and waits until it answers.
func (b *box) start(t *testing.T) {
	t.Helper()
	b.process = launch(t, "catflap", []string{"CATFLAP_CONFIG=" + b.path(), raceless}, b.program, "run")
	b.past = append(b.past, b.process)
	eventually(t, "catflap answers `catflap status`", func() (bool, string) {
		select {
		case <-b.exited:
			t.Fatalf("catflap ended: %v", b.err)
		default:
		}
		out, err := b.try("status", "--json")
		return err == nil, out
	})
}

// restart stops catflap as a service manager does and starts it again.
func (b *box) restart(t *testing.T) {
	t.Helper()
	b.stop(t)
	if b.err != nil {
		t.Errorf("catflap ended with %v after SIGTERM", b.err)
	}
	b.start(t)
}

// inspect looks at what every catflap of the box printed: no race, no panic, no secret.
func (b *box) inspect(t *testing.T) {
	for _, p := range b.past {
		text := p.text()
		for _, bad := range append([]string{"DATA RACE", "panic:", "fatal error:"}, secrets...) {
			if strings.Contains(text, bad) {
				t.Errorf("the log of catflap holds %q", bad)
			}
		}
	}
}

// try runs a catflap command against the box and returns both outputs.
func (b *box) try(args ...string) (string, error) {
	out, problems, err := b.execute(args...)
	return out + problems, err
}

func (b *box) execute(args ...string) (out, problems string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "CATFLAP_CONFIG="+b.path(), "NO_COLOR=1", raceless)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	for _, secret := range secrets {
		if strings.Contains(o.String(), secret) || strings.Contains(e.String(), secret) {
			err = errors.Join(err, fmt.Errorf("catflap %s printed a secret", strings.Join(args, " ")))
		}
	}
	return o.String(), e.String(), err
}

// cli runs a catflap command that must succeed and returns what it printed.
func (b *box) cli(t *testing.T, args ...string) string {
	t.Helper()
	out, problems, err := b.execute(args...)
	if err != nil {
		t.Fatalf("catflap %s: %v\n%s%s", strings.Join(args, " "), err, out, problems)
	}
	return out
}

// query runs a catflap command with --json and reads its answer into v.
func (b *box) query(t *testing.T, v any, args ...string) {
	t.Helper()
	out := b.cli(t, args...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("catflap %s printed no such JSON: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// hint is what status advises, in every language that it has, as the JSON text.
type hint string

// UnmarshalJSON keeps the text.
func (h *hint) UnmarshalJSON(data []byte) error {
	*h = hint(data)
	return nil
}

// says tells whether the advice holds a text.
func (h hint) says(text string) bool {
	return strings.Contains(strings.ToLower(string(h)), strings.ToLower(text))
}

// status is what the tests read of `catflap status --json`.
type status struct {
	Version  string
	Accounts []struct {
		Name      string
		Title     string
		SelfID    uint64 `json:"self_id"`
		Link      string
		Connected bool
		Online    bool
		LastError string `json:"last_error"`
		Hint      hint
	}
	Apps []struct {
		Name      string
		Account   string
		Connected bool
		Backlog   int
		Dropped   uint64
		Skipped   uint64
		LastError string `json:"last_error"`
		Hint      hint
	}
	Hint hint
}

func (b *box) status(t *testing.T) status {
	t.Helper()
	var s status
	b.query(t, &s, "status", "--json")
	return s
}

// app waits until the app is connected, or not, for every account that it serves.
func (b *box) app(t *testing.T, name string, connected bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("app %s connected: %v", name, connected), func() (bool, string) {
		s := b.status(t)
		found := false
		for _, a := range s.Apps {
			if a.Name != name {
				continue
			}
			found = true
			if a.Connected != connected {
				return false, printed(s)
			}
		}
		return found, printed(s)
	})
}

// account waits until the account is connected, or not.
func (b *box) account(t *testing.T, name string, connected bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("account %s connected: %v", name, connected), func() (bool, string) {
		s := b.status(t)
		for _, a := range s.Accounts {
			if a.Name == name {
				return a.Connected == connected, printed(s)
			}
		}
		return false, printed(s)
	})
}

// decision is one entry of `catflap explain --json`.
type decision struct {
	Time    time.Time
	Account string
	Chat    string
	User    uint64
	Kind    string
	Outcome string
	Reason  string
	Apps    map[string]struct{ Outcome, Reason string }
}

// explained waits until `catflap explain` has a decision for the chat with this reason.
func (b *box) explained(t *testing.T, chat, reason string) {
	t.Helper()
	eventually(t, fmt.Sprintf("explain says %s for %s", reason, chat), func() (bool, string) {
		var list []decision
		b.query(t, &list, "explain", "--json")
		for _, d := range list {
			if d.Chat == chat && d.Reason == reason {
				return true, ""
			}
		}
		return false, printed(list)
	})
}

// remembered is one entry of `catflap history show --json`.
type remembered struct {
	MessageID int64  `json:"message_id"`
	UserID    uint64 `json:"user_id"`
	Direction string
	Text      string
	Recalled  bool
}

// history is what `catflap history show` says of a chat; a chat without history has none.
func (b *box) history(t *testing.T, chat string) []remembered {
	t.Helper()
	var list []remembered
	b.query(t, &list, "history", "show", "--json", chat)
	return list
}

// remembers waits until the history of the chat holds a message with the text.
func (b *box) remembers(t *testing.T, chat, text string) {
	t.Helper()
	eventually(t, fmt.Sprintf("history of %s holds %q", chat, text), func() (bool, string) {
		list := b.history(t, chat)
		for _, m := range list {
			if strings.Contains(m.Text, text) {
				return true, ""
			}
		}
		return false, printed(list)
	})
}

// reload asks the running catflap to read its configuration again.
func (b *box) reload(t *testing.T) {
	t.Helper()
	b.cli(t, "reload")
}

// hangUp sends SIGHUP, the signal to reload.
func (b *box) hangUp(t *testing.T) {
	t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
