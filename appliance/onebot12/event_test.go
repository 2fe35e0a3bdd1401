package onebot12

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/onebot"
)

// head12 is how all expected events below begin, but for the type.
func head12(kind, detail, sub string) string {
	return `{"id":"e-1","time":1767225600.0,"type":"` + kind + `","detail_type":"` + detail + `","sub_type":"` + sub + `","self":{"platform":"qq","user_id":"10001"}`
}

func testReading() Reading {
	return Reading{
		Author: func(id int64) (uint64, bool) { return 20002, id == 77 },
		FileID: func(m Medium) string { return "file-" + m.Type },
	}
}

// Every event that NapCat is known to send: testdata/events.txt says what becomes of the samples of package onebot, nothing of some.
func TestEventTranslatesEverySample(t *testing.T) {
	files, err := filepath.Glob("../onebot/testdata/events/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	data, err := os.ReadFile("testdata/events.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, event, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		want[name] = event
	}
	for _, file := range files {
		frame, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		out, ok, err := Event(frame, &EventOptions{Reading: testReading(), ID: "e-1", OwnMessages: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		expected, known := want[name]
		if !known {
			t.Errorf("testdata/events.txt has no line for %s", name)
		}
		if got := string(out); got != expected || ok != (expected != "") {
			t.Errorf("%s:\n%s", name, cmp.Diff(expected, got))
		}
		if ok {
			checkEvent(t, out)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("testdata/events.txt has a line for %s, which is no sample", name)
	}
}

// What no sample shows: other implementations, and what a newer NapCat may send.
func TestEventTranslatesWhatNapCatDoesNotSend(t *testing.T) {
	message := func(members string) string {
		return `{"time":1767225600,"self_id":10001,"post_type":"message","message_id":-5,"user_id":20002,"sender":{"user_id":20002},"raw_message":"","font":0,"message":[],` + members + `}`
	}
	notice := func(members string) string {
		return `{"time":1767225600,"self_id":10001,"post_type":"notice",` + members + `}`
	}
	const empty = `,"message_id":"-5","message":[],"alt_message":""`
	tests := []struct {
		name, in, want string
	}{
		{"private other", message(`"message_type":"private","sub_type":"other"`),
			head12("message", "private", "qq.other") + empty + `,"user_id":"20002","qq.sub_type":"other","qq.sender":{"user_id":"20002"}}`},
		{"group notice", message(`"message_type":"group","sub_type":"notice","group_id":30003`),
			head12("message", "group", "qq.notice") + empty + `,"user_id":"20002","group_id":"30003","qq.sub_type":"notice","qq.sender":{"user_id":"20002"}}`},
		{"group anonymous", message(`"message_type":"group","sub_type":"anonymous","group_id":30003,"anonymous":{"id":7,"name":"Cat","flag":"f"}`),
			head12("message", "group", "qq.anonymous") + empty + `,"qq.anonymous":{"id":"7","name":"Cat","flag":"f"},"user_id":"80000000","group_id":"30003","qq.sub_type":"anonymous","qq.sender":{"user_id":"20002"}}`},
		{"told late", message(`"message_type":"group","sub_type":"normal","group_id":30003,"catflap_late":true`),
			head12("message", "group", "") + empty + `,"user_id":"20002","group_id":"30003","qq.sub_type":"normal","qq.sender":{"user_id":"20002"},"qq.catflap_late":true}`},
		{"guild", `{"time":1767225600,"self_id":10001,"post_type":"message","message_type":"guild","sub_type":"channel","message_id":"a-1","guild_id":"41","channel_id":"42","user_id":"43","message":"hi","sender":{"user_id":43}}`,
			head12("message", "channel", "") + `,"message_id":"a-1","message":[{"type":"text","data":{"text":"hi"}}],"alt_message":"hi","user_id":"43","guild_id":"41","channel_id":"42","qq.sub_type":"channel","qq.sender":{"user_id":"43"}}`},
		{"CQ string", strings.Replace(message(`"message_type":"private","sub_type":"friend"`), `"message":[]`, `"message":"[CQ:at,qq=10001] a&#91;b [CQ:image,file=x.png,sub_type=1,file_size=12]"`, 1),
			head12("message", "private", "") + `,"message_id":"-5","message":[{"type":"mention","data":{"user_id":"10001"}},{"type":"text","data":{"text":" a[b "}},{"type":"image","data":{"file_id":"file-image","qq.name":"x.png","qq.size":12,"qq.sub_type":1}}],"alt_message":"@10001 a[b [图片]","user_id":"20002","qq.sub_type":"friend","qq.sender":{"user_id":"20002"}}`},
		{"no sender, loose ids", `{"time":"1767225600","self_id":"10001","post_type":"message","message_type":"group","message_id":"12","user_id":"20002","group_id":30003.0,"message":[]}`,
			head12("message", "group", "") + `,"message_id":"12","message":[],"alt_message":"","user_id":"20002","group_id":"30003","qq.sub_type":"normal","qq.sender":{"user_id":"20002","nickname":""}}`},
		{"recall by an admin", notice(`"notice_type":"group_recall","group_id":30003,"user_id":20002,"operator_id":20003,"message_id":5`),
			head12("notice", "group_message_delete", "delete") + `,"group_id":"30003","message_id":"5","user_id":"20002","operator_id":"20003"}`},
		{"recall by nobody known", notice(`"notice_type":"group_recall","group_id":30003,"user_id":20002,"operator_id":0,"message_id":5`),
			head12("notice", "group_message_delete", "") + `,"group_id":"30003","message_id":"5","user_id":"20002","operator_id":""}`},
		{"another way in", notice(`"notice_type":"group_increase","sub_type":"scan","group_id":30003,"user_id":20002`),
			head12("notice", "group_member_increase", "qq.scan") + `,"group_id":"30003","user_id":"20002","operator_id":""}`},
		{"extras of a standard notice", notice(`"notice_type":"friend_add","user_id":20002,"via_id":7,"nick":"Ann","a.b":1,"qq":2`),
			head12("notice", "friend_increase", "") + `,"user_id":"20002","qq.via_id":"7","qq.nick":"Ann"}`},
		{"unknown notice with names of the envelope", notice(`"notice_type":"news","sub_type":"x","id":9007199254740993,"type":"t","detail_type":"d","self":1,"user_id":0,"ids":[1],"message_ids":[1,"2"],"deep":{"q_id":null,"x.y":1,"qq":1,"list":[{"some_id":12345678901234567890123}]},"time":1767225600`),
			head12("notice", "qq.news", "x") + `,"qq.id":"9007199254740993","qq.type":"t","qq.detail_type":"d","qq.self":1,"user_id":"","ids":[1],"message_ids":["1","2"],"deep":{"q_id":"","list":[{"some_id":"12345678901234567890123"}]}}`},
		{"names with escapes", notice(`"notice_type":"friend_add","user\u005fid":20002`), head12("notice", "friend_increase", "") + `,"user_id":"20002"}`},
		{"a flag that is a number", notice(`"notice_type":"news","flag":5`), head12("notice", "qq.news", "") + `,"flag":"5"}`},
		{"no self_id", `{"time":1767225600,"post_type":"notice","notice_type":"friend_add","user_id":20002}`, head12("notice", "friend_increase", "") + `,"user_id":"20002"}`},
		{"a name twice", notice(`"notice_type":"news","a":1,"a":2`), head12("notice", "qq.news", "") + `,"a":2}`},
		{"upload without its message", notice(`"notice_type":"group_upload","group_id":30003,"user_id":20002,"file":{"id":"/a.b","name":"x.zip","size":"7"}`),
			head12("notice", "qq.group_file_upload", "") + `,"group_id":"30003","user_id":"20002","file_id":"file-file","name":"x.zip","size":7,"busid":0,"qq.file_id":"/a.b"}`},
		{"unknown request", `{"time":1767225600,"self_id":10001,"post_type":"request","request_type":"news","user_id":1,"flag":5}`,
			head12("request", "qq.news", "") + `,"user_id":"1","flag":"5"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testReading()
			o.Self = 10001
			out, ok, err := Event([]byte(tt.in), &EventOptions{Reading: o, ID: "e-1"})
			if err != nil || !ok {
				t.Fatalf("ok %v, error %v", ok, err)
			}
			if diff := cmp.Diff(tt.want, string(out)); diff != "" {
				t.Error(diff)
			}
			checkEvent(t, out)
		})
	}
}

func TestEventIsForNobody(t *testing.T) {
	for _, frame := range []string{
		`{"time":1,"self_id":1,"post_type":"message_sent","message_type":"private","sub_type":"friend","message_id":1,"user_id":1,"message":[],"raw_message":"","font":0,"sender":{"user_id":1}}`,
		`{"time":1,"self_id":1,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":true,"good":true},"interval":1}`,
	} {
		if out, ok, err := Event([]byte(frame), &EventOptions{}); ok || err != nil || out != nil {
			t.Errorf("%s: %v, %v, %s", frame, ok, err, out)
		}
	}
}

func TestEventRefuses(t *testing.T) {
	tests := []struct {
		frame string
		want  error
		text  string
	}{
		{`[]`, onebot.ErrNotObject, "reading an event: the frame is not a JSON object"},
		{`{`, onebot.ErrSyntax, "reading an event: the frame is not valid JSON: byte 1"},
		{`{"a":1}`, onebot.ErrIncomplete, `reading an event: post_type is "": the event cannot be completed`},
		{`{"time":1,"self_id":1,"post_type":"message","message_type":"mail","message_id":1,"user_id":1,"message":[],"raw_message":"","font":0,"sub_type":"","sender":{"user_id":1}}`, onebot.ErrIncomplete, `reading an event: message_type is "mail": the event cannot be completed`},
		{`{"time":1,"self_id":1,"post_type":"notice"}`, onebot.ErrIncomplete, ""},
	}
	for _, tt := range tests {
		_, ok, err := Event([]byte(tt.frame), &EventOptions{})
		if ok || !errors.Is(err, tt.want) {
			t.Errorf("%s: ok %v, error %v, want %v", tt.frame, ok, err, tt.want)
		} else if tt.text != "" && err.Error() != tt.text {
			t.Errorf("%s: %q, want %q", tt.frame, err, tt.text)
		}
	}
}

// An app that has several roads to catflap, or gets an event once more, knows it by its id.
func TestEventIDs(t *testing.T) {
	if got, want := EventID("main", "", 7), EventID("main", "", 7); got != want || len(got) != 36 || got[14] != '5' {
		t.Errorf("%s, then %s", got, want)
	}
	ids := map[string]string{}
	for _, id := range []string{EventID("main", "", 7), EventID("main", "", 8), EventID("mai", "n", 7), EventID("main", "k", 7)} {
		if ids[id] != "" {
			t.Errorf("%s twice", id)
		}
		ids[id] = id
	}
	frame := []byte(`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"friend_add","user_id":2}`)
	one, _, _ := Event(frame, &EventOptions{})
	two, _, _ := Event(frame, &EventOptions{})
	if string(one) != string(two) {
		t.Errorf("%s\n%s", one, two)
	}
}
