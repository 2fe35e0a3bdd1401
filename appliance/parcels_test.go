package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/media"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/simulator"
)

// elsewhere opens a gallery whose NapCat is on another machine: files go to it as base64 or in pieces.
func elsewhere(t *testing.T, lines string) *gallery {
	t.Helper()
	l := place(t)
	nap := newNapCat()
	g := openGallery(t, nap, lines+"groupPolicy: open\nlink: forward\nurl: ws://"+l.Addr().String()+"\n", [2]string{"hook", ""})
	g.play(func(ctx context.Context) error { return nap.Serve(ctx, l) })
	g.until(func(st console.AccountStatus) bool { return st.Connected && g.nap.Connected() > 0 })
	return g
}

// forward is the params of a forward message with a node for each picture.
func forward(files []string) string {
	nodes := make([]string, len(files))
	for i, f := range files {
		nodes[i] = fmt.Sprintf(`{"type":"node","data":{"nickname":"cat","user_id":"20002","content":[{"type":"image","data":{"file":%q}}]}}`, f)
	}
	return `{"group_id":30003,"messages":[` + strings.Join(nodes, ",") + `]}`
}

// sentFrame is the last forward message that NapCat was given.
func (g *gallery) sentFrame() []byte {
	var last []byte
	for _, c := range g.nap.Calls() {
		if c.Name == "send_group_forward_msg" {
			last = c.Raw
		}
	}
	return last
}

// However many pictures an action names, the frame that NapCat gets stays small; what finds no place in it is uploaded.
func TestManyPicturesInOneAction(t *testing.T) {
	g := elsewhere(t, "")
	var files []string
	for i := range 8 {
		content := bytes.Repeat([]byte{'x', byte(i), 0}, 1_000_000/3)
		files = append(files, g.upload("p.png", content))
	}
	if answer := g.call("send_group_forward_msg", forward(files)); !strings.Contains(answer, `"retcode":0`) {
		t.Fatalf("answer %s", answer)
	}
	raw := g.sentFrame()
	if n := bytes.Count(raw, []byte("base64://")); n != 3 || len(raw) > inlineBudget+64<<10 || bytes.Contains(raw, []byte("/media/")) {
		t.Errorf("a frame of %d bytes with %d pictures in it", len(raw), n)
	}
	one := make([]string, 60) // the same one
	for i := range one {
		one[i] = files[0]
	}
	if answer := g.call("send_group_forward_msg", forward(one)); !strings.Contains(answer, `"retcode":0`) {
		t.Fatalf("answer %s", answer)
	}
	if raw := g.sentFrame(); bytes.Contains(raw, []byte("base64://")) || len(raw) > 64<<10 {
		t.Errorf("a frame of %d bytes for one picture sixty times", len(raw))
	}
	g.nap.OnAction("upload_file_stream", func(simulator.Call) simulator.Answer {
		return simulator.Answer{Retcode: 1404, Message: "no"}
	})
	answer := g.call("send_group_forward_msg", forward(files))
	if want := "the action names more files than go to NapCat at once: send fewer in one message, or set media.publicUrl or media.napcatDir"; !strings.Contains(answer, `"retcode":1400`) || !strings.Contains(answer, want) {
		t.Errorf("answer %s", answer)
	}
}

// Media that do not come hold up the actions that name them and no others.
func TestSlowMediaHoldUpNobodyElse(t *testing.T) {
	g := elsewhere(t, "media: {allowPrivate: [127.0.0.1], eagerMb: 0}\n")
	hang := make(chan struct{})
	asked := make(chan struct{}, 8)
	pictures := g.origin.Config.Handler
	g.origin.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/slow") {
			asked <- struct{}{}
			select {
			case <-hang:
			case <-r.Context().Done():
				return
			}
		}
		pictures.ServeHTTP(w, r)
	})
	image := func(url string) string { return `[{"type":"image","data":{"file":"` + url + `"}}]` }
	slow := make(chan string, 2)
	for i, to := range []string{`"group_id":30003`, `"user_id":20002`} {
		g.nap.Say(simulator.Private(20002), simulator.Image(fmt.Sprintf("%032X.png", i+1), fmt.Sprintf("%s/slow%d", g.origin.URL, i)))
		url, _ := dataOf(t, g.event("hook"))["url"].(string)
		go func() {
			slow <- g.call("send_msg", `{`+to+`,"message":`+image(url)+`}`)
		}()
	}
	for range 2 {
		<-asked
	}
	if answer := g.call("send_private_msg", `{"user_id":20003,"message":`+image(g.upload("a.png", g.picture))+`}`); !strings.Contains(answer, `"retcode":0`) {
		t.Errorf("answer %s", answer)
	}
	close(hang)
	for range 2 {
		if answer := <-slow; !strings.Contains(answer, `"retcode":0`) {
			t.Errorf("answer %s", answer)
		}
	}
}

// A medium may be named by its path alone, without files.roots; a path that is nobody's medium is refused.
func TestMediaByPath(t *testing.T) {
	g := openGallery(t, newNapCat(), "", [2]string{"hook", ""}).dials()
	url := g.upload("a.png", g.picture)
	path := url[strings.Index(url, "/media/"):]
	for i, value := range []string{path, strings.ReplaceAll(path, "/", `\/`), strings.ReplaceAll(path, "/", `\u002f`)} {
		answer := g.call("send_private_msg", `{"user_id":20002,"message":[{"type":"image","data":{"file":"`+value+`"}}]}`)
		if !strings.Contains(answer, `"retcode":0`) {
			t.Fatalf("%s: %s", value, answer)
		}
		file, _ := g.sentData(int64(i) + 1)["file"].(string)
		if road, got := g.received(file); road != "address" || !bytes.Equal(got, g.picture) {
			t.Errorf("%s: NapCat gets %d bytes by %s %s", value, len(got), road, file)
		}
	}
	for value, want := range map[string]string{
		"/media/" + strings.Repeat("a", 32):           "no such medium",
		`\u002fmedia\u002f` + strings.Repeat("a", 32): "no such medium",
		"/media/cat.png":                              "files.roots",
		path + "/../x":                                "files.roots",
		"file://" + path:                              "files.roots",
		"/x/../" + path:                               "files.roots",
		path + "?/../../":                             "address",
	} {
		answer := g.call("send_private_msg", `{"user_id":20002,"message":[{"type":"image","data":{"file":"`+value+`"}}]}`)
		if want == "address" {
			if !strings.Contains(answer, `"retcode":0`) {
				t.Errorf("%s: %s", value, answer)
			}
			continue
		}
		if strings.Contains(answer, `"retcode":0`) || !strings.Contains(answer, want) {
			t.Errorf("%s: %s", value, answer)
		}
	}
}

// A file that came under a name that is a path goes on under one that is none.
func TestNamesOfReceivedFilesAreNoPaths(t *testing.T) {
	g := openGallery(t, newNapCat(), "", [2]string{"hook", ""}).dials()
	came := simulator.Image("../../.ssh/authorized_keys", g.origin.URL+"/download?fileid=x")
	came.Type = "file"
	g.nap.Say(simulator.Private(20002), came)
	url, _ := dataOf(t, g.event("hook"))["url"].(string)
	if status, _ := get(t, url); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	answer := g.call("send_private_msg", `{"user_id":20002,"message":[{"type":"file","data":{"file":"`+url+`"}}]}`)
	if !strings.Contains(answer, `"retcode":0`) {
		t.Fatalf("answer %s", answer)
	}
	if name := g.sentData(1)["name"]; name != "_.._.ssh_authorized_keys" {
		t.Errorf("NapCat is told the name %v", name)
	}
}

// When NapCat goes while it is handed a file, the app's action was not begun, and no word says that it may have been done.
func TestUnansweredQuestions(t *testing.T) {
	for _, err := range []error{napcat.ErrDropped, fmt.Errorf("x: %w", napcat.ErrTimeout), napcat.ErrAway} {
		got := unanswered("upload_file_stream", err)
		if !errors.Is(got, media.ErrAway) || errors.Is(got, napcat.ErrDropped) || errors.Is(got, napcat.ErrTimeout) || strings.Contains(got.Error(), "may have been done") {
			t.Errorf("%v becomes %v", err, got)
		}
	}
}
