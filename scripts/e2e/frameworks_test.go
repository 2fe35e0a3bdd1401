package e2e

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"testing"
)

// encode writes settings for a bot's command line.
func encode(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// startNoneBot starts bots/echo_nonebot.py with NoneBot's own settings.
func startNoneBot(t *testing.T, settings map[string]any) *process {
	t.Helper()
	return launch(t, "nonebot", []string{"PYTHONUNBUFFERED=1"}, filepath.Join(cache(t), "python", "bin", "python"), "bots/echo_nonebot.py", encode(t, settings))
}

// startKoishi starts bots/echo_koishi.js; mode is ws or ws-reverse, and port is where it listens in ws-reverse mode.
func startKoishi(t *testing.T, mode string, port int, options map[string]any) *process {
	t.Helper()
	env := []string{"NODE_PATH=" + filepath.Join(cache(t), "node", "node_modules"), "PORT=" + strconv.Itoa(port)}
	return launch(t, "koishi", env, "node", "bots/echo_koishi.js", mode, encode(t, options))
}

// cache is where `make deps` puts the frameworks.
func cache(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../.cache/e2e")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
