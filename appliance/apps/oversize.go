package apps

import (
	"fmt"

	"github.com/catflap/catflap/appliance/onebot"
)

// swallowUpTo bounds the frames that are read through to be refused; a larger one closes the link.
const swallowUpTo = 64 << 20

// maxName bounds the action's name in a refusal; names of NapCat's are far shorter.
const maxName = 64

// codeTooLarge is the retcode of an action that cannot be read (design: DELIVERY, Actions).
const codeTooLarge = 1400

// oversize refuses an action of which only the ends were kept. The link stays: an app that sends a file in its
// frame must not lose its other calls for it.
func (s *session) oversize(head, tail []byte, size uint64) {
	app := s.feed.app
	s.feed.tooLarge.Add(1)
	if !s.warned {
		s.warned = true
		app.Log.Warn("an action above limits.maxFrameMb was refused; more of this connection are counted only",
			"app", app.Name(), "account", s.feed.account.Name, "action", nameAtStart(head), "bytes", size, "limit", app.MaxFrame)
	}
	app.speech.oversize(s.caller(), head, tail, size)
}

// nameAtStart is what a frame calls its action, as far as its beginning tells.
func nameAtStart(head []byte) string {
	if name := onebot.ActionAtStart(head); name != "" && len(name) <= maxName {
		return name
	}
	return "an action"
}

// tooLarge is what the sender of an action above the limit is told.
func tooLarge(name string, size uint64, limit int) string {
	return fmt.Sprintf("%s of %d bytes is above the limit of %d (limits.maxFrameMb: %d): send the file by http URL or by file upload (upload_file_stream), or raise limits.maxFrameMb",
		name, size, limit, limit>>20)
}
