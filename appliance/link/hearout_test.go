package link

import "testing"

// reading is asked for each frame; what a link does with it is seen in package napcat over real sockets.
func TestHearOut(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		state   state
		refused bool
		want    bool
	}{
		{"open", Options{}, stateOpen, false, true},
		{"a write failed", Options{}, stateBroken, false, true},
		{"closing", Options{}, stateClosing, false, false},
		{"closing, heard out", Options{HearOut: true}, stateClosing, false, true},
		{"closing for a handler's error", Options{HearOut: true}, stateClosing, true, false},
		{"closed by the peer", Options{HearOut: true}, stateLeaving, false, false},
		{"dead", Options{HearOut: true}, stateDead, false, false},
	}
	for _, tt := range tests {
		c := &Conn{options: tt.options, state: tt.state, refused: tt.refused}
		if got := c.reading(); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
