package apps

import (
	"net/http"
	"testing"

	"github.com/catflap/catflap/appliance/config"
)

func TestFault_S05_Preflight(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "page", AccessToken: token, CORS: []string{"http://pi.lan"}}, b)
	answering(a, h, `{"status":"ok","retcode":0}`)
	closed := h.app(1, config.App{Name: "closed", AccessToken: "tk-closed"}, b)
	answering(closed, h, `{"status":"ok","retcode":0}`)
	dialler := h.app(2, config.App{Name: "dialler", AccessToken: "tk-dialler", Connect: "ws://127.0.0.1:1", CORS: []string{"*"}}, b)
	g := open(t, a, closed, dialler)
	ask := func(origin string, more ...string) request {
		q := request{method: "OPTIONS", path: "/send_private_msg", header: http.Header{
			"Authorization": {""}, "Origin": {origin}, "Access-Control-Request-Method": {"POST"},
		}}
		for i := 0; i < len(more); i += 2 {
			q.header.Set(more[i], more[i+1])
		}
		return q
	}
	tests := []struct {
		name    string
		in      request
		status  int
		allowed string
		private string
	}{
		{"listed", ask("http://pi.lan"), 204, "http://pi.lan", ""},
		{"listed, in a private network", ask("http://pi.lan", "Access-Control-Request-Private-Network", "true"), 204, "http://pi.lan", "true"},
		{"not listed", ask("http://evil.example"), 403, "", ""},
		{"not listed, with the token", ask("http://evil.example", "Authorization", "Bearer "+token), 403, "", ""},
		{"nobody", ask("null"), 403, "", ""},
		{"the call", request{method: "POST", path: "/send_like", body: "{}", header: http.Header{"Origin": {"http://pi.lan"}}}, 200, "http://pi.lan", ""},
		{"the call for another app", request{method: "POST", path: "/send_like", body: "{}", header: http.Header{"Origin": {"http://pi.lan"}, "Authorization": {"Bearer tk-closed"}}}, 403, "", ""},
		{"a call that is refused can be read", request{method: "POST", path: "/send_like", contentType: "text/plain", body: "{}", header: http.Header{"Origin": {"http://pi.lan"}}}, 406, "http://pi.lan", ""},
		{"a page without a token", request{method: "GET", path: "/get_status", header: http.Header{"Origin": {"http://pi.lan"}, "Authorization": {""}}}, 401, "http://pi.lan", ""},
		{"a page with a wrong token", request{method: "GET", path: "/get_status", header: http.Header{"Origin": {"http://pi.lan"}, "Authorization": {"Bearer guess"}}}, 403, "http://pi.lan", ""},
		{"a foreign page with a wrong token", request{method: "GET", path: "/get_status", header: http.Header{"Origin": {"http://evil.example"}, "Authorization": {"Bearer guess"}}}, 403, "", ""},
		{"no page", request{method: "POST", path: "/send_like", body: "{}"}, 200, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := do(t, g, tt.in)
			if resp.StatusCode != tt.status || resp.Header.Get("Access-Control-Allow-Origin") != tt.allowed || resp.Header.Get("Access-Control-Allow-Private-Network") != tt.private {
				t.Fatalf("%d %s %v", resp.StatusCode, body, resp.Header)
			}
			if tt.allowed != "" && resp.Header.Get("Vary") != "Origin" {
				t.Errorf("Vary %q", resp.Header.Values("Vary"))
			}
			if tt.status == 204 {
				for key, want := range map[string]string{
					"Access-Control-Allow-Methods": "GET, POST, OPTIONS", "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
				} {
					if got := resp.Header.Get(key); got != want {
						t.Errorf("%s %q", key, got)
					}
				}
			}
		})
	}
}
