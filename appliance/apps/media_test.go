package apps

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/catflap/catflap/appliance/config"
)

// Media are read with the key alone and given with an app's token.
func TestGatewayServesMedia(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "koishi", AccessToken: token}, b)
	g := open(t, a)
	none := http.Header{"Authorization": nil}
	if resp, _ := do(t, g, request{method: http.MethodGet, path: "/media/abc", header: none}); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a cache the path answers %d", resp.StatusCode)
	}
	g.SetMedia(&MediaShelf{
		Read: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, " ", r.URL.Path) }),
		Upload: func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "took %s %v", body, err)
		},
	})
	dials := func(slot uint8, name, secret string) *App {
		return h.app(slot, config.App{Name: name, AccessToken: secret, Connect: "ws://127.0.0.1:1/"}, b)
	}
	all := []*App{dials(1, "dialled", "tk-of-dialled"), dials(2, "twin1", "tk-of-twins"), dials(3, "twin2", "tk-of-twins"), dials(4, "bare", "")}
	g.shelf.Dialled = func() []*App { return all }
	bearer := func(secret string) http.Header { return http.Header{"Authorization": {"Bearer " + secret}} }
	for _, c := range []struct {
		name   string
		q      request
		status int
		body   string
	}{
		{"no token", request{method: http.MethodGet, path: "/media/abc", header: none}, 200, "GET /media/abc"},
		{"a page", request{method: http.MethodGet, path: "/media/abc", header: http.Header{"Authorization": nil, "Origin": {"http://evil.example"}}}, 200, "GET /media/abc"},
		{"upload", request{method: http.MethodPost, path: "/media", body: "bytes"}, 200, "took bytes <nil>"},
		{"upload with a slash", request{method: http.MethodPost, path: "/media/?name=x", body: "bytes"}, 200, "took bytes <nil>"},
		{"two slashes", request{method: http.MethodGet, path: "//media/abc", header: none}, 200, "GET //media/abc"},
		{"upload with two slashes", request{method: http.MethodPost, path: "//media", body: "bytes"}, 200, "took bytes <nil>"},
		{"upload without token", request{method: http.MethodPost, path: "/media", body: "bytes", header: none}, 401, "access token missing"},
		{"upload with a wrong token", request{method: http.MethodPost, path: "/media", body: "bytes", header: http.Header{"Authorization": {"Bearer no"}}}, 403, "access token wrong"},
		{"upload from a page", request{method: http.MethodPost, path: "/media", body: "bytes", header: http.Header{"Origin": {"http://evil.example"}}}, 403, "request comes from a web page (Origin header)"},
		{"upload with the token of an app that is dialled", request{method: http.MethodPost, path: "/media", body: "bytes", header: bearer("tk-of-dialled")}, 200, "took bytes <nil>"},
		{"upload with a token that two apps have", request{method: http.MethodPost, path: "/media", body: "bytes", header: bearer("tk-of-twins")}, 403, "several apps have this access token: give each its own"},
		{"upload with no word for a token", request{method: http.MethodPost, path: "/media", body: "bytes", header: bearer("")}, 401, "access token missing"},
		{"upload of a page with the token of an app that is dialled", request{method: http.MethodPost, path: "/media", body: "bytes", header: http.Header{"Authorization": {"Bearer tk-of-dialled"}, "Origin": {"http://evil.example"}}}, 403, "request comes from a web page (Origin header)"},
		{"an action with the token of an app that is dialled", request{method: http.MethodPost, path: "/get_status", body: "{}", header: bearer("tk-of-dialled")}, 403, "access token wrong"},
		{"another path", request{method: http.MethodGet, path: "/mediator", header: none}, 401, "access token missing"},
	} {
		resp, body := do(t, g, c.q)
		if resp.StatusCode != c.status || body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.name, resp.StatusCode, body, c.status, c.body)
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: a page may read the answer", c.name)
		}
	}
}
