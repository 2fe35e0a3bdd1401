package napcat

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzSignature(f *testing.F) {
	f.Add("sha1="+sign("x")[5:], "x")
	f.Add("sha1=", "")
	f.Add("", "x")
	f.Add("SHA1=0000000000000000000000000000000000000000", "x")
	f.Add("sha1=zz00000000000000000000000000000000000000", "x")
	f.Fuzz(func(t *testing.T, header, body string) {
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{}, Header: http.Header{"X-Signature": {header}}}
		sum, refusal := checkSignature(r, token)
		if refusal != nil {
			return
		}
		io.WriteString(sum, body)
		if right := strings.EqualFold(header, sign(body)); sum.Right() != right || right && !strings.HasPrefix(header, "sha1=") {
			t.Fatalf("header %q for %q: right %v", header, body, sum.Right())
		}
	})
}

func FuzzASCII(f *testing.F) {
	f.Add(`{"text":"猫 😀 \u0000 a\\"}`)
	f.Add("\"\xff\"")
	f.Fuzz(func(t *testing.T, in string) {
		out := appendASCII(nil, []byte(in))
		for _, c := range out {
			if c >= 0x80 {
				t.Fatalf("%q is not ASCII", out)
			}
		}
		var before, after any
		if json.Unmarshal([]byte(in), &before) != nil {
			return
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("changed (-before +after):\n%s", diff)
		}
	})
}
