package command

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/onebot"
)

// callDesk is a desk that notes what was asked of NapCat.
func callDesk(t *testing.T) (d *desk, asked *string) {
	t.Helper()
	d, asked = newDesk(t), new(string)
	d.api.Call = func(_ context.Context, account, action string, params []byte) ([]byte, error) {
		*asked = account + " " + action + " " + string(params)
		return []byte(`{"status":"ok","retcode":0,"data":null}`), nil
	}
	d.api.MediaUpload = func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) == "too large" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			_, _ = io.WriteString(w, `{"error":"the medium is too large"}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"key":"KEY-OF-`+r.URL.Query().Get("name")+"-"+string(body)+`"}`)
	}
	d.serve()
	return d, asked
}

// The commands that the documentation shows for the functions of the channel, with what NapCat gets of each.
func TestCallOfTheChannelsFunctions(t *testing.T) {
	d, asked := callDesk(t)
	file := filepath.Join(d.dir, "file.pdf")
	if err := os.WriteFile(file, []byte("bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`set_group_admin {"enable":true,"group_id":30003,"user_id":20002}`,
		`set_group_ban {"duration":600,"group_id":30003,"user_id":20002}`,
		`set_group_ban {"duration":0,"group_id":30003,"user_id":20002}`,
		`set_group_kick {"group_id":30003,"reject_add_request":false,"user_id":20002}`,
		`set_group_kick {"group_id":30003,"reject_add_request":true,"user_id":20002}`,
		`set_group_whole_ban {"enable":true,"group_id":30003}`,
		`set_group_name {"group_id":30003,"group_name":"New Group Name"}`,
		`get_group_member_info {"group_id":30003,"no_cache":false,"user_id":20002}`,
		`get_friend_list {}`,
		`delete_friend {"user_id":20002}`,
		`set_friend_remark {"remark":"New Remark","user_id":20002}`,
		`upload_group_file {"file":"http://127.0.0.1/media/KEY-OF-file.pdf-bytes","folder_id":"folder_id","group_id":30003,"name":"file.pdf"}`,
		`upload_private_file {"file":"http://127.0.0.1/media/KEY-OF-file.pdf-bytes","name":"file.pdf","user_id":20002}`,
	}
	for _, page := range []string{"actions.md", "actions.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(text)) {
			_, command, ok := strings.Cut(line, "| `catflap ")
			if !ok {
				continue
			}
			command, _, _ = strings.Cut(command, "` |")
			command = strings.ReplaceAll(command, "file:///path/to/file.pdf", "file://"+file)
			code, _, errs := d.run(t.Context(), split(command)...)
			if code != 0 || errs != "" {
				t.Errorf("%s: %s: exit code %d, %s", page, command, code, errs)
			}
			got = append(got, strings.TrimPrefix(*asked, "default "))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", page, diff)
		}
	}
}

// split reads a command line with single quotes.
func split(line string) (out []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out[len(out)-1] += part
			continue
		}
		words := strings.Fields(part)
		if i > 0 && len(words) > 0 && !strings.HasPrefix(part, " ") {
			out[len(out)-1] += words[0]
			words = words[1:]
		}
		out = append(out, words...)
	}
	return out
}

func TestCallNamesWhatIsWrong(t *testing.T) {
	d, asked := callDesk(t)
	for _, c := range []struct{ line, errs string }{
		{"call set_group_bann group_id=1", "catflap: there is no action set_group_bann\n  did you mean set_group_ban?\n  --unchecked calls whatever is named\n"},
		{"call set_group_ban group_id=1 user_id=2 duraton=600", "catflap: set_group_ban has no parameter duraton\n  did you mean duration?\n  --unchecked passes on whatever is given\n"},
		{"call get_friend_list zzzzzz=1", "catflap: get_friend_list has no parameter zzzzzz\n  it takes no_cache\n  --unchecked passes on whatever is given\n"},
		{"call set_group_ban group_id=1", "catflap: set_group_ban needs user_id\n  usage: catflap call set_group_ban group_id=... user_id=... [duration=...]\n"},
		{"call set_group_ban group_id=abc user_id=2", "catflap: group_id must be a QQ or group number, not \"abc\"\n  `catflap call set_group_ban --help` shows what it takes\n"},
		{"call set_group_whole_ban group_id=1 enable=maybe", "catflap: enable must be true or false, not \"maybe\"\n  `catflap call set_group_whole_ban --help` shows what it takes\n"},
		{`call send_msg message_type=channel user_id=1 message=a`, "catflap: message_type must be one of private, group, not \"channel\"\n  `catflap call send_msg --help` shows what it takes\n"},
		{`call send_like user_id=20002 times=abc`, "catflap: times must be a number of 0 or more, not \"abc\"\n  `catflap call send_like --help` shows what it takes\n"},
		{`call send_like user_id=20002 times=`, "catflap: times must be a number of 0 or more, not \"\"\n  `catflap call send_like --help` shows what it takes\n"},
		{`call delete_msg message_id=abc`, "catflap: message_id must be a number, not \"abc\"\n  `catflap call delete_msg --help` shows what it takes\n"},
		{`call set_online_status status=abc ext_status=1 battery_status=1`, "catflap: status must be a number, not \"abc\"\n  `catflap call set_online_status --help` shows what it takes\n"},
		{`call set_group_kick_members group_id=1 user_id:=["a"]`, "catflap: user_id must be a list, each of it a QQ or group number, not [\"a\"]\n  `catflap call set_group_kick_members --help` shows what it takes\n"},
		{`call set_group_ban group_id=0 user_id=2`, "catflap: group_id must be a QQ or group number, not 0\n  `catflap call set_group_ban --help` shows what it takes\n"},
		{`call set_group_ban group_id=1 user_id=-20002`, "catflap: user_id must be a QQ or group number, not -20002\n  `catflap call set_group_ban --help` shows what it takes\n"},
		{`call set_group_ban group_id=1 user_id=2 duration=-5`, "catflap: duration must be a number of 0 or more, not -5\n  `catflap call set_group_ban --help` shows what it takes\n"},
		{`call set_group_ban group_id=99999999999999999999 user_id=2`, "catflap: group_id must be a QQ or group number, not \"99999999999999999999\"\n  `catflap call set_group_ban --help` shows what it takes\n"},
		{`call set_group_ban group_id=1.5 user_id=2`, "catflap: group_id must be a QQ or group number, not \"1.5\"\n  `catflap call set_group_ban --help` shows what it takes\n"},
		{`call get_record file=a out_format=exe`, "catflap: out_format must be one of mp3, amr, wma, m4a, spx, ogg, wav, flac, not \"exe\"\n  `catflap call get_record --help` shows what it takes\n"},
		{`call set_group_name group_id=1 --params {"group_name":{}}`, "catflap: group_name must be text, not {}\n  `catflap call set_group_name --help` shows what it takes\n"},
		{`call send_group_msg group_id=1 message:=5`, "catflap: message must be text or segments, not 5\n  `catflap call send_group_msg --help` shows what it takes\n"},
		{"call upload_group_file group_id=1 file=/nowhere/at/all.pdf", "catflap: the file /nowhere/at/all.pdf cannot be read: no such file or directory\n  a path is one of this machine; --remote-files leaves paths to NapCat\n"},
	} {
		if code, out, errs := d.run(t.Context(), split(c.line)...); code != 2 || out != "" || errs != c.errs {
			t.Errorf("%s: exit code %d, printed %q, errors\n%swant\n%s", c.line, code, out, errs, c.errs)
		}
	}
	if *asked != "" {
		t.Errorf("NapCat was asked %s", *asked)
	}
	if code, _, errs := d.run(t.Context(), "call", "get_friend_list", "zzzzzz=1", "--unchecked"); code != 0 || *asked != `default get_friend_list {"zzzzzz":1}` {
		t.Errorf("unchecked: exit code %d, %s, asked %s", code, errs, *asked)
	}
}

func TestCallCarriesFiles(t *testing.T) {
	d, asked := callDesk(t)
	t.Chdir(d.dir)
	for name, text := range map[string]string{"报告 1.pdf": "bytes", "big.bin": "too large"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"upload_private_file", "user_id=1", "file=报告 1.pdf"}, `{"file":"http://127.0.0.1/media/KEY-OF-报告 1.pdf-bytes","name":"报告 1.pdf","user_id":1}`},
		{[]string{"upload_private_file", "user_id=1", "file=./报告 1.pdf", "name=x.pdf"}, `{"file":"http://127.0.0.1/media/KEY-OF-报告 1.pdf-bytes","name":"x.pdf","user_id":1}`},
		{[]string{"send_private_msg", "user_id=1", "message=[CQ:image,file=file://" + d.dir + "/%E6%8A%A5%E5%91%8A%201.pdf]"}, `{"message":"[CQ:image,file=http://127.0.0.1/media/KEY-OF-报告 1.pdf-bytes]","user_id":1}`},
		{[]string{"upload_private_file", "user_id=1", "file=http://example.com/a.pdf"}, `{"file":"http://example.com/a.pdf","name":"a.pdf","user_id":1}`},
		{[]string{"upload_private_file", "user_id=1", "file=/srv/a.pdf", "--remote-files"}, `{"file":"/srv/a.pdf","name":"a.pdf","user_id":1}`},
		{[]string{"get_file", "file=报告 1.pdf"}, `{"file":"报告 1.pdf"}`},
	} {
		*asked = ""
		code, _, errs := d.run(t.Context(), append([]string{"call"}, c.args...)...)
		if want := "default " + c.args[0] + " " + c.want; code != 0 || *asked != want {
			t.Errorf("%q: exit code %d, %s\nasked %s\nwant  %s", c.args, code, errs, *asked, want)
		}
	}
	*asked = ""
	if code, _, errs := d.run(t.Context(), "call", "upload_private_file", "user_id=1", "file=big.bin"); code != 1 || *asked != "" || errs != "catflap: sending big.bin to the running instance: the medium is too large\n" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, _, errs := d.run(t.Context(), "call", "upload_private_file", "user_id=1", "file=."); code != 2 || *asked != "" || !strings.HasPrefix(errs, "catflap: . is no file\n") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

func TestCallNeedsTheAccountOfSeveral(t *testing.T) {
	d, asked := callDesk(t)
	d.api.Accounts = func() []console.AccountInfo {
		return []console.AccountInfo{{Name: "bot1", SelfID: 10001}, {Name: "bot2", SelfID: 10002}}
	}
	d.want(2, "", "catflap: there are several accounts\n  say which with --account NAME: bot1, bot2\n", "call", "get_friend_list")
	for _, name := range []string{"bot2", "10002"} {
		if code, _, errs := d.run(t.Context(), "call", "get_friend_list", "--account", name); code != 0 || *asked != "bot2 get_friend_list {}" {
			t.Errorf("exit code %d, %s, asked %s", code, errs, *asked)
		}
	}
}

// The example of each action is a command that passes the checks.
func TestCallExamplesAreSound(t *testing.T) {
	for _, name := range onebot.Names() {
		info, _ := onebot.Lookup(name)
		specs, err := specsOf(info)
		if err != nil {
			t.Fatal(err)
		}
		line, ok := strings.CutPrefix(exampleOf(name, specs), "catflap call "+name)
		if !ok {
			t.Fatalf("%s: the example is %s", name, exampleOf(name, specs))
		}
		values := make(map[string]json.RawMessage)
		for _, arg := range split(line) {
			key, value, err := parameter(arg, specs)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			values[key] = value
		}
		if err := validate(name, specs, values); err != nil {
			t.Errorf("%s%s: %v", name, line, err)
		}
	}
}

func TestCallExamplesOfFiles(t *testing.T) {
	for name, want := range map[string]string{
		"upload_group_file":   "catflap call upload_group_file file=./report.pdf group_id=30003 name=report.pdf",
		"upload_private_file": "catflap call upload_private_file file=./report.pdf name=report.pdf user_id=20002",
		"get_record":          "catflap call get_record out_format=mp3 file=1A2B3C4D.amr",
	} {
		info, _ := onebot.Lookup(name)
		specs, err := specsOf(info)
		if err != nil {
			t.Fatal(err)
		}
		if got := exampleOf(name, specs); got != want {
			t.Errorf("%s", got)
		}
	}
}

func TestCallUnchecked(t *testing.T) {
	d, asked := callDesk(t)
	if code, _, errs := d.run(t.Context(), "call", "new_action", "x=1", "--unchecked"); code != 0 || errs != "" || *asked != `default new_action {"x":1}` {
		t.Errorf("exit code %d, %s, NapCat got %s", code, errs, *asked)
	}
}

func TestCallDescribesActions(t *testing.T) {
	d := newDesk(t)
	d.want(0, `set_group_ban - mute a member (duration in seconds, 0 lifts it)

USAGE
   catflap call set_group_ban group_id=... user_id=... [duration=...]

EFFECT changes something, group, onebot11
NOTE duration defaults to 0 = lift the ban (standard default 1800 s).
NOTE Where duration is left out, catflap sends the standard's default, 1800.

PARAMETERS
   group_id  number|string  required
   user_id   number|string  required
   duration  number|string  optional, default 1800

EXAMPLE
   catflap call set_group_ban group_id=30003 user_id=20002
`, "", "call", "set_group_ban", "--help")
	if _, out, _ := d.run(t.Context(), "call", "--help", "set_group_kick_async", "--lang", "zh"); !strings.Contains(out, "set_group_kick - 踢出群成员\n") || !strings.Contains(out, "作用 无法撤销") {
		t.Errorf("in Chinese it is\n%s", out)
	}
	d.want(2, "", "catflap: there is no action set_group_bann\n  did you mean set_group_ban?\n", "call", "set_group_bann", "--help")
	if code, out, _ := d.run(t.Context(), "call", "--help"); code != 0 || !strings.Contains(out, "catflap call ACTION [key=value ...]") || strings.Contains(out, describeFlag) {
		t.Errorf("exit code %d\n%s", code, out)
	}
	for name := range callEnglish().what {
		if _, ok := onebot.Lookup(name); !ok || callChinese().what[name] == "" {
			t.Errorf("%s is no action, or has no Chinese words", name)
		}
	}
}

func TestCallCompletes(t *testing.T) {
	s := &Shell{}
	root := []*cli.Command{s.Call()}
	words := func(line ...string) (out []string) {
		for _, c := range candidates(root, line) {
			if !strings.HasPrefix(c.word, "--") {
				out = append(out, c.word)
			}
		}
		return out
	}
	all := words("call")
	for _, name := range onebot.Names() {
		info, _ := onebot.Lookup(name)
		if info.InNapCat != strings.Contains(" "+strings.Join(all, " ")+" ", " "+name+" ") {
			t.Errorf("%s is offered: %t", name, !info.InNapCat)
		}
	}
	if diff := cmp.Diff([]string{"user_id=", "duration="}, words("call", "--account", "a", "set_group_ban", "group_id=5")); diff != "" {
		t.Error(diff)
	}
	if got := words("call", "nothing"); got != nil {
		t.Errorf("an unknown action offers %q", got)
	}
	if got := words("call", "--account"); got != nil {
		t.Errorf("the account offers %q", got)
	}
}

// Every action of the catalogue can be called with values of its kinds, and none with others.
func TestEveryActionCanBeCalled(t *testing.T) {
	for _, name := range onebot.Names() {
		info, _ := onebot.Lookup(name)
		specs, err := specsOf(info)
		if err != nil {
			t.Fatal(err)
		}
		values := make(map[string]json.RawMessage)
		for key, s := range specs {
			kind, _, _ := strings.Cut(s.kinds, "|")
			text := map[string]string{"boolean": "true", "number": "5", "number(ms)": "5", "string": "text", "object": `{"a":1}`, "message": "text"}[kind]
			switch {
			case s.options() != nil:
				text = s.options()[0]
			case strings.HasPrefix(kind, "array"):
				text = "[]"
			case s.counts(key):
				text = "5"
			case s.has("boolean"):
				text = "true"
			case text == "":
				t.Errorf("%s: %s has the kind %q, which nobody knows", name, key, s.kinds)
			}
			k, value, err := parameter(key+"="+text, specs)
			if err != nil || k != key {
				t.Errorf("%s: %v", name, err)
			}
			values[key] = value
		}
		if err := validate(name, specs, values); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for key := range values {
			kept := values[key]
			values[key] = json.RawMessage(`[[{]`)
			if validate(name, specs, values) == nil {
				t.Errorf("%s takes anything as %s", name, key)
			}
			if values[key] = kept; specs[key].required && specs[key].note == "" {
				delete(values, key)
				if validate(name, specs, values) == nil {
					t.Errorf("%s does without %s", name, key)
				}
				values[key] = kept
			}
		}
		values["no_such_parameter"] = json.RawMessage("1")
		if validate(name, specs, values) == nil {
			t.Errorf("%s takes a parameter that it does not have", name)
		}
	}
}
