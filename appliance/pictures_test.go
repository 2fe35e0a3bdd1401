package appliance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/simulator"
)

// gallery is an appliance with an origin of pictures and apps that are posted to.
type gallery struct {
	*adapter
	origin  *httptest.Server
	fetched atomic.Int64
	expired atomic.Bool // the origin answers 400 as QQ's servers do
	picture []byte
	events  map[string]chan string // message events by app
}

const galleryToken = "t0ken-of-gallery"

// openGallery opens one. Each app is a name and its settings beside the usual ones; the first may call by galleryToken.
func openGallery(t *testing.T, nap *simulator.NapCat, lines string, apps ...[2]string) *gallery {
	t.Helper()
	g := &gallery{picture: bytes.Repeat([]byte("\x89PNG\r\n\x1a\n picture "), 5000), events: make(map[string]chan string)}
	g.origin = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.fetched.Add(1)
		if g.expired.Load() {
			http.Error(w, `{"retcode":-5503007,"retmsg":"download url has expired"}`, http.StatusBadRequest)
			return
		}
		_, _ = w.Write(g.picture)
	}))
	t.Cleanup(g.origin.Close)
	if !strings.Contains(lines, "media:") {
		lines += "media: {allowPrivate: [127.0.0.1]}\n"
	}
	lines += "gateway: {listen: \"127.0.0.1:0\"}\ncatchUp: false\npacing: off\napps:\n"
	for i, app := range apps {
		events := make(chan string, 64)
		g.events[app[0]] = events
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil && bytes.Contains(body, []byte(`"post_type":"message"`)) {
				events <- string(body)
			}
			w.WriteHeader(http.StatusNoContent)
		}))
		t.Cleanup(s.Close)
		token := ""
		if i == 0 {
			token = ", accessToken: " + galleryToken
		}
		lines += fmt.Sprintf("  %s: {protocol: onebot11, post: %q, heartbeat: 0%s%s}\n", app[0], s.URL, token, app[1])
	}
	g.adapter = openAdapter(t, nap, lines)
	return g
}

// dials lets NapCat dial, as a reverse link.
func (g *gallery) dials() *gallery {
	g.play(func(ctx context.Context) error { return g.nap.Dial(ctx, g.a.Addresses()["napcat.default"]) })
	g.until(func(st console.AccountStatus) bool { return st.Connected && g.nap.Connected() > 0 })
	return g
}

// event is the next message that an app gets.
func (g *gallery) event(app string) string {
	g.t.Helper()
	select {
	case e := <-g.events[app]:
		return e
	case <-g.ctx.Done():
		g.t.Fatalf("no event for %s", app)
	}
	return ""
}

// dataOf is the data of the first segment of an event.
func dataOf(t *testing.T, event string) map[string]any {
	t.Helper()
	var e struct {
		Message []struct {
			Data map[string]any `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal([]byte(event), &e); err != nil || len(e.Message) == 0 {
		t.Fatalf("%v in %s", err, event)
	}
	return e.Message[0].Data
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// gateway is the address of the HTTP API.
func (g *gallery) gateway() string {
	return "http" + strings.TrimPrefix(g.a.Addresses()["gateway"], "ws")
}

// call calls an action as the first app.
func (g *gallery) call(action, params string) string {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.ctx, http.MethodPost, g.gateway()+"/"+action, strings.NewReader(params))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+galleryToken)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(body)
}

// upload gives catflap a medium as the first app does, and returns its address.
func (g *gallery) upload(name string, body []byte) string {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.ctx, http.MethodPost, g.gateway()+"/media?name="+name, bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+galleryToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ URL, Error string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.URL == "" {
		g.t.Fatalf("status %d, %+v, %v", resp.StatusCode, answer, err)
	}
	return answer.URL
}

// received is the bytes of the file that NapCat was given by a value, whatever the road.
func (g *gallery) received(value string) (road string, data []byte) {
	g.t.Helper()
	switch {
	case strings.HasPrefix(value, "http://"):
		status, body := get(g.t, value)
		if status != http.StatusOK {
			g.t.Fatalf("%s answers %d %s", value, status, body)
		}
		return "address", body
	case strings.HasPrefix(value, "base64://"):
		data, err := base64.StdEncoding.DecodeString(value[len("base64://"):])
		if err != nil {
			g.t.Fatal(err)
		}
		return "base64", data
	}
	if data, err := os.ReadFile(value); err == nil {
		return "folder", data
	}
	for _, c := range g.nap.Calls() {
		if c.Name == "upload_file_stream" && strings.HasPrefix(filepath.Base(value), c.Params.Text("stream_id")) {
			piece, err := base64.StdEncoding.DecodeString(c.Params.Text("chunk_data"))
			if err != nil {
				g.t.Fatal(err)
			}
			data = append(data, piece...)
		}
	}
	return "upload", data
}

// sentData is the data of the first segment of the n-th message that NapCat was given to send.
func (g *gallery) sentData(n int64) map[string]any {
	g.t.Helper()
	s, err := g.nap.WaitSent(g.ctx, func(s simulator.Sent) bool { return s.Seq == n })
	if err != nil || len(s.Segments) == 0 {
		g.t.Fatalf("message %d: %+v, %v; calls %d", n, s, err, len(g.nap.Calls()))
	}
	return s.Segments[0].Data
}

// A picture is fetched once when it comes, read by its address in the event after the origin's link has died, sent back by
// that address, and NapCat gets the same bytes. Apps that want neither, or strings, get what they want.
func TestPictureThereAndBack(t *testing.T) {
	g := openGallery(t, newNapCat(), "", [2]string{"hook", ""}, [2]string{"plain", ", rewriteMedia: false"}, [2]string{"text", ", messageFormat: string"}).dials()
	origin := g.origin.URL + "/download?fileid=x&rkey=secret,[1]"
	came := simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", origin)
	came.Data["file_size"] = fmt.Sprint(len(g.picture))
	g.nap.Say(simulator.Private(20002), came)
	event := g.event("hook")
	data := dataOf(t, event)
	url, _ := data["url"].(string)
	if want := g.gateway() + "/media/"; !strings.HasPrefix(url, want) || len(url) != len(want)+32 || data["catflap_origin_url"] != origin {
		t.Fatalf("data %v", data)
	}
	plain := dataOf(t, g.event("plain"))
	if plain["url"] != origin || len(plain) != len(data)-1 {
		t.Errorf("the app that wants no other addresses gets %v", plain)
	}
	if text := g.event("text"); !strings.Contains(text, `[CQ:image,`) || !strings.Contains(text, ",url="+url+",catflap_origin_url="+strings.NewReplacer("&", "&amp;", ",", "&#44;", "[", "&#91;", "]", "&#93;").Replace(origin)) {
		t.Errorf("the app that wants strings gets %s", text)
	}
	if status, body := get(t, url); status != http.StatusOK || !bytes.Equal(body, g.picture) {
		t.Fatalf("status %d, %d bytes", status, len(body))
	}
	g.expired.Store(true)
	g.nap.Say(simulator.Private(20002), simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", g.origin.URL+"/download?fileid=x&rkey=another"))
	if again := dataOf(t, g.event("hook"))["url"]; again != url {
		t.Errorf("the same picture has another address: %v", again)
	}
	if status, body := get(t, url); status != http.StatusOK || !bytes.Equal(body, g.picture) || g.fetched.Load() != 1 {
		t.Fatalf("status %d, %d bytes, %d fetches", status, len(body), g.fetched.Load())
	}
	// As it came, with url and file; and as a CQ string.
	segment, err := json.Marshal(map[string]any{"type": "image", "data": data})
	if err != nil {
		t.Fatal(err)
	}
	for i, message := range []string{"[" + string(segment) + "]", `"[CQ:image,file=` + url + `] so"`} {
		if answer := g.call("send_private_msg", `{"user_id":20002,"message":`+message+`}`); !strings.Contains(answer, `"retcode":0`) {
			t.Fatalf("answer %s", answer)
		}
		sent := g.sentData(int64(i) + 1)
		value, _ := sent["url"].(string)
		if i == 1 {
			value, _ = sent["file"].(string)
		}
		if road, got := g.received(value); road != "address" || !bytes.Equal(got, g.picture) {
			t.Errorf("NapCat gets %d bytes by %s %s", len(got), road, value)
		}
	}
}

// What the gates refuse, and what only history keeps, is not fetched.
func TestFault_P13_NothingIsFetchedBeforeTheGates(t *testing.T) {
	g := openGallery(t, newNapCat(), "groups: {\"30003\": {requireMention: true}, \"30004\": {}}\nblocked: [20009]\n", [2]string{"hook", ""}).dials()
	for i, from := range []simulator.From{{User: 20009}, {Group: 30003, User: 20002}, {Group: 30099, User: 20002}} {
		g.nap.Say(from, simulator.Image(fmt.Sprintf("%032x.png", i), fmt.Sprintf("%s/%d", g.origin.URL, i)))
	}
	g.nap.Say(simulator.Private(20002), simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", g.origin.URL+"/ok"))
	url, _ := dataOf(t, g.event("hook"))["url"].(string)
	if status, _ := get(t, url); status != http.StatusOK || g.fetched.Load() != 1 {
		t.Errorf("status %d, %d fetches", status, g.fetched.Load())
	}
}

// Without allowPrivate nothing on loopback is fetched (NapCat is asked instead), and what is larger than mediaMaxMb stays where it is.
func TestFault_P06_MediaMaxMb(t *testing.T) {
	g := openGallery(t, newNapCat(), "media: {maxAge: 1h}\nmediaMaxMb: 1\n", [2]string{"hook", ""}).dials()
	large := simulator.Image("0123456789ABCDEF0123456789ABCDE0.png", g.origin.URL+"/large")
	large.Data["file_size"] = "1048577"
	g.nap.Say(simulator.Private(20002), large)
	data := dataOf(t, g.event("hook"))
	if data["url"] != g.origin.URL+"/large" || data["catflap_note"] != "not kept by catflap: larger than mediaMaxMb" {
		t.Errorf("data %v", data)
	}
	g.nap.Say(simulator.Private(20002), simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", g.origin.URL+"/inner"))
	url, _ := dataOf(t, g.event("hook"))["url"].(string)
	status, body := get(t, url)
	if status != http.StatusOK || bytes.Equal(body, g.picture) || g.fetched.Load() != 0 { // NapCat's own copy
		t.Errorf("status %d, %d fetches", status, g.fetched.Load())
	}
	if refused := g.a.mediaStats().Failures["refused"]; refused == 0 {
		t.Error("the refusal is not counted")
	}
}

// `media.rewrite: false` changes nothing and fetches nothing.
func TestNoRewriting(t *testing.T) {
	g := openGallery(t, newNapCat(), "media: {rewrite: false, allowPrivate: [127.0.0.1]}\n", [2]string{"hook", ""}).dials()
	g.nap.Say(simulator.Private(20002), simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", g.origin.URL+"/x"))
	if data := dataOf(t, g.event("hook")); data["url"] != g.origin.URL+"/x" || g.fetched.Load() != 0 {
		t.Errorf("data %v, %d fetches", data, g.fetched.Load())
	}
}

// History keeps the key of a medium, of what came and of what an app sent.
func TestHistoryKeepsMediaKeys(t *testing.T) {
	g := openGallery(t, newNapCat(), "", [2]string{"hook", ""}).dials()
	g.nap.Say(simulator.Private(20002), simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", g.origin.URL+"/x"))
	url, _ := dataOf(t, g.event("hook"))["url"].(string)
	g.call("send_private_msg", `{"user_id":20002,"message":[{"type":"image","data":{"file":"`+url+`"}}]}`)
	r := httptest.NewRequest(http.MethodGet, "/api/v1/history/show?chat=user:2"+"0002", nil)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	want := `"key":"` + url[len(url)-32:] + `"`
	for {
		w := httptest.NewRecorder()
		g.a.api.Handler().ServeHTTP(w, r)
		if strings.Count(w.Body.String(), want) == 2 {
			return
		}
		select {
		case <-tick.C:
		case <-g.ctx.Done():
			t.Fatalf("history is %s", w.Body)
		}
	}
}

// Where only media need the gateway and its address is taken, catflap runs, and media keep their own addresses.
func TestNoGatewayForMedia(t *testing.T) {
	taken := place(t)
	defer taken.Close()
	app := make(chan string, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && bytes.Contains(body, []byte(`"post_type":"message"`)) {
			app <- string(body)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	x := openAdapter(t, newNapCat(), "catchUp: false\ngateway: {listen: \""+taken.Addr().String()+"\"}\napps: {hook: {protocol: onebot11, post: \""+s.URL+"\", heartbeat: 0}}\n")
	x.play(func(ctx context.Context) error { return x.nap.Dial(ctx, x.a.Addresses()["napcat.default"]) })
	x.until(func(st console.AccountStatus) bool { return st.Connected && x.nap.Connected() > 0 })
	x.nap.Say(simulator.Private(20002), simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", "http://127.0.0.1:1/x"))
	select {
	case e := <-app:
		if dataOf(t, e)["url"] != "http://127.0.0.1:1/x" {
			t.Errorf("the event is %s", e)
		}
	case <-x.ctx.Done():
		t.Fatal("no event")
	}
}

// Each road from catflap to NapCat, for a small and a large file: of an uploaded medium, and of a file of this box.
func TestRoadsToNapCat(t *testing.T) {
	for _, c := range []struct {
		name, lines  string
		forward      bool
		small, large string
	}{
		{"NapCat on this box", "", false, "address", "address"},
		{"NapCat somewhere else", "", true, "base64", "upload"},
		{"publicUrl", "media: {publicUrl: \"%s\"}\n", true, "address", "address"},
		{"napcatUrl", "media: {publicUrl: \"http://127.0.0.1:9\", napcatUrl: \"%s\"}\n", true, "address", "address"},
		{"shared folder", "media: {napcatDir: \"%s\"}\n", true, "folder", "folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			lines := "mediaMaxMb: 3\nfiles: {roots: [" + folder + "]}\n"
			shared := t.TempDir()
			switch {
			case c.name == "publicUrl", c.name == "napcatUrl":
				lines += fmt.Sprintf(c.lines, "http://media.example:1")
			case c.lines != "":
				lines += fmt.Sprintf(c.lines, shared)
			}
			nap := newNapCat()
			var g *gallery
			if c.forward {
				l := place(t)
				g = openGallery(t, nap, lines+"link: forward\nurl: ws://"+l.Addr().String()+"\n", [2]string{"hook", ""})
				g.play(func(ctx context.Context) error { return nap.Serve(ctx, l) })
				g.until(func(st console.AccountStatus) bool { return st.Connected && g.nap.Connected() > 0 })
			} else {
				g = openGallery(t, nap, lines, [2]string{"hook", ""}).dials()
			}
			n := int64(0)
			check := func(value, action, road string, want []byte) {
				t.Helper()
				n++
				params := fmt.Sprintf(`{"user_id":20002,"message":[{"type":"file","data":{"file":%q}}]}`, value)
				if action == "upload_private_file" {
					params = fmt.Sprintf(`{"user_id":20002,"file":%q}`, value)
				}
				if answer := g.call(action, params); !strings.Contains(answer, `"retcode":0`) {
					t.Fatalf("answer %s", answer)
				}
				sent := g.sentData(n)
				file, _ := sent["file"].(string)
				got, data := g.received(strings.Replace(file, "http://media.example:1", g.gateway(), 1))
				if got != road || !bytes.Equal(data, want) {
					t.Errorf("%s: NapCat gets %d bytes by %s %.80s, want %d by %s", action, len(data), got, file, len(want), road)
				}
				if sent["name"] != "report 1.pdf" {
					t.Errorf("%s: the file is called %v", action, sent["name"])
				}
			}
			for _, size := range []int{1000, 2 << 20} {
				content := bytes.Repeat([]byte{'x', 'y', byte(size >> 8), 0}, size/4)
				road := c.small
				if size > 1<<20 {
					road = c.large
				}
				address := strings.NewReplacer("http://media.example:1", g.gateway(), "http://127.0.0.1:9", g.gateway()).Replace(g.upload("report%201.pdf", content))
				check(address, "send_private_msg", road, content)
				check(address, "upload_private_file", road, content)
				path := filepath.Join(folder, "report 1.pdf")
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
				check(path, "send_private_msg", road, content)
			}
			path := filepath.Join(folder, "huge.bin")
			if err := os.WriteFile(path, make([]byte, 3<<20+1), 0o600); err != nil {
				t.Fatal(err)
			}
			answer := g.call("send_private_msg", fmt.Sprintf(`{"user_id":20002,"message":[{"type":"file","data":{"file":"file://%s"}}]}`, path))
			if !strings.Contains(answer, `"retcode":1400`) || !strings.Contains(answer, "the medium is larger than mediaMaxMb: 3145729 bytes, and 3 MiB are allowed") {
				t.Errorf("a file above mediaMaxMb: %s", answer)
			}
			if c.name == "shared folder" {
				g.a.media.sender.Close()
				if left, err := os.ReadDir(shared); err != nil || len(left) != 0 {
					t.Errorf("left in the shared folder: %v, %v", left, err)
				}
			}
		})
	}
}

// A text that is sent after a file to the same chat comes after it, however long the file takes; other chats do not wait.
func TestHandoverKeepsTheOrder(t *testing.T) {
	l := place(t)
	nap := newNapCat()
	g := openGallery(t, nap, "link: forward\nurl: ws://"+l.Addr().String()+"\ngroupPolicy: open\n", [2]string{"hook", ""})
	g.play(func(ctx context.Context) error { return nap.Serve(ctx, l) })
	g.until(func(st console.AccountStatus) bool { return st.Connected && g.nap.Connected() > 0 })
	address := g.upload("a.bin", bytes.Repeat([]byte("abc"), 1<<19))
	started, release := make(chan struct{}, 64), make(chan struct{})
	nap.OnAction("upload_file_stream", func(simulator.Call) simulator.Answer {
		started <- struct{}{}
		<-release
		return simulator.Answer{}
	})
	send := func(action, to, message string) chan string {
		answer := make(chan string, 1)
		go func() { answer <- g.call(action, `{`+to+`,"message":`+message+`}`) }()
		return answer
	}
	first := send("send_private_msg", `"user_id":20002`, `[{"type":"file","data":{"file":"`+address+`"}}]`)
	<-started
	second := send("send_private_msg", `"user_id":20002`, `"after"`)
	if answer := <-send("send_group_msg", `"group_id":30003`, `"elsewhere"`); !strings.Contains(answer, `"retcode":0`) {
		t.Fatalf("answer %s", answer)
	}
	await(t, "two sends wait", func() bool { return g.a.router.Waiting("default") == 2 })
	close(release)
	<-first
	<-second
	var order []simulator.Call
	for _, c := range nap.Calls() {
		if strings.HasPrefix(c.Name, "send_") {
			order = append(order, c)
		}
	}
	// NapCat does them at once; their echoes say in which order catflap sent them.
	slices.SortFunc(order, func(a, b simulator.Call) int {
		return cmp.Or(cmp.Compare(len(a.Echo), len(b.Echo)), bytes.Compare(a.Echo, b.Echo))
	})
	if len(order) != 3 || !bytes.Contains(order[0].Raw, []byte("elsewhere")) || !bytes.Contains(order[2].Raw, []byte("after")) {
		t.Errorf("calls %+v", order)
	}
}

// What catflap never kept goes on as it is.
func TestForeignMediaPass(t *testing.T) {
	g := openGallery(t, newNapCat(), "", [2]string{"hook", ""}).dials()
	for i, value := range []string{"http://other.example/media/" + strings.Repeat("a", 32), "http://other.example/media/cat.png", "0123.png"} {
		g.call("send_private_msg", fmt.Sprintf(`{"user_id":20002,"message":[{"type":"image","data":{"file":%q}}]}`, value))
		if got := g.sentData(int64(i) + 1)["file"]; got != value {
			t.Errorf("%s became %v", value, got)
		}
	}
}
