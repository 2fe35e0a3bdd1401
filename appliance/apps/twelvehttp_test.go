package apps

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/link"
)

func TestTwelveToken(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	alone := open(t, a)
	shared := open(t, a, h.app(1, config.App{Name: "v11", AccessToken: "tk-v11"}, b))
	for _, c := range []struct {
		name, authorization, query string
		want                       int
	}{
		{"header", "Bearer " + token, "", 200},
		{"query", "", "?access_token=" + token, 200},
		{"both", "Bearer " + token, "?access_token=wrong", 200},
		{"none", "", "", 401},
		{"wrong header", "Bearer wrong", "", 401},
		{"wrong query", "", "?access_token=wrong", 401},
		{"wrong header, right query", "Bearer wrong", "?access_token=" + token, 401},
		{"header of another kind, right query", "Basic " + token, "?access_token=" + token, 401},
		{"header without a token, right query", "Bearer", "?access_token=" + token, 401},
	} {
		header := http.Header{"Authorization": {c.authorization}}
		if c.authorization == "" {
			header = http.Header{"Authorization": nil}
		}
		for _, g := range []*Gateway{alone, shared} {
			for _, path := range []string{"/", "/onebot/v12", "/qq/bot1/onebot/v12/"} {
				resp, body := do(t, g, request{method: "POST", path: path + c.query, contentType: "application/json", body: `{"action":"get_version","params":{}}`, header: header})
				if resp.StatusCode != c.want {
					t.Errorf("%s: POST %s is answered %d %s, want %d", c.name, path, resp.StatusCode, body, c.want)
				}
			}
		}
		for _, url := range []string{"ws://" + alone.Address() + "/", "ws://" + alone.Address() + "/onebot/v12", "ws://" + shared.Address() + "/onebot/v12/ws"} {
			conn, err := link.Dial(testContext(t), link.Target{URL: url + c.query, Header: header}, link.Options{})
			if conn != nil {
				conn.Close(1000, "")
			}
			var refused *link.RefusedError
			if ok := err == nil; ok != (c.want == 200) || !ok && (!asRefused(err, &refused) || refused.Status != c.want) {
				t.Errorf("%s: %s: %v, want %d", c.name, url, err, c.want)
			}
		}
	}
}

// The codes of the standard's chapter on HTTP, and what is answered once the body is read.
func TestTwelveHTTP(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	answering(a, h, `{"status":"ok","retcode":0,"data":{"message_id":7},"message":"","wording":""}`)
	g := open(t, a, h.app(1, config.App{Name: "v11", AccessToken: "tk-v11"}, b))
	const (
		asJSON  = "application/json"
		version = `{"status":"ok","retcode":0,"data":{"impl":"catflap","version":"1.2.3","onebot_version":"12"},"message":""`
		ask     = `{"action":"get_version","params":{}}`
		send    = `{"action":"send_message","params":{"detail_type":"private","user_id":"20002","message":%s},"echo":"e"}`
		sent    = `{"status":"ok","retcode":0,"data":{"message_id":"7","time":TIME},"message":"","echo":"e"}`
	)
	hi := func(raw string) string { return fmt.Sprintf(send, raw) }
	for _, c := range []struct {
		name   string
		in     request
		status int
		want   string // of the body; "…" at its end = it begins so
		action string // that reached the router
	}{
		{"get", request{method: "GET", path: "/"}, 405, "GET is not for this path: use POST", ""},
		{"another path", request{method: "POST", path: "/onebot/v12/a/b", contentType: asJSON, body: ask}, 404, "no such path …", ""},
		{"a path of OneBot 11", request{method: "POST", path: "/qq/bot1/onebot/v11/get_status", contentType: asJSON, body: "{}"}, 404, "no such path …", ""},
		{"another account", request{method: "POST", path: "/qq/nobody/onebot/v12", contentType: asJSON, body: ask}, 404, "no account …", ""},
		{"another token's path", request{method: "POST", path: "/onebot/v12", contentType: asJSON, body: ask, header: http.Header{"Authorization": {"Bearer tk-v11"}}}, 404, "no such path …", ""},
		{"no Content-Type", request{method: "POST", path: "/", body: ask}, 415, `Content-Type "": send application/json or application/msgpack`, ""},
		{"a form", request{method: "POST", path: "/", contentType: "application/x-www-form-urlencoded", body: ask}, 415, "Content-Type …", ""},
		{"JSON", request{method: "POST", path: "/", contentType: asJSON, body: ask}, 200, version + "}", ""},
		{"charset", request{method: "POST", path: "/", contentType: "Application/JSON; charset=utf-8", body: ask}, 200, version + "}", ""},
		{"no JSON", request{method: "POST", path: "/", contentType: asJSON, body: "{"}, 200, `{"status":"failed","retcode":10001,"data":null,"message":"…`, ""},
		{"empty", request{method: "POST", path: "/", contentType: asJSON}, 200, `{"status":"failed","retcode":10001,…`, ""},
		{"no params", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_version","echo":"e"}`}, 200, `{"status":"failed","retcode":10001,…`, ""},
		{"unknown action", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"xx.no_such","params":{}}`}, 200, `{"status":"failed","retcode":10002,…`, ""},
		{"echo", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_version","params":{},"echo":"猫 \u732b"}`}, 200, version + `,"echo":"猫 \u732b"}`, ""},
		{"empty echo", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_version","params":{},"echo":""}`}, 200, version + "}", ""},
		{"path names the action", request{method: "POST", path: "//get_version", contentType: asJSON, body: `{}`}, 200, version + "}", ""},
		{"wrong bot", request{method: "POST", path: "/", contentType: asJSON, body: `{"action":"get_self_info","params":{},"self":{"platform":"qq","user_id":"1"}}`}, 200, `{"status":"failed","retcode":10102,…`, ""},
		{"text", request{method: "POST", path: "/", contentType: asJSON, body: hi(`"hi"`)}, 200, sent, `{"action":"send_private_msg","params":{"user_id":20002,"message":[{"type":"text","data":{"text":"hi"}}]}}`},
		{"segment", request{method: "POST", path: "/", contentType: asJSON, body: hi(`{"type":"text","data":{"text":"hi"}}`)}, 200, sent, `{"action":"send_private_msg","params":{"user_id":20002,"message":[{"type":"text","data":{"text":"hi"}}]}}`},
		{"list", request{method: "POST", path: "/", contentType: asJSON, body: hi(`[{"type":"text","data":{"text":"hi"}}]`)}, 200, sent, `{"action":"send_private_msg","params":{"user_id":20002,"message":[{"type":"text","data":{"text":"hi"}}]}}`},
		{"empty list", request{method: "POST", path: "/", contentType: asJSON, body: hi(`[]`)}, 200, `{"status":"failed","retcode":10003,…`, ""},
		{"null", request{method: "POST", path: "/", contentType: asJSON, body: hi(`null`)}, 200, `{"status":"failed","retcode":10003,…`, ""},
		{"unknown segment", request{method: "POST", path: "/", contentType: asJSON, body: hi(`[{"type":"text","data":{"text":"hi"}},{"type":"no.such","data":{}}]`)}, 200, `{"status":"failed","retcode":10005,…`, ""},
	} {
		resp, body := do(t, g, c.in)
		want, begins := strings.CutSuffix(c.want, "…")
		got := still(body)
		if resp.StatusCode != c.status || begins && !strings.HasPrefix(got, want) || !begins && got != want {
			t.Errorf("%s: %d %s\nwant %d %s", c.name, resp.StatusCode, got, c.status, c.want)
		}
		if c.status == 200 && resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: the answer is %s", c.name, resp.Header.Get("Content-Type"))
		}
		select {
		case act := <-h.actions:
			if act.text != c.action || act.Account != "bot1" || act.App != "v12" {
				t.Errorf("%s: the router got %+v, want %s", c.name, act, c.action)
			}
		default:
			if c.action != "" {
				t.Errorf("%s: the router got nothing", c.name)
			}
		}
	}
}

// On HTTP an app may serve several bots: each request says which it means.
func TestTwelveSeveralBots(t *testing.T) {
	h := newHouse(t)
	a := h.twelve(0, config.App{AccessToken: token}, newBot("bot1", 0, botQQ), newBot("bot2", 1, 10002))
	answering(a, h, `{"status":"ok","retcode":0,"data":{"user_id":10002,"nickname":"Two"}}`)
	g := open(t, a)
	for _, c := range []struct{ path, body, want, account string }{
		{"/", `{"action":"get_self_info","params":{}}`, `"retcode":10101`, ""},
		{"/", `{"action":"get_self_info","params":{},"self":{"platform":"qq","user_id":"1"}}`, `"retcode":10102`, ""},
		{"/", `{"action":"get_self_info","params":{},"self":{"platform":"qq","user_id":"10002"}}`, `"user_id":"10002"`, "bot2"},
		{"/qq/bot2/onebot/v12", `{"action":"get_self_info","params":{}}`, `"user_id":"10002"`, "bot2"},
		{"/qq/bot2/onebot/v12", `{"action":"get_self_info","params":{},"self":{"platform":"qq","user_id":"10001"}}`, `"retcode":10102`, ""},
		{"/?self_id=10002", `{"action":"get_self_info","params":{}}`, `"user_id":"10002"`, "bot2"},
		{"/", `{"action":"get_version","params":{}}`, `"onebot_version":"12"`, ""},
		{"/", `{"action":"get_status","params":{}}`, `"bots":[{"self":{"platform":"qq","user_id":"10001"},"online":true},{"self":{"platform":"qq","user_id":"10002"},"online":true}]`, ""},
		{"/", `{"action":"get_supported_actions","params":{}}`, `"get_latest_events"`, ""},
	} {
		_, body := do(t, g, request{method: "POST", path: c.path, contentType: "application/json", body: c.body})
		if !strings.Contains(body, c.want) {
			t.Errorf("%s %s is answered %s, want %s", c.path, c.body, body, c.want)
		}
		if c.account != "" {
			if act := receive(t, "the action", h.actions); act.Account != c.account {
				t.Errorf("%s is for %s, want %s", c.body, act.Account, c.account)
			}
		}
	}
	resp, body := do(t, g, request{method: "GET", path: "/", header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"}}})
	if resp.StatusCode != 400 || !strings.Contains(body, "bot1 (self_id 10001), bot2 (self_id 10002)") {
		t.Errorf("a WebSocket for nobody: %d %s", resp.StatusCode, body)
	}
}

// asRefused is errors.As for a refused dial.
func asRefused(err error, to **link.RefusedError) bool {
	for err != nil {
		if r, ok := err.(*link.RefusedError); ok {
			*to = r
			return true
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = u.Unwrap()
	}
	return false
}

// Before the account's number is known nothing can be asked of it, and the meta actions are answered all the same.
func TestTwelveWithoutABot(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, 0)
	g := open(t, h.twelve(0, config.App{AccessToken: token}, b))
	for action, want := range map[string]string{
		"get_self_info": `"retcode":34101`, "get_version": `"retcode":0`, "get_status": `"data":{"good":true,"bots":[]}`, "get_latest_events": `"data":[]`,
	} {
		_, body := do(t, g, request{method: "POST", path: "/", contentType: "application/json", body: fmt.Sprintf(`{"action":%q,"params":{}}`, action)})
		if !strings.Contains(body, want) {
			t.Errorf("%s is answered %s, want %s", action, body, want)
		}
	}
}

// A path is an account's and an action's, and never more than that.
func FuzzRouteTwelve(f *testing.F) {
	for _, path := range []string{"/", "/onebot/v12/ws", "/qq/bot1/onebot/v12", "//send_message", "/qq/a/onebot/v12/ws/x", "/ws", "/onebot/v11"} {
		f.Add(path)
	}
	g := &Gateway{platform: "qq"}
	f.Fuzz(func(t *testing.T, path string) {
		where, ok := g.routeTwelve(path)
		if ok && (strings.Contains(where.account, "/") || where.action != "" && !isName(where.action) || where.byPath != (where.account != "")) {
			t.Fatalf("%q is %+v", path, where)
		}
	})
}
