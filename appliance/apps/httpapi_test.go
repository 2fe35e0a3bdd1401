package apps

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
)

// answering lets every action be answered at once with one frame.
func answering(a *App, h *house, frame string) {
	a.Action = func(act Action) {
		h.actions <- asked{act, string(act.Frame)}
		act.Reply([]byte(frame))
	}
}

// request is one HTTP call as a client makes it.
type request struct {
	method, path, contentType, body string
	header                          http.Header
}

// do calls the gateway and returns the answer and its body.
func do(t *testing.T, g *Gateway, q request) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(testContext(t), q.method, "http://"+g.Address()+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	for key, values := range q.header {
		r.Header[key] = values
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, strings.TrimSpace(string(body))
}

// failed is an envelope of a failure.
func failed(code int, text string) string {
	quoted := new(bytes.Buffer)
	e := json.NewEncoder(quoted)
	e.SetEscapeHTML(false)
	_ = e.Encode(text)
	q := strings.TrimSpace(quoted.String())
	return fmt.Sprintf(`{"status":"failed","retcode":%d,"data":null,"message":%s,"wording":%s}`, code, q, q)
}

// The status codes of the OneBot 11 standard's chapter on HTTP.
func TestHTTPStatusCodes(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	const okAnswer = `{"status":"ok","retcode":0,"data":{"message_id":7}}`
	a := h.app(0, config.App{Name: "hook", AccessToken: token, CORS: []string{"http://pi.lan"}}, b)
	answering(a, h, okAnswer)
	refused := h.app(1, config.App{Name: "refused", AccessToken: "tk-refused"}, b)
	answering(refused, h, failed(1403, "denied"))
	unknown := h.app(2, config.App{Name: "unknown", AccessToken: "tk-unknown"}, b)
	answering(unknown, h, failed(1404, "不支持的Api no_such"))
	sockets := h.app(3, config.App{Name: "sockets", AccessToken: "tk-ws", Transports: []string{"ws", "sse"}}, b)
	g := open(t, a, refused, unknown, sockets)
	const (
		form   = "application/x-www-form-urlencoded"
		asJSON = "application/json"
		noPath = `: WebSockets go to /, /event or /api, actions to /ACTION, server-sent events come from /_events; all of them also below /qq/ACCOUNT/onebot/v11`
	)
	as := func(authorization string) http.Header { return http.Header{"Authorization": {authorization}} }
	notJSON := func(why string) string {
		return failed(1400, "the body must be one JSON object with the action's parameters: "+why)
	}
	tests := []struct {
		name   string
		in     request
		status int
		body   string
		action string // that reached the router; "" for none
	}{
		{"get", request{method: "GET", path: "/get_status"}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"bearer", request{method: "GET", path: "/get_status", header: as("Bearer " + token)}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"koishi's scheme", request{method: "POST", path: "/get_status", contentType: asJSON, body: "{}", header: as("Token " + token)}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"token in the query", request{method: "GET", path: "/get_status?access_token=" + token, header: as("")}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"trailing slash", request{method: "GET", path: "/get_status/"}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"double slashes", request{method: "GET", path: "//get_status//"}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"onebots layout", request{method: "GET", path: "/qq/bot1/onebot/v11/get_status"}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"onebots layout, by number", request{method: "GET", path: "/qq//10001/onebot/v11//get_status/"}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"onebots layout, below ws", request{method: "GET", path: "/qq/bot1/onebot/v11/ws/get_status"}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"suffix", request{method: "GET", path: "/get_status_async"}, 200, okAnswer, `{"action":"get_status_async","params":{}}`},
		{"hidden action", request{method: "POST", path: "/.handle_quick_operation", contentType: asJSON, body: `{"context":{},"operation":{}}`}, 200, okAnswer, `{"action":".handle_quick_operation","params":{"context":{},"operation":{}}}`},
		{"query is typed", request{method: "GET", path: "/set_group_ban?group_id=30003&user_id=20002&duration=60"}, 200, okAnswer, `{"action":"set_group_ban","params":{"duration":60,"group_id":30003,"user_id":20002}}`},
		{"CQ string in the query", request{method: "GET", path: "/send_private_msg?user_id=20002&message=%5BCQ:face,id=1%5D+hi&auto_escape=0"}, 200, okAnswer, `{"action":"send_private_msg","params":{"auto_escape":false,"message":"[CQ:face,id=1] hi","user_id":20002}}`},
		{"form", request{method: "POST", path: "/send_group_msg", contentType: form, body: "group_id=30003&message=%E4%BD%A0%26%E5%A5%BD&auto_escape=true"}, 200, okAnswer, `{"action":"send_group_msg","params":{"auto_escape":true,"group_id":30003,"message":"你&好"}}`},
		{"form with a charset", request{method: "POST", path: "/send_like", contentType: form + "; charset=UTF-8", body: "user_id=1&times=10"}, 200, okAnswer, `{"action":"send_like","params":{"times":10,"user_id":1}}`},
		{"JSON", request{method: "POST", path: "/send_group_msg", contentType: asJSON, body: ` {"group_id": 30003, "message": [{"type":"text","data":{"text":"<&>"}}]} `}, 200, okAnswer, `{"action":"send_group_msg","params":{"group_id": 30003, "message": [{"type":"text","data":{"text":"<&>"}}]}}`},
		{"JSON with a charset", request{method: "POST", path: "/send_like", contentType: "Application/JSON; charset=utf-8", body: `{"user_id":1}`}, 200, okAnswer, `{"action":"send_like","params":{"user_id":1}}`},
		{"ASCII JSON", request{method: "POST", path: "/send_private_msg", contentType: asJSON, body: `{"user_id":"1","message":"\u4f60"}`}, 200, okAnswer, `{"action":"send_private_msg","params":{"user_id":"1","message":"\u4f60"}}`},
		{"JSON behind a byte order mark", request{method: "POST", path: "/send_like", contentType: asJSON, body: "\ufeff{\"user_id\":1}"}, 200, okAnswer, `{"action":"send_like","params":{"user_id":1}}`},
		{"JSON that curl calls a form", request{method: "POST", path: "/send_like", contentType: form, body: ` {"user_id":1}`}, 200, okAnswer, `{"action":"send_like","params":{"user_id":1}}`},
		{"no Content-Type", request{method: "POST", path: "/send_like", body: `{"user_id":1}`}, 200, okAnswer, `{"action":"send_like","params":{"user_id":1}}`},
		{"null", request{method: "POST", path: "/get_login_info", body: `null`}, 200, okAnswer, `{"action":"get_login_info","params":{}}`},
		{"empty body", request{method: "POST", path: "/get_login_info", contentType: asJSON}, 200, okAnswer, `{"action":"get_login_info","params":{}}`},
		{"empty body, query", request{method: "POST", path: "/send_like?user_id=1&access_token=" + token}, 200, okAnswer, `{"action":"send_like","params":{"user_id":1}}`},
		{"self_id of the account", request{method: "GET", path: "/send_like?user_id=1&self_id=10001"}, 200, okAnswer, `{"action":"send_like","params":{"user_id":1}}`},
		{"query beside a body", request{method: "POST", path: "/send_like?user_id=1&times=5&access_token=" + token + "&self_id=10001", contentType: asJSON, body: `{"user_id":2}`}, 200, okAnswer, `{"action":"send_like","params":{"user_id":2,"times":5}}`},
		{"query beside a form", request{method: "POST", path: "/send_like?times=5", contentType: "application/x-www-form-urlencoded", body: "user_id=2"}, 200, okAnswer, `{"action":"send_like","params":{"user_id":2,"times":5}}`},
		{"echo in the query", request{method: "GET", path: "/get_status?echo=1"}, 200, okAnswer, `{"action":"get_status","params":{},"echo":"1"}`},
		{"echo in a form", request{method: "POST", path: "/get_status", contentType: form, body: "echo=a%22b"}, 200, okAnswer, `{"action":"get_status","params":{},"echo":"a\"b"}`},
		{"echo in JSON", request{method: "POST", path: "/get_status", contentType: asJSON, body: `{"echo":{"seq":1}}`}, 200, okAnswer, `{"action":"get_status","params":{"echo":{"seq":1}},"echo":{"seq":1}}`},
		{"origin that may", request{method: "GET", path: "/get_status", header: http.Header{"Origin": {"http://pi.lan"}}}, 200, okAnswer, `{"action":"get_status","params":{}}`},
		{"a refusal is 200", request{method: "GET", path: "/set_restart", header: as("Bearer tk-refused")}, 200, failed(1403, "denied"), `{"action":"set_restart","params":{}}`},

		{"no token", request{method: "GET", path: "/get_status", header: as("")}, 401, "access token missing", ""},
		{"no token, unknown action", request{method: "GET", path: "/no_such", header: as("")}, 401, "access token missing", ""},
		{"empty token", request{method: "POST", path: "/get_status?access_token=", contentType: asJSON, body: "{}", header: as("Bearer ")}, 401, "access token missing", ""},
		{"wrong token", request{method: "GET", path: "/get_status", header: as("Bearer guess")}, 403, "access token wrong", ""},
		{"wrong token in the query", request{method: "POST", path: "/get_status?access_token=guess", contentType: asJSON, body: "{", header: as("")}, 403, "access token wrong", ""},
		{"other origin", request{method: "GET", path: "/get_status", header: http.Header{"Origin": {"http://evil.example"}}}, 403, "request comes from a web page (Origin header)", ""},
		{"transports without http", request{method: "GET", path: "/get_status", header: as("Bearer tk-ws")}, 403, "apps.sockets.transports does not list http", ""},
		{"unknown action", request{method: "GET", path: "/no_such", header: as("Bearer tk-unknown")}, 404, failed(1404, "不支持的Api no_such"), `{"action":"no_such","params":{}}`},
		{"no action's name", request{method: "GET", path: "/%E4%BD%A0"}, 404, failed(1404, `"你" is no action's name`), ""},
		{"too long a name", request{method: "GET", path: "/" + strings.Repeat("x", 65)}, 404, failed(1404, `"`+strings.Repeat("x", 65)+`" is no action's name`), ""},
		{"unknown path", request{method: "GET", path: "/get/status"}, 404, `no such path "/get/status"` + noPath, ""},
		{"other platform", request{method: "GET", path: "/icqq/bot1/onebot/v11/get_status"}, 404, `no such path "/icqq/bot1/onebot/v11/get_status"` + noPath, ""},
		{"no such account", request{method: "GET", path: "/qq/bot9/onebot/v11/get_status"}, 404, failed(1400, `no account "bot9" for this app; it serves bot1 (self_id 10001)`), ""},
		{"no such self_id", request{method: "GET", path: "/get_status?self_id=10009"}, 200, failed(1400, `no account "10009" for this app; it serves bot1 (self_id 10001)`), ""},
		{"foreign type", request{method: "POST", path: "/get_status", contentType: "text/plain", body: "{}"}, 406, failed(1406, `Content-Type "text/plain": send application/json or application/x-www-form-urlencoded`), ""},
		{"files", request{method: "POST", path: "/get_status", contentType: "multipart/form-data; boundary=x", body: "{}"}, 406, failed(1406, `Content-Type "multipart/form-data; boundary=x": send application/json or application/x-www-form-urlencoded`), ""},
		{"broken JSON", request{method: "POST", path: "/get_status", contentType: asJSON, body: `{"user_id":`}, 400, notJSON("the frame is not valid JSON: byte 11"), ""},
		{"two objects", request{method: "POST", path: "/get_status", contentType: asJSON, body: `{},"action":"set_restart","x":{}`}, 400, notJSON("the frame is not valid JSON: byte 2"), ""},
		{"an array", request{method: "POST", path: "/get_status", contentType: asJSON, body: `[]`}, 400, notJSON("the frame is not a JSON object"), ""},
		{"too deep", request{method: "POST", path: "/get_status", contentType: asJSON, body: `{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`}, 400, notJSON("the frame nests deeper than 128 levels"), ""},
		{"not UTF-8", request{method: "POST", path: "/get_status", contentType: asJSON, body: "{\"a\":\"\xc4\xe3\"}"}, 400, failed(1400, "the body is not UTF-8"), ""},
		{"broken form", request{method: "POST", path: "/get_status", contentType: form, body: "a=%zz"}, 400, failed(1400, `the body is no form: invalid URL escape "%zz": write %3B for ; and %25 for %`), ""},
		{"form that is not UTF-8", request{method: "POST", path: "/send_group_msg", contentType: form, body: "group_id=30003&message=%ff"}, 400, failed(1400, `the body is no form: "\xff" is not UTF-8`), ""},
		{"semicolon in the query", request{method: "GET", path: "/set_group_ban?group_id=30003&user_id=20002&duration=0;"}, 400, failed(1400, `the query cannot be read: invalid semicolon separator in query: write %3B for ; and %25 for %`), ""},
		{"percent in the query", request{method: "GET", path: "/set_group_card?group_id=30003&user_id=20002&card=100%"}, 400, failed(1400, `the query cannot be read: invalid URL escape "%": write %3B for ; and %25 for %`), ""},
		{"query that is not UTF-8", request{method: "GET", path: "/send_group_msg?group_id=30003&message=%ff"}, 400, failed(1400, `the query cannot be read: "\xff" is not UTF-8`), ""},
		{"semicolon beside a body", request{method: "POST", path: "/set_group_admin?enable=false;", contentType: asJSON, body: `{"group_id":30003,"user_id":20002}`}, 400, failed(1400, `the query cannot be read: invalid semicolon separator in query: write %3B for ; and %25 for %`), ""},
		{"method", request{method: "PUT", path: "/get_status"}, 405, "PUT is not for this path: use GET, POST", ""},
		{"no question of a browser", request{method: "OPTIONS", path: "/get_status"}, 405, "OPTIONS is not for this path: use GET, POST", ""},
		{"nothing is called at the root", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_status"}`}, 426, "this path takes WebSockets; call actions at /ACTION, read events from /_events", ""},
		{"too large", request{method: "POST", path: "/send_private_msg", contentType: asJSON, body: `{"message":"` + strings.Repeat("x", 1<<20) + `"}`}, 200,
			failed(1400, "send_private_msg of 1048590 bytes is above the limit of 1048576 (limits.maxFrameMb: 1): send the file by http URL or by file upload (upload_file_stream), or raise limits.maxFrameMb"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := do(t, g, tt.in)
			if resp.StatusCode != tt.status || body != tt.body {
				t.Errorf("answer %d %s\nwant   %d %s", resp.StatusCode, body, tt.status, tt.body)
			}
			if strings.HasPrefix(body, "{") && resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("Content-Type %q", resp.Header.Get("Content-Type"))
			}
			select {
			case act := <-h.actions:
				if act.text != tt.action || act.Account != "bot1" {
					t.Errorf("action for %q: %s\nwant %s", act.Account, act.text, tt.action)
				}
			default:
				if tt.action != "" {
					t.Error("nothing was called")
				}
			}
		})
	}
	for _, app := range []*App{a, refused, unknown} {
		if st := status(t, app, "bot1"); st.Connected || st.Subscribed {
			t.Errorf("an app that only calls became a subscriber: %+v", st)
		}
	}
	if st := status(t, a, "bot1"); st.TooLarge != 1 {
		t.Errorf("%d actions counted as too large", st.TooLarge)
	}
}

// Every outcome of an action is an envelope with 200; only what NapCat does not know is 404.
func TestHTTPOutcomesAre200(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	g := open(t, a)
	for code, want := range map[int]int{0: 200, 1: 200, 100: 200, 200: 200, 400: 200, 1200: 200, 1400: 200, 1401: 200, 1403: 200, 1404: 404, 1429: 200, 1503: 200, 1504: 200} {
		envelope := fmt.Sprintf(`{"status":"failed","retcode":%d,"data":null,"echo":[%d]}`, code, code)
		a.Action = func(act Action) { act.Reply([]byte(envelope)) }
		if resp, body := do(t, g, request{method: "POST", path: "/send_like", body: `{"echo":[1]}`}); resp.StatusCode != want || body != envelope {
			t.Errorf("%d: %d %s", code, resp.StatusCode, body)
		}
	}
}

func TestHTTPAccounts(t *testing.T) {
	h := newHouse(t)
	one, two := newBot("bot1", 0, 10001), newBot("bot2", 1, 10002)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, one, two)
	answering(a, h, `{"status":"ok","retcode":0}`)
	g := open(t, a)
	tests := []struct {
		name            string
		in              request
		account, action string
	}{
		{"path, by name", request{method: "GET", path: "/qq/bot2/onebot/v11/get_status"}, "bot2", `{"action":"get_status","params":{}}`},
		{"path, by number", request{method: "GET", path: "/qq/10001/onebot/v11/get_status"}, "bot1", `{"action":"get_status","params":{}}`},
		{"query", request{method: "GET", path: "/get_status?self_id=10002"}, "bot2", `{"action":"get_status","params":{}}`},
		{"query, by name", request{method: "GET", path: "/get_status?self_id=bot1"}, "bot1", `{"action":"get_status","params":{}}`},
		{"query beside a body", request{method: "POST", path: "/send_like?self_id=10002", body: `{"user_id":1}`}, "bot2", `{"action":"send_like","params":{"user_id":1}}`},
		{"the body is the router's to read", request{method: "POST", path: "/send_like", body: `{"self_id":10002}`}, "", `{"action":"send_like","params":{"self_id":10002}}`},
		{"so is a form", request{method: "POST", path: "/send_like", contentType: "application/x-www-form-urlencoded", body: `self_id=10002`}, "", `{"action":"send_like","params":{"self_id":10002}}`},
		{"none", request{method: "GET", path: "/get_status"}, "", `{"action":"get_status","params":{}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if resp, body := do(t, g, tt.in); resp.StatusCode != 200 {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
			if act := receive(t, "the action", h.actions); act.Account != tt.account || act.text != tt.action {
				t.Errorf("for %q: %s", act.Account, act.text)
			}
		})
	}
}

// Many calls on one connection: bounds in time of one must not end the next.
func TestHTTPKeepsTheConnection(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	answering(a, h, `{"status":"ok","retcode":0}`)
	g := open(t, a)
	conn, err := net.Dial("tcp", g.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := range 20 {
		body := fmt.Sprintf(`{"user_id":%d}`, i)
		fmt.Fprintf(conn, "POST /send_like HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", token, len(body), body)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if act := receive(t, "the action", h.actions); act.text != `{"action":"send_like","params":`+body+`}` || resp.StatusCode != 200 {
			t.Fatalf("call %d: %d %s", i, resp.StatusCode, act.text)
		}
	}
}

func TestHTTPCallsAreBounded(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	other := h.app(1, config.App{Name: "other", AccessToken: "tk-other"}, b)
	answering(other, h, `{"status":"ok","retcode":0}`)
	g := open(t, a, other)
	var calls sync.WaitGroup
	for range maxCalling {
		calls.Go(func() {
			if _, body := do(t, g, request{method: "GET", path: "/get_status"}); body != `{"late":1}` {
				t.Errorf("a waiting call: %s", body)
			}
		})
	}
	var acts []asked
	for range maxCalling {
		acts = append(acts, receive(t, "an action", h.actions))
	}
	want := failed(1429, "64 HTTP calls of this app are in progress already; wait for an answer, or use a WebSocket")
	if resp, body := do(t, g, request{method: "GET", path: "/get_status"}); resp.StatusCode != 200 || body != want {
		t.Errorf("one too many: %d %s", resp.StatusCode, body)
	}
	if _, body := do(t, g, request{method: "GET", path: "/get_status?access_token=tk-other", header: http.Header{"Authorization": {""}}}); body != `{"status":"ok","retcode":0}` {
		t.Errorf("another app's call: %s", body)
	}
	for _, act := range acts {
		act.Reply([]byte(`{"late":1}`))
	}
	calls.Wait()
	until(t, "none is in progress", func() bool { return a.calling.Load() == 0 })
}

func TestHTTPCallWithoutAnAnswer(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	g := open(t, a)
	g.patience = 20 * time.Millisecond
	_, body := do(t, g, request{method: "GET", path: "/get_status?echo=7"})
	want := strings.TrimSuffix(failed(1504, "uncertain: no answer came in time; the action may have been done"), "}") + `,"echo":"7"}`
	if body != want {
		t.Errorf("got %s", body)
	}
	receive(t, "the action", h.actions).Reply([]byte(`{}`)) // too late, and nobody minds
}

// A client that goes away ends its wait; the answer comes to nobody.
func TestHTTPClientGoesAway(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	g := open(t, a)
	ctx, cancel := context.WithCancel(testContext(t))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.Address()+"/send_like?access_token="+token, strings.NewReader(`{"user_id":1}`))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		_, err := client.Do(r)
		ended <- err
	}()
	act := receive(t, "the action", h.actions)
	cancel()
	if err := receive(t, "the client's end", ended); err == nil {
		t.Fatal("it got an answer")
	}
	until(t, "the call has ended", func() bool { return a.calling.Load() == 0 })
	act.Reply([]byte(`{}`))
}

func TestHTTPCallsEndWithTheGateway(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	g := open(t, a)
	answer := make(chan string, 1)
	go func() {
		_, body := do(t, g, request{method: "GET", path: "/get_status"})
		answer <- body
	}()
	receive(t, "the action", h.actions)
	g.Close()
	if body := receive(t, "the answer", answer); body != failed(1503, "uncertain: catflap restarts; the action may have been done") {
		t.Errorf("got %s", body)
	}
}

// The packets of a stream action come as they are, each with an empty line behind it.
func TestFault_T21_StreamOverHTTP(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "hook", AccessToken: token}, b)
	g := open(t, a)
	a.Action = func(act Action) {
		go func() {
			for i := range 3 {
				act.Reply(fmt.Appendf(nil, `{"status":"ok","retcode":0,"stream":"stream-action","data":{"type":"stream","index":%d}}`, i))
			}
			act.Reply([]byte(`{"status":"ok","retcode":0,"stream":"stream-action","data":{"type":"response"}}`))
		}()
	}
	resp, body := do(t, g, request{method: "GET", path: "/download_file_stream?file=x"})
	var got []string
	for d := json.NewDecoder(strings.NewReader(body)); ; {
		var v json.RawMessage
		if err := d.Decode(&v); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(v))
	}
	if resp.StatusCode != 200 || len(got) != 4 || !strings.Contains(got[2], `"index":2`) || !strings.Contains(got[3], `"response"`) {
		t.Errorf("%d %q", resp.StatusCode, got)
	}
	// upload_file_stream says "stream" in each of its single answers.
	a.Action = func(act Action) {
		act.Reply([]byte(`{"status":"ok","retcode":0,"stream":"stream-action","data":{"type":"stream"}}`))
	}
	if resp, body := do(t, g, request{method: "POST", path: "/upload_file_stream", body: "{}"}); resp.Header.Get("Content-Type") != "application/json" || body != `{"status":"ok","retcode":0,"stream":"stream-action","data":{"type":"stream"}}` {
		t.Errorf("%s", body)
	}
}

// Answers that nobody takes are bounded, and none is kept once nobody waits.
func TestAnswersAreBounded(t *testing.T) {
	var a answers
	a.init(10)
	a.add(make([]byte, 100)) // one passes whatever its size
	a.add(make([]byte, 1))
	a.add(make([]byte, 1))
	<-a.ready
	if frames, full := a.take(); len(frames) != 1 || !full {
		t.Errorf("%d frames, full: %v", len(frames), full)
	}
	var b answers
	b.init(10)
	for range 3 {
		b.add(make([]byte, 3))
	}
	if frames, full := b.take(); len(frames) != 3 || full {
		t.Errorf("%d frames, full: %v", len(frames), full)
	}
	b.add(make([]byte, 9))
	b.drop()
	b.add(make([]byte, 1))
	if frames, _ := b.take(); len(frames) != 0 {
		t.Errorf("%d frames were kept for nobody", len(frames))
	}
}
