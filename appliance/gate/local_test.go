package gate

import (
	"net/http/httptest"
	"testing"
)

// A port without a token is for this box's programs: not for pages that the owner's browser shows.
func TestFault_S05_NoTokenAndAWebPage(t *testing.T) {
	for _, c := range []struct {
		host, site, origin string
		ok                 bool
	}{
		{"127.0.0.1:5700", "", "", true},
		{"localhost:5700", "", "", true},
		{"LOCALHOST.", "", "", true},
		{"[::1]:5700", "", "", true},
		{"[::1]", "", "", true},
		{"192.168.1.5", "", "", true},
		{"", "", "", true},
		{"127.0.0.1:5700", "none", "", true},
		{"127.0.0.1:5700", "cross-site", "", false},
		{"127.0.0.1:5700", "same-origin", "", false},
		{"127.0.0.1:5700", "cross-site", "https://allowed.example", true}, // CheckOrigin knows whether
		{"evil.example:5700", "", "", false},
		{"evil.example", "none", "", false},
		{"127.0.0.1.evil.example", "", "", false},
		{"localhost.evil.example:5700", "", "", false},
	} {
		r := httptest.NewRequest("GET", "/send_private_msg", nil)
		r.Host = c.host
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if refusal := CheckLocal(r); (refusal == nil) != c.ok {
			t.Errorf("%+v: %v", c, refusal)
		}
	}
}
