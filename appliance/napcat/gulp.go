package napcat

import (
	"context"
	"errors"
	"io"
)

// Bounds of bodies that are read whole.
const (
	sip      = 16 << 10 // every body may have this at once
	maxGulps = 2        // bodies larger than a sip, at once
)

// errTooLarge means that a body is longer than limits.maxFrameMb.
var errTooLarge = errors.New("larger than limits.maxFrameMb")

// gulps bounds the memory of many bodies that come at once: small ones are read freely, of larger ones a few at a time.
type gulps chan struct{}

func newGulps() gulps { return make(gulps, maxGulps) }

// read returns all of r, at most limit bytes. release gives the memory's place back and must be called when the bytes are
// not used any more; it is never nil.
func (g gulps) read(ctx context.Context, r io.Reader, limit int) (body []byte, release func(), err error) {
	release = func() {}
	body = make([]byte, 0, 1<<10)
	for {
		if len(body) == cap(body) {
			if len(body) > limit {
				return body, release, errTooLarge
			}
			if len(body) == sip {
				select {
				case g <- struct{}{}:
					release = func() { <-g }
				case <-ctx.Done():
					return body, release, context.Cause(ctx)
				}
			}
			grown := make([]byte, len(body), min(4*len(body), max(limit+1, 4*sip)))
			copy(grown, body)
			body = grown
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			err = nil
			if len(body) > limit {
				err = errTooLarge
			}
			return body, release, err
		}
		if err != nil {
			return body, release, err
		}
	}
}
