package apps

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/store"
)

// reader is an app that reads server-sent events.
type reader struct {
	t      *testing.T
	resp   *http.Response
	events chan sent
	stop   context.CancelFunc
	ended  chan struct{}
}

// sent is one block of a stream.
type sent struct{ id, data, comment, retry string }

// listen opens an event stream.
func listen(t *testing.T, g *Gateway, path, token, lastID string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.Address()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	p := &reader{t: t, resp: resp, events: make(chan sent, 1<<16), stop: cancel, ended: make(chan struct{})}
	go p.read()
	t.Cleanup(p.leave)
	p.skipTo(func(e sent) bool { return e.retry == "3000" })
	return p
}

func (p *reader) read() {
	defer close(p.ended)
	var e sent
	s := bufio.NewScanner(p.resp.Body)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		key, value, _ := strings.Cut(s.Text(), ": ")
		switch key {
		case "id":
			e.id = value
		case "data":
			if e.data != "" {
				p.t.Error("an event of several lines")
			}
			e.data = value
		case "retry":
			e.retry = value
		case ":":
			e.comment = ":"
		case "":
			p.events <- e
			e = sent{}
		default:
			p.t.Errorf("line %q", s.Text())
		}
	}
}

func (p *reader) leave() {
	p.stop()
	<-p.ended
	p.resp.Body.Close()
}

func (p *reader) next() sent { p.t.Helper(); return receive(p.t, "an event", p.events) }

func (p *reader) skipTo(want func(sent) bool) sent {
	p.t.Helper()
	for {
		if e := p.next(); want(e) {
			return e
		}
	}
}

// greeting takes lifecycle off and checks it.
func (p *reader) greeting(self uint64) {
	p.t.Helper()
	e := p.next()
	if m := readMeta(p.t, e.data); m.Kind != "lifecycle" || m.SubType != "connect" || e.id != "" || !strings.Contains(e.data, fmt.Sprintf(`"self_id":%d,`, self)) {
		p.t.Fatalf("first event is %+v", e)
	}
}

// expect takes the next event, which must be this one, and returns its id.
func (p *reader) expect(want string) string {
	p.t.Helper()
	e := p.next()
	if e.data != want || e.id == "" {
		p.t.Fatalf("got %+v, want %s", e, want)
	}
	return e.id
}

func TestStreamPaths(t *testing.T) {
	for _, path := range []string{"/_events", "/_events/", "//_events", "/events", "/qq/bot1/onebot/v11/_events", "/qq/10001/onebot/v11/events/", "/_events?access_token=" + token} {
		t.Run(path, func(t *testing.T) {
			h, b := newHouse(t), newBot("bot1", 0, botQQ)
			a := h.app(0, config.App{Name: "page", AccessToken: token}, b)
			p := listen(t, open(t, a), path, token, "")
			p.greeting(botQQ)
			p.expect(h.tell(b, 0))
			if st := status(t, a, "bot1"); !st.Connected || !st.Subscribed {
				t.Errorf("status %+v", st)
			}
		})
	}
}

func TestStreamRefusals(t *testing.T) {
	h := newHouse(t)
	one, two := newBot("bot1", 0, 10001), newBot("bot2", 1, 10002)
	places := seats()
	g := openWith(t, places,
		h.app(0, config.App{Name: "page", AccessToken: token}, one, two),
		h.app(1, config.App{Name: "sockets", AccessToken: "tk-ws", Transports: []string{"ws", "http"}}, one),
		h.app(2, config.App{Name: "late", AccessToken: "tk-late"}, one))
	listen(t, g, "/_events?self_id=bot2", token, "").greeting(10002)
	places.SetLimit(1)
	tests := []struct {
		name, method, path, token string
		status                    int
		reason                    string
	}{
		{"several accounts", "GET", "/_events", token, 400, "several accounts: add ?self_id= with one of bot1 (self_id 10001), bot2 (self_id 10002)"},
		{"no such account", "GET", "/qq/bot3/onebot/v11/_events", token, 404, `no account "bot3" for this app; it serves bot1 (self_id 10001), bot2 (self_id 10002)`},
		{"transports without sse", "GET", "/_events", "tk-ws", 403, "apps.sockets.transports does not list sse"},
		{"wrong token", "GET", "/_events", "guess", 403, "access token wrong"},
		{"no seat", "GET", "/_events", "tk-late", 503, "1 links are open already (limits.links)"},
		{"method", "POST", "/_events", "tk-late", 405, "POST is not for this path: use GET"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := do(t, g, request{method: tt.method, path: tt.path, header: http.Header{"Authorization": {"Bearer " + tt.token}}})
			if resp.StatusCode != tt.status || body != tt.reason {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
		})
	}
	// Where all seats are taken a stream still takes over from its elder.
	listen(t, g, "/_events?self_id=10002", token, "").greeting(10002)
	until(t, "the elder's seat is free", func() bool { return places.Used() == 1 })
}

// An app that comes back gets all that it has not had, in order, whether it says where it was or not.
func TestStreamResumes(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "page", AccessToken: token}, b)
	g := open(t, a)
	p := listen(t, g, "/_events", token, "")
	p.greeting(botQQ)
	var told, ids []string
	for range 20 {
		told = append(told, h.tell(b, 0))
	}
	for _, want := range told {
		ids = append(ids, p.expect(want))
	}
	gone := func(p *reader) { // what is written before the end is noticed counts as taken
		p.leave()
		until(t, "it is away", func() bool { return !status(t, a, "bot1").Connected })
	}
	gone(p)
	for range 10 {
		told = append(told, h.tell(b, 0))
	}
	from := func(place string, p *reader, first int) {
		t.Helper()
		p.greeting(botQQ)
		for i := first; i < len(told); i++ {
			id := p.expect(told[i])
			if i == len(ids) {
				ids = append(ids, id)
			}
			if ids[i] != id {
				t.Errorf("%s: event %d has the id %s, before %s", place, i, id, ids[i])
			}
		}
		gone(p)
	}
	from("header", listen(t, g, "/_events", token, ids[9]), 10) // ten of them it says not to have
	from("query", listen(t, g, "/_events?last_event_id="+ids[4], token, ""), 5)
	from("query of a browser's library", listen(t, g, "/_events?lastEventId="+ids[24], token, ""), 25)
	told = append(told, h.tell(b, 0))
	from("nothing said", listen(t, g, "/_events", token, ""), 30)
	from("nonsense", listen(t, g, "/_events", token, "yesterday"), 31)
	from("a number of the future", listen(t, g, "/_events", token, "18446744073709551615"), 31)
	told = append(told, h.tell(b, 0))
	from("after it", listen(t, g, "/_events", token, ""), 31)
	if st := status(t, a, "bot1").Cursor; st.Dropped != 0 || st.Poisoned != 0 {
		t.Errorf("cursor %+v", st)
	}
}

// A stream and a WebSocket of the same app and account take over from each other.
func TestFault_T10_StreamAndSocketTakeOver(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "page", AccessToken: token}, b)
	g := open(t, a)
	socket := come(t, g, "/", token)
	socket.greeting(botQQ)
	stream := listen(t, g, "/_events", token, "")
	stream.greeting(botQQ)
	if code := socket.closed(); code != 1000 {
		t.Errorf("the socket was closed with %d", code)
	}
	want := h.tell(b, 0)
	for stream.next().data != want { // the socket's pong may not have come in
	}
	socket = come(t, g, "/", token)
	socket.greeting(botQQ)
	receive(t, "the stream's end", stream.ended)
	socket.expect(h.tell(b, 0))
	if !status(t, a, "bot1").Connected {
		t.Error("the end of the stream was taken for the app's")
	}
	// Calls go on beside an event connection.
	go func() { receive(t, "the action", h.actions).Reply([]byte(`{"x":1}`)) }()
	if _, body := do(t, g, request{method: "GET", path: "/get_status"}); body != `{"x":1}` {
		t.Errorf("a call got %s", body)
	}
}

func TestStreamHeartbeatsAndComments(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "page", AccessToken: token, Heartbeat: time.Millisecond, MessageFormat: "string"}, b)
	g := open(t, a)
	p := listen(t, g, "/_events", token, "")
	p.greeting(botQQ)
	for range 3 {
		e := p.next()
		if m := readMeta(t, e.data); m.Kind != "heartbeat" || m.Interval != 1 || !m.Status.Online || !m.Status.Good || e.id != "" {
			t.Fatalf("got %+v", e)
		}
	}
	b.offline.Store(true)
	p.skipTo(func(e sent) bool { m := readMeta(t, e.data); return !m.Status.Online && m.Status.Good })
	h.journal.Append(store.Event{For: 1, Class: store.ClassMessage, Raw: []byte("{\"post_type\":\"message\",\r\n\"message\":[{\"type\":\"face\",\"data\":{\"id\":\"1\"}}]}")})
	e := p.skipTo(func(e sent) bool { return e.id != "" })
	if e.data != `{"post_type":"message",  "message":"[CQ:face,id=1]","message_format":"string"}` {
		t.Errorf("got %q", e.data)
	}
}

// A heartbeat of 0 leaves a comment now and then, or a peer that has gone would never be noticed.
func TestStreamKeepsAlive(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "page", AccessToken: token}, b)
	g := open(t, a)
	g.pace.keepAlive = time.Millisecond
	p := listen(t, g, "/_events", token, "")
	p.greeting(botQQ)
	for range 3 {
		if e := p.next(); e.comment == "" || e.data != "" {
			t.Fatalf("got %+v", e)
		}
	}
}

// A stream waits for the account's number as a WebSocket does, and ends when the number is another.
func TestStreamTellsWhoItIs(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, 0)
	a := h.app(0, config.App{Name: "page", AccessToken: token, Heartbeat: time.Hour}, b)
	g := open(t, a)
	p := listen(t, g, "/_events", token, "")
	b.self.Store(botQQ)
	a.AccountChanged("bot1")
	p.greeting(botQQ)
	b.self.Store(10002)
	a.AccountChanged("bot1")
	receive(t, "the stream's end", p.ended)
	listen(t, g, "/_events", token, "").greeting(10002)
}

// stall opens a stream that nobody reads and gives it more than the sockets hold. It returns what it was given.
func (h *house) stall(g *Gateway, a *App, slots uint64) []string {
	h.t.Helper()
	conn, err := net.Dial("tcp", g.Address())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /_events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", token)
	until(h.t, "it is there", func() bool { return status(h.t, a, "bot1").Connected })
	filler := strings.Repeat("x", 40<<10)
	var told []string
	for i := range 300 {
		text := fmt.Sprintf(`{"n":%d,"filler":"%s"}`, i, filler)
		told = append(told, text)
		h.journal.Append(store.Event{For: slots, Class: store.ClassNotice, Raw: []byte(text)})
	}
	return told
}

// A reader that stalls delays nobody, and its successor takes over at once and gets everything.
func TestFault_T08_StalledStream(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a, other := h.app(0, config.App{Name: "page", AccessToken: token}, b), h.app(1, config.App{Name: "other", AccessToken: "tk-other"}, b)
	g := open(t, a, other)
	g.pace.timeout = time.Hour // so that it is the successor that ends the stalled one
	good := listen(t, g, "/_events", "tk-other", "")
	good.greeting(botQQ)
	want := h.stall(g, a, 3)
	for _, w := range want {
		good.expect(w)
	}
	p := listen(t, g, "/_events", token, "1") // what the stalled one has in its socket is asked for again
	p.greeting(botQQ)
	for _, w := range want {
		p.expect(w)
	}
}

// A reader that stalls for too long is cut, and what it did not take waits for it.
func TestFault_T25_StalledStreamEnds(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "page", AccessToken: token}, b)
	g := open(t, a)
	g.pace.timeout = time.Second
	told := h.stall(g, a, 1)
	until(t, "it is cut", func() bool { return !status(t, a, "bot1").Connected })
	st := status(t, a, "bot1")
	if !strings.Contains(st.LastError, "the peer did not read for too long") || st.Cursor.Backlog == 0 || st.Cursor.Backlog == len(told) || st.Cursor.Dropped != 0 {
		t.Errorf("status %+v", st)
	}
	g.pace.timeout = time.Minute
	p := listen(t, g, "/_events", token, "")
	p.greeting(botQQ)
	p.skipTo(func(e sent) bool { return e.data == told[len(told)-1] })
}

func TestStreamEndsWithAppAndGateway(t *testing.T) {
	for range 10 {
		h, b := newHouse(t), newBot("bot1", 0, botQQ)
		a, c := h.app(0, config.App{Name: "page", AccessToken: token}, b), h.app(1, config.App{Name: "other", AccessToken: "tk-other"}, b)
		g := open(t, a, c)
		p, q := listen(t, g, "/_events", token, ""), listen(t, g, "/_events", "tk-other", "")
		p.greeting(botQQ)
		q.greeting(botQQ)
		a.Close(1012, false)
		receive(t, "the stream's end", p.ended)
		if resp, body := do(t, g, request{method: "GET", path: "/_events"}); resp.StatusCode != 503 {
			t.Errorf("a closed app answers %d %s", resp.StatusCode, body)
		}
		q.expect(h.tell(b, 1))
		g.Close()
		receive(t, "the other stream's end", q.ended)
	}
}

// Whoever opens sockets and says nothing ends neither a stream nor a call that waits.
func TestFault_S06_IdleSocketsEndNoStreamAndNoCall(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "page", AccessToken: token}, b)
	g := open(t, a)
	p := listen(t, g, "/_events", token, "")
	p.greeting(botQQ)
	answer := make(chan string, 1)
	go func() {
		_, body := do(t, g, request{method: "GET", path: "/get_status"})
		answer <- body
	}()
	act := receive(t, "the action", h.actions)
	const more = 300 // than the door holds
	for range more {
		conn, err := net.Dial("tcp", g.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if _, body := do(t, g, request{method: "GET", path: "/no/path"}); body == "" { // all of them have been accepted
		t.Error("no answer")
	}
	p.expect(h.tell(b, 0))
	act.Reply([]byte(`{"x":1}`))
	if got := receive(t, "the answer", answer); got != `{"x":1}` {
		t.Errorf("got %s", got)
	}
}
