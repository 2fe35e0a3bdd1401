package onebot

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRewriteFiles(t *testing.T) {
	for _, c := range []struct{ name, action, params, want, saw string }{
		{"segment", "send_msg", `{"message":[{"type":"image","data":{"file":"A.png","url":"http://c/1" , "x":1}}]}`, `{"message":[{"type":"image","data":{"file":"A.png","url":"<http:\/\/c\/1>" , "x":1}}]}`, "http://c/1"},
		{"blank url", "send_msg_async", `{"message":{"type":"image","data":{"url":" ","path":"/p","file":"f"}}}`, `{"message":{"type":"image","data":{"url":" ","path":"/p","file":"<f>"}}}`, "f"},
		{"escapes", "send_msg", `{"message":[{"type":"file","data":{"f\u0069le":"http:\/\/c\/\u4e2d"}}]}`, `{"message":[{"type":"file","data":{"f\u0069le":"<http:\/\/c\/中>"}}]}`, "http://c/中"},
		{"payloads", "send_msg", `{"message":[{"type":"image","data":{"file":"base64://QUJD"}},{"type":"image","data":{"file":"data:image/png;base64,QUJD"}},{"type":"image","data":{"file":"base64:\/\/QUJD"}},"[CQ:image,file=base64://QUJD]"]}`, "", ""},
		{"order of members", "send_msg", `{"message":[{"data":{"thumb":"t","url":"u"},"type":"video"},{"type":"video","data":{"url":"u2","thumb":"t2"}}]}`, `{"message":[{"data":{"thumb":"<t>","url":"<u>"},"type":"video"},{"type":"video","data":{"url":"<u2>","thumb":"<t2>"}}]}`, "t,u,t2,u2"},
		{"CQ", "send_msg", `{"message":"a &amp; [CQ:image,file=f,url=http://c/1&#44;2,x=y] b[CQ:face,id=1][CQ:record,file=r]"}`, `{"message":"a &amp; [CQ:image,file=f,url=<http:\/\/c\/1&#44;2>,x=y] b[CQ:face,id=1][CQ:record,file=<r>]"}`, "http://c/1,2,r"},
		{"CQ node", "send_group_forward_msg", `{"messages":"[CQ:node,content=&#91;CQ:image&#44;file=f&#93;]"}`, `{"messages":"[CQ:node,content=&#91;CQ:image&#44;file=<f>&#93;]"}`, "f"},
		{"node", "send_group_forward_msg", `{"messages":[{"type":"node","data":{"content":[{"type":"image","data":{"file":"f"}}]}}]}`, `{"messages":[{"type":"node","data":{"content":[{"type":"image","data":{"file":"<f>"}}]}}]}`, "f"},
		{"upload", "upload_group_file", `{"group_id":1,"file":"f","name":"n"}`, `{"group_id":1,"file":"<f>","name":"n"}`, "f"},
		{"text", "send_msg", `{"message":[{"type":"text","data":{"text":"/media/ http://c/1"}}],"group_id":"1"}`, "", ""},
		{"no params", "send_msg", ``, "", ""},
		{"no address of a file", "check_url_safely", `{"url":"http://c/1"}`, "", ""},
	} {
		var saw []string
		got := string(RewriteFiles(c.action, []byte(c.params), func(v string) (string, bool) {
			saw = append(saw, v)
			return "<" + v + ">", true
		}))
		want := c.want
		if want == "" {
			want = c.params
		}
		want = strings.ReplaceAll(want, `\/`, "/")
		if c.want == "" {
			want = c.params
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
		if strings.Join(saw, ",") != c.saw {
			t.Errorf("%s: saw %q, want %s", c.name, saw, c.saw)
		}
	}
}

// LocalPaths and RewriteFiles look into the same places, and what changes nothing returns the same bytes.
func FuzzRewriteFiles(f *testing.F) {
	for _, s := range []string{
		`{"message":[{"type":"image","data":{"file":"/a","url":"\u0000"}}]}`, `{"message":"[CQ:image,file=/a][CQ:node,content=&#91;CQ:image&#44;url=./b&#93;]"}`,
		`{"file":"~/x","name":"../y","files":["/1","/2"]}`, `{"messages":[{"data":{"path":"/x","data":{"file":"/y"}}}]}`, `{"message":"[CQ:image,url= ,file=/a]"}`,
	} {
		f.Add("send_msg", []byte(s))
		f.Add("upload_group_file", []byte(s))
	}
	f.Fuzz(func(t *testing.T, name string, params []byte) {
		local := make(map[string]bool)
		same := RewriteFiles(name, params, func(v string) (string, bool) {
			local[v] = true
			return "", false
		})
		if len(same) != len(params) || len(params) > 0 && &same[0] != &params[0] {
			t.Fatalf("%q was copied", params)
		}
		out := RewriteFiles(name, params, func(v string) (string, bool) { return "http://x/,]\"" + v, true })
		if json.Valid(params) != json.Valid(out) {
			t.Fatalf("%q becomes %q", params, out)
		}
		if !json.Valid(params) {
			return
		}
		for _, p := range LocalPaths(name, params) {
			if base, _ := Normalise(name); base == "get_file" || local[p] || strings.Contains(p, "CQ:") {
				continue
			}
			t.Fatalf("%q: LocalPaths sees %q, RewriteFiles %v", params, p, local)
		}
	})
}
