package command

import (
	"bytes"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/config"
)

func TestDebugOfOneAccountOnly(t *testing.T) {
	cfg := &config.Config{
		Log:      config.Log{Level: "info", Format: "text"},
		Accounts: []config.Account{{Name: "loud", Debug: true}, {Name: "quiet"}},
		Apps:     []config.App{{Name: "koishi", Debug: true}},
	}
	var b bytes.Buffer
	log, levels := newLog(&b, cfg)
	log.Debug("a", "account", "loud")
	log.Debug("b", "account", "quiet")
	log.Debug("c")
	log.Info("d")
	log.With("account", "loud").Debug("e")
	log.With("account", "quiet").Debug("f")
	log.With("account", "quiet").Debug("g", "app", "koishi")
	log.WithGroup("x").With("app", "koishi").Debug("h")
	levels.set(&config.Config{Log: config.Log{Level: "warn"}})
	log.Info("i")
	log.Warn("j")
	log.Debug("k", "account", "loud")
	var got strings.Builder
	for line := range strings.Lines(b.String()) {
		_, after, _ := strings.Cut(line, "msg=")
		got.WriteString(after[:1])
	}
	if got.String() != "adeghj" {
		t.Errorf("logged %q, want %q:\n%s", got.String(), "adeghj", b.String())
	}
}

func TestLogForms(t *testing.T) {
	var b bytes.Buffer
	log, _ := newLog(&b, &config.Config{Log: config.Log{Level: "info", Format: "json"}})
	log.Info("hello", "account", "a")
	if !strings.HasPrefix(b.String(), `{"time":`) || !strings.Contains(b.String(), `"msg":"hello","account":"a"`) {
		t.Errorf("not JSON: %s", b.String())
	}
}
