package fence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The whole table: for each address what it is, and which of the owner's words opens it.
func TestFault_S02_Addresses(t *testing.T) {
	const public, byHost, byNet, shut = "public", "host", "network", "never"
	for _, c := range []struct{ address, opens string }{
		{"1.1.1.1", public}, {"8.8.8.8", public}, {"183.47.101.192", public}, {"9.255.255.255", public}, {"11.0.0.0", public},
		{"100.63.255.255", public}, {"100.128.0.0", public}, {"126.255.255.255", public}, {"128.0.0.0", public},
		{"169.253.255.255", public}, {"169.255.0.0", public}, {"172.15.255.255", public}, {"172.32.0.0", public},
		{"192.167.255.255", public}, {"192.169.0.0", public}, {"198.17.255.255", public}, {"198.20.0.0", public}, {"223.255.255.255", public},
		{"2408:8700::1", public}, {"2606:4700:4700::1111", public}, {"240e:ff::1", public}, {"2001:200::1", public}, {"3ffe:ffff::1", public},
		{"2001:4860:4860::8888", public},

		{"0.0.0.0", shut}, {"0.0.0.1", byNet}, {"0.255.255.255", byNet},
		{"10.0.0.0", byHost}, {"10.255.255.255", byHost},
		{"100.64.0.0", byHost}, {"100.127.255.255", byHost},
		{"127.0.0.0", byHost}, {"127.0.0.1", byHost}, {"127.255.255.255", byHost},
		{"169.254.0.0", byNet}, {"169.254.169.254", byNet}, {"169.254.255.255", byNet},
		{"172.16.0.0", byHost}, {"172.31.255.255", byHost},
		{"192.0.0.1", byNet}, {"192.0.0.170", byNet}, {"192.0.2.1", byNet}, {"192.31.196.1", byNet}, {"192.52.193.1", byNet},
		{"192.88.99.1", byNet}, {"192.168.0.0", byHost}, {"192.168.255.255", byHost}, {"192.175.48.1", byNet},
		{"198.18.0.0", byHost}, {"198.19.255.255", byHost}, {"198.51.100.7", byNet}, {"203.0.113.7", byNet},
		{"224.0.0.1", shut}, {"239.255.255.255", shut}, {"240.0.0.1", shut}, {"255.255.255.255", shut},

		{"::", shut}, {"::1", byHost}, {"::2", shut}, {"::7f00:1", shut}, {"::8.8.8.8", shut},
		{"::ffff:127.0.0.1", shut}, {"::ffff:8.8.8.8", shut}, {"::ffff:a00:1", shut}, {"::ffff:0:8.8.8.8", shut},
		{"64:ff9b::8.8.8.8", byNet}, {"64:ff9b::127.0.0.1", shut}, {"64:ff9b:1::1", byNet},
		{"100::1", shut}, {"2001::1", shut}, {"2001:0:53aa:64c::1", shut}, {"2001:2::1", byNet}, {"2001:10::1", byNet}, {"2001:20::1", byNet},
		{"2001:1ff:ffff::1", byNet}, {"2001:db8::1", byNet}, {"2002:7f00:1::1", shut}, {"2002:808:808::1", shut}, {"2620:4f:8000::1", byNet},
		{"3fff::1", byNet}, {"3fff:fff::1", byNet}, {"3fff:1000::1", public},
		{"fc00::1", byHost}, {"fd12:3456::1", byHost}, {"fe80::1", byNet}, {"febf::1", byNet}, {"fec0::1", byNet}, {"ff02::1", shut},
		{"2408:8700::5efe:127.0.0.1", shut}, {"2408:8700::200:5efe:8.8.8.8", shut}, {"fe80::5efe:10.0.0.1", byNet},
		{"1000::1", shut}, {"4000::1", shut}, {"5f00::1", shut}, {"64:ff9c::1", shut}, {"fe80::1%eth0", shut},
	} {
		a := netip.MustParseAddr(c.address)
		open := New(Rules{AllowPrivate: []netip.Prefix{netip.PrefixFrom(a.WithZone(""), a.BitLen())}})
		got := shut
		switch {
		case New(Rules{}).judge(a, false) == "":
			got = public
		case New(Rules{}).judge(a, true) == "":
			got = byHost
		case open.judge(a, false) == "":
			got = byNet
		}
		if got != c.opens {
			t.Errorf("%s: opened by %s, want %s", c.address, got, c.opens)
		}
		if got == byHost && open.judge(a, false) != "" {
			t.Errorf("%s: naming its network does not open it", c.address)
		}
	}
}

func TestFault_S02_Translated(t *testing.T) {
	f := New(Rules{AllowPrivate: []netip.Prefix{nat64}})
	for address, want := range map[string]string{"64:ff9b::8.8.8.8": "", "64:ff9b::10.0.0.1": "which is private", "64:ff9b::169.254.169.254": "which is link-local"} {
		if got := f.judge(netip.MustParseAddr(address), false); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestNetworks(t *testing.T) {
	got, err := Networks([]string{"192.168.1.7", "198.18.0.0/15", "fd00::1", "10.1.2.3/8"})
	if want := "[192.168.1.7/32 198.18.0.0/15 fd00::1/128 10.0.0.0/8]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
	if _, err := Networks([]string{"lan"}); err == nil || err.Error() != `"lan" is neither an address nor a network such as 198.18.0.0/15` {
		t.Errorf("%v", err)
	}
}

func TestFault_S02_URLs(t *testing.T) {
	const none = "not a URL that is fetched: "
	const name, scheme, odd, control = "the host is neither a plain name nor a plain address", "only http and https are fetched", "the URL cannot be read", "the URL has a control character, a space or a backslash"
	literal := func(a, what string) string {
		return "refused by the guard of the inner network: the URL names the address " + a + ", " + what + " (media.allowHosts, media.allowPrivate)"
	}
	for _, c := range []struct{ url, want string }{
		{"https://multimedia.nt.qq.com.cn/download?appid=1407&fileid=x&rkey=y", ""},
		{"https://multimedia.nt.qq.com.cn:443/download", ""},
		{"http://gchat.qpic.cn/gchatpic_new/0/0-0-AB/0", ""},
		{"HTTP://GXH.VIP.QQ.COM/x.gif", ""},
		{"http://1.2.3.4:8080/x", ""},
		{"http://[2408:8700::1]/x", ""},
		{"http://a_b.example.com/", ""},
		{"http://xn--fiqs8s.cn/", ""},
		{"http://localhost/", ""}, // judged when it is dialled

		{"", scheme}, {"/etc/passwd", scheme}, {"file:///etc/passwd", scheme}, {"ftp://1.2.3.4/", scheme}, {"gopher://1.2.3.4/", scheme},
		{"//1.2.3.4/", scheme}, {"javascript:alert(1)", scheme}, {"unix:///run/docker.sock", scheme},
		{"http:1.2.3.4", "the URL has no host"}, {"http:///x", "the URL has no host"},
		{"http://user@qq.com/", "the URL has a user"}, {"http://qq.com:x@10.0.0.1/", "the URL has a user"}, {"http://@qq.com/", "the URL has a user"},
		{"http://qq.com:0/", "the port is not one"}, {"http://qq.com:65536/", "the port is not one"}, {"http://qq.com:/", "the port is not one"}, {"http://qq.com:8o/", odd},
		{"http://10.0.0.1/", literal("10.0.0.1", "which is private")},
		{"http://127.0.0.1:6750/", literal("127.0.0.1", "which is this box")},
		{"http://[::1]/", literal("::1", "which is this box")},
		{"http://[0:0:0:0:0:0:0:1]/", literal("::1", "which is this box")},
		{"http://[::ffff:8.8.8.8]/", literal("::ffff:8.8.8.8", "an IPv4-mapped address")},
		{"http://[::ffff:7f00:1]/", literal("::ffff:127.0.0.1", "an IPv4-mapped address")},
		{"http://[fe80::1%25eth0]/", "the host is no IPv6 address"}, {"http://[1.2.3.4]/", odd}, {"http://[v1.x]/", odd}, {"http://[qq.com]/", odd},
		{"http://2130706433/", name}, {"http://0x7f000001/", name}, {"http://0177.0.0.1/", name}, {"http://127.1/", name}, {"http://127.0.0.1./", name},
		{"http://0x7f.0.0.1/", name}, {"http://127.0.0.0x1/", name}, {"http://1.2.3.4.5/", name}, {"http://01.2.3.4/", name}, {"http://256.1.1.1/", name}, {"http://qq.0X/", name},
		{"http://qq.com./", name}, {"http://qq..com/", name}, {"http://.qq.com/", name}, {"http://-qq.com/", name},
		{"http://%31%32%37.0.0.1/", odd}, {"http://qq%2ecom/", odd}, {"http://q%71.com/", odd},
		{"http://１２７.0.0.1/", name}, {"http://ⓠⓠ.com/", name}, {"http://例子.cn/", name}, {"http://qq。com/", name},
		{"http://qq.com\\@10.0.0.1/", control}, {"http://qq.com\t/", control}, {" http://qq.com/", control}, {"http://qq.com/a b", control}, {"http://qq.com/\r\nHost: x", control},
		{"http://" + strings.Repeat("a", 64) + ".com/", name}, {"http://" + strings.Repeat("abc.", 64) + "com/", name},
		{"http://qq.com/" + strings.Repeat("a", maxURL), "the URL is longer than 8192 bytes"},
	} {
		err := New(Rules{}).Check(c.url)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.url, err)
			}
			continue
		}
		want, kind := none+c.want, ErrURL
		if strings.HasPrefix(c.want, ErrRefused.Error()) {
			want, kind = c.want, ErrRefused
		}
		if err == nil || err.Error() != want || !errors.Is(err, kind) {
			t.Errorf("%.80s:\n got %v\nwant %s", c.url, err, want)
		}
	}
}

func TestAllowedHosts(t *testing.T) {
	f := New(Rules{AllowHosts: []string{"nas.lan", "*.home", "192.168.1.9"}})
	for host, want := range map[string]bool{
		"nas.lan": true, "NAS.LAN": true, "x.nas.lan": false, "lan": false, "a.home": true, "a.b.HOME": true, "home": false, ".home": false, "ahome": false, "192.168.1.9": true,
	} {
		if f.named(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	if err := f.Check("http://192.168.1.9/x"); err != nil {
		t.Error(err)
	}
	if err := f.Check("http://192.168.1.8/x"); err == nil {
		t.Error("another address is open")
	}
}

// origin is a server on loopback under public names: resolve says public addresses, dial notes them and goes to it.
type origin struct {
	*httptest.Server
	dialled []string
	names   map[string][]string
	f       *Fence
}

func newOrigin(t *testing.T, rules Rules, h http.HandlerFunc) *origin {
	o := &origin{Server: httptest.NewServer(h), names: map[string][]string{"qq.com": {"1.2.3.4"}}, f: New(rules)}
	t.Cleanup(o.Close)
	t.Cleanup(o.f.Close)
	o.f.resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, a := range o.names[host] {
			out = append(out, netip.MustParseAddr(a))
		}
		if out == nil {
			return nil, errors.New("no such host")
		}
		return out, nil
	}
	o.f.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		o.dialled = append(o.dialled, address)
		if strings.HasPrefix(address, "9.9.9.9:") {
			return nil, errors.New("unreachable")
		}
		return new(net.Dialer).DialContext(ctx, network, o.Listener.Addr().String())
	}
	return o
}

func (o *origin) fetch(t *testing.T, address string, max int64) (string, Fetched, error) {
	t.Helper()
	var b bytes.Buffer
	got, err := o.f.Fetch(t.Context(), address, max, &b)
	return b.String(), got, err
}

func TestFetch(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	o := newOrigin(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		fmt.Fprint(w, r.Host, r.URL)
	})
	o.names["qq.com"] = []string{"9.9.9.9", "1.2.3.4", "::ffff:5.6.7.8"}
	body, got, err := o.fetch(t, "http://qq.com/a?rkey=1", 100)
	if err != nil || body != "qq.com/a?rkey=1" || got != (Fetched{"image/png", 15}) {
		t.Errorf("%q, %+v, %v", body, got, err)
	}
	if want := "[9.9.9.9:80 1.2.3.4:80]"; fmt.Sprint(o.dialled) != want {
		t.Errorf("dialled %v, want %s", o.dialled, want)
	}
}

// A name server that first says what is good and then what is not: each answer is judged, and what was judged is dialled.
func TestFault_S02_Rebinding(t *testing.T) {
	o := newOrigin(t, Rules{}, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Connection", "close") })
	asked := 0
	o.f.resolve = func(context.Context, string) ([]netip.Addr, error) {
		asked++
		if asked == 1 {
			return []netip.Addr{netip.MustParseAddr("1.2.3.4")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	if _, _, err := o.fetch(t, "http://evil.example/", 1); err != nil {
		t.Fatal(err)
	}
	if asked != 1 || fmt.Sprint(o.dialled) != "[1.2.3.4:80]" {
		t.Errorf("asked %d times, dialled %v", asked, o.dialled)
	}
	_, _, err := o.fetch(t, "http://evil.example/", 1)
	want := "fetching from evil.example: refused by the guard of the inner network: evil.example has the address 127.0.0.1, which is this box (media.allowHosts, media.allowPrivate)"
	if err == nil || err.Error() != want || len(o.dialled) != 1 {
		t.Errorf("%v, dialled %v", err, o.dialled)
	}
}

func TestFault_S02_OneBadAddressAmongGood(t *testing.T) {
	o := newOrigin(t, Rules{}, func(http.ResponseWriter, *http.Request) {})
	for _, bad := range []string{"192.168.1.1", "::ffff:10.0.0.1", "fe80::1%eth0", "2002:7f00:1::"} {
		o.names["qq.com"] = []string{"1.2.3.4", bad}
		if _, _, err := o.fetch(t, "http://qq.com/", 1); !errors.Is(err, ErrRefused) || len(o.dialled) != 0 {
			t.Errorf("%s: %v, dialled %v", bad, err, o.dialled)
		}
	}
}

func TestFault_S02_Redirects(t *testing.T) {
	o := newOrigin(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/to":
			http.Redirect(w, r, r.URL.Query().Get("u"), http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			fmt.Fprint(w, "file"+r.Header.Get("Referer"))
		}
	})
	o.names["inner.example"] = []string{"10.0.0.1"}
	o.names["other.example"] = []string{"2.2.2.2"}
	to := func(u string) string { return "http://qq.com/to?u=" + url.QueryEscape(u) }
	const from = "fetching from qq.com: "
	const refused, none, odd = from + "refused by the guard of the inner network: ", from + "not a URL that is fetched: ", from + "the server does not give the file as it is: "
	for _, c := range []struct{ url, want string }{
		{to("http://other.example/x?rkey=s"), ""},
		{to(to("http://other.example/x")), ""},
		{to("http://127.0.0.1:6750/"), refused + "the URL names the address 127.0.0.1, which is this box (media.allowHosts, media.allowPrivate)"},
		{to("http://inner.example/"), refused + "inner.example has the address 10.0.0.1, which is private (media.allowHosts, media.allowPrivate)"},
		{to("http://2130706433/"), none + "the host is neither a plain name nor a plain address"},
		{to("file:///etc/passwd"), none + "only http and https are fetched"},
		{to("http://a@other.example/"), none + "the URL has a user"},
		{"http://qq.com/loop", odd + "more than 5 redirects"},
	} {
		body, _, err := o.fetch(t, c.url, 100)
		switch {
		case c.want == "" && (err != nil || body != "file"):
			t.Errorf("%s: %q, %v", c.url, body, err)
		case c.want != "" && (err == nil || err.Error() != c.want):
			t.Errorf("%s:\n got %v\nwant %s", c.url, err, c.want)
		}
	}
}

func TestRedirectToPlainText(t *testing.T) {
	from, _ := http.NewRequest(http.MethodGet, "https://qq.com/", nil)
	to, _ := http.NewRequest(http.MethodGet, "http://qq.com/", nil)
	if err := New(Rules{}).redirect(to, []*http.Request{from}); !errors.Is(err, ErrAnswer) {
		t.Error(err)
	}
}

func TestFault_S02_Caps(t *testing.T) {
	release := make(chan struct{})
	o := newOrigin(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/declared":
			w.Header().Set("Content-Length", "11")
			fmt.Fprint(w, "12345678901")
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		case "/headers":
			w.Header().Set("X", strings.Repeat("x", maxHeaderBytes*2))
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "bomb")
		case "/gone":
			http.Error(w, "download url has expired", http.StatusBadRequest)
		case "/cut":
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "123")
		case "/silent":
			fmt.Fprint(w, "1")
			w.(http.Flusher).Flush()
			<-release
		case "/exact":
			fmt.Fprint(w, "1234567890")
		}
	})
	defer close(release)
	for _, c := range []struct {
		path string
		is   error
		want string
	}{
		{"/declared", ErrTooLarge, "fetching from qq.com: 11 bytes: larger than allowed"},
		{"/endless", ErrTooLarge, "fetching from qq.com: more than 10 bytes: larger than allowed"},
		{"/headers", nil, "fetching from qq.com: net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 32768 bytes; aborted"},
		{"/packed", ErrAnswer, "fetching from qq.com: the server does not give the file as it is: packed, which nobody asked for"},
		{"/cut", io.ErrUnexpectedEOF, "fetching from qq.com: unexpected EOF"},
		{"/silent", ErrSlow, "fetching from qq.com: the server is too slow"},
		{"/gone", nil, "fetching from qq.com: the server answers with status 400"},
	} {
		o.f.idle = idleTime
		if c.path == "/silent" {
			o.f.idle = 50 * time.Millisecond
		}
		_, _, err := o.fetch(t, "http://qq.com"+c.path, 10)
		if err == nil || err.Error() != c.want || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s:\n got %v\nwant %s", c.path, err, c.want)
		}
	}
	var status *StatusError
	if _, _, err := o.fetch(t, "http://qq.com/gone", 10); !errors.As(err, &status) || status.Status != 400 {
		t.Errorf("%v", err)
	}
	if body, _, err := o.fetch(t, "http://qq.com/exact", 10); err != nil || body != "1234567890" {
		t.Errorf("%q, %v", body, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.f.Fetch(ctx, "http://qq.com/exact", 10, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestPrivateHostByConfiguration(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "x") }
	o := newOrigin(t, Rules{AllowHosts: []string{"nas.lan"}, AllowPrivate: []netip.Prefix{netip.MustParsePrefix("198.18.0.0/15")}}, h)
	o.names["nas.lan"], o.names["fake.example"], o.names["pi.lan"] = []string{"192.168.1.2"}, []string{"198.18.0.7"}, []string{"192.168.1.2"}
	for host, want := range map[string]bool{"nas.lan": true, "fake.example": true, "pi.lan": false} {
		if _, _, err := o.fetch(t, "http://"+host+"/", 1); (err == nil) != want {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// Whatever passes is http or https to a host that is a plain name or a public address, and reads the same a second time.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"http://qq.com/a?b#c", "https://1.2.3.4:80/", "http://[2408::1]/", "http://127.1/", "http://a@b/", "http://[::ffff:7f00:1]:1/", "http://%31.2/", "HTTP://X%2e/", "http://0x1/"} {
		f.Add(s)
	}
	fence := New(Rules{})
	f.Fuzz(func(t *testing.T, address string) {
		u, err := fence.parse(address)
		if err != nil {
			if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrURL) {
				t.Fatalf("%q: %v", address, err)
			}
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			t.Fatalf("%q passed", address)
		}
		host := u.Hostname()
		if a, err := netip.ParseAddr(host); err == nil {
			if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Is4In6() {
				t.Fatalf("%q passed", address)
			}
		} else if strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
			t.Fatalf("%q passed with the host %q", address, host)
		}
		if again, err := fence.parse(u.String()); err != nil || again.Hostname() != host {
			t.Fatalf("%q reads as %q, which reads as %v, %v", address, u, again, err)
		}
	})
}

// Headers of the caller's reach the server, and take the place of the guard's own.
func TestFetchWith(t *testing.T) {
	o := newOrigin(t, Rules{}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-Key"), " ", r.Header.Get("User-Agent"), " ", r.Host)
	})
	o.names["qq.com"] = []string{"1.2.3.4"}
	var b bytes.Buffer
	header := http.Header{"x-key": {"k"}, "User-Agent": {"me"}, "Host": {"127.0.0.1"}}
	if _, err := o.f.FetchWith(t.Context(), "http://qq.com/", header, 100, &b); err != nil || b.String() != "k me qq.com" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if _, err := o.f.FetchWith(t.Context(), "http://127.0.0.1/", header, 100, &b); !errors.Is(err, ErrRefused) {
		t.Errorf("%v, want %v", err, ErrRefused)
	}
}
