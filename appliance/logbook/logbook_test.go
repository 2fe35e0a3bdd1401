package logbook

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBook(t *testing.T) {
	var out bytes.Buffer
	var b Book
	if got := b.Last(slog.LevelDebug); got != nil {
		t.Errorf("an empty book has %v", got)
	}
	log := slog.New(b.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError})))
	log.Debug("not kept")
	log.With("account", "bot1").WithGroup("link").Info("linked", "peer", "127.0.0.1:1", "why", "two words", slog.Group("g", "x", 1), "empty", "")
	log.Error("broken", "err", errors.New("line\nbreak"), "long", strings.Repeat("长", maxText))
	got := b.Last(slog.LevelInfo)
	if len(got) != 2 || got[0].Message != "broken" || got[1].Details != `account=bot1 link.peer=127.0.0.1:1 link.why="two words" link.g.x=1 link.empty=""` {
		t.Errorf("%+v", got)
	}
	if d := got[0].Details; !strings.HasPrefix(d, `err="line\nbreak" long=`) || len(d) > maxText+3 || !utf8.ValidString(d) {
		t.Errorf("%d bytes: %.60s", len(d), d)
	}
	if len(b.Last(slog.LevelWarn)) != 1 {
		t.Error("the level is not asked")
	}
	if strings.Contains(out.String(), "linked") || !strings.Contains(out.String(), "broken") {
		t.Errorf("the log itself has %s", out.String())
	}
	for i := range 3*maxRecords + 7 {
		log.Info(fmt.Sprint(i))
	}
	got = b.Last(slog.LevelInfo)
	if len(got) != maxRecords || got[0].Message != fmt.Sprint(3*maxRecords+6) || got[maxRecords-1].Message != fmt.Sprint(2*maxRecords+7) {
		t.Errorf("%d records from %s to %s", len(got), got[0].Message, got[len(got)-1].Message)
	}
}
