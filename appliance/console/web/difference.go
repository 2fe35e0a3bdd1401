package web

import "strings"

// Bounds of a comparison.
const (
	maxCells   = 1 << 20 // lines times lines that are compared in full
	diffAround = 2       // lines that stay around a change
)

// diffLine is one line of a comparison: Sign is + (new), - (gone), a space (stays) or … (lines that stay are left out).
type diffLine struct{ Sign, Text string }

// Class is how the line looks.
func (d diffLine) Class() string {
	switch d.Sign {
	case "+":
		return "plus"
	case "-":
		return "minus"
	case "…":
		return "gap"
	}
	return ""
}

// difference compares two texts line by line. Where that would be too much work, all between the first and the last
// difference counts as changed.
func difference(before, after string) []diffLine {
	if before == after {
		return nil
	}
	a, b := lines(before), lines(after)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var all []diffLine
	for _, line := range a[:head] {
		all = append(all, diffLine{" ", line})
	}
	all = append(all, middle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, line := range a[len(a)-tail:] {
		all = append(all, diffLine{" ", line})
	}
	return narrow(all)
}

func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
}

// middle finds the longest lines in common.
func middle(a, b []string) []diffLine {
	var out []diffLine
	if len(a)*len(b) > maxCells {
		for _, line := range a {
			out = append(out, diffLine{"-", line})
		}
		for _, line := range b {
			out = append(out, diffLine{"+", line})
		}
		return out
	}
	width := len(b) + 1
	common := make([]uint16, (len(a)+1)*width) // of a[i:] and b[j:]; maxCells keeps it below 65536 where both are long
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, diffLine{" ", a[i]})
			i++
			j++
		case i < len(a) && (j == len(b) || common[(i+1)*width+j] >= common[i*width+j+1]):
			out = append(out, diffLine{"-", a[i]})
			i++
		default:
			out = append(out, diffLine{"+", b[j]})
			j++
		}
	}
	return out
}

// narrow leaves out what is far from any change.
func narrow(all []diffLine) []diffLine {
	near := make([]bool, len(all))
	for i, line := range all {
		if line.Sign == " " {
			continue
		}
		for j := max(0, i-diffAround); j <= min(len(all)-1, i+diffAround); j++ {
			near[j] = true
		}
	}
	var out []diffLine
	for i, line := range all {
		switch {
		case near[i]:
			out = append(out, line)
		case i == 0 || near[i-1]:
			out = append(out, diffLine{Sign: "…"})
		}
	}
	return out
}
