package gate

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestReadEndsSlowBodies(t *testing.T) {
	d := open(t, func(k *Knock) {
		within := 20 * time.Second
		if k.URL.Path == "/slow" {
			within = time.Millisecond
		}
		var body []byte
		err := k.Read(within, func(r io.Reader) (err error) {
			body, err = io.ReadAll(r)
			return err
		})
		if err != nil {
			k.Refuse(&Refusal{http.StatusRequestTimeout, "too slow"})
			return
		}
		_, _ = k.Plain().Write(body)
	})
	d.Serve()
	c, err := net.Dial("tcp", d.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	// Two on one socket: the limit of the first does not reach the second.
	for range 2 {
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
		answer := make([]byte, 400)
		n, err := c.Read(answer)
		if text := string(answer[:n]); err != nil || !strings.HasPrefix(text, "HTTP/1.1 200") || !strings.HasSuffix(text, "hello") {
			t.Fatalf("%q, %v", text, err)
		}
	}
	fmt.Fprint(c, "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel")
	answer, err := io.ReadAll(c)
	if text := string(answer); err != nil || !strings.HasPrefix(text, "HTTP/1.1 408") || !strings.HasSuffix(text, "too slow\n") {
		t.Fatalf("%q, %v", text, err)
	}
}

// An address that has shown a right token may open a socket for each event of a burst.
func TestTrustedAddressesMayOpenMore(t *testing.T) {
	h := newHall(t)
	h.trust("192.0.2.1:4000")
	h.trust("127.0.0.1:4000")
	h.trust("nonsense")
	first, peer := h.enter("192.0.2.1")
	for range maxPerHost {
		h.enter("192.0.2.1")
	}
	if !alive(first, peer) {
		t.Error("a socket of a trusted address was closed")
	}
	other, peer := h.enter("192.0.2.2")
	for range maxPerHost {
		h.enter("192.0.2.2")
	}
	if alive(other, peer) {
		t.Error("a stranger opened too many")
	}
	for i := range 2 * maxTrusted {
		h.trust(fmt.Sprintf("198.51.100.%d:1", i))
	}
	if n := len(h.trusted); n != maxTrusted {
		t.Errorf("%d addresses are remembered", n)
	}
}
