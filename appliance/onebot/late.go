package onebot

// MarkLate returns an event with "catflap_late":true as its first member: it happened while nobody listened, or is
// sent once more on request. Everything else stays as it is.
func MarkLate(frame []byte) []byte {
	const mark = `"catflap_late":true`
	i := space(frame, 0)
	if i >= len(frame) || frame[i] != '{' {
		return frame
	}
	out := make([]byte, 0, len(frame)+len(mark)+1)
	out = append(out, frame[:i+1]...)
	out = append(out, mark...)
	if j := space(frame, i+1); j < len(frame) && frame[j] != '}' {
		out = append(out, ',')
	}
	return append(out, frame[i+1:]...)
}
