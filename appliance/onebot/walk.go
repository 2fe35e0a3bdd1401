package onebot

// object walks the members of one JSON object:
//
//	for m := members(b, i, 1); m.next(); {
//		... m.key ... m.at ...
//		m.skip() // or m.end = position after the value
//	}
//
// When next returns false, end is the position after the closing brace or a
// fault of the scanner.
type object struct {
	b       []byte
	key     []byte // body of the key, between its quotes
	escaped bool   // key holds escapes: compare it with name()
	keyAt   int    // position of the key's opening quote
	at      int    // position of the value
	end     int    // position after the value, set by skip
	depth   int
	started bool
}

func members(b []byte, i, depth int) object {
	if depth > MaxDepth {
		return object{end: tooDeep}
	}
	return object{b: b, end: i + 1, depth: depth}
}

func (m *object) next() bool {
	b, i := m.b, m.end
	if i < 0 {
		return false
	}
	if i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	if i >= len(b) {
		m.end = ^i
		return false
	}
	if b[i] == '}' {
		m.end = i + 1
		return false
	}
	if m.started {
		if b[i] != ',' {
			m.end = ^i
			return false
		}
		i++
		if i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
		if i >= len(b) {
			m.end = ^i
			return false
		}
	}
	m.started = true
	if b[i] != '"' {
		m.end = ^i
		return false
	}
	m.keyAt = i
	i++
	j := plain(b, i)
	m.escaped = false
	if j < len(b) && b[j] == '"' {
		j++
	} else {
		m.escaped = true
		if j = scanString(b, j); j < 0 {
			m.end = j
			return false
		}
	}
	m.key = b[i : j-1]
	if j < len(b) && b[j] <= ' ' {
		j = space(b, j)
	}
	if j >= len(b) || b[j] != ':' {
		m.end = ^j
		return false
	}
	j++
	if j < len(b) && b[j] <= ' ' {
		j = space(b, j)
	}
	m.at = j
	return true
}

// skip reads the value and leaves end behind it.
func (m *object) skip() { m.end = scanValue(m.b, m.at, m.depth) }

// value is skip, and the bytes of the value; nil when they are no JSON.
func (m *object) value() []byte {
	m.skip()
	if m.end < 0 {
		return nil
	}
	return m.b[m.at:m.end]
}

// array walks the elements of one JSON array, used like object.
type array struct {
	b       []byte
	at, end int
	depth   int
	started bool
}

func elements(b []byte, i, depth int) array {
	if depth > MaxDepth {
		return array{end: tooDeep}
	}
	return array{b: b, end: i + 1, depth: depth}
}

func (e *array) next() bool {
	b, i := e.b, e.end
	if i < 0 {
		return false
	}
	if i < len(b) && b[i] <= ' ' {
		i = space(b, i)
	}
	if i >= len(b) {
		e.end = ^i
		return false
	}
	switch {
	case b[i] == ']':
		e.end = i + 1
		return false
	case !e.started:
		e.started = true
	case b[i] != ',':
		e.end = ^i
		return false
	default:
		i++
		if i < len(b) && b[i] <= ' ' {
			i = space(b, i)
		}
	}
	e.at = i
	return true
}

func (e *array) skip() { e.end = scanValue(e.b, e.at, e.depth) }

func (e *array) value() []byte {
	e.skip()
	if e.end < 0 {
		return nil
	}
	return e.b[e.at:e.end]
}
