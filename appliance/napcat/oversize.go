package napcat

import (
	"fmt"

	"github.com/catflap/catflap/appliance/onebot"
)

// swallowUpTo bounds the frames that are read through to be dropped; a larger one closes the link.
const swallowUpTo = 64 << 20

// oversize takes what is left of a frame above limits.maxFrameMb. An event is lost; an answer ends its call. Both are
// counted, and the link stays for everything else.
func (s *session) oversize(head, tail []byte, size uint64) {
	a := s.account
	a.countTooLarge(size)
	if echo, ok := onebot.EchoAtEnds(head, tail); ok {
		a.calls.refuse(echo, fmt.Errorf("NapCat's answer of %d bytes is %w", size, ErrTooLarge))
	}
}

// refuse ends the call that waits for an answer with this echo, if one does.
func (c *calls) refuse(echo []byte, why error) {
	id, ok := c.id(echo)
	if !ok {
		return
	}
	c.mu.Lock()
	e := c.pending[id]
	c.mu.Unlock()
	if e != nil {
		c.end(e, why)
	}
}

// countTooLarge counts a frame or body that was dropped; the first is logged.
func (a *Account) countTooLarge(size uint64) {
	a.mu.Lock()
	a.state.TooLarge++
	first := a.state.TooLarge == 1
	a.mu.Unlock()
	if first {
		a.Log.Warn("NapCat sent a frame above limits.maxFrameMb; such frames are dropped and counted", "account", a.Name(), "bytes", size, "limit", a.MaxFrame)
	}
}

// countLate counts an answer that nobody waits for any more.
func (a *Account) countLate() {
	a.mu.Lock()
	a.state.Late++
	a.mu.Unlock()
}
