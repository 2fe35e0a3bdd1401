package onebot12

import "math"

// maxDepth bounds the recursion of everything here; frames were read by package onebot, which allows 128.
const maxDepth = 160

// tape is one JSON text that package onebot has found valid, with the places of all its values: whatever is nested in
// whatever, everything is read in time linear to its length. On other bytes it promises nothing but to end.
type tape struct {
	b     []byte
	cells []cell
}

// cell is one value. The values in it follow; next is the cell behind all of them.
type cell struct {
	at, end     uint32
	key, keyEnd uint32 // body of the member's name; 0, 0 for elements
	next        uint32
}

// value is one in a tape; the zero value is absent.
type value struct {
	t *tape
	i uint32
}

// read makes a tape; absent if the bytes are none.
func read(b []byte) value {
	if uint64(len(b)) >= math.MaxUint32 {
		return value{}
	}
	t := &tape{b: b, cells: make([]cell, 0, 16+len(b)/24)}
	if t.value(space(b, 0), 0, 0, 0) < 0 {
		return value{}
	}
	return value{t: t}
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value adds the value at i and returns its end, negative for a fault.
func (t *tape) value(i, key, keyEnd, depth int) int {
	b := t.b
	if i >= len(b) || depth > maxDepth {
		return -1
	}
	self := len(t.cells)
	t.cells = append(t.cells, cell{at: uint32(i), key: uint32(key), keyEnd: uint32(keyEnd)})
	end := -1
	switch b[i] {
	case '"':
		end = stringEnd(b, i)
	case '{', '[':
		end = t.inside(i, depth)
	default:
		for end = i; end < len(b) && b[end] > ' ' && b[end] != ',' && b[end] != '}' && b[end] != ']' && b[end] != ':' && b[end] != '"'; {
			end++
		}
		if end == i {
			return -1
		}
	}
	if end < 0 {
		return -1
	}
	t.cells[self].end, t.cells[self].next = uint32(end), uint32(len(t.cells))
	return end
}

// inside adds what an object or array holds and returns its end.
func (t *tape) inside(i, depth int) int {
	b, object := t.b, t.b[i] == '{'
	closing := b[i] + 2
	i = space(b, i+1)
	if i < len(b) && b[i] == closing {
		return i + 1
	}
	for i < len(b) {
		key, keyEnd := 0, 0
		if object {
			if b[i] != '"' {
				return -1
			}
			if key, keyEnd = i+1, stringEnd(b, i)-1; keyEnd < 0 {
				return -1
			}
			if i = space(b, keyEnd+1); i >= len(b) || b[i] != ':' {
				return -1
			}
			i = space(b, i+1)
		}
		if i = t.value(i, key, keyEnd, depth+1); i < 0 {
			return -1
		}
		i = space(b, i)
		if i < len(b) && b[i] == closing {
			return i + 1
		}
		if i >= len(b) || b[i] != ',' {
			return -1
		}
		i = space(b, i+1)
	}
	return -1
}

// stringEnd is the position behind the string at i, negative if it does not end.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

func (v value) cell() *cell { return &v.t.cells[v.i] }

// ok reports whether the value is there; null is.
func (v value) ok() bool { return v.t != nil }

// kind is the value's first byte, '0' for numbers, 0 when it is absent.
func (v value) kind() byte {
	if v.t == nil {
		return 0
	}
	switch c := v.t.b[v.cell().at]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	}
	return '0'
}

// missing: absent or null.
func (v value) missing() bool { return v.t == nil || v.kind() == 'n' }

// raw is the value as it stands; it points into the frame.
func (v value) raw() []byte {
	if v.t == nil {
		return nil
	}
	return v.t.b[v.cell().at:v.cell().end]
}

// first is the first value inside, absent if there is none.
func (v value) first() value {
	if v.t == nil || v.i+1 >= v.cell().next {
		return value{}
	}
	return value{v.t, v.i + 1}
}

// after is the value behind c inside v.
func (v value) after(c value) value {
	if next := c.cell().next; next < v.cell().next {
		return value{v.t, next}
	}
	return value{}
}

// name is the member's name.
func (v value) name() string {
	c := v.cell()
	return decoded(v.t.b[c.key:c.keyEnd])
}

// is compares the member's name.
func (v value) is(name string) bool {
	c := v.cell()
	body := v.t.b[c.key:c.keyEnd]
	return string(body) == name || hasEscape(body) && decoded(body) == name
}

// get is the member of an object with this name, the last of several, absent in anything else.
func (v value) get(name string) value {
	var found value
	if v.kind() == '{' {
		for c := v.first(); c.ok(); c = v.after(c) {
			if c.is(name) {
				found = c
			}
		}
	}
	return found
}

// repeats remembers which members of an object come once more behind: the last one counts, as in JSON.parse.
type repeats struct {
	object value
	last   map[string]uint32
}

// fewMembers is up to where looking at all of them again is cheaper than a map.
const fewMembers = 24

func repeatsOf(v value) repeats {
	r := repeats{object: v}
	n := 0
	for c := v.first(); c.ok(); c = v.after(c) {
		n++
	}
	if n > fewMembers {
		r.last = make(map[string]uint32, n)
		for c := v.first(); c.ok(); c = v.after(c) {
			r.last[c.name()] = c.i
		}
	}
	return r
}

func (r *repeats) again(c value) bool {
	name := c.name()
	if r.last != nil {
		return r.last[name] != c.i
	}
	for c = r.object.after(c); c.ok(); c = r.object.after(c) {
		if c.is(name) {
			return true
		}
	}
	return false
}
