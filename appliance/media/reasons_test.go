package media

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/fence"
)

// said are the reasons that were counted.
func said(b *box) (out []string) {
	for reason, n := range b.Stats().Failures {
		if n > 0 {
			out = append(out, fmt.Sprintf("%s %d", reason, n))
		}
	}
	slices.Sort(out)
	return out
}

// Each failure is counted as what it is, and the reader hears the bound that was met.
func TestWhyAMediumWasNotHad(t *testing.T) {
	tests := []struct {
		name    string
		address string // a path of the origin, or a whole address
		max     int64  // the account's
		total   int64  // the cache's
		reason  string
		public  string
	}{
		{"a redirect loop", "/loop", 0, 0, "server", "the medium cannot be fetched now"},
		{"packed", "/packed", 0, 0, "server", "the medium cannot be fetched now"},
		{"an error of the server", "/500", 0, 0, "server", "the medium cannot be fetched now"},
		{"a dead link", "/400", 0, 0, "expired", "the medium is gone at its origin"},
		{"nobody there", "http://127.0.0.1:1/x", 0, 0, "network", "the medium cannot be fetched now"},
		{"an inner address", "http://10.0.0.1/x", 0, 0, "refused", "the medium lies at an address that catflap does not fetch from"},
		{"a URL with a user", "http://a@qq.com/x", 0, 0, "bad_url", "the medium is gone at its origin"},
		{"above mediaMaxMb", "/long", 1 << 20, 0, "too_large", "the medium is larger than mediaMaxMb"},
		{"above half of the quota", "/long", 1 << 20, 1 << 20, "half_quota", "the medium is larger than half of media.maxTotalMb"},
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("x"))
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/long":
			_, _ = w.Write(make([]byte, 2<<20))
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer origin.Close()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBox(t, "", func(o *Options) {
				if o.Settings.Eager = 0; tt.total > 0 {
					o.Settings.Total = tt.total
				}
			})
			address := tt.address
			if strings.HasPrefix(address, "/") {
				address = origin.URL + address
			}
			_, err := b.read(b.offer(Offered{Type: "image", URL: address, Max: tt.max}))
			if err == nil || public(err) != tt.public {
				t.Errorf("the reader hears %v", err)
			}
			if diff := cmp.Diff([]string{tt.reason + " 1"}, said(b)); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
		})
	}
}

// The notes of media that keep their own address name the bound, and the counter says the same.
func TestNotesNameTheBound(t *testing.T) {
	for _, c := range []struct {
		size, max int64
		note      string
		reason    string
	}{
		{3 << 20, 2 << 20, noteTooLarge, "too_large 1"},
		{40 << 20, 50 << 20, noteShare, "half_quota 1"},
	} {
		b := newBox(t, "", nil)
		_, note, ok := b.Offer(Offered{Type: "image", URL: "http://qq.com/x", Size: c.size, Max: c.max})
		if ok || note != c.note {
			t.Errorf("%d of %d bytes: %v, %q", c.size, c.max, ok, note)
		}
		if diff := cmp.Diff([]string{c.reason}, said(b)); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
	}
}

// Addresses of a fake-IP proxy are told from other refusals, until the settings change.
func TestFakeIPIsNamed(t *testing.T) {
	var log bytes.Buffer
	addresses := map[string]*fence.AddressError{"http://a.qq.com/": fakeAddress("198.18.0.9"), "http://b.qq.com/": fakeAddress("fc00::9"), "http://nas/": fakeAddress("10.0.0.1")}
	b := newBox(t, "", func(o *Options) {
		o.Settings.Eager = 0
		o.Log = plainLog(&log)
		o.Fetch = refuser(addresses)
	})
	for _, address := range []string{"http://nas/", "http://a.qq.com/", "http://b.qq.com/", "http://a.qq.com/?again"} {
		if _, err := b.read(b.offer(Offered{Type: "image", URL: address})); err == nil {
			t.Fatal("it was fetched")
		}
	}
	s := b.Stats()
	if diff := cmp.Diff([]string{"198.18.0.0/15", "fc00::/18"}, s.FakeIP); diff != "" || s.Failures["refused"] != 4 {
		t.Errorf("%d refused, (-want +got):\n%s", s.Failures["refused"], diff)
	}
	if n := strings.Count(log.String(), "write media.allowPrivate: [198.18.0.0/15]"); n != 1 {
		t.Errorf("the log says it %d times:\n%s", n, &log)
	}
	b.Set(roomy())
	if s := b.Stats(); s.FakeIP != nil {
		t.Errorf("after new settings: %v", s.FakeIP)
	}
}

// rkeys that QQ gives up before their time are asked anew once, and those that NapCat has just given are not.
func TestRkeyGivenUpEarly(t *testing.T) {
	q := newQQ(t)
	n := &napcat{answers: map[string]string{}}
	give := func(key string) {
		n.mu.Lock()
		n.answers["nc_get_rkey"] = `[{"rkey":"&rkey=` + key + `","type":20}]`
		n.asked = nil
		n.mu.Unlock()
	}
	b := newBox(t, "", func(o *Options) {
		o.Settings.Eager = 0
		n.options(o)
	})
	one, two := picture(1, 5000), picture(2, 5000)
	first, second, third := b.offer(image(q, 1, one)), b.offer(image(q, 2, two)), b.offer(Offered{Account: "bot", Type: "image", Group: true, File: "gone.png", URL: q.link("nothing", "old")})
	b.settleDown()
	q.expire("k1")
	give("k1")
	b.want(first, one)
	b.pass(2 * time.Minute) // far below rkeyTime
	q.expire("k2")
	give("k2")
	b.want(second, two)
	if asked := n.log(); asked != "bot nc_get_rkey " {
		t.Errorf("asked: %s", asked)
	}
	give("k2")
	if _, err := b.read(third); err == nil {
		t.Fatal("it is there")
	}
	if asked := n.log(); strings.Contains(asked, "rkey") {
		t.Errorf("with keys that are new: %s", asked)
	}
}

// A picture with another one's name is not fetched with each message, whatever fileid that brings; and the true one is
// fetched in the end.
func TestFault_S06_AnotherNameAgainAndAgain(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	named, other := picture(1, 5000), picture(2, 5000)
	o := image(q, 1, named)
	for n := range 200 {
		o.URL = q.put(fmt.Sprintf("lie%d", n), other)
		b.offer(o)
		b.settleDown()
		b.pass(time.Second)
	}
	if hits := q.hits.Load(); hits < 2 || hits > 4 {
		t.Errorf("fetched %d times in 200 s", hits)
	}
	for n := range 200 {
		o.URL = q.put(fmt.Sprintf("more%d", n), other)
		b.offer(o)
		b.settleDown()
		b.pass(6 * time.Minute)
	}
	if hits := q.hits.Load(); hits > 50 {
		t.Errorf("fetched %d times in 20 h", hits)
	}
	b.pass(time.Hour)
	o.URL = q.put("true", named)
	key := b.offer(o)
	b.settleDown()
	b.want(key, named)
	if s := b.Stats(); s.Items != 2 {
		t.Errorf("%d files", s.Items)
	}
}
