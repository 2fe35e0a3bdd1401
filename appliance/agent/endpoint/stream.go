package endpoint

import (
	"bytes"
	"errors"
	"io"
)

var (
	errLine   = errors.New("a line of the stream is too long")
	errAnswer = errors.New("the answer is too long")
)

// stream reads server-sent events as the WHATWG HTML standard, section
// "Interpreting an event stream", has them, as far as answers need it: data
// lines are joined, comments and other fields are dropped, lines end with LF,
// CR or CRLF.
type stream struct {
	from io.Reader
	buf  []byte // unread bytes are buf[at:]
	at   int
	data []byte // of the event that is being read
	some bool   // data has had a line, if only an empty one
	crlf bool   // the last line ended with CR: an LF that follows belongs to it
	bom  bool   // the beginning has been looked at
	err  error  // of from, given out once the bytes before it are
	read int64
}

func newStream(from io.Reader) *stream { return &stream{from: from, buf: make([]byte, 0, 4<<10)} }

// next gives the data of the next event; the bytes are valid until the call
// after. The error is io.EOF at the end, with what an unfinished event at the
// end had: some servers forget its empty line.
func (s *stream) next() ([]byte, error) {
	s.data, s.some = s.data[:0], false
	for {
		line, err := s.line()
		if err != nil {
			if errors.Is(err, io.EOF) && s.some {
				return s.data, nil // line is asked again and says EOF again
			}
			return nil, err
		}
		if len(line) == 0 {
			if s.some {
				return s.data, nil
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		if string(name) != "data" {
			continue
		}
		value = bytes.TrimPrefix(value, []byte{' '})
		if len(s.data)+len(value) >= maxLine {
			return nil, errLine
		}
		if s.some {
			s.data = append(s.data, '\n')
		}
		s.data, s.some = append(s.data, value...), true
	}
}

// line gives the next line without its end.
func (s *stream) line() ([]byte, error) {
	searched := 0
	for {
		if s.crlf && s.at < len(s.buf) {
			if s.crlf = false; s.buf[s.at] == '\n' {
				s.at++
			}
		}
		if !s.bom && (len(s.buf) >= 3 || s.err != nil) {
			s.bom = true
			if bytes.HasPrefix(s.buf, []byte("\ufeff")) {
				s.at = 3
			}
		}
		if s.bom {
			if i := bytes.IndexAny(s.buf[s.at+searched:], "\r\n"); i >= 0 {
				end := s.at + searched + i
				line := s.buf[s.at:end]
				s.crlf = s.buf[end] == '\r'
				s.at = end + 1
				return line, nil
			}
			searched = len(s.buf) - s.at
		}
		if searched >= maxLine {
			return nil, errLine
		}
		if s.err != nil {
			if searched > 0 && errors.Is(s.err, io.EOF) {
				line := s.buf[s.at:]
				s.at = len(s.buf)
				return line, nil
			}
			return nil, s.err
		}
		s.fill()
	}
}

// fill reads once, and makes room for it.
func (s *stream) fill() {
	if s.at > 0 {
		n := copy(s.buf, s.buf[s.at:])
		s.buf, s.at = s.buf[:n], 0
	}
	if len(s.buf) == cap(s.buf) {
		grown := make([]byte, len(s.buf), 2*cap(s.buf))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := s.from.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	s.read += int64(n)
	if s.err = err; s.read > maxAnswer {
		s.err = errAnswer
	}
}

// first gives the first byte that is no white space, without taking it.
func (s *stream) first() (byte, error) {
	for {
		rest := bytes.TrimPrefix(s.buf, []byte("\ufeff"))
		if rest = bytes.TrimLeft(rest, " \t\r\n"); len(rest) > 0 && (rest[0] != 0xef || len(rest) >= 3) {
			return rest[0], nil
		}
		if s.err != nil {
			return 0, s.err
		}
		if len(s.buf) >= maxLine {
			return 0, errLine
		}
		s.fill()
	}
}

// rest reads all that has not been taken, at most max bytes of it.
func (s *stream) rest(max int) ([]byte, error) {
	for s.err == nil && len(s.buf)-s.at <= max {
		s.fill()
	}
	if len(s.buf)-s.at > max {
		return s.buf[s.at : s.at+max], errAnswer
	}
	if errors.Is(s.err, io.EOF) {
		return s.buf[s.at:], nil
	}
	return s.buf[s.at:], s.err
}
