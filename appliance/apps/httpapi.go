package apps

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/onebot"
)

const (
	// maxCalling bounds the HTTP calls of one app that are in progress. NapCat gets 64 at once of an account anyway.
	maxCalling = 64
	// answerTimeout is longer than pacing and the call's own timeout together: the router's answer comes first.
	answerTimeout = 75 * time.Second
)

// Return codes of failures that no router makes (design: DELIVERY, Actions; OneBot 11, HTTP).
const (
	codeUnread  = 1400 // the call cannot be read
	codeUnknown = 1404 // no such action; also NapCat's own word for it
	codeForeign = 1406 // the body is of a type that is not accepted
	codeMany    = 1429
	codeRestart = 1503
	codeNoWord  = 1504
)

// call answers one call of the HTTP API, as the OneBot 11 standard has it: 404 for an action that does not exist, 400 for
// a body that cannot be read, 406 for one of another type, and 200 with an envelope for everything else, refusals
// included. 401 and 403 have been answered before.
//
// Which action does not exist is for NapCat to say: the catalogue is as old as this program, and a newer NapCat's actions
// must be callable. So a name that it does not know goes the way of all actions, under the same rules, and NapCat's
// retcode 1404 becomes 404. While NapCat is away nobody knows, and the answer is 200 with 1503. Only what cannot be an
// action's name is refused here.
func (g *Gateway) call(k *gate.Knock, app *App, where place) {
	if !g.enter() {
		http.Error(k.Plain(), closing, http.StatusServiceUnavailable)
		return
	}
	defer g.plain.Done()
	defer k.Hold()()
	c := &httpCall{gateway: g, knock: k, app: app, name: where.action}
	if !allows(k, http.MethodGet, http.MethodPost) {
		return
	}
	if !isName(where.action) {
		c.fail(http.StatusNotFound, codeUnknown, fmt.Sprintf("%q is no action's name", where.action))
		return
	}
	defer app.calling.Add(-1)
	if app.calling.Add(1) > maxCalling {
		c.fail(http.StatusOK, codeMany, fmt.Sprintf("%d HTTP calls of this app are in progress already; wait for an answer, or use a WebSocket", maxCalling))
		return
	}
	if c.choose(where) && c.submit() {
		c.relay()
	}
}

// httpCall is one call while it is being answered.
type httpCall struct {
	gateway *Gateway
	knock   *gate.Knock
	app     *App
	feed    *feed // nil: the call names its account itself
	name    string
	query   url.Values
	echo    []byte // raw value, nil for none
	answers answers
}

// isName reports whether a path's last part can be an action's name.
func isName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// allows answers 405 to other methods than those.
func allows(k *gate.Knock, methods ...string) bool {
	allow := ""
	for _, m := range methods {
		if k.Method == m {
			return true
		}
		allow += m + ", "
	}
	w := k.Plain()
	w.Header().Set("Allow", allow+http.MethodOptions)
	http.Error(w, fmt.Sprintf("%s is not for this path: use %s", k.Method, allow[:len(allow)-2]), http.StatusMethodNotAllowed)
	return false
}

// choose finds the account that path or query name. One that neither names has to be the app's only one, or to be named
// in the params, which the router reads.
func (c *httpCall) choose(where place) bool {
	// URL.Query would leave out what it cannot read, and the action would run with a default in its place.
	query, err := values(c.knock.URL.RawQuery)
	if err != nil {
		c.fail(http.StatusBadRequest, codeUnread, fmt.Sprintf("the query cannot be read: %v", err))
		return false
	}
	c.query = query
	c.query.Del("access_token")
	if c.query.Has("echo") {
		c.echo = onebot.Quoted(c.query.Get("echo"))
		c.query.Del("echo")
	}
	if where.account == "" && len(c.app.list()) > 1 {
		return true
	}
	f, refusal := c.app.choose(where.account)
	if refusal != nil {
		status := http.StatusOK
		if where.byPath {
			status = refusal.Status
		}
		c.fail(status, codeUnread, refusal.Reason)
		return false
	}
	c.feed = f
	if !where.byPath {
		c.query.Del("self_id") // it may be the account's name, which means nothing to anybody else
	}
	return true
}

// submit reads the params and hands the action to the router.
func (c *httpCall) submit() bool {
	params, done, fault := c.params()
	if fault != nil {
		c.fail(fault.status, fault.code, fault.text)
		return false
	}
	defer done()
	c.answers.init(c.app.linkOptions().OutBytes)
	account := ""
	if c.feed != nil {
		account = c.feed.account.Name
	}
	c.app.Action(Action{
		App: c.app.Name(), Slot: c.app.Slot, Account: account,
		Frame: onebot.AppendAction(nil, c.name, params, c.echo), Reply: c.answers.add,
	})
	return true
}

// relay waits for the answer and writes it. A client that goes away ends the wait and nothing else.
func (c *httpCall) relay() {
	defer c.answers.drop()
	timer := time.NewTimer(c.gateway.patience)
	defer timer.Stop()
	started := false // the first of several answers is out
	for {
		select {
		case <-c.answers.ready:
			frames, full := c.answers.take()
			for _, frame := range frames {
				if !c.write(frame, &started) {
					return
				}
			}
			if full {
				c.end(started, codeNoWord, "the answers come faster than they are read")
				return
			}
			timer.Reset(c.gateway.patience)
		case <-timer.C:
			c.end(started, codeNoWord, "uncertain: no answer came in time; the action may have been done")
			return
		case <-c.gateway.closing:
			c.end(started, codeRestart, "uncertain: catflap restarts; the action may have been done")
			return
		case <-c.knock.Context().Done():
			return
		}
	}
}

// write sends one answer and reports whether another may follow: only stream actions have several. Those are JSON objects
// with an empty line behind each, as from NapCat's own HTTP server (napcat-onebot11.md, 3.7).
func (c *httpCall) write(frame []byte, started *bool) (more bool) {
	var h onebot.Head
	if err := onebot.PeekHead(frame, &h); err != nil {
		c.end(*started, codeNoWord, fmt.Sprintf("the answer is not JSON: %v", err))
		return false
	}
	more = onebot.Streams(c.name) && h.Stream && !h.StreamEnd
	w := c.knock.Plain()
	switch {
	case *started:
	case !more:
		status := http.StatusOK
		if h.Retcode == codeUnknown {
			status = http.StatusNotFound
		}
		c.reply(status, frame)
		return false
	default:
		*started = true
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.WriteHeader(http.StatusOK)
	}
	c.gateway.bodies.mayWrite(c.knock, len(frame))
	if _, err := w.Write(append(frame, "\r\n\r\n"...)); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil && more
}

// end answers with a failure, or puts it behind the answers that are out already.
func (c *httpCall) end(started bool, code int, text string) {
	if !started {
		c.fail(http.StatusOK, code, text)
		return
	}
	c.gateway.bodies.mayWrite(c.knock, len(text))
	_, _ = c.knock.Plain().Write(append(onebot.AppendFailure(nil, c.echo, code, text), "\r\n\r\n"...))
	_ = http.NewResponseController(c.knock.Plain()).Flush()
}

func (c *httpCall) fail(status, code int, text string) {
	c.reply(status, onebot.AppendFailure(nil, c.echo, code, text))
}

// reply writes the only answer. Koishi decodes by the Content-Type (frameworks.md, section 0, rule 9).
func (c *httpCall) reply(status int, frame []byte) {
	w := c.knock.Plain()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(frame)))
	c.gateway.bodies.mayWrite(c.knock, len(frame))
	w.WriteHeader(status)
	_, _ = w.Write(frame)                     // a client that has gone misses nothing
	_ = http.NewResponseController(w).Flush() // a gateway that closes waits for this, and not for the server to do it
}
