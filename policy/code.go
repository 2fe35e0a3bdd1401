package policy

import (
	"errors"
	"fmt"
	"io"
)

const (
	// codeAlphabet leaves out 0, O, 1 and I. It has 32 symbols, which divides 256: a random byte modulo
	// its length gives every symbol with the same chance.
	codeAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	codeLength   = 8
	codeTries    = 500
)

// ErrRandom means that the source of randomness failed or gives nothing usable.
var ErrRandom = errors.New("no pairing code could be made")

// NewCode makes a pairing code: 8 symbols, each from random (crypto/rand in production), at least one of them a letter, since
// digits alone would look like a QQ number. A draw without a letter is thrown away whole. Errors are ErrRandom.
func NewCode(random io.Reader) (string, error) {
	var buf [codeLength]byte
	for range codeTries {
		if _, err := io.ReadFull(random, buf[:]); err != nil {
			return "", fmt.Errorf("%w: %w", ErrRandom, err)
		}
		letter := false
		for i, b := range buf {
			buf[i] = codeAlphabet[b%byte(len(codeAlphabet))]
			letter = letter || buf[i] >= 'A'
		}
		if letter {
			return string(buf[:]), nil
		}
	}
	return "", fmt.Errorf("%w: the random source repeats itself", ErrRandom)
}

// validCode reports whether text could have come from NewCode.
func validCode(text string) bool {
	if len(text) != codeLength {
		return false
	}
	letter := false
	for i := range len(text) {
		known := false
		for j := range len(codeAlphabet) {
			known = known || text[i] == codeAlphabet[j]
		}
		if !known {
			return false
		}
		letter = letter || text[i] >= 'A'
	}
	return letter
}
