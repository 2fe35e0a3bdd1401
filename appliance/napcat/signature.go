package napcat

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"hash"
	"net/http"
	"strings"

	"github.com/catflap/catflap/appliance/gate"
)

// signature is what a post's body is checked against: X-Signature is "sha1=" and the HMAC-SHA1 of the body with the token
// as key, in hexadecimal (reference: HTTP client; OneBot 11, HTTP POST). The zero value accepts every body.
type signature struct {
	mac  hash.Hash
	want []byte
}

// Write takes the next bytes of the body. It never fails.
func (s *signature) Write(p []byte) (int, error) {
	if s.mac != nil {
		_, _ = s.mac.Write(p)
	}
	return len(p), nil
}

// Right reports whether the body that was written is the one that was signed, in a time that does not depend on how.
func (s *signature) Right() bool { return s.mac == nil || hmac.Equal(s.mac.Sum(nil), s.want) }

// checkSignature decides before the body is read: a right token needs no signature, a signature is to be checked, and
// neither is refused.
func checkSignature(r *http.Request, token string) (*signature, *gate.Refusal) {
	refusal := gate.CheckToken(r, token)
	text := r.Header.Get("X-Signature")
	switch {
	case refusal == nil && (token != "" || text == ""):
		return &signature{}, nil
	case token == "" && text != "":
		return nil, &gate.Refusal{Status: http.StatusForbidden, Reason: "the post is signed, but the account has no accessToken"}
	case text == "" && refusal.Status == http.StatusUnauthorized:
		return nil, &gate.Refusal{Status: http.StatusUnauthorized, Reason: "neither X-Signature nor an access token: NapCat's HTTP client needs the token"}
	case text == "":
		return nil, refusal
	}
	digits, ok := strings.CutPrefix(text, "sha1=")
	want, err := hex.DecodeString(digits)
	if !ok || err != nil || len(want) != sha1.Size {
		return nil, &gate.Refusal{Status: http.StatusForbidden, Reason: "X-Signature is not sha1= and 40 hexadecimal digits"}
	}
	return &signature{hmac.New(sha1.New, []byte(token)), want}, nil
}
