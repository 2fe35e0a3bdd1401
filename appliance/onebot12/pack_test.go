package onebot12

import (
	"bytes"
	"strings"
	"testing"
)

// An upload in MessagePack has its bytes as bin; the answer has floats, texts and bytes as the standard says.
func TestPack(t *testing.T) {
	request := []byte("\x83\xa6action\xabupload_file\xa6params\x83\xa4type\xa4data\xa4name\xa1x\xa4data\xc4\x03\x00\xffa\xa4echo\xa11")
	out, bad := Unpack(request, 1<<20)
	if bad != nil {
		t.Fatal(bad)
	}
	var r Request
	if bad := ParseRequest(out, &r); bad != nil {
		t.Fatal(bad)
	}
	p, bad := r.Plan(&PlanOptions{Files: true})
	if bad != nil || string(p.Upload.Data) != "AP9h" || string(r.Echo) != `"1"` {
		t.Errorf("%v: %+v", bad, p)
	}

	answer := AppendOK(nil, r.Echo, AppendFile(nil, "data", FileInfo{Name: "x", Data: []byte("\x00\xffa")}))
	want := "\x85\xa6status\xa2ok\xa7retcode\x00\xa4data\x82\xa4name\xa1x\xa4data\xc4\x03\x00\xffa\xa7message\xa0\xa4echo\xa11"
	if got := Pack(nil, answer, true); string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	sent := []byte(`{"data":{"message_id":"5","time":1767225600.0}}`)
	want = "\x81\xa4data\x82\xaamessage_id\xa15\xa4time\xcb\x41\xda\x55\x6e\x40\x00\x00\x00"
	if got := Pack(nil, sent, false); string(got) != want {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestUnpackRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":             "the request is not MessagePack: it ends too early, or is followed by something",
		"{}":           "the request is not MessagePack: it ends too early, or is followed by something",
		"\x81\x01\x01": "the request is not MessagePack: a key of a map is not text",
		"\xda\x01\x00" + string(make([]byte, 256)): "the request is too large (limits.maxFrameMb)",
		strings.Repeat("\x91", 200):                "the request is not MessagePack: it nests too deep",
	} {
		if out, bad := Unpack([]byte(in), 300); bad == nil || bad.Code != BadRequest || bad.Message != want {
			t.Errorf("%q: %v, %s", in, bad, out)
		}
	}
	if got := Pack(nil, []byte("{"), false); !bytes.Contains(got, []byte("failed")) {
		t.Errorf("%q", got)
	}
}
