package appliance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/simulator"
)

// open12 is an appliance with one app of OneBot 12.
func open12(t *testing.T, lines string) *adapter {
	t.Helper()
	if !strings.Contains(lines, "media:") {
		lines += "media: {allowPrivate: [127.0.0.1]}\n"
	}
	x := openAdapter(t, newNapCat(), lines+"gateway: {listen: \"127.0.0.1:0\"}\ncatchUp: false\npacing: off\napps: {v12: {protocol: onebot12, accessToken: "+galleryToken+"}}\n")
	x.play(func(ctx context.Context) error { return x.nap.Dial(ctx, x.a.Addresses()["napcat.default"]) })
	x.until(func(st console.AccountStatus) bool { return st.Connected && x.nap.Connected() > 0 })
	return x
}

// answer12 is an answer to a request of OneBot 12.
type answer12 struct {
	Status  string          `json:"status"`
	Retcode int             `json:"retcode"`
	Data    json.RawMessage `json:"data"`
	Message string          `json:"message"`
}

// ask12 makes a request over HTTP.
func (x *adapter) ask12(action string, params map[string]any) (a answer12) {
	x.t.Helper()
	body, err := json.Marshal(map[string]any{"action": action, "params": params})
	if err != nil {
		x.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(x.ctx, http.MethodPost, strings.Replace(x.a.Addresses()["gateway"], "ws://", "http://", 1)+"/", bytes.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+galleryToken)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || resp.StatusCode != http.StatusOK {
		x.t.Fatalf("%s: status %d, %v", action, resp.StatusCode, err)
	}
	return a
}

// must12 is ask12 for what has to succeed, with the data of the answer.
func (x *adapter) must12(action string, params map[string]any) map[string]any {
	x.t.Helper()
	a := x.ask12(action, params)
	if a.Status != "ok" || a.Retcode != 0 {
		x.t.Fatalf("%s %v: retcode %d %s", action, params, a.Retcode, a.Message)
	}
	var data map[string]any
	if err := json.Unmarshal(a.Data, &data); err != nil {
		x.t.Fatal(err)
	}
	return data
}

// refused12 checks the return code and a part of the text of a failure.
func (x *adapter) refused12(action string, params map[string]any, retcode int, text string) {
	x.t.Helper()
	if a := x.ask12(action, params); a.Retcode != retcode || !strings.Contains(a.Message, text) {
		x.t.Errorf("%s %v: retcode %d %q, want %d %q", action, params, a.Retcode, a.Message, retcode, text)
	}
}

func sumOf12(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func TestTwelveFiles(t *testing.T) {
	x := open12(t, "")
	content := bytes.Repeat([]byte("\x89PNG\r\n\x1a\n a picture "), 3000)
	text := base64.StdEncoding.EncodeToString(content)
	asked := make(chan http.Header, 1)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cat.png" {
			http.NotFound(w, r)
			return
		}
		asked <- r.Header
		_, _ = w.Write(content)
	}))
	defer origin.Close()

	byData := x.must12("upload_file", map[string]any{"type": "data", "name": "cat.png", "data": text, "sha256": sumOf12(content)})
	id, _ := byData["file_id"].(string)
	byURL := x.must12("upload_file", map[string]any{"type": "url", "name": "cat.png", "url": origin.URL + "/cat.png", "headers": map[string]any{"X-Key": "k1"}})
	if h := <-asked; h.Get("X-Key") != "k1" {
		t.Errorf("the headers did not come: %v", h)
	}
	if id == "" || strings.ContainsAny(id, "./") || byURL["file_id"] != id {
		t.Errorf("the ids are %v and %v", byData, byURL)
	}
	x.refused12("upload_file", map[string]any{"type": "data", "name": "cat.png", "data": text, "sha256": sumOf12(nil)}, 10003, "params.sha256")
	x.refused12("upload_file", map[string]any{"type": "url", "name": "x", "url": origin.URL + "/none"}, 33001, "status 404")
	x.refused12("upload_file", map[string]any{"type": "url", "name": "x", "url": "http://10.0.0.1/"}, 10003, "guard of the inner network")
	x.refused12("upload_file", map[string]any{"type": "url", "name": "x", "url": "file:///etc/passwd"}, 10003, "only http and https")
	x.refused12("upload_file", map[string]any{"type": "url", "name": "x", "url": "http://127.0.0.1:1/"}, 33001, "connection refused")
	x.refused12("upload_file", map[string]any{"type": "data", "name": "x", "data": ""}, 10003, "the medium has no bytes")
	x.refused12("upload_file", map[string]any{"type": "path", "name": "x", "path": "/etc/passwd"}, 10004, "files.roots")
	x.refused12("upload_file", map[string]any{"type": "other", "name": "x"}, 10004, "")

	whole := x.must12("get_file", map[string]any{"file_id": id, "type": "data"})
	if whole["data"] != text || whole["sha256"] != sumOf12(content) || whole["name"] != "cat.png" {
		t.Errorf("get_file gives %v %v and %d bytes", whole["name"], whole["sha256"], len(fmt.Sprint(whole["data"])))
	}
	place, _ := x.must12("get_file", map[string]any{"file_id": id, "type": "url"})["url"].(string)
	if resp, err := http.Get(place); err != nil {
		t.Error(err)
	} else {
		got, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !bytes.Equal(got, content) {
			t.Errorf("%s gives %d bytes", place, len(got))
		}
	}
	x.refused12("get_file", map[string]any{"file_id": id, "type": "path"}, 10004, "files.roots")
	for _, kind := range []string{"data", "url", "path"} {
		x.refused12("get_file", map[string]any{"file_id": strings.Repeat("a", 32), "type": kind}, 32005, "")
		x.refused12("get_file", map[string]any{"file_id": "../etc", "type": kind}, 32005, "")
	}

	// NapCat gets the same bytes.
	x.must12("send_message", map[string]any{"detail_type": "private", "user_id": "20002", "message": map[string]any{"type": "image", "data": map[string]any{"file_id": id}}})
	s, err := x.nap.WaitSent(x.ctx, func(s simulator.Sent) bool { return s.Segments[0].Type == "image" })
	if err != nil {
		t.Fatal(err)
	}
	if file, _ := s.Segments[0].Data["file"].(string); !strings.HasSuffix(file, "/media/"+id) {
		t.Errorf("NapCat was sent %v", s.Segments)
	}
	x.refused12("send_message", map[string]any{"detail_type": "private", "user_id": "20002", "message": map[string]any{"type": "image", "data": map[string]any{"file_id": "none"}}}, 32005, "")
}

func TestTwelveFragments(t *testing.T) {
	x := open12(t, "")
	content := bytes.Repeat([]byte("0123456789"), 300_000)
	piece := func(from, to int) string { return base64.StdEncoding.EncodeToString(content[from:to]) }
	transfer := x.must12("upload_file_fragmented", map[string]any{"stage": "prepare", "name": "a.bin", "total_size": len(content)})["file_id"]
	write := func(from, to int) answer12 {
		return x.ask12("upload_file_fragmented", map[string]any{"stage": "transfer", "file_id": transfer, "offset": from, "data": piece(from, to)})
	}
	const half = 1_500_000
	for _, p := range [][2]int{{half, 3_000_000}, {half, 2_000_000}} { // the end first, some of it twice
		if a := write(p[0], p[1]); a.Retcode != 0 || string(a.Data) != "null" {
			t.Errorf("transfer: %+v", a)
		}
	}
	finish := map[string]any{"stage": "finish", "file_id": transfer, "sha256": sumOf12(content)}
	x.refused12("upload_file_fragmented", finish, 32002, "pieces are missing: 1500000 bytes, the first at 0")
	x.refused12("upload_file_fragmented", map[string]any{"stage": "transfer", "file_id": transfer, "offset": 2_999_999, "data": "AAAA"}, 10003, "beyond total_size")
	write(0, half)
	id, _ := x.must12("upload_file_fragmented", finish)["file_id"].(string)
	x.refused12("upload_file_fragmented", finish, 32005, "no such transfer")
	if id == transfer || id == "" {
		t.Errorf("the final id is %q, that of the transfer %q", id, transfer)
	}
	other := x.must12("upload_file_fragmented", map[string]any{"stage": "prepare", "name": "b", "total_size": 3})["file_id"]
	x.must12ok("upload_file_fragmented", map[string]any{"stage": "transfer", "file_id": other, "offset": 0, "data": "AAAA"})
	x.refused12("upload_file_fragmented", map[string]any{"stage": "finish", "file_id": other, "sha256": sumOf12(content)}, 32003, "another SHA-256")
	x.refused12("upload_file_fragmented", map[string]any{"stage": "prepare", "name": "b", "total_size": 1 << 40}, 10003, "mediaMaxMb")

	info := x.must12("get_file_fragmented", map[string]any{"stage": "prepare", "file_id": id})
	if info["name"] != "a.bin" || info["sha256"] != sumOf12(content) || info["total_size"] != float64(len(content)) {
		t.Errorf("prepare gives %v", info)
	}
	var got []byte
	for from := 0; from < len(content); from += 1 << 20 {
		size := min(1<<20, len(content)-from)
		data, _ := x.must12("get_file_fragmented", map[string]any{"stage": "transfer", "file_id": id, "offset": from, "size": size})["data"].(string)
		part, err := base64.StdEncoding.DecodeString(data)
		if err != nil || len(part) != size {
			t.Fatalf("%d bytes at %d: %d (%v)", size, from, len(part), err)
		}
		got = append(got, part...)
	}
	if !bytes.Equal(got, content) {
		t.Error("the pieces make another file")
	}
	x.refused12("get_file_fragmented", map[string]any{"stage": "transfer", "file_id": id, "offset": len(content), "size": 1}, 10003, "beyond the end")
	x.refused12("get_file_fragmented", map[string]any{"stage": "transfer", "file_id": id, "offset": 0, "size": 2 << 20}, 10003, "at most 1048576 bytes")

	// What does not go into one answer is refused with a way that leads there.
	big := make([]byte, 5<<20)
	big[0] = 1
	transfer = x.must12("upload_file_fragmented", map[string]any{"stage": "prepare", "name": "big", "total_size": len(big)})["file_id"]
	for from := 0; from < len(big); from += 1 << 20 {
		x.must12ok("upload_file_fragmented", map[string]any{"stage": "transfer", "file_id": transfer, "offset": from, "data": base64.StdEncoding.EncodeToString(big[from : from+1<<20])})
	}
	large := x.must12("upload_file_fragmented", map[string]any{"stage": "finish", "file_id": transfer, "sha256": sumOf12(big)})["file_id"]
	x.refused12("get_file", map[string]any{"file_id": large, "type": "data"}, 10004, "get_file_fragmented")
}

// must12ok is must12 for what has no data.
func (x *adapter) must12ok(action string, params map[string]any) {
	x.t.Helper()
	if a := x.ask12(action, params); a.Retcode != 0 {
		x.t.Fatalf("%s: retcode %d %s", action, a.Retcode, a.Message)
	}
}

// Paths are open to apps below files.roots, and there alone.
func TestFault_S03_TwelvePaths(t *testing.T) {
	shared, media := t.TempDir(), filepath.Join(t.TempDir(), "media")
	inside := filepath.Join(shared, "cat.png")
	if err := os.WriteFile(inside, []byte("a cat"), 0o600); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("a secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	x := open12(t, fmt.Sprintf("files: {roots: [%q]}\nmedia: {dir: %q, allowPrivate: [127.0.0.1]}\n", shared, media))
	id := x.must12("upload_file", map[string]any{"type": "path", "name": "cat.png", "path": inside})["file_id"]
	x.refused12("upload_file", map[string]any{"type": "path", "name": "x", "path": outside}, 10003, "files.roots")
	x.refused12("upload_file", map[string]any{"type": "path", "name": "x", "path": shared + "/../" + filepath.Base(filepath.Dir(outside)) + "/secret"}, 10003, "files.roots")
	x.refused12("get_file", map[string]any{"file_id": id, "type": "path"}, 10004, "not below accounts.default.files.roots")

	x = open12(t, fmt.Sprintf("files: {roots: [%q]}\nmedia: {dir: %q, allowPrivate: [127.0.0.1]}\n", shared, filepath.Join(shared, "media")))
	id = x.must12("upload_file", map[string]any{"type": "path", "name": "cat.png", "path": inside})["file_id"]
	path, _ := x.must12("get_file", map[string]any{"file_id": id, "type": "path"})["path"].(string)
	if got, err := os.ReadFile(path); err != nil || string(got) != "a cat" {
		t.Errorf("%s holds %q (%v)", path, got, err)
	}
}

// Without a cache the file actions are not there, and messages go on: what came with an address can be sent again by it.
func TestTwelveWithoutACache(t *testing.T) {
	x := open12(t, "media: {maxTotalMb: 0}\n")
	for action, params := range map[string]map[string]any{
		"upload_file":            {"type": "data", "name": "x", "data": "AAAA"},
		"upload_file_fragmented": {"stage": "prepare", "name": "x", "total_size": 3},
		"get_file":               {"type": "url", "file_id": "x"},
		"get_file_fragmented":    {"stage": "prepare", "file_id": "x"},
	} {
		x.refused12(action, params, 10002, action+": catflap keeps no media here (media.maxTotalMb)")
	}
	if a := x.ask12("get_supported_actions", map[string]any{}); strings.Contains(string(a.Data), `"upload_file`) || strings.Contains(string(a.Data), `"get_file`) {
		t.Errorf("supported are %s", a.Data)
	}
	image := func(data map[string]any) map[string]any {
		return map[string]any{"detail_type": "private", "user_id": "20002", "message": map[string]any{"type": "image", "data": data}}
	}
	x.refused12("send_message", image(map[string]any{"file_id": "x"}), 32005, "catflap keeps no media here (media.maxTotalMb)")
	x.must12("send_message", image(map[string]any{"file_id": "x", "qq": map[string]any{"url": "http://127.0.0.1:9/cat.png"}}))
	s, err := x.nap.WaitSent(x.ctx, func(s simulator.Sent) bool { return s.Segments[0].Type == "image" })
	if err != nil || s.Segments[0].Data["file"] != "http://127.0.0.1:9/cat.png" {
		t.Errorf("NapCat was sent %v (%v)", s.Segments, err)
	}
	x.must12("send_message", map[string]any{"detail_type": "private", "user_id": "20002", "message": "hi"})
}
