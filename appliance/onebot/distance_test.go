package onebot

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"get_msg", "get_msg", 0},
		{"", "get", 3},
		{"get_msg", "get_mgs", 1},  // swapped
		{"get_msg", "get_msgs", 1}, // inserted
		{"get_msg", "gt_msg", 1},   // removed
		{"get_msg", "set_msg", 1},  // replaced
		{"get_msg", "sen_msgs", 3},
		{"猫门", "门猫", 1}, // letters, not bytes
		{"猫", "x", 1},
		{strings.Repeat("a", 64), strings.Repeat("a", 64), 0},
		{strings.Repeat("a", 65), strings.Repeat("a", 65), 65},
		{"a", strings.Repeat("a", 1000), 1000},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
