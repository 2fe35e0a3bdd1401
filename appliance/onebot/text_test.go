package onebot

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppendText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`[{"type":"text","data":{"text":"a\n\u4f60\ud83d\ude00\"[CQ:at,qq=1]&amp;"}},{"type":"image","data":{"text":"no"}},{"data":{"text":"b"},"type":"text"}]`, "a\n你😀\"[CQ:at,qq=1]&amp;b"},
		{`[{"type":"text","data":{"text":5}},{"type":"text","data":{"text":null}},{"type":"text","data":null},null]`, "5"},
		{`{"type":"text","data":{"text":"x"}}`, "x"},
		{`"a,b &#91;x&#93; &amp; y[CQ:image,file=1&#44;2.png]\n[CQ:face, id=1]&amp;#91;"`, "a,b [x] & y\n[CQ:face, id=1]&#91;"},
		{`"\ud800x"`, "\ufffdx"},
		{`[{"type":"text","data":{"text":"x"}}`, ""},
		{`"x`, ""}, {``, ""}, {`null`, ""}, {`[]`, ""},
	} {
		if got := string(AppendText([]byte(">"), []byte(c.in))); got != ">"+c.want {
			t.Errorf("%s: got %q, want %q", c.in, got, c.want)
		}
	}
	h, buf := peekOf(t, string(groupMessage)), make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { AppendText(buf, h.Message) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSenderName(t *testing.T) {
	for _, c := range [][2]string{
		{`{"user_id":1,"nickname":"Ann","card":"ann@ops"}`, "ann@ops"}, {`{"card":"","nickname":"A\u006en"}`, "Ann"},
		{`{"card":5}`, ""}, {`null`, ""}, {``, ""}, {`{"card":"x"`, ""},
	} {
		if got := SenderName([]byte(c[0])); got != c[1] {
			t.Errorf("%s: got %q", c[0], got)
		}
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{`[{"type":"image","data":{}},{"type":"text","data":{"text":"hello "}},{"type":"at","data":{"qq":"123"}}]`, 0, "[image] hello @123"},
		{`[{"type":"reply","data":{"id":1}},{"type":"at","data":{"qq":"all"}},{"type":"text","data":{"text":"a\r\n\t b\u0007\u202ec\u001b[31m"}}]`, 0, "[reply] @all a b c [31m"},
		{`[{"type":"file","data":{"file":"a.zip"}},{"type":"file","data":{"file":"base64://aaa"}}]`, 0, "[file a.zip] [file]"},
		{`"hi [CQ:face,id=1] &#91;x&#93;"`, 0, "hi [face] [x]"},
		{`"你好世界再见"`, 4, "你好世…"},
		{`"你好世界"`, 4, "你好世界"},
		{`"abc      "`, 3, "abc"},
		{`"ab cdef"`, 4, "ab…"},
		{`[]`, 9, ""}, {`null`, 9, "[?]"}, {`[null]`, 9, "[?]"},
		{`[{"type":"json","data":{"data":"{\"prompt\":\"[QQ小程序]天气\",\"meta\":{}}"}}]`, 0, "[json [QQ小程序]天气]"},
		{`[{"type":"json","data":{"data":{"prompt":" ","meta":{"detail_1":{"title":"Title","desc":"more\nlines"}}}}}]`, 0, "[json Title more lines]"},
		{`[{"type":"json","data":{"data":"no JSON"}},{"type":"json","data":{"data":[1]}},{"type":"json","data":{}}]`, 0, "[json] [json] [json]"},
		{`[{"type":"share","data":{"url":"https://a.example/","title":"T","content":"C"}},{"type":"share","data":{"url":"https://a.example/"}}]`, 0,
			"[share T C] [share https://a.example/]"},
		{`[{"type":"location","data":{"lat":"1.5","lon":"2"}},{"type":"location","data":{"lat":1,"title":"Home"}}]`, 0, "[location 1.5 2] [location Home]"},
		{`[{"type":"markdown","data":{"content":"# Head\n* one"}},{"type":"contact","data":{"type":"group","id":30003}}]`, 0, "[markdown # Head * one] [contact group 30003]"},
		{`[{"type":"music","data":{"type":"custom","title":"Song","singer":"Ann"}},{"type":"music","data":{"type":"163","id":"7"}}]`, 0, "[music Song Ann] [music 163 7]"},
		{`[{"type":"forward","data":{"id":"x","content":[{"sender":{"nickname":"Ann"},"message":[{"type":"text","data":{"text":"hi"}},{"type":"forward","data":{"content":[{"message":"deep"}]}}]},5]}}]`, 0,
			"[forward Ann: hi[forward]]"},
		{`[{"type":"markdown","data":{"content":"` + strings.Repeat("长", 500) + `"}}]`, 0, "[markdown " + strings.Repeat("长", 159) + "…]"},
	} {
		if got := Summary([]byte(c.in), c.max); got != c.want {
			t.Errorf("%s: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ in, array, text string }{
		{`"a,b &#91;x&#93; &amp; y"`, `[{"type":"text","data":{"text":"a,b [x] & y"}}]`, `"a,b &#91;x&#93; &amp; y"`},
		{`[{"type":"image","data":{"file":"1,2.png","sub_type":0,"url":"","x":null,"b":true}}]`,
			`[{"type":"image","data":{"file":"1,2.png","sub_type":0,"url":"","x":null,"b":true}}]`, `"[CQ:image,file=1&#44;2.png,sub_type=0,b=true]"`},
		{`"x[CQ:image,url=u,file=1&#44;2.png,url=v]"`, `[{"type":"text","data":{"text":"x"}},{"type":"image","data":{"file":"1,2.png","url":"v"}}]`, `"x[CQ:image,url=u,file=1&#44;2.png,url=v]"`},
		{`{"type":"face","data":{"id":"1","raw":{"a":[1,"]"]}}}`, `[{"type":"face","data":{"id":"1","raw":{"a":[1,"]"]}}}]`, `"[CQ:face,id=1,raw={\"a\":&#91;1&#44;\"&#93;\"&#93;}]"`},
		{`[{"type":"text","data":{"text":"[CQ:at,qq=1]"}},{"type":"x,a=1][CQ:at","data":{}},{"type":"shake","data":{"a,b":"1"}},{"type":"dice"}]`,
			`[{"type":"text","data":{"text":"[CQ:at,qq=1]"}},{"type":"x,a=1][CQ:at","data":{}},{"type":"shake","data":{"a,b":"1"}},{"type":"dice"}]`,
			`"&#91;CQ:at,qq=1&#93;[CQ:shake][CQ:dice]"`},
		{`""`, `[]`, `""`},
		{`[]`, `[]`, `""`},
	} {
		if got, err := ToArray([]byte(c.in)); err != nil || string(got) != c.array {
			t.Errorf("%s as array: got %s, %v", c.in, got, err)
		}
		if got, err := ToString([]byte(c.in)); err != nil || string(got) != c.text {
			t.Errorf("%s as string: got %s, %v", c.in, got, err)
		}
	}
	for _, bad := range []string{``, `null`, `5`, `[`, `"x" 1`} {
		if got, err := ToArray([]byte(bad)); err == nil || !errors.Is(err, ErrMessage) && !errors.Is(err, ErrSyntax) {
			t.Errorf("%s as array: %s, %v", bad, got, err)
		}
		if got, err := ToString([]byte(bad)); err == nil || !errors.Is(err, ErrMessage) && !errors.Is(err, ErrSyntax) {
			t.Errorf("%s as string: %s, %v", bad, got, err)
		}
	}
}

func TestParseMessage(t *testing.T) {
	for _, c := range []struct{ in, err string }{
		{`[{"type":"at","data":{"qq":"1"}},5]`, "reading segment 1: a message is a string, a segment object or an array of segments"},
		{`[{"TYPE":"at"}]`, "reading segment 0: no type: a message is a string, a segment object or an array of segments"},
		{`{"type":"at","data":[]}`, "reading a segment: data is no object: a message is a string, a segment object or an array of segments"},
		{`5`, "a message is a string, a segment object or an array of segments"},
		{``, "a message is a string, a segment object or an array of segments"},
		{`[`, "reading a message: the frame is not valid JSON: byte 1"},
	} {
		if _, err := ParseMessage([]byte(c.in)); err == nil || err.Error() != c.err {
			t.Errorf("%s: got %v", c.in, err)
		}
	}
	got, err := ParseMessage([]byte(`[{"type":"forward","data":{"id":7301234567890123456}},{"type":"dice"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("[CQ:forward,id=7301234567890123456][CQ:dice]", FormatCQ(got)); diff != "" {
		t.Error(diff)
	}
}

func TestReformat(t *testing.T) {
	for _, c := range []struct{ in, format, want string }{
		{`{"post_type":"message","message":[{"type":"at","data":{"qq":"1"}}], "message_format":"array","x":1}`, "string",
			`{"post_type":"message","message":"[CQ:at,qq=1]", "message_format":"string","x":1}`},
		{`{"post_type":"message","message":"[CQ:at,qq=1]"}`, "array", `{"post_type":"message","message":[{"type":"at","data":{"qq":"1"}}],"message_format":"array"}`},
		{`{"post_type":"message","message":"x"}`, "string", `{"post_type":"message","message":"x"}`},
		{`{"post_type":"notice","notice_type":"bot_offline","message":"x"}`, "array", `{"post_type":"notice","notice_type":"bot_offline","message":"x"}`},
	} {
		h := peekOf(t, c.in)
		got, err := Reformat([]byte(c.in), &h, c.format)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v", c.in, got, err)
		}
	}
}
