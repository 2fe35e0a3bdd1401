package onebot12

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
)

// namespace is the one of catflap's ids, itself a UUID that was drawn once.
const namespace = "\x5b\xd0\x1c\x0e\x61\x3a\x4f\x77\x9e\x04\x2d\x88\xc1\x3f\x70\xa6"

// EventID is the id of an account's event: a UUID (version 5) made of the account's name, its key, and the sequence number
// in the journal. The key tells one journal from the next, as numbers may begin anew; "" if they do not.
func EventID(account, key string, seq uint64) string {
	return uuid([]byte("event\x00" + account + "\x00" + key + "\x00" + strconv.FormatUint(seq, 10)))
}

// uuid is the UUID of a name, version 5 (RFC 9562). SHA-1 is what the version is made with; nothing is secured by it.
func uuid(name []byte) string {
	h := sha1.New()
	h.Write([]byte(namespace))
	h.Write(name)
	var sum [sha1.Size]byte
	h.Sum(sum[:0])
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	var out [36]byte
	hex.Encode(out[:8], sum[:4])
	hex.Encode(out[9:13], sum[4:6])
	hex.Encode(out[14:18], sum[6:8])
	hex.Encode(out[19:23], sum[8:10])
	hex.Encode(out[24:], sum[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}
