package gate

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func request(header, query, origin string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/onebot/v11/ws"+query, nil)
	if header != "" {
		r.Header.Set("Authorization", header)
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return r
}

func TestToken(t *testing.T) {
	tests := []struct {
		name, header, query, want string
		ok                        bool
	}{
		{"bearer", "Bearer tk", "", "tk", true},
		{"koishi http", "Token tk", "", "tk", true},
		{"scheme in any case", "bearer tk", "", "tk", true},
		{"query", "", "?access_token=tk", "tk", true},
		{"header before query", "Bearer a", "?access_token=b", "a", true},
		{"napcat without a token", "Bearer", "", "", false},
		{"napcat without a token, blank kept", "Bearer ", "", "", false},
		{"empty query", "", "?access_token=", "", false},
		{"other scheme", "Basic dGs=", "", "", false},
		{"none", "", "", "", false},
		{"empty header falls back to the query", "Bearer ", "?access_token=tk", "tk", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Token(request(tt.header, tt.query, ""))
			if got != tt.want || ok != tt.ok {
				t.Errorf("Token = %q, %v; want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestFault_S04_TokenBeforeUpgrade(t *testing.T) {
	tests := []struct {
		name, header, query, want string
		status                    int
	}{
		{"right", "Bearer tk", "", "tk", 0},
		{"right by query", "", "?access_token=tk", "tk", 0},
		{"missing", "", "", "tk", http.StatusUnauthorized},
		{"wrong", "Bearer other", "", "tk", http.StatusForbidden},
		{"longer", "Bearer tkk", "", "tk", http.StatusForbidden},
		{"none wanted, none given", "Bearer ", "", "", 0},
		{"none wanted, undefined given", "Token undefined", "", "", 0},
		{"none wanted, one given", "Bearer tk", "", "", http.StatusForbidden},
		{"undefined is a token where one is wanted", "Token undefined", "", "tk", http.StatusForbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status := 0
			if refusal := CheckToken(request(tt.header, tt.query, ""), tt.want); refusal != nil {
				status = refusal.Status
			}
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
		})
	}
}

func TestFault_S05_OriginRefused(t *testing.T) {
	tests := []struct {
		name, origin string
		allowed      []string
		status       int
	}{
		{"no browser", "", nil, 0},
		{"a page", "http://evil.example", nil, http.StatusForbidden},
		{"localhost is a page too", "http://127.0.0.1:6700", nil, http.StatusForbidden},
		{"null origin", "null", nil, http.StatusForbidden},
		{"allowed", "http://pi.lan", []string{"http://pi.lan"}, 0},
		{"another than allowed", "http://pi.lan:81", []string{"http://pi.lan"}, http.StatusForbidden},
		{"all allowed", "http://any.example", []string{"*"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status := 0
			if refusal := CheckOrigin(request("", "", tt.origin), tt.allowed); refusal != nil {
				status = refusal.Status
			}
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
		})
	}
}
