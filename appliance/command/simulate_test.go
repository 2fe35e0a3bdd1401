package command

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/simulator"
)

func TestSpoken(t *testing.T) {
	const self = 10001
	for _, c := range []struct {
		line  string
		from  simulator.From
		said  []simulator.Segment
		fails string
	}{
		{line: "20002: hello", from: simulator.Private(20002), said: []simulator.Segment{simulator.Text("hello")}},
		{line: " 20002 : a: b", from: simulator.Private(20002), said: []simulator.Segment{simulator.Text("a: b")}},
		{line: "30003/20002: @bot hi", from: simulator.InGroup(30003, 20002),
			said: []simulator.Segment{simulator.At(self), simulator.Text(" hi")}},
		{line: "30003/20002: hi @20003 and @all", from: simulator.InGroup(30003, 20002),
			said: []simulator.Segment{simulator.Text("hi "), simulator.At(20003), simulator.Text(" and "), simulator.AtAll()}},
		{line: "20002: mail me@bot @nobody", from: simulator.Private(20002), said: []simulator.Segment{simulator.Text("mail me@bot @nobody")}},
		{line: "hello", fails: `write "20002: hello" or "30003/20002: @bot hi"`},
		{line: "20002:", fails: `write "20002: hello" or "30003/20002: @bot hi"`},
		{line: "ann: hello", fails: `"ann" is not a QQ number`},
		{line: "0: hello", fails: `"0" is not a QQ number`},
		{line: "x/20002: hello", fails: `"x" is not a group number`},
	} {
		from, said, err := spoken(c.line, self)
		if c.fails != "" {
			if err == nil || err.Error() != c.fails {
				t.Errorf("spoken(%q) fails with %v, want %q", c.line, err, c.fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("spoken(%q): %v", c.line, err)
		}
		if diff := cmp.Diff(c.from, from) + cmp.Diff(c.said, said); diff != "" {
			t.Errorf("spoken(%q) (-want +got):\n%s", c.line, diff)
		}
	}
}
