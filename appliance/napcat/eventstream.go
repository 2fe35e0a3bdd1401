package napcat

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// errEndless means that one event of a stream is larger than any that is read through to be dropped.
var errEndless = errors.New("an event of the stream has no end")

// endBytes is how much of the start of an event that is too large is kept, to find the call that it answers.
const endBytes = 4 << 10

// eventStream reads server-sent events (HTML standard, section 9.2). Only their data counts: NapCat sends nothing else.
type eventStream struct {
	in      *bufio.Reader
	limit   int
	swallow uint64 // what is read through to be dropped, at most

	data []byte // of the event at hand
	any  bool   // it has a data line
	lost uint64 // its size, if it is too large
	cr   bool   // the last line ended with CR: an LF that follows belongs to it
}

func newEventStream(r io.Reader, limit int) *eventStream {
	return &eventStream{in: bufio.NewReaderSize(r, 16<<10), limit: limit, swallow: swallowUpTo}
}

// each hands the data of each event to frame, and what is left of one above the limit to oversize, until the stream ends
// or frame returns an error. The bytes are valid during the call only. The error is never nil.
func (s *eventStream) each(frame func([]byte) error, oversize func(head, tail []byte, size uint64)) error {
	for {
		field, value, err := s.line()
		if err != nil {
			return err
		}
		switch {
		case value: // data
		case field:
			continue
		case s.lost > 0:
			oversize(s.data, nil, s.lost)
			s.clear()
		default:
			if s.any && len(s.data) > 0 {
				if err := frame(s.data); err != nil {
					return err
				}
			}
			s.clear()
		}
	}
}

func (s *eventStream) clear() {
	const keep = 1 << 20
	if cap(s.data) > keep {
		s.data = nil
	}
	s.data, s.any, s.lost = s.data[:0], false, 0
}

// line reads one line: data is appended to the event, another field is dropped. Neither means an empty line.
func (s *eventStream) line() (field, data bool, err error) {
	name := make([]byte, 0, len("data:"))
	colon, space := false, false
	for {
		part, end, err := s.part()
		if err != nil {
			return false, false, err
		}
		field = field || len(part) > 0
		for !colon && len(part) > 0 && len(name) < len("data:") {
			c := part[0]
			part = part[1:]
			if c == ':' {
				colon = true
				break
			}
			name = append(name, c)
		}
		if colon && !space && len(part) > 0 {
			space = true
			if part[0] == ' ' {
				part = part[1:]
			}
		}
		isData := string(name) == "data" && (colon || end && len(part) == 0)
		if isData {
			if !data && s.any {
				s.add([]byte("\n"))
			}
			data, s.any = true, true
			s.add(part)
			if s.lost > s.swallow {
				return false, false, errEndless
			}
		}
		if end {
			return field, data, nil
		}
	}
}

// add appends to the event's data, or counts what is beyond the limit.
func (s *eventStream) add(part []byte) {
	if s.lost == 0 && len(s.data)+len(part) <= s.limit {
		s.data = append(s.data, part...)
		return
	}
	if s.lost == 0 {
		s.lost = uint64(len(s.data))
		if room := endBytes - len(s.data); room > 0 {
			s.data = append(s.data, part[:min(room, len(part))]...)
		} else {
			s.data = append([]byte(nil), s.data[:endBytes]...)
		}
	}
	s.lost += uint64(len(part))
}

// part returns the next bytes of a line, without its end, and whether it ends there: with CR, LF or both.
func (s *eventStream) part() (part []byte, end bool, err error) {
	for {
		if _, err := s.in.Peek(1); err != nil {
			return nil, false, err
		}
		buf, _ := s.in.Peek(s.in.Buffered())
		if s.cr {
			s.cr = false
			if buf[0] == '\n' {
				_, _ = s.in.Discard(1)
				continue
			}
		}
		i := bytes.IndexAny(buf, "\r\n")
		if i < 0 {
			_, _ = s.in.Discard(len(buf)) // the bytes stay until the next read
			return buf, false, nil
		}
		s.cr = buf[i] == '\r'
		_, _ = s.in.Discard(i + 1)
		return buf[:i], true, nil
	}
}
