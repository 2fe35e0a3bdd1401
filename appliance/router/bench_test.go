package router

import (
	"fmt"
	"testing"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/store"
)

// BenchmarkEvent is an event's way from the peek to the journal, with three apps, policy and history on.
func BenchmarkEvent(b *testing.B) {
	yaml := quiet + "apps:\n"
	for i := range 3 {
		yaml += fmt.Sprintf("  bot%d: {protocol: onebot11, accessToken: token-of-bot-%d}\n", i, i)
	}
	h := newHouse(b, yaml)
	const distinct = 20000
	frames := make([][]byte, distinct)
	for i := range frames {
		frames[i] = []byte(group(30003, 20002, atBot))
	}
	var head onebot.Head
	var batch []*store.Event
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		frame := frames[i%distinct]
		if err := onebot.PeekHead(frame, &head); err != nil {
			b.Fatal(err)
		}
		h.lane.Event(frame, &head)
		if i%32 == 0 {
			for _, c := range h.cursors {
				batch = c.Next(batch[:0], 64, 1<<20)
				if len(batch) > 0 {
					c.Ack(batch[len(batch)-1].Seq)
				}
			}
		}
	}
}
