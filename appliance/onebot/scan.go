package onebot

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The scanner is a strict JSON reader (RFC 8259, as encoding/json) that
// allocates nothing. Its functions take the position of what they read and
// return the position after it; a negative result is a fault: ^offset for a
// syntax error, tooDeep for too much nesting.
const tooDeep = math.MinInt

// wide: the compiler turns Uint64 into one load where words are 64 bits. On
// 32-bit ARM it is eight loads and shifts, and the table alone is faster.
const wide = math.MaxUint>>32 != 0

// Classes of bytes.
const (
	classString = 1 << iota // ends a run of plain string bytes: quote, backslash, control
	classSpace              // JSON white space
	classDigit
	classHex
	className // letters, digits, underscore: names in CQ codes
)

var class = [256]uint8{
	0: classString, 1: classString, 2: classString, 3: classString, 4: classString, 5: classString, 6: classString, 7: classString,
	8: classString, '\t': classString | classSpace, '\n': classString | classSpace, 11: classString, 12: classString,
	'\r': classString | classSpace, 14: classString, 15: classString, 16: classString, 17: classString, 18: classString,
	19: classString, 20: classString, 21: classString, 22: classString, 23: classString, 24: classString, 25: classString,
	26: classString, 27: classString, 28: classString, 29: classString, 30: classString, 31: classString,
	'"': classString, '\\': classString, ' ': classSpace,
	'0': classDigit | classHex | className, '1': classDigit | classHex | className, '2': classDigit | classHex | className,
	'3': classDigit | classHex | className, '4': classDigit | classHex | className, '5': classDigit | classHex | className,
	'6': classDigit | classHex | className, '7': classDigit | classHex | className, '8': classDigit | classHex | className,
	'9': classDigit | classHex | className,
	'A': classHex | className, 'B': classHex | className, 'C': classHex | className, 'D': classHex | className,
	'E': classHex | className, 'F': classHex | className, 'G': className, 'H': className, 'I': className, 'J': className,
	'K': className, 'L': className, 'M': className, 'N': className, 'O': className, 'P': className, 'Q': className,
	'R': className, 'S': className, 'T': className, 'U': className, 'V': className, 'W': className, 'X': className,
	'Y': className, 'Z': className, '_': className,
	'a': classHex | className, 'b': classHex | className, 'c': classHex | className, 'd': classHex | className,
	'e': classHex | className, 'f': classHex | className, 'g': className, 'h': className, 'i': className, 'j': className,
	'k': className, 'l': className, 'm': className, 'n': className, 'o': className, 'p': className, 'q': className,
	'r': className, 's': className, 't': className, 'u': className, 'v': className, 'w': className, 'x': className,
	'y': className, 'z': className,
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the position of the first quote, backslash or control byte at
// or after i, or len(b). It tests eight bytes at a time; a borrow can flag
// bytes above a real hit, never below it, so the lowest flag is exact.
func plain(b []byte, i int) int {
	if wide {
		for ; len(b)-i >= 8; i += 8 {
			x := binary.LittleEndian.Uint64(b[i:])
			q, s := x^(ones*'"'), x^(ones*'\\')
			m := (((q - ones) &^ q) | ((s - ones) &^ s) | ((x - ones*' ') &^ x)) & highs
			if m != 0 {
				return i + bits.TrailingZeros64(m)>>3
			}
		}
	}
	for i < len(b) && class[b[i]]&classString == 0 {
		i++
	}
	return i
}

// scanString reads a string's body; i is the position after the opening quote
// and the result the position after the closing one.
func scanString(b []byte, i int) int {
	for {
		i = plain(b, i)
		if i >= len(b) {
			return ^i
		}
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
			if i >= len(b) {
				return ^i
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i++
			case 'u':
				for n := 1; n <= 4; n++ {
					if i+n >= len(b) || class[b[i+n]]&classHex == 0 {
						return ^(i + n)
					}
				}
				i += 5
			default:
				return ^i
			}
		default: // a control byte
			return ^i
		}
	}
}

// scanNumber reads a number; i is its first byte, a digit or a minus sign.
func scanNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
		if i >= len(b) {
			return ^i
		}
	}
	switch {
	case b[i] == '0':
		i++
	case class[b[i]]&classDigit != 0:
		i = digits(b, i)
	default:
		return ^i
	}
	if i < len(b) && b[i] == '.' {
		i++
		if i >= len(b) || class[b[i]]&classDigit == 0 {
			return ^i
		}
		i = digits(b, i)
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i >= len(b) || class[b[i]]&classDigit == 0 {
			return ^i
		}
		i = digits(b, i)
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && class[b[i]]&classDigit != 0 {
		i++
	}
	return i
}

// space skips white space.
func space(b []byte, i int) int {
	for i < len(b) && class[b[i]]&classSpace != 0 {
		i++
	}
	return i
}

// scanLiteral reads one of true, false, null; i is its first byte.
func scanLiteral(b []byte, i int, word string) int {
	for n := 0; n < len(word); n++ {
		if i+n >= len(b) || b[i+n] != word[n] {
			return ^(i + n)
		}
	}
	return i + len(word)
}

// scanValue reads one value; i is its first byte (no white space before it)
// and depth the number of containers around it.
func scanValue(b []byte, i, depth int) int {
	if i >= len(b) {
		return ^i
	}
	switch b[i] {
	case '"':
		return scanString(b, i+1)
	case '{':
		return scanObject(b, i, depth+1)
	case '[':
		return scanArray(b, i, depth+1)
	case 't':
		return scanLiteral(b, i, "true")
	case 'f':
		return scanLiteral(b, i, "false")
	case 'n':
		return scanLiteral(b, i, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return scanNumber(b, i)
	}
	return ^i
}

// scanObject reads an object of which b[i] is the brace and depth the level.
func scanObject(b []byte, i, depth int) int {
	m := members(b, i, depth)
	for m.next() {
		m.skip()
	}
	return m.end
}

// scanArray reads an array of which b[i] is the bracket and depth the level.
func scanArray(b []byte, i, depth int) int {
	e := elements(b, i, depth)
	for e.next() {
		e.skip()
	}
	return e.end
}
