package onebot

import "testing"

var mentionCases = []struct {
	name, message string
	want          Mentions
}{
	{"none", `[{"type":"text","data":{"text":"[CQ:at,qq=10001]"}}]`, Mentions{}},
	{"string id", `[{"type":"at","data":{"qq":"10001"}}]`, Mentions{AtSelf: true}},
	{"number id", `[{"type":"at","data":{"qq":10001,"name":"Bot"}}]`, Mentions{AtSelf: true}},
	{"any order", `[{"data":{"name":"{\"","qq":"10001"},"x":[{"qq":1}],"type":"at"}]`, Mentions{AtSelf: true}},
	{"escaped", `[{"ty\u0070e":"\u0061t","data":{"q\u0071":"1000\u0031"}}]`, Mentions{AtSelf: true}},
	{"somebody else", `[{"type":"at","data":{"qq":"100010"}},{"type":"at","data":{"qq":20002}}]`, Mentions{}},
	{"twenty digits", `[{"type":"at","data":{"qq":18446744073709561617}}]`, Mentions{}},
	{"all", `[{"type":"at","data":{"qq":"all"}}]`, Mentions{AtAll: true}},
	{"nested data is not a segment", `[{"type":"forward","data":{"content":[{"type":"at","data":{"qq":"10001"}}]}}]`, Mentions{}},
	{"first reply", `[{"type":"reply","data":{"id":"-12"}},{"type":"reply","data":{"id":7}},{"type":"at","data":{"qq":"all"}}]`, Mentions{HasReply: true, Reply: -12, AtAll: true}},
	{"reply by number", `[{"type":"reply","data":{"id":1840021873}}]`, Mentions{HasReply: true, Reply: 1840021873}},
	{"reply without id", `[{"type":"reply","data":{"seq":"5"}}]`, Mentions{HasReply: true}},
	{"last key wins", `[{"type":"at","type":"text","data":{"qq":"10001"}}]`, Mentions{}},
	{"last data wins", `[{"type":"at","data":{"qq":"10001"},"data":null}]`, Mentions{}},
	{"single segment", `{"type":"at","data":{"qq":"10001"}}`, Mentions{AtSelf: true}},
	{"null elements", `[null,1,{"type":"at","data":null},{"type":"at","data":{"qq":"10001"}}]`, Mentions{AtSelf: true}},
	{"code", `"[CQ:at,qq=10001] ping"`, Mentions{AtSelf: true}},
	{"code with more", `"hi [CQ:reply,id=-5][CQ:at,name=\"x\",qq=all]"`, Mentions{AtAll: true, HasReply: true, Reply: -5}},
	{"code behind unicode escapes", `"\u005bCQ:at,qq=10001]"`, Mentions{AtSelf: true}},
	{"escaped text is no code", `"&#91;CQ:at,qq=10001&#93;"`, Mentions{}},
	{"space is no code", `"[CQ:at, qq=10001]"`, Mentions{}},
	{"unclosed", `"[CQ:at,qq=10001"`, Mentions{}},
	{"swallowed by an unclosed one", `"[CQ:image,file=a[CQ:at,qq=10001]"`, Mentions{}},
	{"after a broken one", `"[CQ:a-b,qq=1][CQ:at,qq=10001]"`, Mentions{AtSelf: true}},
	{"last parameter wins", `"[CQ:at,qq=10001,qq=2]"`, Mentions{}},
	{"newline escape", `"[CQ:at,qq=10001\n]"`, Mentions{}},
	{"broken", `[{"type":"at","data":{"qq":"10001"}}`, Mentions{}},
	{"empty", ``, Mentions{}},
	{"null", `null`, Mentions{}},
}

func TestScanMentions(t *testing.T) {
	for _, c := range mentionCases {
		if got := ScanMentions([]byte(c.message), 10001); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
	if got := ScanMentions([]byte(`[{"type":"at","data":{"qq":0}}]`), 0); got.AtSelf {
		t.Error("an account whose number is not known was mentioned")
	}
}

func TestScanMentionsDoesNotAllocate(t *testing.T) {
	for _, c := range mentionCases {
		message := []byte(c.message)
		if c.name == "code behind unicode escapes" {
			continue
		}
		if n := testing.AllocsPerRun(100, func() { ScanMentions(message, 10001) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
