// Package onebot is OneBot 11 on the wire: it reads, completes and writes frames as bytes, and does no I/O.
//
// Most functions here work on raw JSON that PeekHead or PeekAction has already
// validated. They stay safe on anything else, but then promise nothing about
// the result.
package onebot

import (
	"errors"
	"fmt"
)

// MaxDepth is how deep arrays and objects of a frame may nest, the frame's own
// object included. NapCat's deepest known frame, a forward within forwards,
// stays below 40; a deeper frame is an attack on whatever decodes it next.
const MaxDepth = 128

// Why a frame is refused. SyntaxError matches ErrSyntax under errors.Is.
var (
	// ErrNotObject: the frame is not one JSON object. A bare `null` ends Koishi's process.
	ErrNotObject = errors.New("the frame is not a JSON object")
	// ErrSyntax: the frame is not valid JSON. The value itself is a *SyntaxError.
	ErrSyntax = errors.New("the frame is not valid JSON")
	// ErrDepth: the frame nests deeper than MaxDepth.
	ErrDepth = fmt.Errorf("the frame nests deeper than %d levels", MaxDepth)
	// ErrIncomplete: an event lacks something that no default can stand for.
	ErrIncomplete = errors.New("the event cannot be completed")
)

// SyntaxError says where a frame stops being JSON.
type SyntaxError struct {
	Offset int // bytes from the start of the frame
}

// Error names the offset only: the bytes there may be somebody's private words.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%v: byte %d", ErrSyntax, e.Offset)
}

// Is makes errors.Is(err, ErrSyntax) true.
func (e *SyntaxError) Is(target error) bool { return target == ErrSyntax }
