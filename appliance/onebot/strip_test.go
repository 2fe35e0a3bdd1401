package onebot

import "testing"

var stripCases = []struct{ name, in, want string }{
	{"nothing", `[{"type":"text","data":{"text":"hi"}}]`, `[{"type":"text","data":{"text":"hi"}}]`},
	{"base64", `[{"type":"image","data":{"file":"base64://iVBORw0=","summary":"x"}}]`, `[{"type":"image","data":{"file":"base64:stripped:17","summary":"x"}}]`},
	{"escaped slashes", `[{"type":"image","data":{"file":"base64:\/\/iVBO\/w0="}}]`, `[{"type":"image","data":{"file":"base64:stripped:17"}}]`},
	{"hidden letters", `[{"type":"image","data":{"file":"b\u0061se64://iVBO"}}]`, `[{"type":"image","data":{"file":"base64:stripped:13"}}]`},
	{"capitals", `[{"type":"image","data":{"file":"Base64://iVBO"}}]`, `[{"type":"image","data":{"file":"base64:stripped:13"}}]`},
	{"data URL", `[{"type":"image","data":{"url":"data:image/png;base64,iVBO","file":"a"}}]`, `[{"type":"image","data":{"url":"base64:stripped:26","file":"a"}}]`},
	{"two", `[{"type":"image","data":{"file":"base64://a"}} , {"type":"record","data":{"path":"base64://b"}}]`,
		`[{"type":"image","data":{"file":"base64:stripped:10"}} , {"type":"record","data":{"path":"base64:stripped:10"}}]`},
	{"text stays", `[{"type":"text","data":{"text":"base64://what"}}]`, `[{"type":"text","data":{"text":"base64://what"}}]`},
	{"nested nodes", `[{"type":"node","data":{"content":[{"type":"image","data":{"file":"base64://abcd"}}]}}]`,
		`[{"type":"node","data":{"content":[{"type":"image","data":{"file":"base64:stripped:13"}}]}}]`},
	{"node with codes", `[{"type":"node","data":{"content":"x[CQ:image,a=1,file=base64://abcd,b=2]y"}}]`,
		`[{"type":"node","data":{"content":"x[CQ:image,a=1,file=base64:stripped:13,b=2]y"}}]`},
	{"codes", `"a [CQ:image,file=base64://abcd]\n[CQ:image,file=data:image/png;base64&#44;abcd] base64://told"`,
		`"a [CQ:image,file=base64:stripped:13]\n[CQ:image,file=base64:stripped:30] base64://told"`},
	{"single segment", `{"type":"image","data":{"file":"base64://abcd"}}`, `{"type":"image","data":{"file":"base64:stripped:13"}}`},
	{"broken", `[{"file":"base64://`, `[]`},
}

func TestStrip(t *testing.T) {
	for _, c := range stripCases {
		in := []byte(c.in)
		got := Strip(in)
		if string(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if string(in) != c.in {
			t.Errorf("%s: the source was changed", c.name)
		}
	}
}

func TestStripOfAnOrdinaryMessageDoesNotAllocate(t *testing.T) {
	h := peekOf(t, string(groupMessage))
	if n := testing.AllocsPerRun(100, func() { Strip(h.Message) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
