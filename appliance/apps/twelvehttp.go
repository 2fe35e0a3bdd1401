package apps

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/onebot12"
)

// parts splits a path. Doubled and trailing slashes are tolerated, as some clients build them.
func parts(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

// routeTwelve reads a path of an app of OneBot 12: the root, as the standard has it, /onebot/v12, and the same below
// /PLATFORM/ACCOUNT, with /ws or without. A name behind it is an action's, as imhelper calls them.
func (g *Gateway) routeTwelve(path string) (where place, ok bool) {
	p := parts(path)
	if len(p) >= 4 && p[0] == g.platform && p[2] == "onebot" && p[3] == "v12" {
		where.account, where.byPath, p = p[1], true, p[2:]
	}
	if len(p) >= 2 && p[0] == "onebot" && p[1] == "v12" {
		p = p[2:]
	}
	if len(p) == 1 && p[0] == "ws" {
		p = nil
	}
	if len(p) == 1 && isName(p[0]) {
		where.action, p = p[0], nil
	}
	return where, len(p) == 0
}

// wantsTwelve reports whether a request whose token says nothing must be meant for OneBot 12, where a bad token is 401 and
// never 403.
func (g *Gateway) wantsTwelve(r *http.Request) bool {
	p := parts(r.URL.Path)
	if i := slices.Index(p, "onebot"); i >= 0 && i+1 < len(p) {
		return p[i+1] == "v12"
	}
	if len(p) == 0 && !link.IsUpgrade(r) {
		return true // OneBot 11 has no calls there
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	others := slices.ContainsFunc(g.apps, func(a *App) bool { return !a.Dials() && !a.speaksTwelve() })
	return len(g.apps) > 0 && !others
}

// placeTwelve is place for apps of OneBot 12.
func (g *Gateway) placeTwelve(app *App, r *http.Request) (place, *gate.Refusal) {
	if gate.HeaderDecides(r) {
		return place{}, &gate.Refusal{Status: http.StatusUnauthorized, Reason: "access token missing: the header Authorization decides, and has none"}
	}
	where, ok := g.routeTwelve(r.URL.Path)
	upgrade := link.IsUpgrade(r)
	if !ok || upgrade && where.action != "" {
		return place{}, &gate.Refusal{Status: http.StatusNotFound, Reason: fmt.Sprintf(
			"no such path %q for protocol: onebot12: WebSockets and POST go to /, /onebot/v12 or /%s/ACCOUNT/onebot/v12", r.URL.Path, g.platform)}
	}
	if !upgrade {
		where.kind = kindTwelve
	}
	if t := where.kind.transport(); !app.admits(t) {
		return place{}, &gate.Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf("apps.%s.transports does not list %s", app.Name(), t)}
	}
	if upgrade && app.Posts() {
		return place{}, &gate.Refusal{Status: http.StatusForbidden, Reason: fmt.Sprintf("the events of this app are posted (apps.%s.post): call actions with POST", app.Name())}
	}
	if where.account == "" {
		where.account = r.URL.Query().Get("self_id")
	}
	return where, nil
}

// Content types of requests and answers.
const (
	typeJSON   = "application/json"
	typePacked = "application/msgpack"
)

// callTwelve answers a request over HTTP as the standard has it: 405, 404, 401 and 415 before the body is read, 200 with an
// answer for everything else. The answer is of the type of the request.
func (g *Gateway) callTwelve(k *gate.Knock, app *App, where place) {
	if !g.enter() {
		http.Error(k.Plain(), closing, http.StatusServiceUnavailable)
		return
	}
	defer g.plain.Done()
	defer k.Hold()()
	if !allows(k, http.MethodPost) {
		return
	}
	c := &httpTwelve{gateway: g, knock: k, app: app, d: app.speech.(*twelve)}
	kind := strings.ToLower(strings.TrimSpace(k.Header.Get("Content-Type"))) // a charset may follow
	switch {
	case strings.HasPrefix(kind, typePacked), strings.HasPrefix(kind, "application/x-msgpack"):
		c.packed = true
	case !strings.HasPrefix(kind, typeJSON):
		http.Error(k.Plain(), fmt.Sprintf("Content-Type %.100q: send %s or %s", kind, typeJSON, typePacked), http.StatusUnsupportedMediaType)
		return
	}
	defer app.calling.Add(-1)
	if app.calling.Add(1) > maxCalling {
		c.fail(&onebot12.Fault{Code: onebot12.Limited, Message: fmt.Sprintf("%d HTTP calls of this app are in progress already; wait for an answer, or use a WebSocket", maxCalling)})
		return
	}
	from := caller{all: where.account == ""}
	if feeds := app.list(); from.all && len(feeds) == 1 {
		from.all, from.feed = false, feeds[0]
	} else if !from.all {
		f, refusal := app.choose(where.account)
		switch {
		case refusal != nil && where.byPath:
			k.Refuse(refusal)
			return
		case refusal != nil:
			c.fail(&onebot12.Fault{Code: onebot12.UnknownSelf, Message: refusal.Reason})
			return
		}
		from.feed = f
	}
	c.serve(from, where.action)
}

// httpTwelve is one request over HTTP while it is answered.
type httpTwelve struct {
	gateway *Gateway
	knock   *gate.Knock
	app     *App
	d       *twelve
	packed  bool
	answers answers
}

// serve reads the body, has the request answered and waits for the answer. A client that goes away ends the wait and
// nothing else.
func (c *httpTwelve) serve(from caller, action string) {
	body, done, err := c.gateway.bodies.read(c.knock, c.app.MaxFrame)
	if err != nil {
		c.knock.Plain().Header().Set("Connection", "close")
		c.fail(c.unread(err))
		return
	}
	c.answers.init(c.app.linkOptions().OutBytes)
	from.reply = func(frame []byte, _ bool) { c.answers.add(frame) }
	if action != "" && !c.packed { // the path names it, and the body is its params
		if read, err := onebot.ReadBody(bytes.TrimPrefix(body, []byte("\ufeff"))); err == nil {
			params := read.Params
			if params == nil {
				params = []byte("{}")
			}
			body = onebot.AppendAction(nil, action, params, nil)
		}
	}
	r := c.d.read(from, body, c.packed, true)
	if r != nil && r.plan.Kind == onebot12.LatestEvents {
		done()
		feeds := c.d.feeds(from)
		if r.HasSelf {
			feeds = slices.DeleteFunc(slices.Clone(feeds), func(f *feed) bool { return f.account.Self() != r.Self })
		}
		c.latest(r, feeds)
		return
	}
	if r != nil {
		r.do(c.d.feeds(from))
	}
	done()
	timer := time.NewTimer(c.gateway.patience)
	defer timer.Stop()
	select {
	case <-c.answers.ready:
		frames, _ := c.answers.take()
		c.write(frames[0])
	case <-timer.C:
		c.fail(&onebot12.Fault{Code: onebot12.Uncertain, Message: "no answer came in time; the action may have been done"})
	case <-c.gateway.closing:
		c.fail(&onebot12.Fault{Code: onebot12.Uncertain, Message: "catflap restarts; the action may have been done"})
	case <-c.knock.Context().Done():
	}
	c.answers.drop()
}

// unread says why the body did not come.
func (c *httpTwelve) unread(err error) *onebot12.Fault {
	var large *tooLargeError
	switch {
	case errors.As(err, &large):
		c.app.list()[0].tooLarge.Add(1)
		return &onebot12.Fault{Code: onebot12.BadRequest, Message: tooLarge12("a request", large.size, c.app.MaxFrame)}
	case errors.Is(err, errManyBodies):
		return &onebot12.Fault{Code: onebot12.Limited, Message: err.Error()}
	}
	return &onebot12.Fault{Code: onebot12.BadRequest, Message: fmt.Sprintf("reading the body: %v", err)}
}

func (c *httpTwelve) fail(f *onebot12.Fault) {
	r := demand{packed: c.packed, reply: func(frame []byte, _ bool) { c.write(frame) }}
	r.fail(f)
}

// write writes the answer, and reports whether it is out.
func (c *httpTwelve) write(frame []byte) bool {
	w := c.knock.Plain()
	kind := typeJSON
	if c.packed {
		kind = typePacked
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(frame)))
	c.gateway.bodies.mayWrite(c.knock, len(frame))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(frame)
	return err == nil && http.NewResponseController(w).Flush() == nil
}
