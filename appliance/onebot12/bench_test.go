package onebot12

import (
	"strings"
	"testing"
)

func BenchmarkEvent(b *testing.B) {
	frame := groupMessage(`[{"type":"reply","data":{"id":"77"}},{"type":"at","data":{"qq":"10001"}},{"type":"text","data":{"text":" hello, this is what people write"}},{"type":"image","data":{"file":"ABC.jpg","url":"http://gw/media/k","file_size":"1234","sub_type":0,"summary":""}}]`)
	o := EventOptions{Reading: testReading(), ID: "e-1"}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Event(frame, &o); err != nil {
			b.Fatal(err)
		}
	}
}

// The time per byte stays the same: what is large is so in each way in which it may be.
func BenchmarkEventLarge(b *testing.B) {
	deep := `[{"type":"text","data":{"text":"x"}}]`
	for range 19 {
		deep = `[{"type":"forward","data":{"id":"1","content":[{"sender":{"user_id":1},"message":` + deep + `}]}}]`
	}
	object := func(n int) string {
		var s strings.Builder
		for i := range n {
			s.WriteString(`,"k` + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + `":1`)
		}
		return `[{"type":"odd","data":{"a":1` + s.String() + `}}]`
	}
	for _, bb := range []struct{ name, message string }{
		{"segments", "[" + strings.TrimSuffix(strings.Repeat(`{"type":"at","data":{"qq":"1"}},`, 5000), ",") + "]"},
		{"text", `[{"type":"text","data":{"text":"` + strings.Repeat(`\u4f60`, 30000) + `"}}]`},
		{"forwards", deep},
		{"forwards, long", strings.Replace(deep, `"x"`, `"`+strings.Repeat("x", 100000)+`"`, 1)},
		{"names", object(20000)},
		{"codes", `"` + strings.Repeat("[CQ:at,qq=1]", 10000) + `"`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			frame := groupMessage(bb.message)
			o := EventOptions{Reading: testReading(), ID: "e-1"}
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Event(frame, &o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
