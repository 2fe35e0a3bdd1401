// Package msgpack turns MessagePack into JSON and back, from bytes to bytes and without values in between.
//
// What is text, a number or a truth in one is so in the other. Floats keep being floats: they are written to JSON with a
// point or an exponent, and a JSON number that has one becomes a float 64. Bytes are base64 text in JSON.
package msgpack

import "errors"

// MaxDepth is how deep arrays and maps may nest.
const MaxDepth = 128

// Why something is refused.
var (
	ErrSyntax   = errors.New("it ends too early, or is followed by something")
	ErrDepth    = errors.New("it nests too deep")
	ErrTooLarge = errors.New("it is too large")
	ErrKey      = errors.New("a key of a map is not text")
	ErrKind     = errors.New("it holds a value that JSON has no word for")
	ErrJSON     = errors.New("it is not valid JSON")
)

// Options say what cannot be seen from the bytes.
type Options struct {
	// MaxBytes bounds what is appended; 0 = no bound.
	MaxBytes int
	// Bytes are the keys whose values are bytes, base64 in JSON. A bin under any other key is text if it is UTF-8.
	Bytes []string
}
