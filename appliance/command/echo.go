package command

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
)

// echoApp is the demo's bot: a OneBot 11 client like any framework, on a real WebSocket to the gateway.
type echoApp struct{ url, token string }

// run stays connected until ctx ends.
func (e *echoApp) run(ctx context.Context) {
	header := http.Header{"Authorization": {"Bearer " + e.token}}
	for ctx.Err() == nil {
		conn, err := link.Dial(ctx, link.Target{URL: e.url, Header: header}, link.Options{})
		if err == nil {
			_ = conn.Serve(ctx, link.Handler{Frame: func(frame []byte) error {
				if answer := echo(frame); answer != nil {
					_ = conn.Send(answer) // a full queue loses one pong of a demo
				}
				return nil
			}})
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// echo gives the call that answers "ping X" with "pong X" where it was said; nil for every other frame.
func echo(frame []byte) []byte {
	var head onebot.Head
	if onebot.PeekHead(frame, &head) != nil || head.PostType != "message" {
		return nil
	}
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(onebot.AppendText(nil, head.Message)), []byte("ping"))
	if !ok {
		return nil
	}
	params := map[string]any{
		"message_type": head.Detail,
		"user_id":      head.UserID,
		"message":      []any{map[string]any{"type": "text", "data": map[string]string{"text": "pong" + string(rest)}}},
	}
	if head.GroupID != 0 {
		params["group_id"] = head.GroupID
	}
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil
	}
	return onebot.AppendCall(nil, "send_msg", encoded, "pong")
}
