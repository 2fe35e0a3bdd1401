package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/console"
)

// logPage is the newest records of the log.
type logPage struct {
	Level string // "" = all
	Rows  []logRow
}

type logRow struct {
	console.LogRecord
	Key string
}

// Class is how a record looks.
func (l logRow) Class() string {
	switch l.Level {
	case "ERROR":
		return "bad"
	case "WARN":
		return "warn"
	}
	return "good"
}

// Word is the catalogue's key for the level.
func (l logRow) Word() string { return "logs.level." + strings.ToLower(l.Level) }

func (s *Site) logPage(level string) logPage {
	page := logPage{Level: level, Rows: s.logRows(level, 150)}
	return page
}

func (s *Site) logRows(level string, last int) []logRow {
	var all []console.LogRecord
	if s.see(context.Background(), "logs", url.Values{"last": {strconv.Itoa(last)}, "level": {level}}, &all) != nil {
		return nil
	}
	var out []logRow
	seen := make(map[string]int)
	for _, rec := range slices.Backward(all) {
		key := strconv.FormatInt(rec.Time.UnixNano(), 36)
		if seen[key]++; seen[key] > 1 {
			key += "-" + strconv.Itoa(seen[key])
		}
		out = append(out, logRow{rec, key})
	}
	return out
}

func (s *Site) logsPage(w http.ResponseWriter, r *http.Request) {
	level := ""
	if r.URL.Query().Get("level") == "warn" {
		level = "warn"
	}
	s.draw(w, r, http.StatusOK, view{Name: "logs", Data: s.logPage(level), keep: url.Values{"level": {level}}})
}
