package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/catflap/catflap/policy"
)

// Values of the events and queue tables are written by hand: they are many, and a reader from the wire of time must
// never panic on them. Each starts with a byte that says how it is laid out.
const (
	recordLayout = 1
	queueLayout  = 1
)

const (
	flagGroup = 1 << iota
	flagOut
	flagContext
	flagRecalled
)

// errCodec means that a stored value is cut off or of an unknown layout.
var errCodec = errors.New("a stored value is cut off or of an unknown layout")

// chatKey names a chat in memory and, through bytes, in the keys of the index and chats tables.
type chatKey struct {
	account uint16
	group   bool
	id      uint64
}

const (
	chatKeyLen  = 2 + 1 + 8
	indexKeyLen = chatKeyLen + 8
)

// append writes the key: account number, kind, id.
func (k chatKey) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, k.account)
	kind := byte('u')
	if k.group {
		kind = 'g'
	}
	return binary.BigEndian.AppendUint64(append(dst, kind), k.id)
}

// parseChatKey reads the front of a key.
func parseChatKey(b []byte) (chatKey, bool) {
	if len(b) < chatKeyLen || (b[2] != 'u' && b[2] != 'g') {
		return chatKey{}, false
	}
	return chatKey{account: binary.BigEndian.Uint16(b), group: b[2] == 'g', id: binary.BigEndian.Uint64(b[3:])}, true
}

// chat gives the chat as the rest of the program names it.
func (k chatKey) chat() policy.Chat { return policy.Chat{Group: k.group, ID: k.id} }

// recordHead is what maintenance needs of a record without decoding its texts.
type recordHead struct {
	key       chatKey
	messageID int64
	time      int64
	limit     int
}

// encodeRecord lays a record out. Its account travels as a number, its Seq is the key.
func encodeRecord(key chatKey, limit int, r *Record) []byte {
	var flags byte
	if key.group {
		flags |= flagGroup
	}
	if r.Direction == Out {
		flags |= flagOut
	}
	if r.Context {
		flags |= flagContext
	}
	if r.Recalled {
		flags |= flagRecalled
	}
	b := make([]byte, 0, 64+len(r.Sender)+len(r.RealSeq)+len(r.Text)+len(r.Raw))
	b = append(b, recordLayout, flags)
	b = binary.AppendUvarint(b, uint64(key.account))
	b = binary.AppendUvarint(b, key.id)
	b = binary.AppendVarint(b, r.MessageID)
	b = binary.AppendVarint(b, r.Time)
	b = binary.AppendUvarint(b, uint64(limit))
	b = binary.AppendUvarint(b, r.User)
	b = appendString(b, r.Sender)
	b = appendString(b, r.RealSeq)
	b = appendString(b, r.Text)
	return appendString(b, r.Raw)
}

// decodeHead reads the fixed part of a record.
func decodeHead(b []byte) (recordHead, error) {
	d := decoder{b: b}
	h, _ := d.head()
	return h, d.err
}

// decodeRecord reads a whole record; nothing in it points into b.
func decodeRecord(b []byte) (Record, recordHead, error) {
	d := decoder{b: b}
	h, flags := d.head()
	r := Record{
		Chat: h.key.chat(), Time: h.time, MessageID: h.messageID,
		Context: flags&flagContext != 0, Recalled: flags&flagRecalled != 0,
	}
	if flags&flagOut != 0 {
		r.Direction = Out
	}
	r.User = d.uvarint()
	r.Sender = string(d.bytes())
	r.RealSeq = string(d.bytes())
	r.Text = string(d.bytes())
	if raw := d.bytes(); len(raw) > 0 {
		r.Raw = slices.Clone(raw)
	}
	if d.err == nil && len(d.b) != 0 {
		d.err = errCodec
	}
	return r, h, d.err
}

// waiting is an event as it lies in the queue table.
type waiting struct {
	class   Class
	at      int64
	stamp   stamp
	account string
	apps    []string
	raw     []byte
}

// maxWaitingApps is the number of slots of an Event's For.
const maxWaitingApps = 64

// encodeWaiting lays a waiting event out.
func encodeWaiting(w *waiting) []byte {
	b := make([]byte, 0, 96+len(w.account)+16*len(w.apps)+len(w.raw))
	b = append(b, queueLayout, byte(w.class))
	b = binary.AppendVarint(b, w.at)
	b = binary.AppendVarint(b, w.stamp.Age)
	b = appendString(b, w.stamp.Boot)
	b = binary.AppendVarint(b, w.stamp.Steady)
	b = binary.AppendVarint(b, w.stamp.Wall)
	b = appendString(b, w.account)
	b = binary.AppendUvarint(b, uint64(len(w.apps)))
	for _, app := range w.apps {
		b = appendString(b, app)
	}
	return appendString(b, w.raw)
}

// decodeWaiting reads a waiting event; nothing in it points into b.
func decodeWaiting(b []byte) (waiting, error) {
	w, err := decodeWaitingHead(b)
	w.raw = slices.Clone(w.raw)
	return w, err
}

// decodeWaitingHead is decodeWaiting without a copy of the frame: raw points into b.
func decodeWaitingHead(b []byte) (waiting, error) {
	d := decoder{b: b}
	var w waiting
	if d.byte() != queueLayout {
		d.err = errCodec
	}
	w.class = Class(d.byte())
	if w.class > ClassMeta {
		d.err = errCodec
	}
	w.at = d.varint()
	w.stamp.Age = d.varint()
	w.stamp.Boot = string(d.bytes())
	w.stamp.Steady = d.varint()
	w.stamp.Wall = d.varint()
	w.account = string(d.bytes())
	n := d.uvarint()
	if n > maxWaitingApps {
		d.err = errCodec
	}
	for i := uint64(0); i < n && d.err == nil; i++ {
		w.apps = append(w.apps, string(d.bytes()))
	}
	w.raw = d.bytes()
	if d.err == nil && len(d.b) != 0 {
		d.err = errCodec
	}
	return w, d.err
}

// age is how old the waiting event is now.
func (w *waiting) age(boot string, steady time.Duration, wall time.Time) time.Duration {
	return w.stamp.age(boot, steady, wall)
}

// appendString writes a length and the bytes.
func appendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// decoder reads a value from front to back; after the first error everything it returns is zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) head() (recordHead, byte) {
	var h recordHead
	if d.byte() != recordLayout {
		d.err = errCodec
	}
	flags := d.byte()
	h.key.group = flags&flagGroup != 0
	account := d.uvarint()
	if account > 1<<16-1 {
		d.err = errCodec
	}
	h.key.account = uint16(account)
	h.key.id = d.uvarint()
	h.messageID = d.varint()
	h.time = d.varint()
	limit := d.uvarint()
	if limit > maxLimit {
		d.err = errCodec
	}
	h.limit = int(limit)
	if d.err != nil {
		return recordHead{}, 0
	}
	return h, flags
}

func (d *decoder) byte() byte {
	if d.err != nil || len(d.b) == 0 {
		d.err = errCodec
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.err = errCodec
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.err = errCodec
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if d.err != nil || n > uint64(len(d.b)) {
		d.err = errCodec
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}
