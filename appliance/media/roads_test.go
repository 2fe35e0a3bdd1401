package media

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/fence"
)

// streamOf are NapCat's frames of a file, which claim a size and a number of chunks.
func streamOf(body []byte, size, chunks int) map[string][]string {
	return map[string][]string{"download_file_image_stream": {
		fmt.Sprintf(`{"status":"ok","retcode":0,"data":{"data_type":"file_info","file_size":%d}}`, size),
		`{"status":"ok","retcode":0,"data":{"data_type":"file_chunk","index":0,"data":"` + base64.StdEncoding.EncodeToString(body) + `"}}`,
		fmt.Sprintf(`{"status":"ok","retcode":0,"data":{"data_type":"file_complete","total_chunks":%d,"total_bytes":%d}}`, chunks, size),
	}}
}

// Behind a fake-IP proxy each name has an address that the guard refuses: NapCat's own roads are tried all the same.
func TestRefusedAddressLeavesNapCatsRoads(t *testing.T) {
	body := picture(1, 5000)
	tests := []struct {
		name    string
		address string // that get_msg gives; "" = the stream has it
		want    error
	}{
		{"another address", "", nil},
		{"the stream", "http://198.18.0.8/again", nil},
		{"nowhere", "http://198.18.0.8/again", fence.ErrRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQQ(t)
			o := image(q, 1, body)
			link := o.URL
			if tt.address != "" {
				link = tt.address
			}
			n := &napcat{answers: map[string]string{"get_msg": `{"message":[{"type":"image","data":{"file":"` + o.File + `","url":"` + link + `"}}]}`}}
			if tt.name == "the stream" {
				n.frames = streamOf(body, len(body), 1)
			}
			b := newBox(t, "", func(o *Options) {
				o.Settings.Eager = 0
				n.options(o)
			})
			o.URL = "http://198.18.0.7/download?fileid=x"
			got, err := b.read(b.offer(o))
			if !errors.Is(err, tt.want) || err == nil && string(got) != string(body) {
				t.Errorf("reading = %d bytes, %v", len(got), err)
			}
			if refused := b.Stats().Failures["refused"]; refused != 1 {
				t.Errorf("%d refusals counted, want 1", refused)
			}
			agree(t, b.Dir(), b.index)
		})
	}
}

func TestNothingEager(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Eager = 0 })
	body := picture(1, 5000)
	o := image(q, 1, body)
	o.Size = 0
	key := b.offer(o)
	b.settleDown()
	if q.hits.Load() != 0 {
		t.Errorf("with eagerMb: 0 a medium of unknown size was fetched")
	}
	b.want(key, body)
}

// What contradicts the message is not taken while another road has the whole, and never promised to stay as it is.
func TestBytesThatContradictTheMessage(t *testing.T) {
	body := picture(1, 5000)
	half := body[:2000]
	whole := `{"base64":"` + base64.StdEncoding.EncodeToString(body) + `"}`
	words := []byte(`{"retcode":-5503007,"retmsg":"download url has expired"}`)
	tests := []struct {
		name   string
		origin []byte // nil = its link is dead
		change func(*Offered)
		napcat *napcat
		want   []byte // nil = gone
		firm   bool   // readers may keep it
	}{
		{"half by MD5, NapCat has it", half, func(o *Offered) { o.Size = 0 }, &napcat{answers: map[string]string{"get_image": whole}}, body, true},
		{"half by size, NapCat has it", half, func(o *Offered) { o.File = "a.png" }, &napcat{answers: map[string]string{"get_image": whole}}, body, true},
		{"half by size, nobody has more", half, func(o *Offered) { o.File = "a.png" }, &napcat{}, half, false},
		{"words for a picture, NapCat has it", words, func(o *Offered) { o.File, o.Size = "a.png", 0 }, &napcat{answers: map[string]string{"get_image": whole}}, body, true},
		{"words for a picture, nobody has it", words, func(o *Offered) { o.File, o.Size = "a.png", 0 }, &napcat{}, nil, false},
		{"a page for a picture", []byte("<!DOCTYPE html><html>no</html>"), func(o *Offered) { o.File, o.Size = "a.png", 0 }, &napcat{}, nil, false},
		{"a stream with too few bytes", nil, func(o *Offered) { o.File, o.Size = "a.png", 0 }, &napcat{frames: streamOf(half, 5000, 1)}, half, false},
		{"a stream with too few chunks", nil, func(o *Offered) { o.File, o.Size = "a.png", 0 }, &napcat{frames: streamOf(half, 2000, 3)}, half, false},
		{"half a stream, the copy is whole", nil, func(o *Offered) { o.File, o.Size = "a.png", 0 },
			&napcat{frames: streamOf(half, 2000, 3), answers: map[string]string{"get_image": whole}}, body, true},
		{"less at each road", half, func(o *Offered) { o.File = "a.png" }, &napcat{frames: streamOf(half[:100], 100, 1)}, half, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQQ(t)
			o := image(q, 1, body)
			if q.put("id1", tt.origin); tt.origin == nil {
				q.expire("fresh")
			}
			tt.change(&o)
			b := newBox(t, "", func(o *Options) {
				o.Settings.Eager = 0
				tt.napcat.options(o)
			})
			server := httptest.NewServer(b)
			defer server.Close()
			defer http.DefaultClient.CloseIdleConnections()
			key := b.offer(o)
			got, err := b.read(key)
			if tt.want == nil {
				if !errors.Is(err, ErrGone) {
					t.Errorf("reading = %d bytes, %v, want ErrGone", len(got), err)
				}
			} else {
				b.want(key, tt.want)
				resp, err := http.Get(server.URL + Path + key.String())
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if control := resp.Header.Get("Cache-Control"); strings.Contains(control, "immutable") != tt.firm {
					t.Errorf("Cache-Control: %s", control)
				}
			}
			agree(t, b.Dir(), b.index)
		})
	}
}
