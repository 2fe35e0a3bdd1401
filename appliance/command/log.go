package command

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/catflap/catflap/appliance/config"
)

// levels says what is logged: a level for all, and the accounts and apps whose `debug: true` lowers it for them alone.
type levels struct{ now atomic.Pointer[levelSet] }

type levelSet struct {
	all            slog.Level
	accounts, apps map[string]bool
	debug          bool // one of them has it
}

// set takes the levels of a configuration; it may be called while others log.
func (l *levels) set(cfg *config.Config) {
	set := &levelSet{all: slog.LevelInfo, accounts: make(map[string]bool), apps: make(map[string]bool)}
	switch strings.ToLower(cfg.Log.Level) {
	case "debug":
		set.all = slog.LevelDebug
	case "warn":
		set.all = slog.LevelWarn
	case "error":
		set.all = slog.LevelError
	}
	for _, a := range cfg.Accounts {
		set.accounts[a.Name] = a.Debug
		set.debug = set.debug || a.Debug
	}
	for _, a := range cfg.Apps {
		set.apps[a.Name] = a.Debug
		set.debug = set.debug || a.Debug
	}
	l.now.Store(set)
}

// newLog builds the logger that the configuration asks for.
func newLog(w io.Writer, cfg *config.Config) (*slog.Logger, *levels) {
	l := &levels{}
	l.set(cfg)
	// The inner handler takes everything; leveled decides.
	o := &slog.HandlerOptions{Level: slog.LevelDebug}
	var h slog.Handler = slog.NewTextHandler(w, o)
	if cfg.Log.Format == "json" {
		h = slog.NewJSONHandler(w, o)
	}
	return slog.New(&leveled{Handler: h, levels: l}), l
}

// leveled passes a record whose level is enough for the whole, or for the account or app that the record or its logger
// names.
type leveled struct {
	slog.Handler
	levels       *levels
	account, app string // attributes of the logger
}

func (h *leveled) Enabled(_ context.Context, level slog.Level) bool {
	set := h.levels.now.Load()
	return level >= set.all || set.debug // the record itself may name an account or app
}

func (h *leveled) Handle(ctx context.Context, r slog.Record) error {
	set := h.levels.now.Load()
	if r.Level < set.all && !set.accounts[h.account] && !set.apps[h.app] {
		wanted := false
		r.Attrs(func(a slog.Attr) bool {
			wanted = a.Key == "account" && set.accounts[a.Value.String()] || a.Key == "app" && set.apps[a.Value.String()]
			return !wanted
		})
		if !wanted {
			return nil
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h *leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := &leveled{Handler: h.Handler.WithAttrs(attrs), levels: h.levels, account: h.account, app: h.app}
	for _, a := range attrs {
		switch a.Key {
		case "account":
			next.account = a.Value.String()
		case "app":
			next.app = a.Value.String()
		}
	}
	return next
}

func (h *leveled) WithGroup(name string) slog.Handler {
	return &leveled{Handler: h.Handler.WithGroup(name), levels: h.levels, account: h.account, app: h.app}
}
