package onebot12

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// messageEvent is a message of a group with these segments.
func groupMessage(segments string) []byte {
	return []byte(`{"time":1767225600,"self_id":10001,"post_type":"message","message_type":"group","sub_type":"normal","message_id":5,"group_id":30003,"user_id":20002,"sender":{"user_id":20002},"raw_message":"","font":0,"message":` + segments + `}`)
}

// translated gives the message and alt_message of an event.
func translated(t testing.TB, segments string, o Reading) (message, alt string) {
	t.Helper()
	out, ok, err := Event(groupMessage(segments), &EventOptions{Reading: o, ID: "e-1"})
	if err != nil || !ok {
		t.Fatalf("%s: ok %v, error %v", segments, ok, err)
	}
	checkEvent(t, out)
	v := read(out)
	return string(v.get("message").raw()), v.get("alt_message").text()
}

// What comes in: each row of the table of segments.
func TestSegmentsFrom11(t *testing.T) {
	tests := []struct {
		name, in, want, alt string
	}{
		{"text", `{"type":"text","data":{"text":"a\n\u4f60\"<"}}`, `{"type":"text","data":{"text":"a\n\u4f60\"<"}}`, "a\n你\"<"},
		{"text that is a number", `{"type":"text","data":{"text":5}}`, `{"type":"text","data":{"text":"5"}}`, "5"},
		{"at all", `{"type":"at","data":{"qq":"all"}}`, `{"type":"mention_all","data":{}}`, "@全体成员"},
		{"at", `{"type":"at","data":{"qq":"10001"}}`, `{"type":"mention","data":{"user_id":"10001"}}`, "@10001"},
		{"at, a number and a name", `{"type":"at","data":{"qq":10001,"name":"@Bot"}}`, `{"type":"mention","data":{"user_id":"10001","qq.name":"@Bot"}}`, "@Bot"},
		{"reply to somebody known", `{"type":"reply","data":{"id":"77"}}`, `{"type":"reply","data":{"message_id":"77","user_id":"20002"}}`, ""},
		{"reply to somebody unknown", `{"type":"reply","data":{"id":-78}}`, `{"type":"reply","data":{"message_id":"-78","user_id":""}}`, ""},
		{"reply with the mention that QQ adds", `{"type":"reply","data":{"id":"77"}},{"type":"at","data":{"qq":"20002"}},{"type":"text","data":{"text":" ok"}}`,
			`{"type":"reply","data":{"message_id":"77","user_id":"20002"}},{"type":"text","data":{"text":" ok"}}`, " ok"},
		{"reply with another mention", `{"type":"reply","data":{"id":"77"}},{"type":"at","data":{"qq":"20003"}},{"type":"at","data":{"qq":"20002"}}`,
			`{"type":"reply","data":{"message_id":"77","user_id":"20002"}},{"type":"mention","data":{"user_id":"20003"}},{"type":"mention","data":{"user_id":"20002"}}`, "@20003@20002"},
		{"image", `{"type":"image","data":{"summary":"","file":"ABC.jpg","sub_type":1,"url":"http://q/x","file_size":"123"}}`,
			`{"type":"image","data":{"file_id":"file-image","qq.url":"http://q/x","qq.name":"ABC.jpg","qq.size":123,"qq.sub_type":1,"qq.summary":""}}`, "[图片]"},
		{"image of catflap's", `{"type":"image","data":{"file":"ABC.jpg","url":"http://gw/media/k","catflap_origin_url":"http://q/x"}}`,
			`{"type":"image","data":{"file_id":"file-image","qq.url":"http://gw/media/k","qq.name":"ABC.jpg"}}`, "[图片]"},
		{"image that is too large", `{"type":"image","data":{"file":"ABC.jpg","url":"http://q/x","catflap_note":"too large"}}`,
			`{"type":"image","data":{"file_id":"file-image","qq.url":"http://q/x","qq.name":"ABC.jpg","qq.catflap_note":"too large"}}`, "[图片]"},
		{"market face", `{"type":"image","data":{"summary":"[hug]","file":"12-34.gif","url":"http://g","key":"k1","emoji_id":"34","emoji_package_id":12}}`,
			`{"type":"image","data":{"file_id":"file-image","qq.url":"http://g","qq.name":"12-34.gif","qq.emoji_id":"34","qq.emoji_package_id":"12","qq.key":"k1","qq.summary":"[hug]"}}`, "[hug]"},
		{"mface", `{"type":"mface","data":{"key":"k1","emoji_id":"34","emoji_package_id":12,"summary":"[hug]"}}`,
			`{"type":"image","data":{"file_id":"file-image","qq.name":"34","qq.emoji_id":"34","qq.emoji_package_id":"12","qq.key":"k1","qq.summary":"[hug]"}}`, "[hug]"},
		{"record", `{"type":"record","data":{"file":"v.amr","path":"/app/v.amr","file_size":"9","url":""}}`,
			`{"type":"voice","data":{"file_id":"file-record","qq.name":"v.amr","qq.size":9}}`, "[语音]"},
		{"video", `{"type":"video","data":{"file":"v.mp4","url":"http://v","file_size":10}}`,
			`{"type":"video","data":{"file_id":"file-video","qq.url":"http://v","qq.name":"v.mp4","qq.size":10}}`, "[视频]"},
		{"file", `{"type":"file","data":{"file":"a.zip","file_id":"/u.1","file_size":"11"}}`,
			`{"type":"file","data":{"file_id":"file-file","qq.name":"a.zip","qq.size":11,"qq.file_id":"/u.1"}}`, "[文件:a.zip]"},
		{"location", `{"type":"location","data":{"lat":"31","lon":"121.5","title":"Bund"}}`,
			`{"type":"location","data":{"latitude":31.0,"longitude":121.5,"title":"Bund","content":""}}`, "[位置:Bund]"},
		{"location, broken", `{"type":"location","data":{"lat":"NaN","lon":true,"content":"c"}}`,
			`{"type":"location","data":{"latitude":0.0,"longitude":0.0,"title":"","content":"c"}}`, "[位置:]"},
		{"face", `{"type":"face","data":{"id":"14","raw":{"faceText":"/微笑","faceIndex":14},"resultId":null,"chainCount":null}}`,
			`{"type":"qq.face","data":{"id":"14","qq.name":"微笑","resultId":null,"chainCount":null}}`, "[表情:微笑]"},
		{"face, no name", `{"type":"face","data":{"id":14}}`, `{"type":"qq.face","data":{"id":"14"}}`, "[表情:14]"},
		{"json", `{"type":"json","data":{"data":"{\"app\":\"x\",\"prompt\":\"[card] hi\"}"}}`,
			`{"type":"qq.json","data":{"data":"{\"app\":\"x\",\"prompt\":\"[card] hi\"}"}}`, "[card] hi"},
		{"json that is a map", `{"type":"json","data":{"data":"{\"app\":\"com.tencent.map\",\"meta\":{\"Location.Search\":{\"lat\":\"1\"}}}"}}`,
			`{"type":"qq.json","data":{"data":"{\"app\":\"com.tencent.map\",\"meta\":{\"Location.Search\":{\"lat\":\"1\"}}}"}}`, "[卡片消息]"},
		{"json that is an object", `{"type":"json","data":{"data":{"a.b":1}}}`, `{"type":"qq.json","data":{"data":"{\"a.b\":1}"}}`, "[卡片消息]"},
		{"json that is none", `{"type":"json","data":{"data":"{"}}`, `{"type":"qq.json","data":{"data":"{"}}`, "[卡片消息]"},
		{"xml", `{"type":"xml","data":{"data":"<a/>","resid":"1"}}`, `{"type":"qq.xml","data":{"data":"<a/>","resid":"1"}}`, "[xml]"},
		{"markdown", `{"type":"markdown","data":{"content":"# x"}}`, `{"type":"qq.markdown","data":{"content":"# x"}}`, "[markdown]"},
		{"forward", `{"type":"forward","data":{"id":"7412345678901234567"}}`, `{"type":"qq.forward","data":{"id":"7412345678901234567"}}`, "[聊天记录]"},
		{"forward with what is in it", `{"type":"forward","data":{"id":"7","content":[{"time":5,"message_id":9,"user_id":20002,"sender":{"user_id":20002,"nickname":"Ann","card":""},"message":[{"type":"at","data":{"qq":"1"}},{"type":"forward","data":{"id":"8","content":[{"type":"node","data":{"user_id":"3","nickname":"Bo","content":"[CQ:face,id=1]x"}}]}}]}]}}`,
			`{"type":"qq.forward","data":{"id":"7","content":[{"message_id":"9","user_id":"20002","user_name":"Ann","time":5.0,"message":[{"type":"mention","data":{"user_id":"1"}},{"type":"qq.forward","data":{"id":"8","content":[{"user_id":"3","user_name":"Bo","message":[{"type":"qq.face","data":{"id":"1"}},{"type":"text","data":{"text":"x"}}]}]}}]}]}}`, "[聊天记录]"},
		{"node", `{"type":"node","data":{"user_id":20002,"nickname":"Ann","content":[{"type":"text","data":{"text":"x"}}]}}`,
			`{"type":"qq.node","data":{"user_id":"20002","user_name":"Ann","message":[{"type":"text","data":{"text":"x"}}]}}`, "[node]"},
		{"node by its id", `{"type":"node","data":{"id":5}}`, `{"type":"qq.node","data":{"id":"5","user_id":"","user_name":"","message":[]}}`, "[node]"},
		{"dice", `{"type":"dice","data":{"result":"6"}}`, `{"type":"qq.dice","data":{"result":"6"}}`, "[dice]"},
		{"rps", `{"type":"rps","data":{"result":2}}`, `{"type":"qq.rps","data":{"result":2}}`, "[rps]"},
		{"poke", `{"type":"poke","data":{"type":"1","id":-1}}`, `{"type":"qq.poke","data":{"qq.type":"1","id":"-1"}}`, "[poke]"},
		{"shake", `{"type":"shake","data":{}}`, `{"type":"qq.shake","data":{}}`, "[shake]"},
		{"music", `{"type":"music","data":{"type":"163","id":5}}`, `{"type":"qq.music","data":{"qq.type":"163","id":"5"}}`, "[music]"},
		{"contact", `{"type":"contact","data":{"type":"qq","id":"5"}}`, `{"type":"qq.contact","data":{"qq.type":"qq","id":"5"}}`, "[contact]"},
		{"share", `{"type":"share","data":{"url":"http://x","title":"t"}}`, `{"type":"qq.share","data":{"url":"http://x","title":"t"}}`, "[share]"},
		{"anonymous", `{"type":"anonymous","data":null}`, `{"type":"qq.anonymous","data":{}}`, "[anonymous]"},
		{"onlinefile", `{"type":"onlinefile","data":{"msgId":"1","elementId":"2","fileName":"f","fileSize":"3","isDir":false}}`,
			`{"type":"qq.onlinefile","data":{"msgId":"1","elementId":"2","fileName":"f","fileSize":"3","isDir":false}}`, "[onlinefile]"},
		{"flashtransfer", `{"type":"flashtransfer","data":{"fileSetId":"u"}}`, `{"type":"qq.flashtransfer","data":{"fileSetId":"u"}}`, "[flashtransfer]"},
		{"unknown", `{"type":"hologram","data":{"catflap_note":"n","x.y":1,"qq":2,"some_id":3,"a b":4,"deep":{"m_id":5,"z.z":1},"type":"t"}}`,
			`{"type":"qq.hologram","data":{"some_id":"3","deep":{"m_id":"5"},"qq.type":"t"}}`, "[hologram]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, alt := translated(t, "["+tt.in+"]", testReading())
			if diff := cmp.Diff("["+tt.want+"]", got); diff != "" {
				t.Error(diff)
			}
			if alt != tt.alt {
				t.Errorf("alt_message %q, want %q", alt, tt.alt)
			}
		})
	}
}

func TestFileIDs(t *testing.T) {
	var asked []Medium
	o := Reading{FileID: func(m Medium) string { asked = append(asked, m); return "" }}
	const file = `[{"type":"file","data":{"file":"a.zip","file_id":"/u.1","url":"http://gw/media/k","catflap_origin_url":"http://q/x","file_size":"11"}}]`
	got, _ := translated(t, file, o)
	if want := []Medium{{Type: "file", File: "a.zip", FileID: "/u.1", URL: "http://gw/media/k", Origin: "http://q/x", Name: "a.zip", Size: 11, MessageID: 5, Group: 30003}}; !cmp.Equal(want, asked) {
		t.Error(cmp.Diff(want, asked))
	}
	again, _ := translated(t, file, Reading{})
	if got != again || !strings.Contains(got, `"file_id":"`) {
		t.Errorf("two ids for one file: %s, %s", got, again)
	}
	// The notice of an upload names the same file.
	out, _, err := Event([]byte(`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"group_upload","group_id":30003,"user_id":1,"file":{"id":"/u.1","name":"a.zip"}}`), &EventOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if id := read(out).get("file_id").text(); !strings.Contains(got, `"file_id":"`+id+`"`) {
		t.Errorf("the notice has %s, the message %s", id, got)
	}
	if got, _ = translated(t, file, Reading{OriginURL: true}); !strings.Contains(got, `"qq.url":"http://q/x"`) {
		t.Errorf("not QQ's own address: %s", got)
	}
}

// sendOptions knows the files f-image and so on.
func sendOptions() *PlanOptions {
	return &PlanOptions{Self: 10001, Files: true, LocationText: true,
		Open: func(id string) (File, bool) {
			return File{File: "/media/" + id, Name: "n.bin"}, strings.HasPrefix(id, "f-")
		},
		TempGroup: func(user uint64) uint64 {
			if user == 20009 {
				return 30003
			}
			return 0
		},
	}
}

// planOf plans a request whose params are given.
func planOf(t testing.TB, action, params string, o *PlanOptions) (*Plan, *Fault) {
	t.Helper()
	var r Request
	if bad := ParseRequest([]byte(`{"action":"`+action+`","params":`+params+`}`), &r); bad != nil {
		t.Fatalf("%s %s: %v", action, params, bad)
	}
	return r.Plan(o)
}

// calls writes a plan's calls one under the other.
func calls(p *Plan) string {
	var out []string
	for _, c := range p.Calls {
		out = append(out, c.Action+" "+string(c.Params))
	}
	return strings.Join(out, "\n")
}

// What goes out to a group: each row of the table of segments.
func TestSegmentsTo11(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"text", `{"type":"text","data":{"text":"a\"\u4f60"}}`, `{"type":"text","data":{"text":"a\"\u4f60"}}`},
		{"text like a code", `{"type":"text","data":{"text":"[CQ:at,qq=all]"}}`, `{"type":"text","data":{"text":"[CQ:at,qq=all]"}}`},
		{"mention", `{"type":"mention","data":{"user_id":"20002"}}`, `{"type":"at","data":{"qq":"20002"}}`},
		{"mention by a number", `{"type":"mention","data":{"user_id":20002}}`, `{"type":"at","data":{"qq":"20002"}}`},
		{"mention_all", `{"type":"mention_all","data":{}}`, `{"type":"at","data":{"qq":"all"}}`},
		{"reply", `{"type":"reply","data":{"message_id":"-77","user_id":"1"}},{"type":"text","data":{"text":"x"}}`, `{"type":"reply","data":{"id":"-77"}},{"type":"text","data":{"text":"x"}}`},
		{"image", `{"type":"image","data":{"file_id":"f-1"}}`, `{"type":"image","data":{"file":"/media/f-1"}}`},
		{"image as it came", `{"type":"image","data":{"file_id":"f-1","qq.url":"http://q","qq.name":"x.jpg","qq.sub_type":1,"qq.summary":"[s]"}}`, `{"type":"image","data":{"file":"/media/f-1","sub_type":1,"summary":"[s]"}}`},
		{"image as NoneBot has it", `{"type":"image","data":{"file_id":"f-1","qq":{"url":"http://q","sub_type":1,"summary":"[s]"}}}`, `{"type":"image","data":{"file":"/media/f-1","sub_type":1,"summary":"[s]"}}`},
		{"the dotted one wins", `{"type":"image","data":{"file_id":"f-1","qq":{"sub_type":1},"qq.sub_type":7}}`, `{"type":"image","data":{"file":"/media/f-1","sub_type":7}}`},
		{"market face", `{"type":"image","data":{"file_id":"gone","qq.emoji_id":"34","qq.emoji_package_id":"12","qq.key":"k1","qq.summary":"[hug]"}}`, `{"type":"mface","data":{"emoji_package_id":12,"emoji_id":"34","key":"k1","summary":"[hug]"}}`},
		{"market face as NoneBot has it", `{"type":"image","data":{"file_id":"gone","qq":{"emoji_id":"34","emoji_package_id":"x","key":"k1"}}}`, `{"type":"mface","data":{"emoji_package_id":"x","emoji_id":"34","key":"k1"}}`},
		{"voice", `{"type":"voice","data":{"file_id":"f-1"}}`, `{"type":"record","data":{"file":"/media/f-1"}}`},
		{"audio", `{"type":"audio","data":{"file_id":"f-1"}}`, `{"type":"record","data":{"file":"/media/f-1"}}`},
		{"video", `{"type":"video","data":{"file_id":"f-1"}}`, `{"type":"video","data":{"file":"/media/f-1","name":"n.bin"}}`},
		{"file", `{"type":"file","data":{"file_id":"f-1","qq":{"name":"a.zip"}}}`, `{"type":"file","data":{"file":"/media/f-1","name":"a.zip"}}`},
		{"location", `{"type":"location","data":{"latitude":31.2,"longitude":121,"title":"Bund","content":"here"}}`, `{"type":"text","data":{"text":"[位置] Bund here 31.2,121"}}`},
		{"qq.face", `{"type":"qq.face","data":{"id":"14","qq.name":"x"}}`, `{"type":"face","data":{"id":"14","name":"x"}}`},
		{"qq.json", `{"type":"qq.json","data":{"data":"{}"}}`, `{"type":"json","data":{"data":"{}"}}`},
		{"qq.markdown", `{"type":"qq.markdown","data":{"content":"# x"}}`, `{"type":"markdown","data":{"content":"# x"}}`},
		{"qq.mface", `{"type":"qq.mface","data":{"emoji_id":"1","emoji_package_id":2,"key":"k"}}`, `{"type":"mface","data":{"emoji_id":"1","emoji_package_id":2,"key":"k"}}`},
		{"qq.dice", `{"type":"qq.dice","data":{}}`, `{"type":"dice","data":{}}`},
		{"qq.rps", `{"type":"qq.rps","data":{"result":"1"}}`, `{"type":"rps","data":{"result":"1"}}`},
		{"qq.music", `{"type":"qq.music","data":{"qq.type":"163","id":"5"}}`, `{"type":"music","data":{"type":"163","id":"5"}}`},
		{"qq.music as NoneBot has it", `{"type":"qq.music","data":{"qq":{"type":"163"},"id":"5"}}`, `{"type":"music","data":{"id":"5","type":"163"}}`},
		{"qq.contact", `{"type":"qq.contact","data":{"type":"group","id":"5"}}`, `{"type":"contact","data":{"type":"group","id":"5"}}`},
		{"qq.forward", `{"type":"qq.forward","data":{"id":"res-1"}}`, `{"type":"forward","data":{"id":"res-1"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, bad := planOf(t, "send_message", `{"detail_type":"group","group_id":"30003","user_id":"20002","message":[`+tt.in+`]}`, sendOptions())
			if bad != nil {
				t.Fatal(bad)
			}
			if diff := cmp.Diff(`send_group_msg {"group_id":30003,"message":[`+tt.want+`]}`, calls(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A message that an app has got may be sent as it is, in the form in which NoneBot has it.
func TestSegmentsComeBack(t *testing.T) {
	const in = `[{"type":"text","data":{"text":"a"}},{"type":"at","data":{"qq":"20002"}},{"type":"at","data":{"qq":"all"}},{"type":"face","data":{"id":"14"}},{"type":"image","data":{"file":"x.jpg","sub_type":1,"summary":"s"}},{"type":"dice","data":{"result":"6"}},{"type":"json","data":{"data":"{\"a.b\":{\"qq\":1}}"}},{"type":"contact","data":{"type":"qq","id":"5"}}]`
	message, _ := translated(t, in, Reading{FileID: func(Medium) string { return "f-9" }})
	inside, err := nested(decode(t, []byte(message)))
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]string{"dotted": message, "nested": marshal(t, inside)} {
		p, bad := planOf(t, "send_message", `{"detail_type":"group","group_id":"30003","message":`+form+`}`, sendOptions())
		if bad != nil {
			t.Fatalf("%s: %v", name, bad)
		}
		want := strings.Replace(in, `"file":"x.jpg"`, `"file":"/media/f-9"`, 1)
		if diff := cmp.Diff(decode(t, []byte(want)), decode(t, p.Calls[0].Params).(map[string]any)["message"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
