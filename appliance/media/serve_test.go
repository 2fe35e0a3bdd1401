package media

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve makes one request as if from an address of the network.
func (b *box) serve(method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = "192.0.2.7:1000"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Result()
}

func TestServe(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	body := picture(1, 5000)
	key := b.offer(image(q, 1, body))
	b.settleDown()
	path := Path + key.String()
	row, _, _ := b.index.Get([20]byte(key))
	tag := `"` + hex.EncodeToString(row.Sum[:]) + `"`
	tests := []struct {
		name, method, path string
		header             []string
		status             int
		body               []byte
		want               map[string]string
	}{
		{"whole", "GET", path, nil, 200, body, map[string]string{
			"Content-Type": "image/png", "Content-Length": "5000", "Etag": tag, "Accept-Ranges": "bytes",
			"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "sandbox; default-src 'none'", "Referrer-Policy": "no-referrer",
		}},
		{"head", "HEAD", path, nil, 200, nil, map[string]string{"Content-Length": "5000", "Content-Type": "image/png"}},
		{"range", "GET", path, []string{"Range", "bytes=100-199"}, 206, body[100:200], map[string]string{"Content-Range": "bytes 100-199/5000"}},
		{"tail", "GET", path, []string{"Range", "bytes=-10"}, 206, body[4990:], nil},
		{"range beyond", "GET", path, []string{"Range", "bytes=9000-"}, 416, nil, map[string]string{"Content-Range": "bytes */5000"}},
		{"range of no bytes", "GET", path, []string{"Range", "bytes=-0"}, 416, nil, map[string]string{"Content-Range": "bytes */5000"}},
		{"range of another state", "GET", path, []string{"Range", "bytes=0-9", "If-Range", `"other"`}, 200, body, nil},
		{"known", "GET", path, []string{"If-None-Match", tag}, 304, nil, nil},
		{"doubled slash", "GET", "//media//" + key.String(), nil, 200, body, nil},
		{"trailing slash", "GET", path + "/", nil, 200, body, nil},
		{"post", "POST", path, nil, 405, nil, map[string]string{"Allow": "GET, HEAD"}},
		{"no key", "GET", Path, nil, 404, []byte("no such medium\n"), map[string]string{"Cache-Control": "no-store"}},
		{"an unknown key", "GET", Path + strings.Repeat("a", 32), nil, 404, []byte("no such medium\n"), nil},
		{"capitals", "GET", Path + strings.ToUpper(key.String()), nil, 404, nil, nil},
		{"a sum for a key", "GET", Path + hex.EncodeToString(row.Sum[:]), nil, 404, nil, nil},
		{"climbing", "GET", Path + "../media/" + key.String() + "/../../../journal.db", nil, 404, nil, nil},
		{"a folder", "GET", Path + hex.EncodeToString(row.Sum[:1]), nil, 404, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := b.serve(tt.method, tt.path, tt.header...)
			got, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, tt.status, got)
			}
			if tt.body != nil && !bytes.Equal(got, tt.body) {
				t.Errorf("%d bytes, want %d", len(got), len(tt.body))
			}
			for k, v := range tt.want {
				if got := resp.Header.Get(k); got != v {
					t.Errorf("%s: %q, want %q", k, got, v)
				}
			}
			if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("nosniff is %q", got)
			}
		})
	}
}

// What could run in a browser is saved by it, whatever its sender called it.
func TestNothingActive(t *testing.T) {
	b := newBox(t, "", nil)
	tests := []struct {
		name, body, kind, disposition string
	}{
		{"page.png", "<!DOCTYPE html><script>alert(1)</script>", "application/octet-stream", `attachment; filename=page.png`},
		{"x.svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "application/octet-stream", `attachment; filename=x.svg`},
		{"x.xml", `<?xml version="1.0"?><a/>`, "application/octet-stream", `attachment; filename=x.xml`},
		{"x.txt", "plain words", "application/octet-stream", `attachment; filename=x.txt`},
		{"x.pdf", "%PDF-1.7 ...", "application/pdf", `attachment; filename=x.pdf`},
		{"x.html", "GIF89a<script>alert(1)</script>", "image/gif", `inline; filename=x.html`},
		{"猫.png", "\x89PNG\r\n\x1a\n", "image/png", `inline; filename*=utf-8''%E7%8C%AB.png`},
		{"a\r\nSet-Cookie: x\".png", "\x89PNG\r\n\x1a\n", "image/png", `inline; filename="a__Set-Cookie_ x_.png"`},
		{"../../etc/passwd", "\xff\xd8\xff\xe0", "image/jpeg", `inline; filename=_.._etc_passwd`},
		{"", "\x02#!SILK_V3...", "audio/silk", "inline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, err := b.Put(t.Context(), strings.NewReader(tt.body), tt.name, 1000)
			if err != nil {
				t.Fatal(err)
			}
			resp := b.serve("GET", Path+info.Key.String())
			if got := resp.Header.Get("Content-Type"); got != tt.kind {
				t.Errorf("Content-Type: %q, want %q", got, tt.kind)
			}
			if got := resp.Header.Get("Content-Disposition"); got != tt.disposition {
				t.Errorf("Content-Disposition: %q, want %q", got, tt.disposition)
			}
			if got := resp.Header.Get("Set-Cookie"); got != "" {
				t.Error("a header was smuggled in")
			}
		})
	}
}

func TestServeWhatIsNotHere(t *testing.T) {
	q := newQQ(t)
	n := &napcat{}
	b := newBox(t, "", func(o *Options) {
		o.Settings.Eager = 0
		n.options(o)
	})
	gone := b.offer(image(q, 1, picture(1, 2000)))
	refused := b.offer(Offered{Account: "bot", Type: "image", URL: "http://192.168.1.1/x.png"})
	waits := b.offer(image(q, 2, picture(2, 2000)))
	large := image(q, 3, picture(3, 2000))
	large.Size, large.Max = 0, 1000
	toolarge := b.offer(large)
	b.settleDown()
	q.expire("fresh")
	check := func(what string, key Key, status int, retry, body string) {
		t.Helper()
		resp := b.serve("GET", Path+key.String())
		got, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || resp.Header.Get("Retry-After") != retry || string(got) != body+"\n" {
			t.Errorf("%s: %d, Retry-After %q: %s", what, resp.StatusCode, resp.Header.Get("Retry-After"), got)
		}
	}
	check("gone", gone, 410, "", "the medium is gone at its origin")
	check("refused", refused, 410, "", "the medium lies at an address that catflap does not fetch from")
	q.expire("")
	check("too large", toolarge, 410, "", "the medium is larger than mediaMaxMb")
	q.expire("fresh")
	n.mu.Lock()
	n.away = true
	n.mu.Unlock()
	check("away", waits, 503, "10", "the medium cannot be fetched now")
	b.pass(11 * time.Second)
	q.expire("")
	b.want(waits, picture(2, 2000))
}

func TestGuests(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var g guests
	g.init(func() time.Time { return now })
	var leave []func()
	for range maxPerGuest {
		l := g.read(t.Context(), "192.0.2.1:1")
		if l == nil {
			t.Fatal("refused below the bound")
		}
		leave = append(leave, l)
	}
	if g.read(t.Context(), "192.0.2.1:2") != nil {
		t.Error("one more than an address may have")
	}
	if l := g.read(t.Context(), "192.0.2.2:1"); l == nil {
		t.Error("another address suffers")
	} else {
		l()
	}
	for range maxPerGuest * waitersMore {
		l, err := g.await(context.Background(), "192.0.2.1:1")
		if err != nil {
			t.Fatal("who reads may not wait")
		}
		leave = append(leave, l)
	}
	if _, err := g.await(context.Background(), "192.0.2.1:1"); !errors.Is(err, errBusy) {
		t.Errorf("one more than may wait: %v", err)
	}
	for _, l := range leave {
		l()
	}
	if v := g.known[addressOf("192.0.2.1:1")]; !v.idle() || g.here != [2]int{} || g.wait != [2]int{} {
		t.Errorf("all have left, and there are %+v, %v, %v", v, g.here, g.wait)
	}
	served := 0
	for range 10 * guestBurst {
		if g.enter(t.Context(), "192.0.2.1:1") {
			served++
		}
	}
	if served != guestBurst {
		t.Errorf("%d requests in a burst", served)
	}
	if now = now.Add(-time.Hour); g.enter(t.Context(), "192.0.2.1:1") {
		t.Error("a clock that jumps back gives tokens")
	}
	if now = now.Add(time.Second); !g.enter(t.Context(), "192.0.2.1:1") {
		t.Error("a second later there are no tokens")
	}
	for i := range 5 * guestsKnown {
		a := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		if !g.enter(t.Context(), netip.AddrPortFrom(a, 1).String()) {
			t.Fatal("a new address is refused")
		}
	}
	if len(g.known) > guestsKnown {
		t.Errorf("%d addresses are known", len(g.known))
	}
	if a, b := addressOf("[2001:db8::1]:1"), addressOf("[2001:db8::ffff:2]:2"); a != b {
		t.Error("one IPv6 network has two places")
	}
}

// A burst of this box waits for its turn, for a moment; strangers do not hold it up.
func TestBurstsOfThisBoxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g guests
		g.init(time.Now)
		for i := range maxReaders {
			if l := g.read(t.Context(), fmt.Sprintf("192.0.2.%d:1", i)); l != nil {
				defer l()
			}
		}
		var tasks sync.WaitGroup
		var served, refused atomic.Int64
		const burst = 2 * maxPerGuest * loopbackMore
		for range burst {
			tasks.Go(func() {
				if !g.enter(t.Context(), "127.0.0.1:1") {
					refused.Add(1)
					return
				}
				leave := g.read(t.Context(), "127.0.0.1:1")
				if leave == nil {
					refused.Add(1)
					return
				}
				time.Sleep(time.Second)
				leave()
				served.Add(1)
			})
		}
		tasks.Wait()
		if served.Load() != burst || refused.Load() != 0 {
			t.Errorf("%d served, %d refused", served.Load(), refused.Load())
		}
		for range guestBurst*loopbackMore + 100 { // more than a burst: the rest comes at the rate
			if !g.enter(t.Context(), "127.0.0.1:1") {
				t.Fatal("a request of this box is refused")
			}
		}
		for range maxPerGuest * loopbackMore {
			defer g.read(t.Context(), "127.0.0.1:1")()
		}
		began := time.Now()
		if g.read(t.Context(), "127.0.0.1:1") != nil || time.Since(began) != queueTime {
			t.Errorf("without any place left it ends after %v", time.Since(began))
		}
	})
}

// Who waits for a medium that does not come takes no place of those who read what is here.
func TestWaitersAreNoReaders(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Eager = 0 })
	here, err := b.Put(t.Context(), bytes.NewReader(picture(1, 2000)), "", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	slow := b.offer(image(q, 2, picture(2, 2000)))
	until(t, "the offer is looked at", func() bool { return b.unseen.Load() == 0 })
	wait := make(chan struct{})
	q.mu.Lock()
	q.wait = wait
	q.mu.Unlock()
	var tasks sync.WaitGroup
	var good atomic.Int64
	for range maxPerGuest * waitersMore {
		tasks.Go(func() {
			if b.serve("GET", Path+slow.String()).StatusCode == 200 {
				good.Add(1)
			}
		})
	}
	until(t, "all wait", func() bool {
		b.guests.mu.Lock()
		defer b.guests.mu.Unlock()
		return b.guests.wait[0] == maxPerGuest*waitersMore
	})
	if resp := b.serve("GET", Path+here.Key.String()); resp.StatusCode != 200 {
		t.Errorf("what is here: status %d", resp.StatusCode)
	}
	resp := b.serve("GET", Path+slow.String())
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || string(body) != errBusy.Error()+"\n" {
		t.Errorf("one more: status %d: %s", resp.StatusCode, body)
	}
	close(wait)
	tasks.Wait()
	if n := good.Load(); n < maxPerGuest {
		t.Errorf("%d of those who waited got it", n)
	}
}

func TestTooManyRequests(t *testing.T) {
	b := newBox(t, "", nil)
	for range guestBurst {
		if got := b.serve("GET", Path+"x").StatusCode; got != 404 {
			t.Fatalf("status %d", got)
		}
	}
	resp := b.serve("GET", Path+"x")
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" || b.Stats().Refused != 1 {
		t.Errorf("status %d, %v", resp.StatusCode, resp.Header)
	}
}

func TestUpload(t *testing.T) {
	b := newBox(t, "", func(o *Options) { o.Settings.Item = 10_000 })
	server := httptest.NewServer(http.HandlerFunc(b.Upload))
	defer server.Close()
	body := picture(1, 5000)
	form := func(field, file string, content []byte) (string, string) {
		var out strings.Builder
		w := multipart.NewWriter(&out)
		_ = w.WriteField("comment", "hello")
		if file != "" {
			part, _ := w.CreateFormFile(field, file)
			_, _ = part.Write(content)
		}
		_ = w.Close()
		return w.FormDataContentType(), out.String()
	}
	kind, sent := form("file", "猫.png", body)
	emptyKind, empty := form("", "", nil)
	largeKind, large := form("file", "l.png", picture(2, 11_000))
	tests := []struct {
		name, method, query, kind, body string
		status                          int
		want                            string // of the error
	}{
		{"raw", "POST", "?name=a.png", "application/octet-stream", string(body), 201, ""},
		{"raw, without a type", "POST", "", "", string(body), 201, ""},
		{"form", "POST", "", kind, sent, 201, ""},
		{"a form without a file", "POST", "", emptyKind, empty, 400, "the form has no file: send the bytes as the body, or as a part with a filename"},
		{"a form that is none", "POST", "", "multipart/form-data", "x", 400, "the form has no file: send the bytes as the body, or as a part with a filename"},
		{"a form cut off", "POST", "", kind, sent[:3000], 400, "the body did not come whole"},
		{"empty", "POST", "", "", "", 400, "the body has no bytes"},
		{"too large", "POST", "", "", string(picture(2, 10_001)), 413, "the medium is larger than mediaMaxMb"},
		{"far too large", "POST", "", "", string(picture(2, 200_000)), 413, "the medium is larger than mediaMaxMb"},
		{"a form too large", "POST", "", largeKind, large, 413, "the medium is larger than mediaMaxMb"},
		{"get", "GET", "", "", "", 405, "media are uploaded with POST"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(tt.method, server.URL+"/media"+tt.query, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.kind != "" {
				r.Header.Set("Content-Type", tt.kind)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var got struct {
				Uploaded
				Error string
			}
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || got.Error != tt.want {
				t.Fatalf("status %d, %q", resp.StatusCode, got.Error)
			}
			if tt.status != 201 {
				return
			}
			key, ok := ParseKey(got.Key)
			if !ok || got.Size != 5000 || got.Type != "image/png" || got.URL != "http://box:6700/media/"+got.Key {
				t.Errorf("%+v", got)
			}
			b.want(key, body)
		})
	}
	http.DefaultClient.CloseIdleConnections()
	if files := agree(t, b.Dir(), b.index); files != 1 {
		t.Errorf("%d files", files)
	}
}

func TestIdentity(t *testing.T) {
	const sum = "9c3a5e0b7d1f4a6c8e2b0d4f6a8c1e3b"
	tests := []struct {
		name         string
		o            Offered
		identity, md string
	}{
		{"a picture by its MD5", Offered{Type: "image", File: strings.ToUpper(sum) + ".jpg", URL: "http://a/?fileid=1"}, "md5:" + sum, sum},
		{"with braces", Offered{Type: "image", File: "{9C3A5E0B-7D1F-4A6C-8E2B-0D4F6A8C1E3B}.png"}, "md5:" + sum, sum},
		{"a market face", Offered{Type: "image", File: "xx-1.gif", URL: "https://gxh.vip.qq.com/a.gif"}, "url:https://gxh.vip.qq.com/a.gif", ""},
		{"by fileid", Offered{Type: "image", File: "a.jpg", URL: "https://multimedia.nt.qq.com.cn/download?appid=1407&fileid=F&rkey=R"}, "fileid:F", ""},
		{"without its rkey", Offered{Type: "image", File: "a.jpg", URL: "https://q/d?b=1&rkey=R&a=2"}, "url:https://q/d?a=2&b=1", ""},
		{"a file by its id", Offered{Account: "bot", Type: "file", File: "a.pdf", FileID: "/x-y", URL: "https://q/1"}, "id:bot:/x-y", ""},
		{"a file's name says nothing", Offered{Account: "bot", MessageID: 7, Type: "file", File: strings.ToUpper(sum), Size: 3}, "name:file:bot:" + strings.ToUpper(sum) + ":3:7", ""},
		{"a record", Offered{Account: "bot", MessageID: 7, Type: "record", File: "a.amr", Size: 3, URL: "https://q/1?k=2"}, "name:record:bot:a.amr:3:7", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			identity, md := tt.o.identity()
			if diff := cmp.Diff([]string{tt.identity, tt.md}, []string{identity, md}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKeysAreSecret(t *testing.T) {
	a, b := newBox(t, "", nil), newBox(t, "", nil)
	if a.key("md5:x") == b.key("md5:x") {
		t.Error("two boxes give a picture the same key")
	}
	first, again := a.key("md5:x"), a.key("md5:x")
	if first == a.key("md5:y") || first != again {
		t.Error("a key does not follow the identity")
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add("../../etc/passwd")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")
	f.Fuzz(func(t *testing.T, s string) {
		if key, ok := ParseKey(s); ok && key.String() != s {
			t.Errorf("%q is read as %q: one medium has two addresses", s, key)
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add("image", "{9C3A5E0B-7D1F-4A6C-8E2B-0D4F6A8C1E3B}.png", "http://a/?fileid=1&rkey=2")
	f.Add("file", "a.pdf", "::")
	f.Fuzz(func(t *testing.T, kind, file, address string) {
		o := Offered{Account: "bot", Type: kind, File: file, URL: address}
		identity, md := o.identity()
		if identity == "" || md != "" && len(md) != 32 {
			t.Errorf("%q, %q", identity, md)
		}
		if again, _ := o.identity(); again != identity {
			t.Error("it changes")
		}
		or := origin{Type: kind, File: file, URL: address}
		if b := or.encode(); len(b) > 4<<10 && len(file) <= maxField/4 && len(address) <= maxField {
			t.Errorf("%d bytes", len(b))
		}
		_ = disposition(kind, file)
	})
}

func ExampleKey() {
	fmt.Println(Key{1, 2, 3})
	// Output: aebagaaaaaaaaaaaaaaaaaaaaaaaaaaa
}
