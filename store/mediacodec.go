package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// Values of the media and blobs tables start with a byte that says how they are laid out.
const (
	mediumLayout = 1
	blobLayout   = 1
)

// rowOverhead is what a row of the media table costs in the file beside its value: both keys and their places.
const rowOverhead = 96

// encodeMedium lays out what a key stands for. The key is the row's own, the type the blob's.
func encodeMedium(m *Medium) []byte {
	b := make([]byte, 0, 64+len(m.Name)+len(m.Origin))
	b = append(b, mediumLayout)
	b = binary.AppendVarint(b, m.At)
	if m.Sum == (MediaSum{}) {
		b = append(b, 0)
	} else {
		b = append(append(b, byte(len(m.Sum))), m.Sum[:]...)
	}
	b = appendString(b, m.Name)
	return appendString(b, m.Origin)
}

// decodeMedium reads a row; nothing in it points into b.
func decodeMedium(b []byte) (m Medium, err error) {
	d := decoder{b: b}
	if d.byte() != mediumLayout {
		d.err = errCodec
	}
	m.At = d.varint()
	switch sum := d.bytes(); len(sum) {
	case 0:
	case len(m.Sum):
		copy(m.Sum[:], sum)
	default:
		d.err = errCodec
	}
	m.Name = string(d.bytes())
	m.Origin = append([]byte(nil), d.bytes()...)
	if d.err == nil && len(d.b) != 0 {
		d.err = errCodec
	}
	if d.err != nil {
		return Medium{}, d.err
	}
	return m, nil
}

// encodeBlob lays a blob's row out.
func encodeBlob(f *Blob) []byte {
	b := make([]byte, 0, 32+len(f.Type))
	b = append(b, blobLayout)
	b = binary.AppendUvarint(b, uint64(f.Size))
	b = binary.AppendVarint(b, f.At)
	b = binary.AppendVarint(b, f.Used)
	return appendString(b, f.Type)
}

// decodeBlob reads a blob's row.
func decodeBlob(sum MediaSum, b []byte) (Blob, error) {
	d := decoder{b: b}
	f := Blob{Sum: sum}
	if d.byte() != blobLayout {
		d.err = errCodec
	}
	size := d.uvarint()
	if size > 1<<62 {
		d.err = errCodec
	}
	f.Size = int64(size)
	f.At = d.varint()
	f.Used = d.varint()
	f.Type = string(d.bytes())
	if d.err == nil && len(d.b) != 0 {
		d.err = errCodec
	}
	if d.err != nil {
		return Blob{}, d.err
	}
	return f, nil
}

// timeKey is a key of a table that is ordered by time. Times before 1970 count as 1970.
func timeKey(at int64, rest []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(rest)), uint64(max(at, 0))), rest...)
}

// encode lays the totals out, as they stand in the meta table.
func (t *MediaTotals) encode() []byte {
	b := []byte{1}
	for _, n := range []int64{t.Bytes, t.Blobs, t.Rows, t.rowBytes, t.day, t.spent} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// decodeTotals reads them; a file without any has none.
func decodeTotals(b []byte) (t MediaTotals, err error) {
	if b == nil {
		return t, nil
	}
	d := decoder{b: b}
	if d.byte() != 1 {
		d.err = errCodec
	}
	for _, n := range []*int64{&t.Bytes, &t.Blobs, &t.Rows, &t.rowBytes, &t.day, &t.spent} {
		*n = d.varint()
	}
	if d.err != nil {
		return MediaTotals{}, fmt.Errorf("reading the totals of the media index: %w", d.err)
	}
	return t, nil
}

// load reads the totals.
func (m *Media) load(tx *bbolt.Tx) (err error) {
	m.totals, err = decodeTotals(tx.Bucket(bucketMeta).Get(keyMedia))
	return err
}
