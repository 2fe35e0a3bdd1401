package store

import (
	"strconv"
	"strings"
	"testing"
)

// The newest of one account's waiting events, oldest first, after a start too.
func TestWaiting(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	j := s.Journal()
	for i, account := range []string{"a", "b"} {
		j.OpenCursor(CursorOptions{App: "app", Account: account, AccountIndex: uint16(i)})
	}
	for i := range 10 {
		j.Append(Event{Account: uint16(i % 2), For: 1, Raw: []byte(strconv.Itoa(i))})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir, Options{})
	for _, tt := range []struct {
		account string
		n       int
		want    string
	}{
		{"a", 0, ""},
		{"a", 1, "8"},
		{"a", 3, "4 6 8"},
		{"a", 5, "0 2 4 6 8"},
		{"b", 100, "1 3 5 7 9"},
		{"c", 5, ""},
	} {
		var got []string
		if err := s.Journal().Waiting(tt.account, tt.n, func(frame []byte) { got = append(got, string(frame)) }); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("the newest %d of %s: %s, want %s", tt.n, tt.account, text, tt.want)
		}
	}
}
