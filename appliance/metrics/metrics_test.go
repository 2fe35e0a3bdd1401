package metrics

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPage(t *testing.T) {
	var p Page
	g := p.Gauge("a_bytes", "how much\nof \\it")
	g.Set(1 << 40)
	c := p.Counter("b_total", "how many")
	c.Set(0.25, "app", `ko"i\shi`+"\n\xff", "account", "猫", "odd")
	c.Set(math.Inf(1), "app", "")
	up := p.Gauge("c", "flags")
	up.Flag(true)
	up.Flag(false, "x", "y")
	const want = `# HELP a_bytes how much\nof \\it
# TYPE a_bytes gauge
a_bytes 1099511627776
# HELP b_total how many
# TYPE b_total counter
b_total{app="ko\"i\\shi\n` + "\ufffd" + `",account="猫"} 0.25
b_total{app=""} +Inf
# HELP c flags
# TYPE c gauge
c 1
c{x="y"} 0
`
	if diff := cmp.Diff(want, string(p.Bytes())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
