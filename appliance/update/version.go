package update

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// version is a semantic version without its build part, which orders nothing.
type version struct {
	core [3]uint64
	pre  []string // empty = a release
}

func parse(text string) (version, error) {
	var v version
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "+")
	core, pre, hasPre := strings.Cut(text, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return v, fmt.Errorf("%q is no version such as 1.2.3", text)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return v, fmt.Errorf("%q is no version such as 1.2.3", text)
		}
		v.core[i] = n
	}
	if hasPre {
		v.pre = strings.Split(pre, ".")
		for _, id := range v.pre {
			if id == "" || strings.ContainsFunc(id, func(r rune) bool {
				return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
			}) {
				return v, fmt.Errorf("%q is no version such as 1.2.3-rc1", text)
			}
		}
	}
	return v, nil
}

// Compare orders two versions as semver.org does: negative = a is older. What is no version, such as a build by hand, is
// older than everything.
func Compare(a, b string) int {
	x, errX := parse(a)
	y, errY := parse(b)
	switch {
	case errX != nil && errY != nil:
		return 0
	case errX != nil:
		return -1
	case errY != nil:
		return 1
	}
	if c := slices.Compare(x.core[:], y.core[:]); c != 0 {
		return c
	}
	switch {
	case len(x.pre) == 0 && len(y.pre) == 0:
		return 0
	case len(x.pre) == 0:
		return 1
	case len(y.pre) == 0:
		return -1
	}
	return slices.CompareFunc(x.pre, y.pre, comparePart)
}

// comparePart orders two parts of a pre-release: numbers before words, numbers by value.
func comparePart(a, b string) int {
	n, errN := strconv.ParseUint(a, 10, 64)
	m, errM := strconv.ParseUint(b, 10, 64)
	switch {
	case errN == nil && errM == nil:
		return cmp.Compare(n, m)
	case errN == nil:
		return -1
	case errM == nil:
		return 1
	}
	return strings.Compare(a, b)
}
