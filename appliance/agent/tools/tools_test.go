package tools

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

var (
	inGroup30003 = Turn{Chat: policy.Chat{Group: true, ID: 30003}, User: 20002, Own: own}
	withAnn      = Turn{Chat: policy.Chat{ID: 20002}, User: 20002, Own: own}
)

func own(address string) (string, bool) {
	return "http://box/media/abc", address == "http://box/media/abc"
}

func find(t *testing.T, name string) *Tool {
	t.Helper()
	for _, tool := range QQ() {
		if tool.Name == name {
			return &tool
		}
	}
	t.Fatalf("there is no tool %s", name)
	return nil
}

// Every tool becomes an action on the chat in which the model was asked, and on nothing else.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		tool, group string
		confirm     bool
		turn        Turn
		args, want  string // want is the action and its params, or what is wrong
	}{
		{"set_group_admin", Moderate, true, inGroup30003, `{"user_id":"20002","enable":true}`, `set_group_admin {"enable":true,"group_id":30003,"user_id":20002}`},
		{"set_group_ban", Moderate, true, inGroup30003, `{"user_id":20002,"duration":"600"}`, `set_group_ban {"duration":600,"group_id":30003,"user_id":20002}`},
		{"set_group_ban", Moderate, true, inGroup30003, `{"user_id":20002,"duration":0}`, `set_group_ban {"duration":0,"group_id":30003,"user_id":20002}`},
		{"set_group_ban", Moderate, true, inGroup30003, `{"user_id":20002}`, "unfit arguments: duration is missing"},
		{"set_group_ban", Moderate, true, inGroup30003, `{"user_id":20002,"duration":2592001}`, "unfit arguments: duration is to be a whole number from 0 to 2592000"},
		{"set_group_ban", Moderate, true, inGroup30003, `{"user_id":20002,"duration":60,"group_id":30004}`, `set_group_ban {"duration":60,"group_id":30003,"user_id":20002}`},
		{"set_group_ban", Moderate, true, withAnn, `{"user_id":20002,"duration":60}`, "unfit arguments: this is no group"},
		{"set_group_ban", Moderate, true, inGroup30003, `[]`, "unfit arguments: they are no JSON object"},
		{"set_group_ban", Moderate, true, inGroup30003, `{} {}`, "unfit arguments: there is something behind the JSON object"},
		{"set_group_kick", Moderate, true, inGroup30003, `{"user_id":"20002"}`, `set_group_kick {"group_id":30003,"reject_add_request":false,"user_id":20002}`},
		{"set_group_kick", Moderate, true, inGroup30003, `{"user_id":"20002","block":"true"}`, `set_group_kick {"group_id":30003,"reject_add_request":true,"user_id":20002}`},
		{"set_group_kick", Moderate, true, inGroup30003, `{"user_id":"all"}`, "unfit arguments: user_id is to be a number"},
		{"set_group_whole_ban", Moderate, true, inGroup30003, `{"enable":false}`, `set_group_whole_ban {"enable":false,"group_id":30003}`},
		{"set_group_name", Moderate, true, inGroup30003, `{"group_name":"新名字"}`, `set_group_name {"group_id":30003,"group_name":"新名字"}`},
		{"set_group_card", Moderate, true, inGroup30003, `{"user_id":20002,"card":"Ann"}`, `set_group_card {"card":"Ann","group_id":30003,"user_id":20002}`},
		{"delete_msg", Moderate, true, inGroup30003, `{"message_id":"-5"}`, `delete_msg {"message_id":-5}`},
		{"get_group_member_info", Read, false, inGroup30003, `{"user_id":20002}`, `get_group_member_info {"group_id":30003,"user_id":20002}`},
		{"get_group_member_list", Read, false, inGroup30003, `{}`, `get_group_member_list {"group_id":30003}`},
		{"get_group_info", Read, false, inGroup30003, ``, `get_group_info {"group_id":30003}`},
		{"get_msg", Read, false, inGroup30003, `{"message_id":7}`, `get_msg {"message_id":7}`},
		{"get_friend_list", Account, false, withAnn, `null`, `get_friend_list {}`},
		{"delete_friend", Account, true, withAnn, `{"user_id":1}`, `delete_friend {"user_id":1}`},
		{"set_friend_remark", Account, false, withAnn, `{"user_id":1,"remark":"a"}`, `set_friend_remark {"remark":"a","user_id":1}`},
		{"send_poke", Send, false, inGroup30003, `{"user_id":9}`, `send_poke {"group_id":30003,"user_id":9}`},
		{"send_poke", Send, false, withAnn, `{"user_id":9}`, "unfit arguments: user_id is not in this chat"},
		{"upload_group_file", Send, false, inGroup30003, `{"file":"http://box/media/abc","name":"报告.pdf","folder":"/f"}`, `upload_group_file {"file":"http://box/media/abc","folder":"/f","group_id":30003,"name":"报告.pdf"}`},
		{"upload_group_file", Send, false, inGroup30003, `{"file":"/etc/passwd","name":"x"}`, "unfit arguments: file is to be the address of a picture or file that was seen in this chat"},
		{"upload_private_file", Send, false, withAnn, `{"file":"http://box/media/abc","name":"a.md"}`, `upload_private_file {"file":"http://box/media/abc","name":"a.md","user_id":20002}`},
		{"upload_private_file", Send, false, inGroup30003, `{"file":"http://box/media/abc","name":"a.md"}`, "unfit arguments: this is no private chat"},
	} {
		tool := find(t, c.tool)
		if tool.Group != c.group || tool.Confirm != c.confirm {
			t.Errorf("%s is of %s, confirmation %v", c.tool, tool.Group, tool.Confirm)
		}
		act, err := tool.Plan(c.turn, json.RawMessage(c.args))
		got := render(t, act)
		if err != nil {
			if got = err.Error(); !errors.Is(err, ErrArguments) {
				t.Errorf("%s %s: %v is no fault of the arguments", c.tool, c.args, err)
			}
		}
		if got != c.want {
			t.Errorf("%s %s:\n got %s\nwant %s", c.tool, c.args, got, c.want)
		}
	}
}

func render(t *testing.T, a Action) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(a.Params); err != nil {
		t.Fatal(err)
	}
	return a.Name + " " + strings.TrimSpace(b.String())
}

// Every type that can be sent, in the shape in which it goes on.
func TestSendMessage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{`{"type":"text","text":" [CQ:at,qq=all] "}`, `{"type":"text","data":{"text":" [CQ:at,qq=all] "}}`},
		{`{"type":"text","data":{"text":"as OneBot"}}`, `{"type":"text","data":{"text":"as OneBot"}}`},
		{`{"type":"at","user_id":20002}`, `{"type":"at","data":{"qq":"20002"}}`},
		{`{"type":"at","user_id":"all"}`, `unfit arguments: user_id is to be a number`},
		{`{"type":"reply","message_id":"-7"}`, `{"type":"reply","data":{"id":"-7"}}`},
		{`{"type":"image","file":"http://box/media/abc"}`, `{"type":"image","data":{"file":"http://box/media/abc"}}`},
		{`{"type":"image","file":"file:///etc/passwd"}`, `unfit arguments: file is to be the address of a picture or file that was seen in this chat`},
		{`{"type":"image","file":"base64://AAAA"}`, `unfit arguments: file is to be the address of a picture or file that was seen in this chat`},
		{`{"type":"record","file":"http://box/media/abc"}`, `{"type":"record","data":{"file":"http://box/media/abc"}}`},
		{`{"type":"video","file":"http://box/media/abc","path":"/x"}`, `{"type":"video","data":{"file":"http://box/media/abc"}}`},
		{`{"type":"file","file":"http://box/media/abc","name":"b.txt"}`, `{"type":"file","data":{"file":"http://box/media/abc","name":"b.txt"}}`},
		{`{"type":"face","id":"178"}`, `{"type":"face","data":{"id":"178"}}`},
		{`{"type":"face"}`, `unfit arguments: id is missing`},
		{`{"type":"mface","emoji_package_id":"1","emoji_id":"2","key":"3","summary":"[x]"}`, `{"type":"mface","data":{"emoji_id":"2","emoji_package_id":"1","key":"3","summary":"[x]"}}`},
		{`{"type":"dice","result":6}`, `{"type":"dice","data":{"result":6}}`},
		{`{"type":"dice"}`, `{"type":"dice","data":{}}`},
		{`{"type":"dice","result":7}`, `unfit arguments: result is to be a whole number from 1 to 6`},
		{`{"type":"rps","result":3}`, `{"type":"rps","data":{"result":3}}`},
		{`{"type":"rps","result":4}`, `unfit arguments: result is to be a whole number from 1 to 3`},
		{`{"type":"json","data":{"app":"x"}}`, `{"type":"json","data":{"data":"{\"app\":\"x\"}"}}`},
		{`{"type":"json","data":"{}"}`, `{"type":"json","data":{"data":"{}"}}`},
		{`{"type":"miniapp","data":"{}"}`, `{"type":"miniapp","data":{"data":"{}"}}`},
		{`{"type":"xml","data":"<a/>"}`, `{"type":"xml","data":{"data":"<a/>"}}`},
		{`{"type":"markdown","content":"# x"}`, `{"type":"markdown","data":{"content":"# x"}}`},
		{`{"type":"location","lat":"31.2","lon":121.4,"title":"t"}`, `{"type":"location","data":{"lat":"31.2","lon":"121.4","title":"t"}}`},
		{`{"type":"music","platform":"163","id":5}`, `{"type":"music","data":{"id":"5","type":"163"}}`},
		{`{"type":"contact","kind":"qq","id":"20002"}`, `{"type":"contact","data":{"id":"20002","type":"qq"}}`},
		{`{"type":"share","url":"https://a","title":"b"}`, `{"type":"share","data":{"title":"b","url":"https://a"}}`},
		{`{"type":"shell","cmd":"id"}`, `unfit arguments: there is no segment type "shell"`},
	} {
		act, err := find(t, "send_message").Plan(inGroup30003, json.RawMessage(`{"message":[`+c.args+`]}`))
		want := `send_group_msg {"group_id":30003,"message":[` + c.want + `]}`
		got := render(t, act)
		if err != nil {
			got, want = err.Error(), "segment 1: "+c.want
		} else if _, err := onebot.ParseMessage(json.RawMessage(c.want)); err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.args, got, want)
		}
	}
	for _, c := range []struct {
		turn       Turn
		args, want string
	}{
		{withAnn, `{"message":"hello"}`, `send_private_msg {"message":[{"type":"text","data":{"text":"hello"}}],"user_id":20002}`},
		{Turn{Chat: policy.Chat{ID: 20009}, Temp: 30003, Own: own}, `{"message":{"type":"text","text":"x"}}`, `send_private_msg {"group_id":30003,"message":[{"type":"text","data":{"text":"x"}}],"user_id":20009}`},
		{Turn{Chat: policy.Chat{Group: true, ID: 1}, Owner: true, Own: own}, `{"message":[{"type":"at","user_id":"all"}]}`, `send_group_msg {"group_id":1,"message":[{"type":"at","data":{"qq":"all"}}]}`},
		{inGroup30003, `{"message":[{"type":"node","user_id":"1","nickname":"a","text":"t"}]}`,
			`send_group_forward_msg {"group_id":30003,"messages":[{"type":"node","data":{"content":[{"type":"text","data":{"text":"t"}}],"nickname":"a","user_id":"1"}}]}`},
		{inGroup30003, `{"message":[{"type":"node","user_id":"1","nickname":"a","text":"t"},{"type":"text","text":"b"}]}`, `unfit arguments: nodes stand in a message of their own`},
		{inGroup30003, `{"message":[]}`, `unfit arguments: message is to be a list of 1 to 50 segments`},
		{inGroup30003, `{"message":["a"]}`, `unfit arguments: segment 1 is to be an object`},
		{inGroup30003, `{}`, `unfit arguments: message is to be a list of 1 to 50 segments`},
	} {
		act, err := find(t, "send_message").Plan(c.turn, json.RawMessage(c.args))
		got := render(t, act)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.args, got, c.want)
		}
	}
}

func TestSchemasAreObjects(t *testing.T) {
	seen := map[string]bool{}
	for _, tool := range append(QQ(), SkillTool()) {
		var schema struct {
			Type       string                     `json:"type"`
			Properties map[string]json.RawMessage `json:"properties"`
			Required   []string                   `json:"required"`
		}
		if err := json.Unmarshal(tool.Schema, &schema); err != nil || schema.Type != "object" || schema.Properties == nil {
			t.Errorf("%s: %v, %s", tool.Name, err, tool.Schema)
		}
		for _, key := range schema.Required {
			if schema.Properties[key] == nil {
				t.Errorf("%s requires %s and does not say what it is", tool.Name, key)
			}
		}
		if seen[tool.Name] || tool.Description == "" {
			t.Errorf("%s: there are two, or it is not described", tool.Name)
		}
		seen[tool.Name] = true
	}
}

func TestRights(t *testing.T) {
	list := func(names ...string) *[]string { return &names }
	all := config.Tools{Allow: list("qq_read", "qq_moderate", "web__*")}
	for _, c := range []struct {
		name      string
		app       config.Tools
		own, rest *config.Tools
		user      uint64
		allowed   string
	}{
		{"nothing is allowed by default", config.Tools{}, nil, nil, 1, ""},
		{"a group cannot widen", config.Tools{}, &all, nil, 1, ""},
		{"the app's own", all, nil, nil, 1, "get_msg set_group_ban web__find"},
		{"deny wins", config.Tools{Allow: list("qq_read", "get_msg", "web__*"), Deny: []string{"GET_*", "web__find"}}, nil, nil, 1, ""},
		{"a star is everything", config.Tools{Allow: list("*"), Deny: []string{"qq_account"}}, nil, nil, 1, "get_msg set_group_ban send_poke web__find"},
		{"the group narrows", all, &config.Tools{Allow: list("qq_read", "qq_send")}, nil, 1, "get_msg"},
		{"an empty list in the group", all, &config.Tools{Allow: list()}, nil, 1, ""},
		{"only a denial in the group", all, &config.Tools{Deny: []string{"qq_moderate"}}, nil, 1, "get_msg web__find"},
		{"the group's entry hides that of all groups", all, &config.Tools{Allow: list("get_msg")}, &config.Tools{Allow: list()}, 1, "get_msg"},
		{"all groups", all, nil, &config.Tools{Allow: list("web__*")}, 1, "web__find"},
		{"the sender's own entry stands for the group's", all, &config.Tools{Allow: list("qq_read"), Deny: []string{"qq_moderate"},
			ToolsBySender: map[string]config.Tools{"user:1": {Allow: list("qq_moderate")}}}, nil, 1, "set_group_ban"},
		{"for somebody else it does not", all, &config.Tools{Allow: list("qq_read"),
			ToolsBySender: map[string]config.Tools{"user:1": {Allow: list("qq_moderate")}}}, nil, 2, "get_msg"},
		{"every sender", all, &config.Tools{ToolsBySender: map[string]config.Tools{"*": {Allow: list("get_msg")}}}, nil, 2, "get_msg"},
		{"a sender of all groups", all, nil, &config.Tools{Allow: list(), ToolsBySender: map[string]config.Tools{"user:2": {}}}, 2, "get_msg set_group_ban web__find"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := RightsOf(c.app, c.own, c.rest, c.user)
			var got []string
			for _, tool := range []Tool{*find(t, "get_msg"), *find(t, "set_group_ban"), *find(t, "send_poke"), *find(t, "delete_friend"), {Name: "web__find"}} {
				if r.Allows(tool.Name, tool.Group) {
					got = append(got, tool.Name)
				}
			}
			if d := cmp.Diff(c.allowed, strings.Join(got, " ")); d != "" {
				t.Error(d)
			}
		})
	}
	if (Rights{}).Allows("get_msg", Read) {
		t.Error("rights that were never looked up allow something")
	}
}

func TestSkills(t *testing.T) {
	skill := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	dir := fstest.MapFS{
		"trains/SKILL.md": skill("---\nname: trains\ndescription: |\n  How to look\n  trains up\n---\nAsk for the date first.\n"),
		"crlf/SKILL.md":   skill("\xef\xbb\xbf---\r\nname: crlf\r\ndescription: d\r\n---\r\nbody\r\n"),
		"none/README.md":  skill("x"),
		"bare/SKILL.md":   skill("no head"),
		"empty/SKILL.md":  skill("---\nname: x\n---\n"),
		"same/SKILL.md":   skill("---\nname: crlf\ndescription: d\n---\nother"),
		"large/SKILL.md":  skill("---\nname: large\ndescription: d\n---\n" + strings.Repeat("a", maxSkill)),
		".git/SKILL.md":   skill("---\nname: hidden\ndescription: d\n---\n"),
	}
	got, err := Skills(dir)
	want := "bare/SKILL.md: it does not begin with a head between two lines of ---\n" +
		"empty/SKILL.md: its head needs name and description\n" +
		"large/SKILL.md: it has more than 64 KiB\n" +
		"same/SKILL.md: there is another skill called crlf"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if len(got) != 2 || got[0].Name != "crlf" || got[1].Name != "trains" || got[1].Description != "How to look trains up" {
		t.Fatalf("got %+v", got)
	}
	if text, err := got[1].Text(dir); err != nil || text != "Ask for the date first." {
		t.Errorf("%q, %v", text, err)
	}
	if len(Choose(got, nil)) != 2 || len(Choose(got, &[]string{})) != 0 || len(Choose(got, &[]string{"trains", "x"})) != 1 {
		t.Error("the list of a group is not the final set")
	}
	if name, err := SkillName(json.RawMessage(`{"name":"trains"}`)); name != "trains" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
}

// Whatever a model writes, a plan stays in its chat and names no file.
func FuzzPlan(f *testing.F) {
	for _, args := range []string{`{}`, `{"message":[{"type":"image","file":"/etc/passwd"}]}`, `{"user_id":1,"group_id":2,"duration":3}`, `{"file":"http://box/media/abc","name":"x"}`, `{"message":[{"type":"node","user_id":1,"nickname":"a","text":"b"}]}`} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, args string) {
		for _, tool := range QQ() {
			act, err := tool.Plan(inGroup30003, json.RawMessage(args))
			if err != nil {
				continue
			}
			if id, ok := act.Params["group_id"]; ok && id != uint64(30003) {
				t.Errorf("%s: %v", tool.Name, act)
			}
			raw, err := json.Marshal(act.Params)
			if err != nil {
				t.Fatal(err)
			}
			var params struct {
				Message []segment `json:"message"`
				File    string    `json:"file"`
			}
			if err := json.Unmarshal(raw, &params); err != nil {
				t.Fatal(err)
			}
			files := []any{params.File}
			for _, s := range params.Message {
				if s.Type != "json" && s.Data["file"] != nil {
					files = append(files, s.Data["file"])
				}
			}
			for _, file := range files {
				if file != "" && file != "http://box/media/abc" {
					t.Errorf("%s names %v", tool.Name, file)
				}
			}
		}
	})
}
