package command

import (
	"bytes"
	"io"
	"log"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/command/cli"
)

// net/http logs first bytes of an answer that nobody asked for: they are a stranger's.
func TestStandardLogIsNotShown(t *testing.T) {
	before := log.Writer()
	defer log.SetOutput(before)
	var out bytes.Buffer
	log.SetOutput(&out)
	s := &Shell{In: strings.NewReader(""), Out: io.Discard, Err: &out, Env: func(string) (string, bool) { return "", false }, Program: "catflap"}
	s.Main(&cli.App{Name: "catflap", Action: func(*cli.Context) error { return nil }}, []string{"catflap"})
	out.Reset()
	log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "secret", nil)
	if out.Len() != 0 {
		t.Errorf("shown: %s", out.String())
	}
	log.Print("http: panic serving 127.0.0.1:1: a defect")
	if !strings.Contains(out.String(), "a defect") {
		t.Error("a panic is not shown")
	}
}
