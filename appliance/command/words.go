package command

import (
	"strings"
	"unicode/utf8"
)

// longest name that is compared; what is longer is no name.
const longest = 64

// nearest gives the candidate that word was probably meant to be: it begins with word, or at most a third of its letters
// differ. Empty if there is none.
func nearest(word string, candidates []string) string {
	letters := utf8.RuneCountInString(word)
	if letters < 2 || letters > longest {
		return ""
	}
	best, limit := "", letters/3+1
	for _, c := range candidates {
		if strings.HasPrefix(c, word) {
			return c
		}
		if d := distance(word, c); d <= limit && (best == "" || d < limit) {
			best, limit = c, d
		}
	}
	return best
}

// distance counts inserted, removed, changed and swapped letters.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
