package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const ownerWord = "/pair"

// The verbs of owners' commands.
const (
	VerbOK    = "ok"
	VerbDeny  = "deny"
	VerbBlock = "block"
	VerbList  = "list"
)

// OwnerCommand is an owner's DM such as "/pair ok CODE". Verb is empty if the rest of the line was not understood; the answer
// to that is OwnerHelp.
type OwnerCommand struct {
	Verb string
	Arg  string // a code or a QQ number, as written; empty for list
}

// ParseOwnerCommand reads "/pair ok|deny|block CODE" and "/pair list". It is false for text that is no "/pair ..." at all:
// exactly the text that Decide does not call a Command. Case does not matter, since phones capitalise the first letter.
func ParseOwnerCommand(text string) (OwnerCommand, bool) {
	if !isOwnerCommand(text) {
		return OwnerCommand{}, false
	}
	words := strings.Fields(text)[1:]
	for _, verb := range []string{VerbOK, VerbDeny, VerbBlock} {
		if len(words) == 2 && strings.EqualFold(words[0], verb) {
			return OwnerCommand{Verb: verb, Arg: words[1]}, true
		}
	}
	if len(words) == 1 && strings.EqualFold(words[0], VerbList) {
		return OwnerCommand{Verb: VerbList}, true
	}
	return OwnerCommand{}, true
}

// isOwnerCommand reports whether the first word is "/pair". It allocates nothing.
func isOwnerCommand(text string) bool {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	return len(text) >= len(ownerWord) && asciiEqualFold(text[:len(ownerWord)], ownerWord) && endsWord(text[len(ownerWord):])
}

// endsWord reports whether nothing or white space follows a word.
func endsWord(rest string) bool {
	r, size := utf8.DecodeRuneInString(rest)
	return size == 0 || unicode.IsSpace(r)
}

// asciiEqualFold compares without the case of Latin letters only: no other script's letter may stand for one of a command or code.
func asciiEqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if asciiUpper(a[i]) != asciiUpper(b[i]) {
			return false
		}
	}
	return true
}

func asciiUpper(b byte) byte {
	if 'a' <= b && b <= 'z' {
		return b - 'a' + 'A'
	}
	return b
}
