package e2e

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/catflap/catflap/appliance/simulator"
)

// textChunkLimit counts UTF-16 units, is 2000 if it is not set, and holds for applications with chunk: true.
func TestSeed_openclaw_textChunkLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, setting string
		limit         int
	}{
		{"the default", "", 2000},
		{"a smaller one", "textChunkLimit: 150\n", 150},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, c.setting+admitted+`
pacing: off
apps:
  probe: {protocol: onebot11, chunk: true, accessToken: `+probeToken+`}
  whole: {protocol: onebot11, accessToken: `+koishiToken+`}
`)
			n := dialNapCat(t, b)
			b.account(t, "default", true)
			p := dialProbe(t, b, "/", probeToken)
			text := strings.Repeat("😀", c.limit/2) + strings.Repeat("猫", c.limit-1) + "🏳️‍🌈" // the flag is 6 units, and one sign
			want := []string{strings.Repeat("😀", c.limit/2), strings.Repeat("猫", c.limit-1), "🏳️‍🌈"}
			answer := p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": text})
			if ids, _ := answer.data()["catflap_message_ids"].([]any); len(ids) != len(want) || fmt.Sprint(ids[0]) != fmt.Sprint(answer.data()["message_id"]) {
				t.Errorf("the answer is %+v, want %d message ids, the first as message_id", answer, len(want))
			}
			chunked(t, n.Sent(), want, c.limit)

			before := len(n.Sent())
			fits := strings.Repeat("猫", c.limit)
			if answer := p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": fits}); answer.data()["catflap_message_ids"] != nil {
				t.Errorf("a text that fits was answered %+v", answer)
			}
			chunked(t, n.Sent()[before:], []string{fits}, c.limit)

			before = len(n.Sent())
			dialProbe(t, b, "/", koishiToken).must(t, "send_group_msg", map[string]any{"group_id": ops, "message": text})
			if sent := n.Sent()[before:]; len(sent) != 1 || sent[0].Text != text {
				t.Errorf("without chunk: true the text became %d messages", len(sent))
			}
		})
	}
}

// chunked checks what was sent, piece by piece.
func chunked(t *testing.T, sent []simulator.Sent, want []string, limit int) {
	t.Helper()
	if len(sent) != len(want) {
		t.Fatalf("%d messages were sent, want %d", len(sent), len(want))
	}
	for i, s := range sent {
		if units := len(utf16.Encode([]rune(s.Text))); s.Text != want[i] || units > limit {
			t.Errorf("message %d has %d UTF-16 units of at most %d: %q", i, units, limit, s.Text)
		}
	}
}
