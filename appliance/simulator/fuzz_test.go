package simulator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"
)

// A scenario parses, or says where it does not.
func FuzzScenario(f *testing.F) {
	sample, err := os.ReadFile("testdata/sample.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseScenario("x", data)
		if (s == nil) == (err == nil) {
			t.Fatalf("%v, %v", s, err)
		}
		if problems, ok := err.(*ScenarioError); ok {
			for _, p := range problems.Problems {
				if p.Line < 1 || p.Column < 1 || p.Message == "" {
					t.Errorf("problem %+v", p)
				}
			}
		}
	})
}

// Whatever a caller sends, the answers are NapCat's envelopes, and nothing panics.
func FuzzCall(f *testing.F) {
	f.Fuzz(func(t *testing.T, message []byte) {
		n := New(Options{ReportSelf: true})
		a := newAdapter(n, false)
		c, problem := a.parse(context.Background(), nil, message)
		var answers [][]byte
		if problem != nil {
			answers = append(answers, problem.bytes())
		} else {
			answers = c.perform(Answer{})
		}
		for _, answer := range answers {
			var e struct {
				Status  string
				Retcode *int64
				Message *string
				Wording *string
				Stream  string
			}
			if err := json.Unmarshal(answer, &e); err != nil || e.Retcode == nil || e.Message == nil || *e.Message != *e.Wording ||
				(e.Status == "ok") != (*e.Retcode == 0) || e.Stream == "" {
				t.Errorf("%s is answered with %s", message, answer)
			}
		}
	})
}

// The reader of frames never panics and never takes what RFC 6455 forbids.
func FuzzFrames(f *testing.F) {
	f.Fuzz(func(t *testing.T, wire []byte, client bool) {
		r := frames{r: bufio.NewReader(bytes.NewReader(wire)), client: client, pinged: func(p []byte) {
			if len(p) > 125 {
				t.Errorf("a ping of %d bytes", len(p))
			}
		}}
		total := 0
		for {
			message, err := r.next()
			if err != nil {
				break
			}
			if total += len(message); total > len(wire) {
				t.Fatal("more came out than went in")
			}
		}
	})
}
