package onebot

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var pathCases = []struct {
	why, action, params string
	want                []string
}{
	{"text", "send_group_msg", `{"group_id":1,"message":[{"type":"text","data":{"text":"/etc/passwd file:///etc/passwd"}}]}`, nil},
	{"web, payload and cached name", "send_group_msg", `{"message":[{"type":"image","data":{"file":"https://example.org/a/b.png"}},{"type":"image","data":{"file":"base64://iVB/ORw0"}},{"type":"image","data":{"file":"data:image/png;base64,iV/B"}},{"type":"image","data":{"file":"A1B2.jpg"}}]}`, nil},
	{"file URL", "send_group_msg", `{"message":[{"type":"image","data":{"file":"file:///srv/a%20b.png"}}]}`, []string{"file:///srv/a%20b.png"}},
	{"capitals and escapes", "send_msg", `{"message":[{"type":"image","data":{"f\u0069le":"FILE:\/\/\/srv\/a"}}]}`, []string{"FILE:///srv/a"}},
	{"full path", "send_msg_async", `{"message":[{"type":"record","data":{"file":"/etc/passwd"}}]}`, []string{"/etc/passwd"}},
	{"relative", "send_msg", `{"message":[{"type":"file","data":{"file":"./a"}},{"type":"file","data":{"path":"../a"}},{"type":"file","data":{"url":"config/webui.json"}},{"type":"file","data":{"file":".."}}]}`, []string{"./a", "../a", "config/webui.json", ".."}},
	{"Windows", "send_msg", `{"message":[{"type":"file","data":{"file":"C:\\secret.txt"}},{"type":"file","data":{"file":"d:secret"}},{"type":"file","data":{"file":"\\\\box\\share"}}]}`, []string{`C:\secret.txt`, "d:secret", `\\box\share`}},
	{"home", "send_msg", `{"message":[{"type":"file","data":{"file":"~/x"}},{"type":"file","data":{"file":"~"}},{"type":"file","data":{"file":"~x.png"}}]}`, []string{"~/x", "~"}},
	{"white space around it", "send_msg", `{"message":[{"type":"file","data":{"file":" \t/etc/passwd"}}]}`, []string{" \t/etc/passwd"}},
	{"an address that is a path", "send_msg", `{"message":[{"type":"file","data":{"url":"http://../../etc/passwd"}},{"type":"file","data":{"file":"base64://../../x"}},{"type":"file","data":{"file":"data:/../x"}},{"type":"file","data":{"file":"http://a\\b/../../x"}},{"type":"file","data":{"url":"http://example.org/a/../b"}}]}`,
		[]string{"http://../../etc/passwd", "base64://../../x", "data:/../x", `http://a\b/../../x`}},
	{"url counts before file before path", "send_msg", `{"message":[{"type":"record","data":{"file":"a.amr","path":"/app/a.amr","url":"https://example.org/a"}},{"type":"record","data":{"path":"/app/a.amr","file":"a.amr"}},{"type":"record","data":{"url":" ","file":null,"path":"/app/b.amr"}},{"type":"record","data":{"url":"\u0020","file":"/c"}}]}`,
		[]string{"/app/b.amr", "/c"}},
	{"something else than a text before", "send_msg", `{"message":[{"type":"file","data":{"url":5,"file":"/a"}},{"type":"file","data":{"url":["x"],"file":["/b",["/c"]]}}]}`, []string{"/a", "/b", "/c"}},
	{"cover", "send_msg", `{"message":[{"type":"video","data":{"file":"https://example.org/v","thumb":"/t.jpg"}}]}`, []string{"/t.jpg"}},
	{"single segment", "send_msg", `{"message":{"data":{"file":"/a"},"type":"image"}}`, []string{"/a"}},
	{"codes", "send_msg", `{"message":"hi [CQ:image,file=file:///a&#44;b,url=][CQ:image,url=https://example.org/x,file=/c] /d"}`, []string{"file:///a,b"}},
	{"codes behind escapes", "send_msg", `{"message":"\u005bCQ:image,file=\/a]"}`, []string{"/a"}},
	{"codes in codes", "send_msg", `{"message":"[CQ:node,content=&#91;CQ:image&#44;file=/a&#93;]"}`, []string{"/a"}},
	{"nested nodes", "send_group_forward_msg", `{"messages":[{"type":"node","data":{"content":[{"type":"node","data":{"content":{"type":"image","data":{"file":"/a"}}}}]}},{"type":"node","data":{"content":"[CQ:record,file=/b]"}}],"source":"a/b","news":[{"text":"/c"}]}`, []string{"/a", "/b"}},
	{"nothing but text", "send_msg_async", `{"auto_escape":true,"message":"[CQ:image,file=/a]"}`, nil},
	{"nothing but text, in NapCat's other spelling", "send_group_msg", `{"message":"[CQ:image,file=/a]","auto_escape":"true"}`, nil},
	{"spellings that NapCat does not know", "send_msg", `{"auto_escape":1,"message":"[CQ:image,file=/a]"}`, []string{"/a"}},
	{"the last auto_escape counts", "send_msg", `{"auto_escape":true,"message":"[CQ:image,file=/a]","auto_escape":false}`, []string{"/a"}},
	{"segments are not escaped", "send_msg", `{"auto_escape":true,"message":[{"type":"image","data":{"file":"/a"}}]}`, []string{"/a"}},
	{"nor are forwards", "send_group_forward_msg", `{"auto_escape":true,"messages":"[CQ:image,file=/a]","message":"[CQ:image,file=/b]"}`, []string{"/a", "/b"}},
	{"nor what lies beside it", "send_msg", `{"auto_escape":true,"message":"","messages":"[CQ:image,file=/a]"}`, []string{"/a"}},
	{"card", "send_msg", `{"message":[{"type":"json","data":{"data":{"meta":{"url":"m.q.qq.com/a/s/x","path":"pages/index"}}}}]}`, nil},
	{"upload", "upload_group_file", `{"group_id":1,"file":"/srv/a.zip","name":"a/b.zip","folder":"/"}`, []string{"/srv/a.zip"}},
	{"private upload", "upload_private_file", `{"user_id":1,"file":"file:///srv/a.zip","name":"a"}`, []string{"file:///srv/a.zip"}},
	{"portrait", "set_group_portrait", `{"file":"/a"}`, []string{"/a"}},
	{"avatar", "set_qq_avatar_rate_limited", `{"file":"C:/a"}`, []string{"C:/a"}},
	{"OCR", ".ocr_image", `{"image":"/a"}`, []string{"/a"}},
	{"lists", "create_flash_task", `{"files":["/a","b"],"thumb_path":"/c"}`, []string{"/a", "/c"}},
	{"one instead of a list", "create_flash_task", `{"files":"/a"}`, []string{"/a"}},
	{"online", "send_online_folder", `{"folder_path":"/a","file_path":"/b"}`, []string{"/a", "/b"}},
	{"notice", "_send_group_notice", `{"content":"see /etc","image":"/a"}`, []string{"/a"}},
	{"a file that QQ knows", "get_file", `{"file_id":"/2f1c0e8a-0000-4abc-9def-0123456789ab"}`, nil},
	{"a file that QQ does not know", "get_file", `{"file":"/etc/passwd"}`, []string{"/etc/passwd"}},
	{"ids of files elsewhere", "delete_group_file", `{"file_id":"/2f1c"}`, nil},
	{"a name that leaves its folder", "upload_file_stream", `{"filename":"../../x","stream_id":"u-7"}`, []string{"../../x"}},
	{"quick operation", ".handle_quick_operation", `{"context":{"message":[{"type":"record","data":{"path":"/app/a"}}]},"operation":{"reply":"[CQ:image,file=/b]"}}`, []string{"/b"}},
	{"checking an address", "check_url_safely", `{"url":"example.org/x"}`, nil},
	{"no params", "send_msg", ``, nil},
}

func TestFault_S03_LocalPathsInActions(t *testing.T) {
	for _, c := range pathCases {
		if diff := cmp.Diff(c.want, LocalPaths(c.action, []byte(c.params))); diff != "" {
			t.Errorf("%s: %s", c.why, diff)
		}
	}
}

func TestLocalPathsOfAnOrdinaryMessageDoNotAllocate(t *testing.T) {
	params := []byte(`{"group_id":30003,"message":[{"type":"at","data":{"qq":"20002"}},{"type":"text","data":{"text":"hello"}},{"type":"image","data":{"file":"base64:\/\/iVBO"}}]}`)
	if n := testing.AllocsPerRun(100, func() { LocalPaths("send_group_msg", params) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Codes that never end were once read again from each of their beginnings: this test would then run for
// many minutes.
func TestFault_S06_CodesThatNeverEndAreReadOnce(t *testing.T) {
	for _, tail := range []string{"", ",x]", ",x y"} {
		text := strings.Repeat("[CQ:a,b=", 1<<18) + tail
		params := append(appendQuoted([]byte(`{"message":`), text), '}')
		if got := LocalPaths("send_msg", params); len(got) != 0 {
			t.Errorf("found %d paths", len(got))
		}
	}
}

// Whatever is found stands in the params, and a file URL in a known place is always found.
func FuzzLocalPaths(f *testing.F) {
	for _, c := range pathCases {
		f.Add(c.action, []byte(c.params))
	}
	f.Fuzz(func(t *testing.T, action string, params []byte) {
		found := LocalPaths(action, params)
		if !json.Valid(params) || !utf8.Valid(params) || slowDepth(params) > MaxDepth-4 {
			return
		}
		for _, path := range found {
			if path == "" || len(path) > len(params) {
				t.Errorf("%q: found %q", params, path)
			}
		}
		params = bytes.TrimSpace(params)
		if params[0] == '{' || params[0] == '[' {
			wrapped := append(append([]byte(`{"message":[`), params...), `,{"type":"image","data":{"file":"file:///x"}}]}`...)
			got := LocalPaths("send_msg", wrapped)
			if len(got) == 0 || got[len(got)-1] != "file:///x" {
				t.Errorf("%q: found %q", wrapped, got)
			}
		}
	})
}
