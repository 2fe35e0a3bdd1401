package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// document writes a file of this box, outside of catflap's own folder.
func document(t *testing.T, name string, size int) (path string, data []byte) {
	t.Helper()
	data = append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("a page about cats\n"), size/18)...)
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, data
}

// handed waits for NapCat to be asked for an action and checks the bytes of its file and the other parameters.
func handed(t *testing.T, n *napcat, after int, action string, data []byte, want map[string]string) {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	c, err := n.WaitCall(ctx, func(c simulator.Call) bool { return c.Seq > int64(after) && c.Action == action })
	if err != nil {
		t.Fatalf("NapCat was not asked for %s: %v", action, err)
	}
	file, _ := c.Params["file"].(string)
	if strings.HasPrefix(file, "file://") || strings.HasPrefix(file, "/") {
		t.Fatalf("NapCat, which may live elsewhere, was given the path %s", file)
	}
	if _, got := received(t, file); !bytes.Equal(got, data) {
		t.Errorf("NapCat gets %d bytes of %.80s, want %d", len(got), file, len(data))
	}
	for key, value := range want {
		if got := fmt.Sprint(c.Params[key]); got != value {
			t.Errorf("%s: %s is %s, want %s", action, key, got, value)
		}
	}
}

// An upload names a file of this box: by hand any that the caller may read, from an application one below files.roots.
func uploads(t *testing.T, action, target string, id int, more map[string]string) {
	t.Helper()
	path, data := document(t, "季度 file.pdf", 90_000)
	b, n, p := setUp(t, admitted+"\nfiles: {roots: ["+filepath.Dir(path)+"]}")
	b.account(t, "default", true)
	params := map[string]any{target: id, "file": "file://" + path, "name": "file.pdf"}
	args := []string{"call", action, fmt.Sprintf("%s=%d", target, id), "file=file://" + path, "name=file.pdf"}
	want := map[string]string{target: fmt.Sprint(id), "name": "file.pdf"}
	for key, value := range more {
		params[key], want[key] = value, value
		args = append(args, key+"="+value)
	}
	before := len(n.Calls())
	b.cli(t, args...)
	handed(t, n, before, action, data, want)

	before = len(n.Calls())
	p.must(t, action, params)
	handed(t, n, before, action, data, want)

	outside, _ := document(t, "secret.pdf", 100)
	params["file"] = "file://" + outside
	before = len(n.Calls())
	if answer := p.call(t, action, params); !answer.is("status", "failed") || !strings.Contains(fmt.Sprint(answer["wording"]), "files.roots") {
		t.Errorf("a file outside of files.roots was answered %+v", answer)
	}
	for _, c := range n.Calls()[before:] {
		if c.Action == action {
			t.Errorf("NapCat was asked all the same: %s", c.Raw)
		}
	}
}

func TestSeed_openclaw_uploadGroupFile(t *testing.T) {
	uploads(t, "upload_group_file", "group_id", ops, map[string]string{"folder_id": "folder_id"})
}

func TestSeed_openclaw_uploadPrivateFile(t *testing.T) {
	uploads(t, "upload_private_file", "user_id", ann, nil)
}

// A file segment keeps its bytes and its name, whatever its extension.
func TestSeed_openclaw_send_file(t *testing.T) {
	n, p := ready(t)
	for _, name := range []string{"document.pdf", "archive.tar.gz", "main.rs", "notes.catflap", "笔记 1.docx", "no extension"} {
		posted := map[string]any{"file": "base64://aGVsbG8=", "name": name}
		before := len(n.Sent())
		p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": []any{map[string]any{"type": "file", "data": posted}}})
		sent := n.Sent()[before:]
		if len(sent) != 1 || len(sent[0].Segments) != 1 || sent[0].Segments[0].Type != "file" || sent[0].Segments[0].Data["name"] != name {
			t.Fatalf("%s became %+v", name, sent)
		}
		if _, got := received(t, fmt.Sprint(sent[0].Segments[0].Data["file"])); string(got) != "hello" {
			t.Errorf("%s holds %q", name, got)
		}
	}
}

// A medium above mediaMaxMb is not fetched on the way in, and refused on the way out with the limit named.
func TestSeed_openclaw_mediaMaxMb(t *testing.T) {
	path, data := document(t, "large.pdf", 1<<20+1000)
	b, n, p := setUp(t, admitted+"\nmediaMaxMb: 1\nlimits: {maxFrameMb: 8}\nfiles: {roots: ["+filepath.Dir(path)+"]}")
	b.account(t, "default", true)
	out, err := b.try("call", "upload_group_file", fmt.Sprintf("group_id=%d", ops), "file="+path)
	if err == nil || !strings.Contains(out, "mediaMaxMb") {
		t.Errorf("an upload by hand above the limit: %v\n%s", err, out)
	}
	for what, file := range map[string]string{"a file of this box": "file://" + path, "bytes": based(data)} {
		answer := p.call(t, "send_group_msg", map[string]any{"group_id": ops, "message": []any{map[string]any{"type": "file", "data": map[string]any{"file": file, "name": "large.pdf"}}}})
		if !answer.is("status", "failed") || !strings.Contains(fmt.Sprint(answer["wording"]), "mediaMaxMb") {
			t.Errorf("%s above the limit was answered %+v", what, answer)
		}
	}
	if sent := n.Sent(); len(sent) != 0 {
		t.Errorf("NapCat was handed %+v", sent)
	}
	picture := simulator.Image("0123456789ABCDEF0123456789ABCDEF.png", "http://multimedia.nt.qq.com.cn/large.png")
	picture.Data["file_size"] = fmt.Sprint(2 << 20)
	n.Say(simulator.Private(ann), picture, simulator.Text("look"))
	s := segments(p.text(t, "look"))[0]
	if !s.data().is("url", "http://multimedia.nt.qq.com.cn/large.png") || s.data()["catflap_note"] == nil {
		t.Errorf("a large picture came as %+v, want its own address and a note", s)
	}

	if out := b.cli(t, "config", "show"); !strings.Contains(out, "mediaMaxMb: 1") {
		t.Errorf("config show lacks the limit:\n%s", out)
	}
}

func based(data []byte) string { return "base64://" + base64.StdEncoding.EncodeToString(data) }
