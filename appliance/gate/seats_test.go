package gate

import (
	"net/http"
	"strings"
	"testing"
)

func TestSeats(t *testing.T) {
	var s Seats
	s.SetLimit(2)
	for range 2 {
		if refusal := s.Take(); refusal != nil {
			t.Fatalf("a free seat was refused: %v", refusal)
		}
	}
	refusal := s.Take()
	if refusal == nil || refusal.Status != http.StatusServiceUnavailable || !strings.Contains(refusal.Reason, "limits.links") {
		t.Fatalf("a third link: %v", refusal)
	}
	if s.Used() != 2 || s.Limit() != 2 {
		t.Errorf("%d of %d seats are taken", s.Used(), s.Limit())
	}
	s.Leave()
	if refusal := s.Take(); refusal != nil {
		t.Errorf("a seat that was given back was refused: %v", refusal)
	}
	s.SetLimit(3)
	if refusal := s.Take(); refusal != nil {
		t.Errorf("a seat of the new limit was refused: %v", refusal)
	}
	s.Exceed()
	s.Leave()
	if refusal := s.Take(); s.Used() != 3 || refusal == nil {
		t.Errorf("after one above the bound has left: %d taken, then %v", s.Used(), refusal)
	}
}
