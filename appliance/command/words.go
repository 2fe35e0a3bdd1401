package command

import (
	"strings"
	"unicode/utf8"

	"github.com/catflap/catflap/appliance/onebot"
)

// longest name that is compared; what is longer is no name.
const longest = 64

// nearest gives the candidate that word was probably meant to be: it begins with word, or at most a third of its letters
// differ, or one. Empty if there is none.
func nearest(word string, candidates []string) string {
	letters := utf8.RuneCountInString(word)
	if letters < 2 || letters > longest {
		return ""
	}
	best, limit := "", max(1, letters/3)
	for _, c := range candidates {
		if strings.HasPrefix(c, word) {
			return c
		}
		if d := onebot.Distance(word, c); d <= limit && (best == "" || d < limit) {
			best, limit = c, d
		}
	}
	return best
}
