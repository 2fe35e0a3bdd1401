package onebot12

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseRequest(t *testing.T) {
	tests := []struct{ name, in, fault, echo string }{
		{"good", `{"action":"x","params":{},"echo":"你\u597d"}`, "", `"你\u597d"`},
		{"no echo", ` {"action":"x","params":{}} `, "", ""},
		{"empty echo", `{"action":"x","params":{},"echo":""}`, "", ""},
		{"null echo", `{"action":"x","params":{},"echo":null}`, "", ""},
		{"echo is a number", `{"action":"x","params":{},"echo":5}`, `"echo" is not a string`, ""},
		{"no JSON", `{"action"`, "the frame is not valid JSON: byte 9", ""},
		{"behind it", `{"action":"x","params":{}} {}`, "the frame is not valid JSON: byte 27", ""},
		{"an array", `[]`, `the request is not a JSON object: send {"action":"...","params":{...}}`, ""},
		{"null", `null`, `the request is not a JSON object: send {"action":"...","params":{...}}`, ""},
		{"nothing", ``, `the request is not a JSON object: send {"action":"...","params":{...}}`, ""},
		{"no action", `{"params":{},"echo":"e"}`, `"action" is missing or not a string: send {"action":"...","params":{...}}`, `"e"`},
		{"action is a number", `{"action":5,"params":{},"echo":"e"}`, `"action" is missing or not a string: send {"action":"...","params":{...}}`, `"e"`},
		{"no params", `{"action":"x","echo":"e"}`, `"params" is missing or not an object: send {} for none`, `"e"`},
		{"params are a list", `{"action":"x","params":[],"echo":"e"}`, `"params" is missing or not an object: send {} for none`, `"e"`},
		{"self is text", `{"action":"x","params":{},"self":"10001","echo":"e"}`, `"self" needs "platform" and "user_id", both strings`, `"e"`},
		{"self has no platform", `{"action":"x","params":{},"self":{"user_id":"1"},"echo":"e"}`, `"self" needs "platform" and "user_id", both strings`, `"e"`},
		{"the last echo counts", `{"action":"x","params":{},"echo":"a","echo":"b"}`, "", `"b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Request{Action: "old", HasSelf: true}
			bad := ParseRequest([]byte(tt.in), &r)
			switch {
			case tt.fault == "" && bad != nil:
				t.Error(bad)
			case tt.fault != "" && (bad == nil || bad.Code != BadRequest || bad.Error() != tt.fault):
				t.Errorf("fault %v, want %s", bad, tt.fault)
			}
			if string(r.Echo) != tt.echo {
				t.Errorf("echo %s, want %s", r.Echo, tt.echo)
			}
		})
	}
}

func TestWhichBot(t *testing.T) {
	const mine = `,"self":{"platform":"qq","user_id":"10001"}`
	tests := []struct {
		name, self, action string
		bots               []uint64
		want               uint64
		code               int
	}{
		{"one, not named", "", "x", []uint64{10001}, 10001, 0},
		{"one, named", mine, "x", []uint64{10001}, 10001, 0},
		{"one, another named", mine, "x", []uint64{10002}, 0, UnknownSelf},
		{"another platform", `,"self":{"platform":"wx","user_id":"10001"}`, "x", []uint64{10001}, 0, UnknownSelf},
		{"no number", `,"self":{"platform":"qq","user_id":"a"}`, "x", []uint64{10001}, 0, UnknownSelf},
		{"nobody", `,"self":{"platform":"qq","user_id":"0"}`, "x", []uint64{0}, 0, UnknownSelf},
		{"a number", `,"self":{"platform":"qq","user_id":10001}`, "x", []uint64{10001}, 10001, 0},
		{"null is none", `,"self":null`, "x", []uint64{10001}, 10001, 0},
		{"two, not named", "", "x", []uint64{10001, 10002}, 0, WhoAmI},
		{"two, named", mine, "x", []uint64{10002, 10001}, 10001, 0},
		{"none yet", "", "x", nil, 0, BotOffline},
		{"meta action", mine, "get_status", []uint64{10002}, 0, 0},
		{"meta action of two", "", "get_latest_events", []uint64{10001, 10002}, 0, 0},
		{"meta action, no bot", "", "get_version", nil, 0, 0},
		{"list of actions", "", "get_supported_actions", nil, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Request
			if bad := ParseRequest([]byte(`{"action":"`+tt.action+`","params":{}`+tt.self+`}`), &r); bad != nil {
				t.Fatal(bad)
			}
			got, bad := r.Bot(tt.bots)
			code := 0
			if bad != nil {
				code = bad.Code
			}
			if got != tt.want || code != tt.code {
				t.Errorf("%d, code %d, want %d, %d", got, code, tt.want, tt.code)
			}
		})
	}
}

// Each row of the table of actions that go upstream.
func TestPlanCalls(t *testing.T) {
	tests := []struct{ action, params, want string }{
		{"delete_message", `{"message_id":"-2147483648"}`, `delete_msg {"message_id":-2147483648}`},
		{"get_self_info", `{}`, `get_login_info {}`},
		{"get_user_info", `{"user_id":"20002"}`, `get_stranger_info {"user_id":20002,"no_cache":false}`},
		{"get_friend_list", `{"x":1}`, `get_friend_list {}`},
		{"get_group_info", `{"group_id":"30003"}`, `get_group_info {"group_id":30003}`},
		{"get_group_list", `{}`, `get_group_list {}`},
		{"get_group_member_info", `{"group_id":"30003","user_id":20002}`, `get_group_member_info {"group_id":30003,"user_id":20002,"no_cache":false}`},
		{"get_group_member_list", `{"group_id":"30003"}`, `get_group_member_list {"group_id":30003,"no_cache":false}`},
		{"set_group_name", `{"group_id":"30003","group_name":"a\"b"}`, `set_group_name {"group_id":30003,"group_name":"a\"b"}`},
		{"leave_group", `{"group_id":"30003"}`, `set_group_leave {"group_id":30003,"is_dismiss":false}`},
		{"leave_group", `{"group_id":"30003","qq.is_dismiss":true}`, `set_group_leave {"group_id":30003,"is_dismiss":true}`},
		{"leave_group", `{"group_id":"30003","qq":{"is_dismiss":"yes"}}`, `set_group_leave {"group_id":30003,"is_dismiss":true}`},
		{"qq.set_group_ban", `{"group_id":"30003","user_id":"20002","duration":60}`, `set_group_ban {"group_id":"30003","user_id":"20002","duration":60}`},
		{"qq.set_group_add_request", `{"flag":"1767225600123456","approve":true}`, `set_group_add_request {"flag":"1767225600123456","approve":true}`},
		{"qq.get_group_info", `{"group_id":1}`, `get_group_info {"group_id":1}`},
		{"qq.brand_new", `{"a":{"b.c":1}}`, `brand_new {"a":{"b.c":1}}`},
		{"qq.send_poke", `{"self_id":5,"echo":1,"user_id":"1"}`, `send_poke {"user_id":"1"}`},
		{"qq.send_like_async", `{"user_id":"1"}`, `send_like_async {"user_id":"1"}`},
		{"set_group_kick", `{"qq":{"group_id":"1"},"user_id":"2","qq.user_id":"3"}`, `set_group_kick {"user_id":"3","group_id":"1"}`},
		{"send_like", `{"qq":{"a":1,"b":2},"qq.b":3,"a":4}`, `send_like {"b":3,"a":1}`},
		{"send_like", `{"qq":5}`, `send_like {"qq":5}`},
		{"qq.get_msg", `{"message_id":"5"}`, `get_msg {"message_id":"5"}`},
		{"get_message", `{"message_id":"5"}`, `get_msg {"message_id":"5"}`},
		{"kick_group_member", `{"group_id":"1","user_id":"2"}`, `set_group_kick {"group_id":"1","user_id":"2"}`},
		{"ban_group_member", `{"group_id":"1","user_id":"2","duration":5}`, `set_group_ban {"group_id":"1","user_id":"2","duration":5}`},
		{"unban_group_member", `{"group_id":"1","user_id":"2","duration":5}`, `set_group_ban {"group_id":"1","user_id":"2","duration":0}`},
	}
	for _, tt := range tests {
		p, bad := planOf(t, tt.action, tt.params, sendOptions())
		if bad != nil {
			t.Errorf("%s: %v", tt.action, bad)
		} else if got := calls(p); got != tt.want || p.Kind != Upstream {
			t.Errorf("%s %s:\n%s, want\n%s", tt.action, tt.params, got, tt.want)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	const sum = `"sha256":"zz"`
	tests := []struct {
		action, params string
		code           int
		text           string
	}{
		{"delete_message", `{}`, BadParam, "params.message_id is missing"},
		{"delete_message", `{"message_id":"x"}`, BadParam, "params.message_id is no decimal number of 64 bits"},
		{"get_user_info", `{"user_id":"0"}`, BadParam, "params.user_id is no QQ number"},
		{"get_group_info", `{"group_id":true}`, BadParam, "params.group_id is no decimal number of 64 bits"},
		{"get_group_member_info", `{"group_id":"1"}`, BadParam, "params.user_id is missing"},
		{"set_group_name", `{"group_id":"1"}`, BadParam, "params.group_name is missing or not a string"},
		{"leave_group", `{"group_id":"1","qq.is_dismiss":"perhaps"}`, BadParam, "params.qq.is_dismiss is neither true nor false"},
		{"get_guild_info", `{}`, UnsupportedAction, "get_guild_info: there are no guilds and channels here"},
		{"get_guild_list", `{}`, UnsupportedAction, "get_guild_list: there are no guilds and channels here"},
		{"qq.", `{}`, UnsupportedAction, `"qq." is no action that is known here`},
		{"send_mesage", `{}`, UnsupportedAction, `"send_mesage" is no action that is known here; did you mean send_message?`},
		{"set_group_kik", `{}`, UnsupportedAction, `"set_group_kik" is no action that is known here; did you mean qq.set_group_kick?`},
		{"make_me_some_coffee_please", `{}`, UnsupportedAction, `"make_me_some_coffee_please" is no action that is known here`},
		{"leave_channel", `{"guild_id":"1","channel_id":"2"}`, UnsupportedAction, "leave_channel: there are no guilds and channels here"},
		{"qq.download_file_stream", `{}`, UnsupportedAction, `"qq.download_file_stream" is answered in several pieces, for which OneBot 12 has no form: call get_file or get_file_fragmented`},
		{"get_latest_events", `{}`, UnsupportedAction, "get_latest_events is for HTTP connections that keep events"},
		{"upload_file", `{"name":"x"}`, BadParam, "params.type is missing or not a string"},
		{"upload_file", `{"type":"mail","name":"x"}`, UnsupportedParam, `params.type is "mail": send url, path or data`},
		{"upload_file", `{"type":"url","name":""}`, BadParam, "params.name is empty"},
		{"upload_file", `{"type":"url","name":"x"}`, BadParam, "params.url is missing or not a string"},
		{"upload_file", `{"type":"url","name":"x","url":"u","headers":[]}`, BadParam, "params.headers is not an object of strings"},
		{"upload_file", `{"type":"url","name":"x","url":"u","headers":{"a":1}}`, BadParam, "params.headers is not an object of strings"},
		{"upload_file", `{"type":"url","name":"x","url":"u","headers":{"A":"1\r\nB: 2"}}`, BadParam, "params.headers has a member that no HTTP header can be"},
		{"upload_file", `{"type":"url","name":"x","url":"u","headers":{"A B":"1"}}`, BadParam, "params.headers has a member that no HTTP header can be"},
		{"upload_file", `{"type":"url","name":"x","url":"u","headers":{"":"1"}}`, BadParam, "params.headers has a member that no HTTP header can be"},
		{"upload_file", `{"type":"path","name":"x"}`, BadParam, "params.path is missing or not a string"},
		{"upload_file", `{"type":"data","name":"x","data":"a"}`, BadParam, "params.data is not base64 with its padding"},
		{"upload_file", `{"type":"data","name":"x","data":{}}`, BadParam, "params.data is missing or not a base64 string"},
		{"upload_file", `{"type":"data","name":"x","data":"",` + sum + `}`, BadParam, "params.sha256 is not 64 hexadecimal digits"},
		{"upload_file_fragmented", `{}`, BadParam, "params.stage is missing or not a string"},
		{"upload_file_fragmented", `{"stage":"begin"}`, UnsupportedParam, `params.stage is "begin", which upload_file_fragmented does not have`},
		{"get_file_fragmented", `{"stage":"finish"}`, UnsupportedParam, `params.stage is "finish", which get_file_fragmented does not have`},
		{"upload_file_fragmented", `{"stage":"prepare","name":"x","total_size":-1}`, BadParam, "params.total_size is missing or not a number from 0 on"},
		{"upload_file_fragmented", `{"stage":"transfer","file_id":"x","offset":1.5,"data":""}`, BadParam, "params.offset is missing or not a number from 0 on"},
		{"upload_file_fragmented", `{"stage":"finish","file_id":"x"}`, BadParam, "params.sha256 is not 64 hexadecimal digits"},
		{"get_file", `{"type":"url"}`, BadParam, "params.file_id is missing or not a string"},
		{"get_file", `{"file_id":"x","type":"fax"}`, UnsupportedParam, `params.type is "fax": send url, path or data`},
	}
	for _, tt := range tests {
		p, bad := planOf(t, tt.action, tt.params, sendOptions())
		if bad == nil {
			t.Errorf("%s %s: planned %v", tt.action, tt.params, p)
		} else if bad.Code != tt.code || tt.text != "" && bad.Message != tt.text {
			t.Errorf("%s %s:\n%d %s, want\n%d %s", tt.action, tt.params, bad.Code, bad.Message, tt.code, tt.text)
		}
	}
	if _, bad := planOf(t, "get_latest_events", `{"limit":-1}`, &PlanOptions{Polls: true}); bad == nil || bad.Code != BadParam {
		t.Errorf("limit -1: %v", bad)
	}
	if _, bad := planOf(t, "get_file", `{"file_id":"x","type":"url"}`, &PlanOptions{}); bad == nil || bad.Code != UnsupportedAction {
		t.Errorf("files that are not served: %v", bad)
	}
}

// What the caller does itself.
func TestPlanForTheCaller(t *testing.T) {
	const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	tests := []struct {
		action, params string
		want           Plan
	}{
		{"get_supported_actions", `{}`, Plan{Kind: SupportedActions}},
		{"get_status", `{}`, Plan{Kind: Status}},
		{"get_version", `{}`, Plan{Kind: Version}},
		{"get_latest_events", `{}`, Plan{Kind: LatestEvents}},
		{"get_latest_events", `{"limit":5,"timeout":3}`, Plan{Kind: LatestEvents, Latest: Latest{Limit: 5, Timeout: 3 * time.Second}}},
		{"get_latest_events", `{"timeout":9223372036854775807}`, Plan{Kind: LatestEvents, Latest: Latest{Timeout: 10 * time.Minute}}},
		{"upload_file", `{"type":"url","name":"x","url":"http://a","headers":{"B":"1","A":"2"}}`, Plan{Kind: UploadFile, Upload: Upload{Type: "url", Name: "x", URL: "http://a", Headers: [][2]string{{"B", "1"}, {"A", "2"}}}}},
		{"upload_file", `{"type":"path","name":"x","path":"/a"}`, Plan{Kind: UploadFile, Upload: Upload{Type: "path", Name: "x", Path: "/a"}}},
		{"upload_file", `{"type":"data","name":"x","data":"YWI=","sha256":"E3` + sum[2:] + `"}`, Plan{Kind: UploadFile, Upload: Upload{Type: "data", Name: "x", Data: []byte("YWI="), SHA256: sum}}},
		{"upload_file", `{"type":"data","name":"x","data":"\/\/8=","sha256":""}`, Plan{Kind: UploadFile, Upload: Upload{Type: "data", Name: "x", Data: []byte("//8=")}}},
		{"upload_file_fragmented", `{"stage":"prepare","name":"x","total_size":5000000000}`, Plan{Kind: UploadPrepare, Piece: Piece{Name: "x", Total: 5000000000}}},
		{"upload_file_fragmented", `{"stage":"transfer","file_id":"i","offset":4294967296,"data":"YQ=="}`, Plan{Kind: UploadTransfer, Piece: Piece{FileID: "i", Offset: 4294967296, Data: []byte("YQ==")}}},
		{"upload_file_fragmented", `{"stage":"finish","file_id":"i","sha256":"` + sum + `"}`, Plan{Kind: UploadFinish, Piece: Piece{FileID: "i", SHA256: sum}}},
		{"get_file", `{"file_id":"i","type":"data","qq.out_format":"mp3"}`, Plan{Kind: GetFile, Get: Get{FileID: "i", Type: "data", Format: "mp3"}}},
		{"get_file_fragmented", `{"stage":"prepare","file_id":"i"}`, Plan{Kind: GetPrepare, Piece: Piece{FileID: "i"}}},
		{"get_file_fragmented", `{"stage":"transfer","file_id":"i","offset":1,"size":2}`, Plan{Kind: GetTransfer, Piece: Piece{FileID: "i", Offset: 1, Size: 2}}},
	}
	for _, tt := range tests {
		p, bad := planOf(t, tt.action, tt.params, &PlanOptions{Polls: true, Files: true})
		if bad != nil {
			t.Errorf("%s %s: %v", tt.action, tt.params, bad)
		} else if diff := cmp.Diff(tt.want, *p, cmp.AllowUnexported(Plan{})); diff != "" {
			t.Errorf("%s %s: %s", tt.action, tt.params, diff)
		}
	}
}

func TestDecoder(t *testing.T) {
	for text, want := range map[string]string{"": "", "YQ==": "a", "YWI=": "ab", "YWJj": "abc", "YWJj\r\nZA==": "abcd"} {
		got, err := io.ReadAll(Decoder([]byte(text)))
		if err != nil || string(got) != want || DecodedLen([]byte(text)) != int64(len(want)) {
			t.Errorf("%q: %q, %v, length %d", text, got, err, DecodedLen([]byte(text)))
		}
	}
}
