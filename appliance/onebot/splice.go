package onebot

// splicer copies one JSON object and changes single members on the way; every
// byte that it was not told to change stays as it was, white space included.
//
//	s := splicer{src: frame, open: at}
//	for m := members(frame, at, 1); m.next(); { m.skip(); s.begin(&m); s.keep(&m) | s.replace(&m, v) | s.remove(&m) }
//	s.add(`"font":0`)
//	frame = s.finish()
type splicer struct {
	src, out []byte
	open     int // position of the opening brace
	copied   int // src is in out, or left out, up to here
	last     int // end of the latest member in src
	kept     bool
	pending  bool // a first member was removed: its comma goes too
	closed   bool
}

func (s *splicer) begin(m *object) {
	if s.pending {
		s.copied, s.pending = m.keyAt, false
	}
}

func (s *splicer) keep(m *object) {
	s.kept, s.last = true, m.end
}

func (s *splicer) replace(m *object, value []byte) {
	s.out = append(s.out, s.src[s.copied:m.at]...)
	s.out = append(s.out, value...)
	s.kept, s.copied, s.last = true, m.end, m.end
}

func (s *splicer) remove(m *object) {
	if s.kept {
		s.out = append(s.out, s.src[s.copied:max(s.copied, s.last)]...)
	} else {
		s.out = append(s.out, s.src[s.copied:m.keyAt]...)
		s.pending = true
	}
	s.copied, s.last = m.end, m.end
}

// add appends members, written as `"key":value`, behind the last one.
func (s *splicer) add(member string, value []byte) {
	if !s.closed {
		anchor := max(s.copied, s.last, s.open+1)
		s.out = append(s.out, s.src[s.copied:anchor]...)
		s.copied, s.closed = anchor, true
	}
	if s.kept {
		s.out = append(s.out, ',')
	}
	s.out = append(s.out, member...)
	s.out = append(s.out, value...)
	s.kept = true
}

func (s *splicer) finish() []byte {
	return append(s.out, s.src[s.copied:]...)
}
