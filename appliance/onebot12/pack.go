package onebot12

import (
	"errors"

	"github.com/catflap/catflap/appliance/onebot12/msgpack"
)

// binary are the names whose values are bytes in requests: base64 text in JSON, bin in MessagePack.
var binary = []string{"data", "chunk_data"}

// Unpack makes JSON of a request in MessagePack, for ParseRequest; the JSON may have maxBytes. The fault is BadRequest.
func Unpack(frame []byte, maxBytes int) ([]byte, *Fault) {
	out, err := msgpack.ToJSON(nil, frame, msgpack.Options{MaxBytes: maxBytes, Bytes: binary})
	if errors.Is(err, msgpack.ErrTooLarge) {
		return nil, fault(BadRequest, "the request is too large (limits.maxFrameMb)")
	}
	if err != nil {
		return nil, fault(BadRequest, "the request is not MessagePack: %v", err)
	}
	return out, nil
}

// Pack makes MessagePack of an answer. bytes says that data.data is a file's bytes (kinds GetFile and GetTransfer), which
// are base64 in JSON.
func Pack(dst, answer []byte, bytes bool) []byte {
	o := msgpack.Options{}
	if bytes {
		o.Bytes = binary[:1]
	}
	out, err := msgpack.FromJSON(dst, answer, o)
	if err != nil { // an answer is always valid JSON
		out, _ = msgpack.FromJSON(dst, AppendFault(nil, nil, fault(BadHandler, "the answer cannot be packed: %v", err)), o)
	}
	return out
}
