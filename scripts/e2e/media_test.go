package e2e

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// A picture comes while QQ's link lives; then the link dies. The bot fetches the picture by the address in the event and
// sends it back by its bytes and by that address, and NapCat gets the same bytes each time.
func thereAndBack(t *testing.T, n *napcat, p *process) {
	t.Helper()
	picture := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("a picture of a cat "), 9000)...)
	var expired atomic.Bool
	fetched := make(chan struct{}, 16)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if expired.Load() {
			http.Error(w, `{"retcode":-5503007,"retmsg":"download url has expired"}`, http.StatusBadRequest)
			return
		}
		_, _ = w.Write(picture)
		fetched <- struct{}{}
	}))
	t.Cleanup(origin.Close)
	// NapCat names a picture after its MD5 and says its size.
	shown := func(rkey string) simulator.Segment {
		image := simulator.Image(fmt.Sprintf("%X.png", md5.Sum(picture)), origin.URL+"/download?fileid=x&rkey="+rkey)
		image.Data["file_size"] = fmt.Sprint(len(picture))
		return image
	}
	n.Say(simulator.Private(ann), shown("y"), simulator.Text("not yet"))
	<-fetched
	p.wait(t, "GOT not yet")
	expired.Store(true)
	n.Say(simulator.Private(ann), shown("z"), simulator.Text("and back"))
	p.wait(t, fmt.Sprintf("FETCHED %d", len(picture)))
	roads := make(map[string]bool)
	n.sends(t, "the picture, twice", func(simulator.Sent) bool {
		clear(roads)
		for _, s := range n.Sent() {
			for _, segment := range s.Segments {
				value, _ := segment.Data["file"].(string)
				if segment.Type != "image" {
					continue
				}
				if road, got := received(t, value); bytes.Equal(got, picture) {
					roads[road] = true
				} else {
					t.Errorf("NapCat gets %d bytes by %s %.80s", len(got), road, value)
				}
			}
		}
		return roads["base64"] && roads["address"]
	})
}

// received is what NapCat gets by the value of an image.
func received(t *testing.T, value string) (road string, data []byte) {
	t.Helper()
	if payload, ok := strings.CutPrefix(value, "base64://"); ok {
		data, err := base64.StdEncoding.DecodeString(payload)
		if err != nil {
			t.Error(err)
		}
		return "base64", data
	}
	resp, err := http.Get(value)
	if err != nil {
		t.Errorf("%.80s: %v", value, err)
		return value, nil
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return "address", data
}

const mediaOpen = "allowFrom: [20002]\npacing: off\nmedia: {allowPrivate: [127.0.0.1]}\n"

func TestMediaNoneBot(t *testing.T) {
	t.Parallel()
	b := startBox(t, mediaOpen+"apps: {nonebot: {protocol: onebot11, connect: \"ws://127.0.0.1:NONEBOT/onebot/v11/ws\", accessToken: "+nonebotToken+"}}")
	n := dialNapCat(t, b)
	p := reverseNoneBot(t, b)
	p.wait(t, "CONNECTED 10001")
	thereAndBack(t, n, p)
}

func TestMediaKoishi(t *testing.T) {
	t.Parallel()
	b := startBox(t, mediaOpen+"apps: {koishi: {protocol: onebot11, accessToken: "+koishiToken+"}}")
	n := dialNapCat(t, b)
	p := forwardKoishi(t, b)
	p.wait(t, "CONNECTED 10001")
	thereAndBack(t, n, p)
}
