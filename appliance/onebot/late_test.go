package onebot

import (
	"encoding/json"
	"testing"
)

func TestMarkLate(t *testing.T) {
	for frame, want := range map[string]string{
		`{"time":1}`:   `{"catflap_late":true,"time":1}`,
		` { "a" : {}}`: ` {"catflap_late":true, "a" : {}}`,
		`{}`:           `{"catflap_late":true}`,
		`{ }`:          `{"catflap_late":true }`,
		`null`:         `null`,
		``:             ``,
	} {
		got := string(MarkLate([]byte(frame)))
		if got != want {
			t.Errorf("MarkLate(%s) = %s, want %s", frame, got, want)
		}
		if frame != "" && !json.Valid([]byte(got)) {
			t.Errorf("MarkLate(%s) is no JSON: %s", frame, got)
		}
	}
}
