package simulator

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// RefusedError is a gateway that answered the upgrade with something else than 101. NapCat dials again all the same.
type RefusedError struct {
	Status int
	Body   string // its first 512 bytes
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the gateway answered %d %s: %q", e.Status, http.StatusText(e.Status), e.Body)
}

// accept is the answer to a key, RFC 6455 section 4.2.2.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// upgrade dials and asks for a WebSocket, all within the handshake limit. Header names go out as spelled here, which is
// how NapCat spells them; Authorization is there even without a token; no subprotocol and no extension is offered.
func (n *NapCat) upgrade(ctx context.Context, u *url.URL) (*session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, HandshakeTimeout, errors.New("opening handshake has timed out"))
	defer cancel()
	port := u.Port()
	if port == "" {
		port = either(u.Scheme == "wss", "443", "80")
	}
	var d net.Dialer
	tcp, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	wire := newCable(tcp)
	conn := net.Conn(wire)
	if u.Scheme == "wss" {
		conn = tls.Client(wire, n.tls(u.Hostname()))
	}
	stop := context.AfterFunc(ctx, func() { _ = wire.Close() })
	r, err := n.shake(conn, u)
	if !stop() && err != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = wire.Close()
		return nil, err
	}
	if ctx.Err() != nil { // the limit struck right after the answer and has closed the socket
		return nil, context.Cause(ctx)
	}
	return newSession(conn, wire, r, true), nil
}

func (n *NapCat) tls(host string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if n.opts.TLS != nil {
		config = n.opts.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	return config
}

func (n *NapCat) shake(conn net.Conn, u *url.URL) (*bufio.Reader, error) {
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, err
	}
	key := base64.StdEncoding.EncodeToString(nonce[:])
	head := "GET " + u.RequestURI() + " HTTP/1.1\r\n" +
		"X-Self-ID: " + decimal(n.opts.SelfID) + "\r\n" +
		"Authorization: Bearer " + n.opts.Token + "\r\n" +
		"x-client-role: Universal\r\n" +
		"User-Agent: OneBot/11\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: " + key + "\r\n" +
		"Connection: Upgrade\r\n" +
		"Upgrade: websocket\r\n" +
		"Host: " + u.Host + "\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, 16<<10)
	resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) // a cut body is still worth showing
		return nil, &RefusedError{Status: resp.StatusCode, Body: string(body)}
	}
	if resp.Header.Get("Sec-WebSocket-Accept") != accept(key) {
		return nil, errors.New("invalid Sec-WebSocket-Accept header")
	}
	return r, nil
}

// take answers an upgrade with 101, whoever asks. An error has been answered.
func take(w http.ResponseWriter, r *http.Request) (*session, error) {
	switch {
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		http.Error(w, "Upgrade Required", http.StatusUpgradeRequired)
		return nil, errors.New("not a WebSocket upgrade")
	case r.Method != http.MethodGet:
		http.Error(w, "Invalid HTTP method", http.StatusMethodNotAllowed)
		return nil, errors.New("not a GET")
	case r.Header.Get("Sec-WebSocket-Key") == "":
		http.Error(w, "Missing or invalid Sec-WebSocket-Key header", http.StatusBadRequest)
		return nil, errors.New("no Sec-WebSocket-Key")
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("taking the connection over: %w", err)
	}
	wire, ok := conn.(*cable)
	if !ok {
		wire = newCable(conn)
	}
	_ = wire.SetDeadline(time.Time{}) // the HTTP server may have set one
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		accept(r.Header.Get("Sec-WebSocket-Key")) + "\r\n\r\n"
	if _, err := io.WriteString(wire, head); err != nil {
		_ = wire.Close()
		return nil, err
	}
	return newSession(wire, wire, buffered.Reader, false), nil
}
