package napcat

import (
	"errors"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
)

// road carries a session's calls to NapCat: the session's own WebSocket, or NapCat's HTTP server. No method waits.
type road interface {
	// start sends a call. Its params are the caller's again when it returns. ErrBusy and ErrAway mean that nothing was sent.
	start(e *entry, echo string) error
	// ping asks for a sign of life below OneBot, where there is such a thing.
	ping()
	// close starts the session's end.
	close(code uint16, reason string)
}

// socket is the road of a session that is a WebSocket: calls leave by it and answers come among the events.
type socket struct{ conn *link.Conn }

func (s socket) start(e *entry, echo string) error {
	frame := onebot.AppendCall(make([]byte, 0, len(e.Params)+len(e.Action)+64), e.Action, e.Params, echo)
	switch err := s.conn.Send(frame); {
	case errors.Is(err, link.ErrFull):
		return ErrBusy
	case err != nil:
		return ErrAway
	}
	return nil
}

func (s socket) ping() { _ = s.conn.Ping(nil) }

func (s socket) close(code uint16, reason string) { s.conn.Close(code, reason) }
