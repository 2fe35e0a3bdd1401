package onebot12

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSendMessageFindsItsTarget(t *testing.T) {
	const hi = `"message":[{"type":"text","data":{"text":"hi"}}]`
	tests := []struct{ name, params, want string }{
		{"private", `{"detail_type":"private","user_id":"20002",` + hi + `}`, `send_private_msg {"user_id":20002,` + hi + `}`},
		{"group", `{"detail_type":"group","group_id":"30003","user_id":"20002",` + hi + `}`, `send_group_msg {"group_id":30003,` + hi + `}`},
		{"an id that is a number", `{"detail_type":"group","group_id":9007199254740993,` + hi + `}`, `send_group_msg {"group_id":9007199254740993,` + hi + `}`},
		{"a stranger who has written", `{"detail_type":"private","user_id":"20009",` + hi + `}`, `send_private_msg {"user_id":20009,"group_id":30003,` + hi + `}`},
		{"through a group, dotted", `{"detail_type":"private","user_id":"20009","qq.group_id":"30004",` + hi + `}`, `send_private_msg {"user_id":20009,"group_id":30004,` + hi + `}`},
		{"through a group, nested", `{"detail_type":"private","user_id":"20002","qq":{"group_id":"30004"},` + hi + `}`, `send_private_msg {"user_id":20002,"group_id":30004,` + hi + `}`},
		{"temporary", `{"detail_type":"qq.group_temp","user_id":"20002","group_id":"30004",` + hi + `}`, `send_private_msg {"user_id":20002,"group_id":30004,` + hi + `}`},
		{"private with a group beside", `{"detail_type":"private","user_id":"20002","group_id":"30004",` + hi + `}`, `send_private_msg {"user_id":20002,` + hi + `}`},
		{"text", `{"detail_type":"private","user_id":"20002","message":"hi"}`, `send_private_msg {"user_id":20002,` + hi + `}`},
		{"one segment", `{"detail_type":"private","user_id":"20002","message":{"type":"text","data":{"text":"hi"}}}`, `send_private_msg {"user_id":20002,` + hi + `}`},
		{"content", `{"detail_type":"private","user_id":"20002","group_id":null,"content":"hi"}`, `send_private_msg {"user_id":20002,` + hi + `}`},
		{"mentions of one alone", `{"detail_type":"private","user_id":"20002","message":[{"type":"mention","data":{"user_id":"1"}},{"type":"mention_all","data":{}}]}`,
			`send_private_msg {"user_id":20002,"message":[{"type":"text","data":{"text":"@1"}},{"type":"text","data":{"text":"@全体成员"}}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, bad := planOf(t, "send_message", tt.params, sendOptions())
			if bad != nil {
				t.Fatal(bad)
			}
			if diff := cmp.Diff(tt.want, calls(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// NapCat wants a file alone.
func TestSendMessageSplits(t *testing.T) {
	const (
		text  = `{"type":"text","data":{"text":"a"}}`
		reply = `{"type":"reply","data":{"message_id":"5"}}`
		file  = `{"type":"file","data":{"file_id":"f-1"}}`
		out   = `{"type":"file","data":{"file":"/media/f-1","name":"n.bin"}}`
	)
	tests := []struct {
		name, in string
		want     []string
	}{
		{"text and file and text", text + "," + file + "," + text, []string{text, out, text}},
		{"two files", file + "," + file, []string{out, out}},
		{"a reply is nothing alone", reply + "," + file, []string{out}},
		{"a reply goes with the text behind the file", reply + "," + file + "," + text, []string{out, `{"type":"reply","data":{"id":"5"}},` + text}},
		{"a reply stays with its text", reply + "," + text + "," + file, []string{`{"type":"reply","data":{"id":"5"}},` + text, out}},
		{"empty text", `{"type":"text","data":{"text":""}},` + file, []string{out}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, bad := planOf(t, "send_message", `{"detail_type":"group","group_id":"3","message":[`+tt.in+`]}`, sendOptions())
			if bad != nil {
				t.Fatal(bad)
			}
			var want []string
			for _, part := range tt.want {
				want = append(want, `send_group_msg {"group_id":3,"message":[`+part+`]}`)
			}
			if diff := cmp.Diff(strings.Join(want, "\n"), calls(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSendMessageForwards(t *testing.T) {
	tests := []struct{ name, params, want string }{
		{"to a group", `{"detail_type":"group","group_id":"3","message":[{"type":"qq.node","data":{"user_id":"20002","user_name":"Ann","time":5.5,"message":[{"type":"mention","data":{"user_id":"1"}},{"type":"file","data":{"file_id":"f-1"}},{"type":"text","data":{"text":"x"}}]}},{"type":"qq.node","data":{"id":"7"}}]}`,
			`send_group_forward_msg {"group_id":3,"messages":[{"type":"node","data":{"user_id":"20002","nickname":"Ann","time":5,"content":[{"type":"at","data":{"qq":"1"}},{"type":"file","data":{"file":"/media/f-1","name":"n.bin"}},{"type":"text","data":{"text":"x"}}]}},{"type":"node","data":{"id":"7"}}]}`},
		{"to a user", `{"detail_type":"private","user_id":"2","message":{"type":"qq.node","data":{"qq":{"user_id":"20002","nickname":"Ann"},"message":"x","source":"s","news":[{"text":"n"}]}}}`,
			`send_private_forward_msg {"user_id":2,"messages":[{"type":"node","data":{"user_id":"20002","nickname":"Ann","source":"s","news":[{"text":"n"}],"content":[{"type":"text","data":{"text":"x"}}]}}]}`},
		{"within each other", `{"detail_type":"private","user_id":"2","message":[{"type":"qq.node","data":{"user_id":"1","message":[{"type":"qq.node","data":{"user_id":"2","message":"x"}}]}}]}`,
			`send_private_forward_msg {"user_id":2,"messages":[{"type":"node","data":{"user_id":"1","content":[{"type":"node","data":{"user_id":"2","content":[{"type":"text","data":{"text":"x"}}]}}]}}]}`},
		{"in OneBot 11's words", `{"detail_type":"private","user_id":"2","message":[{"type":"qq.node","data":{"uin":"1","name":"A","content":"[CQ:face,id=1]"}}]}`,
			`send_private_forward_msg {"user_id":2,"messages":[{"type":"node","data":{"content":"[CQ:face,id=1]","user_id":"1","nickname":"A"}}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, bad := planOf(t, "send_message", tt.params, sendOptions())
			if bad != nil {
				t.Fatal(bad)
			}
			if diff := cmp.Diff(tt.want, calls(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
	p, bad := planOf(t, "qq.send_group_forward_msg", `{"group_id":"3","qq.source":"s","messages":[{"type":"node","data":{"id":"1"}},{"type":"qq.node","data":{"user_id":"1","message":"x"}}]}`, sendOptions())
	if bad != nil {
		t.Fatal(bad)
	}
	const want = `send_group_forward_msg {"group_id":"3","source":"s","messages":[{"type":"node","data":{"id":"1"}},{"type":"node","data":{"user_id":"1","content":[{"type":"text","data":{"text":"x"}}]}}]}`
	if diff := cmp.Diff(want, calls(p)); diff != "" {
		t.Error(diff)
	}
}

// What would vanish at NapCat, or make it fail or be silent, never gets there.
func TestSendMessageRefuses(t *testing.T) {
	send := func(message string) string { return `{"detail_type":"group","group_id":"3","message":` + message + `}` }
	one := func(kind, data string) string { return send(`[{"type":"` + kind + `","data":` + data + `}]`) }
	tests := []struct {
		params string
		code   int
		text   string
	}{
		{`{}`, BadParam, "params.detail_type is missing or not a string"},
		{`{"detail_type":"mail"}`, UnsupportedParam, `params.detail_type is "mail": send private, group or qq.group_temp`},
		{`{"detail_type":"channel","guild_id":"1","channel_id":"2","message":"x"}`, UnsupportedParam, "params.detail_type is channel: QQ has none that catflap can send to"},
		{`{"detail_type":"group","message":"x"}`, BadParam, "params.group_id is missing"},
		{`{"detail_type":"group","group_id":"","message":"x"}`, BadParam, "params.group_id is missing"},
		{`{"detail_type":"group","group_id":"1e5","message":"x"}`, BadParam, "params.group_id is no decimal number of 64 bits"},
		{`{"detail_type":"group","group_id":"+5","message":"x"}`, BadParam, "params.group_id is no decimal number of 64 bits"},
		{`{"detail_type":"group","group_id":"9223372036854775808","message":"x"}`, BadParam, "params.group_id is no decimal number of 64 bits"},
		{`{"detail_type":"group","group_id":"-5","message":"x"}`, BadParam, "params.group_id is no QQ number"},
		{`{"detail_type":"private","message":"x"}`, BadParam, "params.user_id is missing"},
		{`{"detail_type":"private","user_id":"1","qq.group_id":"x","message":"x"}`, BadParam, "params.qq.group_id is no QQ number"},
		{`{"detail_type":"qq.group_temp","user_id":"20002","message":"x"}`, BadParam, "params.qq.group_id is missing: a temporary session goes through a group"},
		{`{"detail_type":"group","group_id":"3"}`, BadParam, "params.message is missing, or neither a string nor a segment nor an array of segments"},
		{send(`null`), BadParam, "params.message is missing, or neither a string nor a segment nor an array of segments"},
		{send(`5`), BadParam, "params.message is missing, or neither a string nor a segment nor an array of segments"},
		{send(`""`), BadParam, "params.message is empty"},
		{send(`[]`), BadParam, "params.message is empty"},
		{send(`[null]`), BadParam, "params.message[0] is not a segment"},
		{send(`["x"]`), BadParam, "params.message[0] is not a segment"},
		{send(`[{"type":"text","data":{"text":""}}]`), BadParam, "params.message says nothing"},
		{one("reply", `{"message_id":"5"}`), BadParam, "params.message says nothing"},
		{send(`[{"data":{}}]`), BadSegment, "params.message[0] has no type"},
		{send(`{"type":"mention_all"}`), BadSegment, "params.message[0] (mention_all) has no data: send {} for none"},
		{one("text", `{"text":5}`), BadSegment, "params.message[0] (text): data.text is missing or not a string"},
		{one("mention", `{"user_id":"all"}`), BadSegment, "params.message[0] (mention): data.user_id is no QQ number"},
		{one("reply", `{}`), BadSegment, "params.message[0] (reply): data.message_id is no decimal number of 64 bits"},
		{one("image", `{"url":"http://x"}`), BadSegment, "params.message[0] (image): data.file_id is missing or not a string: upload_file gives one"},
		{one("voice", `{"file_id":5}`), BadSegment, "params.message[0] (voice): data.file_id is missing or not a string: upload_file gives one"},
		{one("file", `{"file_id":"gone"}`), FileUnknown, `params.message[0] (file): the file "gone" is unknown, or no longer to be had: upload it again`},
		{one("location", `{"latitude":"x"}`), BadSegment, "params.message[0] (location): data.latitude is missing or not a number"},
		{one("qq.poke", `{}`), UnsupportedSegment, "params.message[0] (qq.poke): NapCat cannot send it: call qq.send_poke"},
		{one("qq.share", `{}`), UnsupportedSegment, "params.message[0] (qq.share): NapCat cannot send it"},
		{one("face", `{"id":"1"}`), UnsupportedSegment, "params.message[0] (face): NapCat cannot send it"},
		{one("hologram", `{}`), UnsupportedSegment, "params.message[0] (hologram): NapCat cannot send it"},
		{send(`[{"type":"text","data":{"text":"x"}},{"type":"weather","data":{}}]`), UnsupportedSegment, "params.message[1] (weather): NapCat cannot send it"},
		{one("qq.face", `{}`), BadSegment, "params.message[0] (qq.face): data.id is missing"},
		{one("qq.json", `{"data":""}`), BadSegment, "params.message[0] (qq.json): data.data is missing"},
		{one("qq.music", `{"id":"1"}`), BadSegment, "params.message[0] (qq.music): data.type is missing"},
		{send(`[{"type":"qq.node","data":{"id":"1"}},{"type":"text","data":{"text":"x"}}]`), BadSegment, "params.message mixes qq.node with other segments: a forward is nodes only"},
		{one("qq.node", `{}`), BadSegment, "params.message[0] (qq.node) has neither a message nor an id"},
		{send(`{"type":"qq.node"}`), BadSegment, "params.message (qq.node) has no data"},
		{one("qq.node", `{"message":[{"type":"weather","data":{}}]}`), UnsupportedSegment, "in params.message[0] (qq.node): params.message[0] (weather): NapCat cannot send it"},
		{send("[" + strings.Repeat(`{"type":"file","data":{"file_id":"f-1"}},`, 32) + `{"type":"text","data":{"text":"x"}}]`), BadParam, "params.message makes 33 messages, more than 32: send fewer files at once"},
	}
	for _, tt := range tests {
		p, bad := planOf(t, "send_message", tt.params, sendOptions())
		if bad == nil {
			t.Errorf("%s: sent as %s", tt.params, calls(p))
		} else if bad.Code != tt.code || bad.Message != tt.text {
			t.Errorf("%s:\n%d %s, want\n%d %s", tt.params, bad.Code, bad.Message, tt.code, tt.text)
		}
	}
	o := sendOptions()
	o.LocationText, o.Open = false, nil
	for params, code := range map[string]int{one("location", `{"latitude":1,"longitude":2}`): UnsupportedSegment, one("image", `{"file_id":"f-1"}`): FileUnknown} {
		if _, bad := planOf(t, "send_message", params, o); bad == nil || bad.Code != code {
			t.Errorf("%s: %v, want %d", params, bad, code)
		}
	}
	if _, bad := planOf(t, "qq.send_group_forward_msg", `{"group_id":1,"messages":[null]}`, o); bad == nil || bad.Code != BadParam {
		t.Errorf("null as a node: %v", bad)
	}
}

func ExampleRequest_Plan() {
	var r Request
	ParseRequest([]byte(`{"action":"delete_message","params":{"message_id":"-5"},"echo":"1"}`), &r)
	p, _ := r.Plan(&PlanOptions{Self: 10001})
	fmt.Printf("%s %s\n", p.Calls[0].Action, p.Calls[0].Params)
	// Output: delete_msg {"message_id":-5}
}
