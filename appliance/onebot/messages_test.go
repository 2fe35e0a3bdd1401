package onebot

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// page is docs/messages.md: its three tables, cells as they are written.
type page struct{ sent, names, received [][]string }

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var tables [][][]string
	inside := false
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if !inside {
			tables, inside = append(tables, nil), true
		}
		tables[len(tables)-1] = append(tables[len(tables)-1], cells)
	}
	if len(tables) != 3 {
		t.Fatalf("%s has %d tables, want 3", name, len(tables))
	}
	return page{tables[0][2:], tables[1][2:], tables[2][2:]}
}

// code is what stands between the backticks of a cell.
func codeIn(cell string) string {
	_, cell, _ = strings.Cut(cell, "`")
	cell, _, _ = strings.Cut(cell, "`")
	return cell
}

// settings reads the third cell of a row of what apps send.
func settings(t *testing.T, cell string) ComposeRules {
	t.Helper()
	r := ComposeRules{App: "APP", Chinese: true, Self: 10001, Nickname: "Bot", MaxBytes: 50 << 20}
	for part := range strings.SplitSeq(codeIn(cell), ", ") {
		switch part {
		case "":
		case "markdown: refuse":
			r.RefuseMarkdown = true
		case "unsupported: text":
			r.AsText = true
		case "language: en":
			r.Chinese = false
		default:
			t.Fatalf("unknown setting %q", part)
		}
	}
	return r
}

// Every row of docs/messages.md about what apps send, in array form and as a CQ string.
func TestMessagesPageSent(t *testing.T) {
	for _, row := range readPage(t, "messages.md").sent {
		message, rules := codeIn(row[1]), settings(t, row[2])
		params := []byte(`{"group_id":30003,"message":` + message + `}`)
		got, err := Compose("send_group_msg", params, &rules)
		if strings.HasPrefix(row[3], "refused: ") {
			if err == nil || err.Error() != codeIn(row[3]) {
				t.Errorf("%s: got %s, %v; want %s", row, got, err, row[3])
			}
		} else {
			want := params
			if row[3] != "as it is" {
				want = []byte(`{"group_id":30003,"message":` + codeIn(row[3]) + `}`)
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: got %s, %v; want %s", row, got, err, want)
			}
			if row[3] == "as it is" && !same(got, params) {
				t.Errorf("%s: copied, though nothing changes", row)
			}
		}
		if row[0] == "node" || message[0] != '[' {
			continue // a node is no CQ code
		}
		text, cqErr := ToString([]byte(message))
		if cqErr != nil {
			t.Fatal(cqErr)
		}
		fromText, textErr := Compose("send_group_msg_async", []byte(`{"message":`+string(text)+`}`), &rules)
		switch {
		case (err == nil) != (textErr == nil):
			t.Errorf("%s: as %s: %v; as an array: %v", row, text, textErr, err)
		case row[3] == "as it is" && string(fromText) != `{"message":`+string(text)+`}`:
			t.Errorf("%s: %s became %s", row, text, fromText)
		}
	}
}

// Every row about what apps receive: the segment in both forms, whichever NapCat sends.
func TestMessagesPageReceived(t *testing.T) {
	event := func(message, raw, form string) []byte {
		return []byte(`{"time":1,"self_id":10001,"post_type":"message","message_type":"group","sub_type":"normal","group_id":30003,"user_id":20002,"message_id":5,"font":14,"sender":{"user_id":20002},"raw_message":` +
			raw + `,"message":` + message + `,"message_format":"` + form + `"}`)
	}
	for _, row := range readPage(t, "messages.md").received {
		segment, cq := codeIn(row[1]), codeIn(row[2])
		array, text := event("["+segment+"]", cq, "array"), event(cq, cq, "string")
		h := peekOf(t, string(array))
		if h.Missing != 0 {
			t.Errorf("%s: lacks %#x", row, h.Missing)
		}
		if got, err := Reformat(array, &h, "array"); err != nil || !same(got, array) {
			t.Errorf("%s: as an array %s, %v", row, got, err)
		}
		if got, err := Reformat(array, &h, "string"); err != nil || string(got) != string(text) {
			t.Errorf("%s:\n got %s, %v\nwant %s", row, got, err, text)
		}
		h = peekOf(t, string(text))
		if got, err := Reformat(text, &h, "string"); err != nil || !same(got, text) {
			t.Errorf("%s: as a string %s, %v", row, got, err)
		}
		got, err := Reformat(text, &h, "array")
		if err != nil {
			t.Fatal(err)
		}
		h = peekOf(t, string(got))
		segments, err := ParseMessage(h.Message)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ParseMessage([]byte(segment))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(asTexts(want), segments); diff != "" {
			t.Errorf("%s: from %s: %s", row, cq, diff)
		}
	}
}

// asTexts is what the CQ form keeps of segments: no null, no empty value, everything a text.
func asTexts(in []Segment) []Segment {
	out := []Segment{}
	for _, s := range in {
		data := map[string]any{}
		for k, v := range s.Data {
			if text := valueText(v); text != "" {
				data[k] = text
			}
		}
		out = append(out, Segment{Type: s.Type, Data: data})
	}
	return out
}

func TestMessagesPageNames(t *testing.T) {
	for _, row := range readPage(t, "messages.md").names {
		if got := FileName(codeIn(row[0])); got != codeIn(row[1]) {
			t.Errorf("%s: %q", row, got)
		}
	}
}

// The Chinese page says the same: all that is code is equal.
func TestMessagesPagesAgree(t *testing.T) {
	read := func(name string) []string {
		text, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var cells []string
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "|") {
				cells = append(cells, strings.Join(regexp.MustCompile("`[^`]*`").FindAllString(line, -1), " "))
			}
		}
		return cells
	}
	if diff := cmp.Diff(read("messages.md"), read("messages.zh-CN.md")); diff != "" {
		t.Error(diff)
	}
}

// Every type of the reference stands in both tables, as far as NapCat has it there.
func TestMessagesPageIsComplete(t *testing.T) {
	types := func(rows [][]string) map[string]bool {
		out := make(map[string]bool)
		for _, row := range rows {
			out[row[0]] = true
		}
		return out
	}
	p := readPage(t, "messages.md")
	sent, received := types(p.sent), types(p.received)
	for _, kind := range strings.Fields("text at reply face image record video file markdown miniapp mface dice rps json xml location music contact forward node share poke shake anonymous tts cardimage redbag gift lightapp onlinefile flashtransfer") {
		if !sent[kind] {
			t.Errorf("no row says what becomes of a %s that an app sends", kind)
		}
	}
	for _, kind := range strings.Fields("text at reply face image mface record video file json markdown dice rps poke forward onlinefile flashtransfer miniapp share music contact location xml") {
		if !received[kind] {
			t.Errorf("no row says how apps receive a %s", kind)
		}
	}
}

func TestComposeRefusesWhatIsTooLarge(t *testing.T) {
	rules := ComposeRules{MaxBytes: 1 << 20}
	payload := strings.Repeat("QUFB", 1<<19) // 1.5 MiB
	const over = "data.file holds 1.5 MiB, mediaMaxMb allows 1"
	for _, c := range []struct{ action, params, want string }{
		{"send_group_msg", `{"message":[{"type":"image","data":{"file":"base64://` + payload + `"}}]}`, "send_group_msg: params.message[0] (image): " + over},
		{"send_msg", `{"message":[{"type":"text","data":{"text":"a"}},{"type":"video","data":{"file":"data:video/mp4;base64,` + payload + `"}}]}`, "send_msg: params.message[1] (video): " + over},
		{"send_msg", `{"message":{"type":"record","data":{"file":"base64:\/\/` + payload + `"}}}`, "send_msg: params.message (record): " + over},
		{"send_private_msg", `{"message":"[CQ:file,name=a,file=base64://` + payload + `]"}`, "send_private_msg: params.message[0] (file): " + over},
		{"upload_group_file", `{"group_id":1,"name":"a","file":"base64://` + payload + `"}`, "upload_group_file: params.file holds 1.5 MiB, mediaMaxMb allows 1"},
		{"upload_group_file", `{"group_id":1,"name":"a","file":"base64://"}`, "upload_group_file: params.file holds nothing: write the bytes in base64 behind base64://"},
		{"send_group_msg", `{"message":[{"type":"image","data":{"file":"base64://!!!"}}]}`, "send_group_msg: params.message[0] (image): data.file is not base64"},
		{"send_group_msg", `{"message":[{"type":"image","data":{"file":"base64://QUFBQ"}}]}`, "send_group_msg: params.message[0] (image): data.file is not base64"},
		{"upload_private_file", `{"user_id":1,"name":"a","file":""}`, "upload_private_file: params.file is missing: name a file, or give an http(s) address or base64:// data"},
	} {
		out, err := Compose(c.action, []byte(c.params), &rules)
		if out != nil || err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	for _, name := range []string{"messages.md", "messages.zh-CN.md"} {
		text, err := os.ReadFile("../../docs/" + name)
		wording := strings.NewReplacer("1.5 MiB", "60.0 MiB", "allows 1", "allows 50").Replace(over)
		if err != nil || !bytes.Contains(text, []byte("send_group_msg: params.message[0] (image): "+wording)) {
			t.Errorf("docs/%s does not say how a medium that is too large is refused (%v)", name, err)
		}
	}
	fits := []byte(`{"message":[{"type":"image","data":{"file":"base64://QUFB"}}]}`)
	if out, err := Compose("send_msg", fits, &rules); err != nil || !same(out, fits) {
		t.Errorf("%s, %v", out, err)
	}
}

// Files keep their names for every extension of the seed, an unknown one and a Chinese name, and get the one that their
// source has when the app gave none.
func TestComposeKeepsNames(t *testing.T) {
	rules := ComposeRules{}
	for _, extension := range strings.Fields("txt md json csv doc docx pdf xls xlsx ppt pptx zip rar 7z tar gz js ts py java go rs tar.gz catflap") {
		for _, base := range []string{"document", "季度 报告（一）"} {
			name := base + "." + extension
			quoted := string(appendQuoted(nil, name))
			for _, c := range []struct{ action, params, want string }{
				{"send_group_msg", `{"message":[{"type":"file","data":{"file":"base64://QUFB","name":` + quoted + `}}]}`, ""},
				{"send_group_msg", `{"message":[{"type":"file","data":{"name":` + quoted + `,"file":"file:///tmp/x1"}}]}`, ""},
				{"upload_group_file", `{"group_id":30003,"file":"/tmp/x1","name":` + quoted + `,"folder_id":"f"}`, ""},
				{"upload_private_file", `{"user_id":20002,"file":"/tmp/x1","name":` + quoted + `}`, ""},
				{"send_group_msg", `{"message":[{"type":"file","data":{"file":` + string(appendQuoted(nil, "file:///srv/"+name)) + `}}]}`,
					`{"message":[{"type":"file","data":{"file":` + string(appendQuoted(nil, "file:///srv/"+name)) + `,"name":` + quoted + `}}]}`},
				{"send_group_msg", `{"message":[{"type":"file","data":{"name":null,"url":` + string(appendQuoted(nil, "https://example.org/d/"+name+"?k=1")) + `}}]}`,
					`{"message":[{"type":"file","data":{"url":` + string(appendQuoted(nil, "https://example.org/d/"+name+"?k=1")) + `,"name":` + quoted + `}}]}`},
				{"upload_group_file", `{"group_id":1,"file":` + string(appendQuoted(nil, `D:\files\`+name)) + `,"name":" "}`,
					`{"group_id":1,"file":` + string(appendQuoted(nil, `D:\files\`+name)) + `,"name":` + quoted + `}`},
			} {
				if c.want == "" {
					c.want = c.params
				}
				got, err := Compose(c.action, []byte(c.params), &rules)
				if err != nil || string(got) != c.want {
					t.Errorf("%s %s:\n got %s, %v\nwant %s", c.action, c.params, got, err, c.want)
				}
			}
		}
	}
}

// What Compose leaves alone, and where it looks.
func TestCompose(t *testing.T) {
	rules := ComposeRules{App: "bot", Self: 10001, Nickname: "B\"t"}
	const dice, face = `{"type":"dice","data":{"result":3}}`, `{"type":"face","data":{"id":"358","resultId":"3"}}`
	for _, c := range []struct{ name, action, params, want string }{
		{"other actions", "get_msg", `{"message":[` + dice + `]}`, ""},
		{"no params", "send_msg", ``, ""},
		{"params that are none", "send_msg", `[]`, ""},
		{"white space stays", "send_msg", ` { "message" : "x" , "user_id" : 1 } `, ""},
		{"null and numbers are CheckSend's", "send_msg", `{"message":[null,1,{"type":1},{"type":"dice"}]}`, ""},
		{"an unknown type", "send_msg", `{"message":[{"type":"hologram","data":{"file":""}}]}`, ""},
		{"members around", "send_group_msg_rate_limited", `{"group_id":1, "message" : [ ` + dice + ` , ` + dice + ` ],"x":[1]}`,
			`{"group_id":1, "message" : [ ` + face + ` , ` + face + ` ],"x":[1]}`},
		{"members of the segment", "send_msg", `{"message":[{"x":1,"data":{"result":3},"type":"dice","y":2}]}`, `{"message":[{"x":1,"type":"face","y":2,"data":{"id":"358","resultId":"3"}}]}`},
		{"escaped names", "send_msg", `{"mess\u0061ge":[{"typ\u0065":"di\u0063e","d\u0061ta":{"r\u0065sult":"\u0033"}}]}`, `{"mess\u0061ge":[{"typ\u0065":"face","data":{"id":"358","resultId":"3"}}]}`},
		{"escaped CQ code", "send_msg", `{"message":"\u005bCQ:dice,result=3]"}`, `{"message":[` + face + `]}`},
		{"nodes in nodes", "send_group_forward_msg", `{"messages":[{"type":"node","data":{"content":[{"type":"node","data":{"content":"[CQ:dice,result=3]","x":1}}]}}]}`,
			`{"messages":[{"type":"node","data":{"content":[{"type":"node","data":{"content":[` + face + `],"x":1}}]}}]}`},
		{"markdown two nodes deep", "send_forward_msg", `{"messages":[{"type":"node","data":{"content":[{"type":"node","data":{"content":{"type":"markdown","data":{"content":"x"}}}}]}}]}`, ""},
		{"a single markdown", "send_msg", `{"message":{"type":"markdown","data":{"content":"x"}}}`,
			`{"message":[{"type":"node","data":{"user_id":"10001","nickname":"B\"t","content":[{"type":"node","data":{"user_id":"10001","nickname":"B\"t","content":[{"type":"markdown","data":{"content":"x"}}]}}]}}]}`},
		{"auto_escape", "send_msg", `{"message":"[CQ:image,file=file:///etc/passwd]","auto_escape":true}`, `{"message":[{"type":"text","data":{"text":"[CQ:image,file=file:///etc/passwd]"}}],"auto_escape":true}`},
		{"auto_escape as a word", "send_msg", `{"auto_escape":"Yes","message":"a &amp; \"b\" [CQ:dice,result=9]"}`, `{"auto_escape":"Yes","message":[{"type":"text","data":{"text":"a &amp; \"b\" [CQ:dice,result=9]"}}]}`},
		{"auto_escape of nothing", "send_msg", `{"auto_escape":1,"message":""}`, ""},
		{"auto_escape of segments", "send_msg", `{"auto_escape":1,"message":[` + dice + `]}`, `{"auto_escape":1,"message":[` + face + `]}`},
		{"no auto_escape", "send_msg", `{"auto_escape":"no","message":"[CQ:at,qq=1]"}`, ""},
		{"an empty result is none", "send_msg", `{"message":[{"type":"rps","data":{"result":null}},{"type":"dice","data":{"result":""}}]}`, ""},
	} {
		want := c.want
		if want == "" {
			want = c.params
		}
		got, err := Compose(c.action, []byte(c.params), &rules)
		if err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, want)
		}
	}
}

func TestComposeErrors(t *testing.T) {
	owner, bot := ComposeRules{}, ComposeRules{App: "bot", RefuseMarkdown: true}
	for _, c := range []struct {
		rules          *ComposeRules
		message, where string
	}{
		{&owner, `[{"type":"dice","data":{"result":1.5}}]`, "message[0] (dice): data.result is 1.5: give a number from 1 to 6, or leave it out for a random one"},
		{&owner, `[{"type":"dice","data":{"result":-1}}]`, "message[0] (dice): data.result is -1: give a number from 1 to 6, or leave it out for a random one"},
		{&owner, `[{"type":"rps","data":{"result":["paper","paper","paper","paper"]}}]`, `message[0] (rps): data.result is ["paper","paper","paper"…: give a number from 1 to 3, or leave it out for a random one`},
		{&owner, `{"type":"xml","data":{"data":"<x/>"}}`, "message (xml): NapCat cannot send it (unsupported: refuse; text sends it as text)"},
		{&owner, `"a[CQ:at,qq=1][CQ:xml,data=x]"`, "message[2] (xml): NapCat cannot send it (unsupported: refuse; text sends it as text)"},
		{&bot, `[{"type":"node","data":{"content":"[CQ:markdown,content=x]"}}]`, "message[0].data.content[0] (markdown): refused by apps.bot.markdown: refuse; forward sends it inside a forwarded message, where QQ shows it"},
		{&owner, `[{"type":"node","data":{"content":{"type":"node","data":{"content":[{"type":"image","data":{"file":7}}]}}}}]`,
			"message[0].data.content.data.content[0] (image): data.file is missing: name a file, or give an http(s) address or base64:// data"},
	} {
		out, err := Compose("send_msg", []byte(`{"message":`+c.message+`}`), c.rules)
		if out != nil || err == nil || err.Error() != "send_msg: params."+c.where {
			t.Errorf("%s:\n got %v\nwant send_msg: params.%s", c.message, err, c.where)
		}
	}
}

func TestComposeAllocatesNothingForPlainMessages(t *testing.T) {
	rules := ComposeRules{App: "bot"}
	for _, params := range []string{
		`{"group_id":"30003","message":[{"type":"at","data":{"qq":"1"}},{"type":"text","data":{"text":"hi"}},{"type":"image","data":{"file":"a.png"}}]}`,
		`{"group_id":"30003","message":"plain text"}`,
	} {
		raw := []byte(params)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := Compose("send_group_msg", raw, &rules); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", params, n)
		}
	}
}

// What Compose makes is valid and composed already; it refuses the same in both forms.
func FuzzCompose(f *testing.F) {
	addSamples(f, func(frame []byte) { f.Add(frame, true) })
	f.Add([]byte(`{"message":"[CQ:dice,result=3][CQ:markdown,content=x]"}`), false)
	f.Add([]byte(`{"message":{"type":"node","data":{"content":[{"type":"location","data":{"lat":1}}]}},"auto_escape":1}`), true)
	f.Fuzz(func(t *testing.T, params []byte, text bool) {
		if !json.Valid(params) || slowDepth(params) > 100 {
			return
		}
		rules := ComposeRules{App: "a", AsText: text, Self: 1}
		out, err := Compose("send_msg", params, &rules)
		if err != nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %q", params, out)
		}
		again, err := Compose("send_msg", out, &rules)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q, then %q (%v)", params, out, again, err)
		}
	})
}
