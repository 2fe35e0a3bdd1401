package simulator

import (
	"strings"
	"testing"
)

func TestSayAction(t *testing.T) {
	_, p, ctx := connect(t, Options{})
	for _, c := range []struct{ params, event, answer string }{
		{`{}`, "", `"status":"ok"`},
		{`{"user_id":20002,"message":"hello"}`, `"raw_message":"hello"`, `"message_id":`},
		{`{"user_id":20002,"group_id":30003,"at":true,"message":" ping"}`, `[CQ:at,qq=10001] ping`, `"message_id":`},
		{`{"user_id":20099,"message":"a stranger"}`, `"notice_type":"friend_add"`, `"message_id":`},
		{`{"user_id":20002,"group_id":39999,"message":"x"}`, "", "not in this group"},
		{`{"user_id":10001,"message":"x"}`, "", "the bot speaks"},
	} {
		p.send(`{"action":"catflap_say","echo":"e","params":` + c.params + `}`)
		var seen strings.Builder
		for {
			f := p.frame(ctx)
			seen.Write(f.raw)
			if strings.Contains(string(f.raw), `"echo":"e"`) {
				if !strings.Contains(string(f.raw), c.answer) {
					t.Errorf("%s: %s", c.params, f.raw)
				}
				break
			}
		}
		if !strings.Contains(seen.String(), c.event) {
			t.Errorf("%s: no %s in %s", c.params, c.event, seen.String())
		}
	}
}
