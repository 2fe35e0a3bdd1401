package napcat

import (
	"unicode/utf16"
	"unicode/utf8"
)

// appendASCII appends JSON with all that is not ASCII written as \uXXXX. NapCat's HTTP server joins a body from chunks of
// text: a character that lies across two of them is lost (reference: HTTP server). Outside strings JSON is ASCII already.
func appendASCII(dst, json []byte) []byte {
	for i := 0; i < len(json); {
		if c := json[i]; c < utf8.RuneSelf {
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(json[i:])
		i += size
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			dst = appendUnit(appendUnit(dst, high), low)
		} else {
			dst = appendUnit(dst, r)
		}
	}
	return dst
}

func appendUnit(dst []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
