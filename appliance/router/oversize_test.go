package router

import (
	"fmt"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/simulator"
)

func TestFault_T27_OversizeAnswerFailsTheCall(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{})
	sim.OnAction("get_image", func(simulator.Call) simulator.Answer {
		return simulator.Answer{Data: strings.Repeat("A", 9<<20)}
	})
	got := h.answer("bot", `{"action":"get_image","params":{"file":"x"},"echo":{"seq":7}}`)
	if !strings.HasPrefix(got, `{"status":"failed","retcode":1400,"data":null,"message":"NapCat's answer of 943`) || !strings.HasSuffix(got, `,"echo":{"seq":7}}`) ||
		!strings.Contains(got, "limits.maxFrameMb") {
		t.Errorf("answer %.500s", got)
	}
	if got := h.answer("bot", `{"action":"get_status","echo":"next"}`); !strings.Contains(got, `"status":"ok"`) {
		t.Errorf("the next answer is %s", got)
	}
}

func TestFailureNamesTheLimit(t *testing.T) {
	code, wording := failure(fmt.Errorf("NapCat's answer of 9437300 bytes is %w", napcat.ErrTooLarge))
	const want = "NapCat's answer of 9437300 bytes is larger than limits.maxFrameMb: the action was done, but its answer had to be dropped; raise limits.maxFrameMb, or ask for less at once"
	if code != 1400 || wording != want {
		t.Errorf("%d %q", code, wording)
	}
}
