package link

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lxzan/gws"
)

// acceptTimeout bounds the writing of the 101 answer.
const acceptTimeout = 5 * time.Second

var (
	// ErrNotUpgrade means that the request is not a WebSocket upgrade. Nothing was answered: answer 400, or
	// 426 with `Upgrade: websocket` on a path that has nothing else.
	ErrNotUpgrade = errors.New("the request is not a WebSocket upgrade")
	// ErrVersion means that the request asks for another WebSocket version than 13. Nothing was answered:
	// answer 426 with `Sec-WebSocket-Version: 13`.
	ErrVersion = errors.New("the request asks for a WebSocket version other than 13")
)

// IsUpgrade reports whether the request asks for a WebSocket.
func IsUpgrade(r *http.Request) bool {
	return hasToken(r.Header["Connection"], "upgrade") && hasToken(r.Header["Upgrade"], "websocket")
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// Accept answers 101 and takes the connection over. Token, origin and limits are the caller's and come before:
// errors before the answer (ErrNotUpgrade, ErrVersion, a server that cannot hand the connection over) leave
// the response to the caller; after an error of the connection itself it is closed.
func Accept(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	if r.Method != http.MethodGet || !IsUpgrade(r) || r.Header.Get("Sec-WebSocket-Key") == "" {
		return nil, ErrNotUpgrade
	}
	if r.Header.Get("Sec-WebSocket-Version") != "13" {
		return nil, ErrVersion
	}
	raw, ahead, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("taking the connection over: %w", err)
	}
	if socket, ok := raw.(interface{ Keep() }); ok {
		socket.Keep() // a listener that bounds its sockets closes idle ones, and this is none
	}
	o = o.withDefaults()
	// Frames may have come together with the request; gws's own Upgrade would lose them.
	early, _ := ahead.Reader.Peek(ahead.Reader.Buffered())
	frames := &wire{Conn: raw, mode: modePlain, limit: uint64(o.MaxFrame), swallowTo: o.swallowTo(), prefix: append([]byte(nil), early...)}
	c := newConn(raw, frames, false, o)
	up := gws.NewUpgrader(&events{c}, &gws.ServerOption{
		ReadMaxPayloadSize: o.MaxFrame,
		ReadBufferSize:     o.ReadBuffer,
		CheckUtf8Enabled:   true,
		HandshakeTimeout:   acceptTimeout,
		NewSession:         noSession,
	})
	// gws looks for one value in one header line; a proxy may have written several. They were checked above.
	plain := r.Clone(r.Context())
	plain.Header.Set("Connection", "Upgrade")
	plain.Header.Set("Upgrade", "websocket")
	ws, err := up.UpgradeFromConn(frames, bufio.NewReaderSize(frames, o.ReadBuffer), plain)
	if err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("answering the upgrade of %s: %w", raw.RemoteAddr(), err)
	}
	frames.mode = modeFrames
	c.ws = ws
	return c, nil
}

// noSession spares the map that gws makes for each connection.
func noSession() gws.SessionStorage { return nil }
