// Package logbook keeps the newest records of the log in memory, for people who have no terminal at hand.
package logbook

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Bounds of the book.
const (
	maxRecords = 400
	maxText    = 1 << 10 // of one record, in bytes
)

// Record is one line of the log.
type Record struct {
	Time    time.Time
	Level   slog.Level
	Message string
	Details string // key=value, as the text form of the log has them
}

// Book holds records from Info up, whatever the level of the log itself: debugging belongs to a terminal.
type Book struct {
	mu     sync.Mutex
	ring   [maxRecords]Record
	next   int
	filled bool
}

// Handler passes records on to inner and keeps a copy.
func (b *Book) Handler(inner slog.Handler) slog.Handler { return &handler{inner: inner, book: b} }

// Last is what is kept at a level or above, the newest first.
func (b *Book) Last(level slog.Level) []Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Record
	for i := range maxRecords {
		at := (b.next - 1 - i + maxRecords) % maxRecords
		if at >= b.next && !b.filled {
			break
		}
		if b.ring[at].Level >= level {
			out = append(out, b.ring[at])
		}
	}
	return out
}

func (b *Book) add(r Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ring[b.next] = r
	b.next = (b.next + 1) % maxRecords
	b.filled = b.filled || b.next == 0
}

type handler struct {
	inner  slog.Handler
	book   *Book
	before string // attributes of the logger
	group  string // with a dot at the end
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.inner.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		var b strings.Builder
		b.WriteString(h.before)
		r.Attrs(func(a slog.Attr) bool {
			appendAttr(&b, h.group, a)
			return b.Len() < maxText
		})
		h.book.add(Record{Time: r.Time, Level: r.Level, Message: short(r.Message), Details: short(b.String())})
	}
	if !h.inner.Enabled(ctx, r.Level) {
		return nil
	}
	return h.inner.Handle(ctx, r)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.inner = h.inner.WithAttrs(attrs)
	var b strings.Builder
	b.WriteString(h.before)
	for _, a := range attrs {
		appendAttr(&b, h.group, a)
	}
	next.before = short(b.String())
	return &next
}

func (h *handler) WithGroup(name string) slog.Handler {
	next := *h
	next.inner = h.inner.WithGroup(name)
	if name != "" {
		next.group += name + "."
	}
	return &next
}

func appendAttr(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range v.Group() {
			appendAttr(b, group, inner)
		}
		return
	}
	if a.Key == "" || b.Len() >= maxText {
		return
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	text := short(v.String())
	if strings.ContainsAny(text, " \"=\n\r\t") || text == "" {
		text = strconv.Quote(text)
	}
	b.WriteString(group + a.Key + "=" + text)
}

// short cuts a text between characters; the bytes of the rest are let go.
func short(text string) string {
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.Clone(text[:cut]) + "…"
}
