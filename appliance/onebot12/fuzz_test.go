package onebot12

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/catflap/catflap/appliance/onebot"
)

func FuzzEvent(f *testing.F) {
	files, err := filepath.Glob("../onebot/testdata/events/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		frame, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	f.Add(groupMessage(`[{"type":"forward","data":{"id":"7","content":[{"sender":{"user_id":1},"message":"[CQ:at,qq=1]"}]}},{"type":"image","data":{"file":"x"}}]`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		o := EventOptions{Reading: testReading(), OwnMessages: true, ID: "e-1"}
		out, ok, err := Event(frame, &o)
		if ok == (err != nil) && ok || !ok && out != nil {
			t.Fatalf("ok %v, error %v, %s", ok, err, out)
		}
		if ok {
			checkEvent(t, out)
			if again, _, _ := Event(frame, &o); !bytes.Equal(out, again) {
				t.Errorf("not the same twice:\n%s\n%s", out, again)
			}
		}
	})
}

// Whatever a plan sends upstream is a sound action of OneBot 11, and whatever comes back makes a sound answer.
func FuzzRequest(f *testing.F) {
	const send = `{"action":"send_message","params":{"detail_type":"group","group_id":"1","message":[`
	for _, s := range []string{
		`{"type":"image","data":{"file_id":"f-1","qq":{"sub_type":1}}},{"type":"file","data":{"file_id":"f-1"}},{"type":"text","data":{"text":"x"}}`,
		`{"type":"qq.node","data":{"user_id":"1","message":[{"type":"qq.node","data":{"id":"5"}}]}}`,
		`{"type":"qq.json","data":{"data":{"a.b":1}}}`,
	} {
		f.Add([]byte(send+s+`]},"echo":"1"}`), []byte(ok11(`{"message_id":1,"catflap_message_ids":[1,2]}`)))
	}
	f.Add([]byte(`{"action":"qq.get_msg","params":{"message_id":"1","qq":{"a":1},"qq.b":2},"self":{"platform":"qq","user_id":"1"}}`), []byte(ok11(`{"message":[{"type":"at","data":{"qq":"1"}}],"a.b":1}`)))
	f.Add([]byte(`{"action":"qq.get_forward_msg","params":{}}`), []byte(ok11(`{"messages":[{"message":"x"}]}`)))
	f.Add([]byte(`{"action":"get_group_member_list","params":{"group_id":1}}`), []byte(ok11(`[{"user_id":1,"card":null}]`)))
	f.Add([]byte(`{"action":"upload_file","params":{"type":"data","name":"x","data":"YQ=="}}`), []byte(failed11("1200", "x")))
	f.Fuzz(func(t *testing.T, frame, answer []byte) {
		var r Request
		if bad := ParseRequest(frame, &r); bad != nil {
			checkAnswer(t, AppendFault(nil, r.Echo, bad))
			return
		}
		p, bad := r.Plan(sendOptions())
		if bad != nil {
			checkAnswer(t, AppendFault(nil, r.Echo, bad))
			return
		}
		if p.Kind != Upstream {
			return
		}
		var frames [][]byte
		for _, c := range p.Calls {
			out := onebot.AppendCall(nil, c.Action, c.Params, "1")
			var a onebot.Action
			if err := onebot.PeekAction(out, &a); err != nil || a.Name != c.Action {
				t.Fatalf("no action: %v: %s", err, out)
			}
			if onebot.CheckSend(c.Action, c.Params) != nil && p.shape == shapeSend {
				t.Errorf("NapCat would not answer: %s", out)
			}
			frames = append(frames, answer)
		}
		o := testReading()
		out := p.Answer(nil, r.Echo, frames, now, &o)
		checkAnswer(t, out)
		if p.shape != shapePass {
			checkData(t, out)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x83\xa6action\xabupload_file\xa6params\x83\xa4type\xa4data\xa4name\xa1x\xa4data\xc4\x03\x00\xffa\xa4echo\xa11"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		out, bad := Unpack(frame, 1<<20)
		if bad != nil {
			return
		}
		if _, again := Unpack(Pack(nil, out, false), 1<<22); again != nil {
			t.Errorf("%s cannot be packed: %v", out, again)
		}
	})
}
