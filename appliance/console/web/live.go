package web

import (
	"bytes"
	"net/http"
	"reflect"
	"sync"
	"time"
)

// silence is how long a stream says nothing before it shows that it is there.
const silence = 15 * time.Second

// part is what changes of a page, drawn once for all tabs that show it. It must hold nothing of one session.
type part struct {
	snapshot func() any
	name     string // of the page

	mu     sync.Mutex
	looked time.Time
	data   any
	drawn  map[string][]byte // by language
}

// forget makes the next look a fresh one.
func (p *part) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looked = time.Time{}
}

// drawPart gives the part in a language. It looks at what is shown at most once in a while, and draws it only when it has
// changed, so that open tabs cost next to nothing.
func (s *Site) drawPart(p *part, language string) ([]byte, error) {
	d, err := s.drawing()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) >= s.Refresh/2 {
		p.looked = now
		if data := p.snapshot(); p.drawn == nil || !reflect.DeepEqual(data, p.data) {
			p.data, p.drawn = data, make(map[string][]byte)
		}
	}
	if html := p.drawn[language]; html != nil {
		return html, nil
	}
	v := view{Name: p.name, Data: p.data, Lang: language, drawing: d, version: s.API.Version, now: s.Now()}
	drawn := &page{view: v}
	if err := drawn.part(); err != nil {
		return nil, err
	}
	p.drawn[language] = []byte(drawn.html.String())
	return p.drawn[language], nil
}

// live streams the part of a page that changes, as server-sent events: `part` carries HTML that is drawn
// as in the page.
func (s *Site) live(w http.ResponseWriter, r *http.Request) {
	p := s.parts[r.URL.Query().Get("page")]
	if r.URL.Query().Get("page") == "talk" {
		p = s.talkPart(r.URL.Query().Get("account"), r.URL.Query().Get("chat")) // of one chat, for this tab alone
	}
	if p == nil {
		problem(w, http.StatusNotFound, "there is no such stream", "")
		return
	}
	ctx, end, ok := s.stream(r.Context(), visitOf(r).token)
	if !ok {
		w.Header().Set("Retry-After", "10")
		problem(w, http.StatusServiceUnavailable, "too many live streams are open", "close some tabs")
		return
	}
	defer end()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	send := func(text []byte) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a reader that stalls must not hold the stream
		_, err := w.Write(text)
		return err == nil && rc.Flush() == nil
	}
	if !send([]byte("retry: 3000\n\n")) {
		return
	}
	tick := time.NewTicker(s.Refresh)
	defer tick.Stop()
	language := s.language(r)
	var before []byte
	for spoken := s.Now(); ; {
		s.meet(ctx)
		html, err := s.drawPart(p, language)
		if err != nil {
			s.Log.Error("a live part of the console could not be drawn", "err", err)
			return
		}
		switch {
		case !bytes.Equal(html, before):
			before, spoken = html, s.Now()
			if !send(event("part", html)) {
				return
			}
		case s.Now().Sub(spoken) >= silence:
			spoken = s.Now()
			if !send([]byte(":\n\n")) {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// event frames data: each of its lines goes on a line of its own.
func event(name string, data []byte) []byte {
	out := append([]byte("event: "+name+"\n"), "data: "...)
	out = append(out, bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r"), nil), []byte("\n"), []byte("\ndata: "))...)
	return append(out, "\n\n"...)
}
