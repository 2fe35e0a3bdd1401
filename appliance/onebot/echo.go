package onebot

// RestoreEcho returns a new frame in which the caller's own echo stands in
// place of ours, byte for byte as it was sent: frameworks compare its JSON
// type too (frameworks.md rule 10). A nil echo removes the key, since the caller
// sent none. An answer without data, as NapCat gives where a handler returns
// nothing (napcat-onebot11.md, 3.2), gets the standard's null. All else is
// unchanged.
//
// h must be the head of this frame.
func RestoreEcho(frame []byte, h *Head, echo []byte) []byte {
	bare := h.Status != "" && h.Data == nil
	if !bare && h.echoes == 1 && echo != nil && h.echoAt+len(h.Echo) <= len(frame) {
		out := make([]byte, 0, len(frame)-len(h.Echo)+len(echo))
		out = append(out, frame[:h.echoAt]...)
		out = append(out, echo...)
		return append(out, frame[h.echoAt+len(h.Echo):]...)
	}
	open := space(frame, 0)
	if open >= len(frame) || frame[open] != '{' {
		return append([]byte(nil), frame...)
	}
	s := splicer{src: frame, open: open, out: make([]byte, 0, len(frame)+len(echo)+8)}
	left := h.echoes // of several echo keys only the last stays
	m := members(frame, open, 1)
	for m.next() {
		if m.skip(); m.end < 0 {
			return append([]byte(nil), frame...)
		}
		s.begin(&m)
		switch {
		case m.name() != "echo":
			s.keep(&m)
		case echo != nil && left == 1:
			s.replace(&m, echo)
		default:
			left--
			s.remove(&m)
		}
	}
	if m.end < 0 {
		return append([]byte(nil), frame...)
	}
	if bare {
		s.add(`"data":`, []byte("null"))
	}
	if echo != nil && h.echoes == 0 {
		s.add(`"echo":`, echo)
	}
	return s.finish()
}
