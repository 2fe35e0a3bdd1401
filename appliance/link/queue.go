package link

// item is one frame that waits to be written.
type item struct {
	opcode  byte
	payload []byte
}

// queue is a first-in first-out list bounded in slots and bytes.
type queue struct {
	slots int
	limit int64
	bytes int64
	head  int
	items []item
}

// push appends i, or reports that a bound forbids it. A frame over the byte bound may wait alone.
func (q *queue) push(i item) bool {
	waiting := len(q.items) - q.head
	size := int64(len(i.payload))
	if waiting >= q.slots || waiting > 0 && q.bytes+size > q.limit {
		return false
	}
	if len(q.items) == cap(q.items) && q.head > 0 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, i)
	q.bytes += size
	return true
}

// empty reports whether nothing waits.
func (q *queue) empty() bool { return q.head == len(q.items) }

// take moves frames to dst until their payloads reach budget bytes.
func (q *queue) take(dst []item, budget int) []item {
	for q.head < len(q.items) && budget > 0 {
		i := q.items[q.head]
		q.items[q.head] = item{}
		q.head++
		q.bytes -= int64(len(i.payload))
		budget -= len(i.payload) + 2 // at least the header
		dst = append(dst, i)
	}
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return dst
}

func (q *queue) clear() { q.items, q.head, q.bytes = nil, 0, 0 }
