package onebot

// maxCompared is how many letters of a word Distance looks at: what is longer was not meant to be a name.
const maxCompared = 64

// Distance is how many letters have to be inserted, removed, replaced or swapped with their neighbour to make b out of
// a. It is the length of the longer one when that has more than 64 letters.
func Distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if longer := max(len(x), len(y)); longer > maxCompared {
		return longer
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
