package napcat

import (
	"net/http"

	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/link"
)

// upgrade makes a request of NapCat's WebSocket client the account's link, or refuses it.
func (a *Account) upgrade(k *gate.Knock) {
	self, refusal := a.check(k.Request)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	k.Trust()
	conn := k.Accept(a.linkOptions())
	if conn == nil {
		return
	}
	if self != 0 {
		if err := a.adopt(self); err != nil { // another connection was quicker
			k.Note(&gate.Refusal{Status: http.StatusForbidden, Reason: err.Error()})
			conn.Close(1008, "wrong self id")
			return
		}
	}
	remote := k.RemoteAddr
	if !a.spawn(func() { _ = a.serve(conn, remote) }) {
		conn.Close(1001, "catflap is going away")
	}
}

// check returns the self id that the handshake brings (0 for none) or why it is refused.
func (a *Account) check(r *http.Request) (uint64, *gate.Refusal) {
	if refusal := gate.CheckOrigin(r, nil); refusal != nil {
		return 0, refusal
	}
	if refusal := gate.CheckToken(r, a.Config.AccessToken); refusal != nil {
		return 0, refusal
	}
	if !link.IsUpgrade(r) {
		return 0, &gate.Refusal{Status: http.StatusUpgradeRequired, Reason: "not a WebSocket upgrade; NapCat needs a WebSocket client here"}
	}
	return a.selfID(r)
}
