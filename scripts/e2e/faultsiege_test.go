package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startPlainBox is startBox with a catflap as users have it, without the race detector: for what it costs.
func startPlainBox(t *testing.T, config string) *box {
	t.Helper()
	b := newBox(t, config)
	b.program = plainBinary(t)
	b.start(t)
	return b
}

// anonymous is the memory of its own that the box's catflap has resident, in bytes.
func (b *box) anonymous(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatalf("no RssAnon in\n%s", text)
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// dialStalled opens a forward WebSocket with the token and never reads from it again.
func dialStalled(t *testing.T, b *box, token string) net.Conn {
	t.Helper()
	c := knock(t, b.gateway)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\n\r\n", token)
	line := make([]byte, 12)
	if _, err := io.ReadFull(c, line); err != nil || !strings.HasSuffix(string(line), "101") {
		t.Fatalf("the gateway answered %q, %v", line, err)
	}
	return c
}

func knock(t *testing.T, port int) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Sockets that say nothing, drip, never end, or carry bombs come by the thousand. The good links stay up and are
// served all the while, and memory stays bounded.
func TestFault_S06_Siege(t *testing.T) {
	t.Parallel()
	b := startPlainBox(t, threeApps)
	n := dialNapCat(t, b)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	links := n.Links()
	served := func(during string) {
		t.Helper()
		n.mention(ops, ann, "message "+during)
		p.text(t, "message "+during)
		p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": "answer " + during})
		n.hears(t, ops, 0, "answer "+during, 1)
		if used := b.anonymous(t); used > 40<<20 {
			t.Errorf("%s: catflap uses %d KiB of its own memory", during, used>>10)
		}
	}
	served("before")

	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	const crowd = 5000 // on each of the two ports
	for i := range 2 * crowd {
		port := b.gateway
		if i%2 == 1 {
			port = b.napcat
		}
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), 5*time.Second)
		if err != nil {
			continue // turned away, as it should be
		}
		open = append(open, c)
		switch i % 4 {
		case 0: // says nothing
		case 1:
			io.WriteString(c, "GET / HT") // a slow handshake
		case 2:
			io.WriteString(c, "POST /send_msg HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8000000\r\n\r\n{") // a slow body
		case 3:
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ") // a header that does not come
		}
		if i%1000 == 0 {
			served(fmt.Sprintf("with %d sockets", i))
		}
	}
	served("with all sockets")

	// Endless headers end.
	c := knock(t, b.gateway)
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	go func() {
		for _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"); err == nil; {
			_, err = io.WriteString(c, "X-Padding: "+strings.Repeat("a", 4000)+"\r\n")
		}
	}()
	if r, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil && r.StatusCode < 400 {
		t.Errorf("endless headers were answered %s", r.Status)
	}
	served("after endless headers")

	// Frames: JSON as deep as a well, a message of very many segments, a compressed frame that nobody agreed on.
	deep := `{"action":"send_msg","params":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000) + `,"echo":"deep"}`
	many := `{"action":"send_group_msg","params":{"group_id":30003,"message":[` + strings.TrimSuffix(strings.Repeat(`{},`, 1_000_000), ",") + `]},"echo":"many"}`
	for echo, text := range map[string]string{"deep": deep, "many": many} {
		hostile := dialProbe(t, b, "/api", koishiToken)
		if err := hostile.conn.Send([]byte(text)); err != nil {
			t.Fatal(err)
		}
		answer := hostile.wait(t, "an answer to "+echo, func(f frame) bool { return f.is("status", "failed") })
		if !answer.is("status", "failed") {
			t.Errorf("%s: %+v", echo, answer)
		}
		served("after " + echo)
	}
	bomb := dialStalled(t, b, nonebotToken)
	defer bomb.Close()
	bomb.Write(append([]byte{0xc1, 0x84, 0, 0, 0, 0}, 1, 2, 3, 4)) // RSV1: compressed, without having been agreed
	bomb.SetReadDeadline(time.Now().Add(limit))
	rest, err := io.ReadAll(bomb)
	if err != nil {
		t.Errorf("the link with the compressed frame stayed open: %v", err)
	}
	if bytes.Contains(rest, []byte("permessage-deflate")) {
		t.Error("catflap agreed to compression")
	}
	served("after all")
	if again := n.Links(); again != links {
		t.Errorf("NapCat linked %d times more", again-links)
	}
}
