package config

import (
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// nearest is the candidate that is closest to word, or "" when none is close enough to be what was meant.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", 1+max(1, len([]rune(word))/3)
	for _, c := range candidates {
		distance := onebot.Distance(strings.ToLower(word), strings.ToLower(c))
		if distance < bestDistance {
			best, bestDistance = c, distance
		}
	}
	return best
}
