package command

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"status", "explain", "pairing", "history", "tail", "call", "logs"}
	for _, c := range []struct{ in, want string }{
		{"statsu", "status"},
		{"stauts", "status"},
		{"explian", "explain"},
		{"tial", "tail"},
		{"pair", "pairing"},
		{"x", ""},
		{"bogus", ""},
		{"xyzzy", ""},
		{"", ""},
		{strings.Repeat("a", 1000), ""},
	} {
		if got := nearest(c.in, names); got != c.want {
			t.Errorf("nearest(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}
