// Package gate is where peers come in: the address that they knock at, tokens as OneBot spells them, browsers kept out,
// growing delays for addresses that guess, and a memory of who was refused. It never writes a token anywhere.
package gate

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// Token returns the access token that a request carries, and whether it carries one.
// OneBot 11 allows "Authorization: Bearer T" and "?access_token=T"; Koishi's HTTP client says "Token T".
// NapCat with an empty token sends a bare "Bearer", which is no token.
func Token(r *http.Request) (string, bool) {
	if token, ok := headerToken(r); ok {
		return token, true
	}
	if token := r.URL.Query().Get("access_token"); token != "" {
		return token, true
	}
	return "", false
}

// HeaderDecides reports whether a header Authorization is there and carries no token. Then the request has none for OneBot 12,
// whatever its query says.
func HeaderDecides(r *http.Request) bool {
	_, ok := headerToken(r)
	return !ok && r.Header.Get("Authorization") != ""
}

func headerToken(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, token != "" && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Token"))
}

// Equal compares two tokens in a time that depends on neither.
func Equal(got, want string) bool {
	g, w := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:]) == 1
}

// Refusal is why a request may not become a link: the status to answer and a reason that is safe to show.
type Refusal struct {
	Status int
	Reason string
}

// Error makes a Refusal usable as an error; the text never holds a token.
func (r *Refusal) Error() string { return r.Reason }

// CheckToken compares the request's token with want: 401 if it is missing, 403 if it is wrong, as OneBot 11
// says. An empty want admits only requests without a token or with the words that clients send for none.
func CheckToken(r *http.Request, want string) *Refusal {
	got, ok := Token(r)
	switch {
	case want == "" && (!ok || got == "undefined"):
		return nil
	case !ok:
		return &Refusal{http.StatusUnauthorized, "access token missing"}
	case want == "" || !Equal(got, want):
		return &Refusal{http.StatusForbidden, "access token wrong"}
	}
	return nil
}

// CheckOrigin refuses browsers: a page that the owner visits must not reach OneBot on localhost.
// Origins in allowed pass; "*" allows all.
func CheckOrigin(r *http.Request, allowed []string) *Refusal {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	for _, a := range allowed {
		if a == "*" || strings.EqualFold(a, origin) {
			return nil
		}
	}
	return &Refusal{http.StatusForbidden, "request comes from a web page (Origin header)"}
}
