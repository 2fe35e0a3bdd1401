package simulator

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUploadStream(t *testing.T) {
	_, p, ctx := connect(t, Options{})
	for _, test := range []struct{ params, want string }{
		{`{"stream_id":"u-7","chunk_index":1,"total_chunks":2,"chunk_data":"bG8=","file_size":5,"filename":"hello.txt"}`,
			`{"type":"stream","stream_id":"u-7","status":"chunk_received","received_chunks":1,"total_chunks":2}`},
		{`{"stream_id":"u-7","chunk_index":1,"chunk_data":"bG8="}`,
			`{"type":"stream","stream_id":"u-7","status":"chunk_received","received_chunks":1,"total_chunks":2}`},
		{`{"stream_id":"u-7","chunk_index":0,"chunk_data":"aGVs"}`,
			`{"type":"stream","stream_id":"u-7","status":"chunk_received","received_chunks":2,"total_chunks":2}`},
		{`{"stream_id":"u-7","is_complete":true}`,
			`{"type":"response","stream_id":"u-7","status":"file_complete","received_chunks":2,"total_chunks":2,"file_path":"` + hostPath("hello.txt") + `","file_size":5,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}`},
	} {
		f := p.call(ctx, "upload_file_stream", test.params)
		if f.text("stream") != "stream-action" || f.text("echo") != "e" {
			t.Errorf("%s: %s", test.params, f.raw)
		}
		if d := cmp.Diff(test.want, string(f.keys["data"])); d != "" {
			t.Errorf("%s: %s", test.params, d)
		}
	}
	for params, want := range map[string]string{
		`{"stream_id":"u-8","reset":true}`:                                      "Stream reset completed",
		`{"stream_id":"u-8","is_complete":true}`:                                "Stream not found",
		`{"stream_id":"u-8","chunk_index":0,"chunk_data":"bG8="}`:               "total_chunks is required for the first chunk",
		`{"stream_id":"u-8","chunk_index":9,"total_chunks":1,"chunk_data":"x"}`: "Invalid chunk",
	} {
		if f := p.call(ctx, "upload_file_stream", params); f.text("retcode") != "1200" || f.text("message") != want {
			t.Errorf("%s: %s", params, f.raw)
		}
	}
	if got := p.data(ctx, "get_file", `{"file":"hello.txt"}`); got != `{"file":"`+hostPath("hello.txt")+`","url":"`+hostPath("hello.txt")+`","file_size":"5","file_name":"hello.txt"}` {
		t.Errorf("get_file: %s", got)
	}
}

// One file_info, the chunks in order, one file_complete, all with the same echo.
func TestDownloadStream(t *testing.T) {
	n, p, ctx := connect(t, Options{})
	n.PutFile("a.png", "a.png", []byte(strings.Repeat("x", 70000)))
	first := p.call(ctx, "download_file_stream", `{"file":"a.png"}`)
	want := `{"status":"ok","retcode":0,"data":{"type":"stream","data_type":"file_info","file_name":"a.png","file_size":70000,"chunk_size":65536},"message":"","wording":"","echo":"e","stream":"stream-action"}`
	if d := cmp.Diff(want, string(first.raw)); d != "" {
		t.Error(d)
	}
	whole := 0
	for i := range 2 {
		f := p.frame(ctx)
		data := parseFrame(t, f.keys["data"])
		part, err := base64.StdEncoding.DecodeString(data.text("data"))
		if err != nil || data.text("index") != jsonInt(int64(i)) || data.text("data_type") != "file_chunk" || f.text("echo") != "e" ||
			data.text("progress") != []string{"93", "100"}[i] {
			t.Errorf("chunk %d: %.200s", i, f.raw)
		}
		whole += len(part)
	}
	last := p.frame(ctx)
	if got := string(last.keys["data"]); whole != 70000 || got != `{"type":"response","data_type":"file_complete","total_chunks":2,"total_bytes":70000,"message":"Download completed"}` {
		t.Errorf("%d bytes, then %s", whole, got)
	}
}

func TestFiles(t *testing.T) {
	n, p, ctx := connect(t, Options{LocalFileBase64: true})
	n.Say(Private(20002), Image("cat.png", ""))
	p.frame(ctx)
	want := base64.StdEncoding.EncodeToString([]byte(pixel))
	if got := p.data(ctx, "get_image", `{"file":"cat.png"}`); !strings.Contains(got, `"base64":"`+want+`"`) {
		t.Errorf("get_image: %s", got)
	}
	if got := p.data(ctx, "get_record", `{"file":"cat.png","out_format":"mp3"}`); !strings.Contains(got, `"file_name":"cat.png.mp3"`) {
		t.Errorf("get_record: %s", got)
	}
	if f := p.call(ctx, "get_record", `{"file":"cat.png"}`); f.text("retcode") != "1400" {
		t.Errorf("no out_format: %s", f.raw)
	}
	if f := p.call(ctx, "upload_group_file", `{"group_id":30003,"file":"base64://aGVsbG8=","name":"hello.txt"}`); f.text("notice_type") != "group_upload" || !strings.Contains(f.text("file"), `"size":5,"busid":102`) {
		t.Errorf("upload: %s", f.raw)
	}
	if f := p.frame(ctx); !strings.HasPrefix(f.text("data"), `{"file_id":"/`) {
		t.Errorf("upload: %s", f.raw)
	}
	if f := p.call(ctx, "upload_private_file", `{"user_id":20002,"file":"base64://","name":"empty"}`); f.text("retcode") != "1200" {
		t.Errorf("empty file: %s", f.raw)
	}
}
