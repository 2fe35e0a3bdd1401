package onebot

import (
	"errors"
	"strings"
	"testing"
)

func TestPeekHeadRefuses(t *testing.T) {
	deep := strings.Repeat(`[`, MaxDepth) + strings.Repeat(`]`, MaxDepth)
	for _, c := range []struct {
		in   string
		want string
		is   error
	}{
		{``, "the frame is not valid JSON: byte 0", ErrSyntax},
		{`null`, "the frame is not a JSON object", ErrNotObject},
		{`[{"post_type":"message"}]`, "the frame is not a JSON object", ErrNotObject},
		{`"x" `, "the frame is not a JSON object", ErrNotObject},
		{`nul`, "the frame is not valid JSON: byte 3", ErrSyntax},
		{`{`, "the frame is not valid JSON: byte 1", ErrSyntax},
		{`{} {}`, "the frame is not valid JSON: byte 3", ErrSyntax},
		{`{"a":1,}`, "the frame is not valid JSON: byte 7", ErrSyntax},
		{`{"a" 1}`, "the frame is not valid JSON: byte 5", ErrSyntax},
		{`{a:1}`, "the frame is not valid JSON: byte 1", ErrSyntax},
		{`{"a":01}`, "the frame is not valid JSON: byte 6", ErrSyntax},
		{`{"a":1.}`, "the frame is not valid JSON: byte 7", ErrSyntax},
		{`{"a":-}`, "the frame is not valid JSON: byte 6", ErrSyntax},
		{`{"a":1e}`, "the frame is not valid JSON: byte 7", ErrSyntax},
		{`{"a":+1}`, "the frame is not valid JSON: byte 5", ErrSyntax},
		{`{"a":tru}`, "the frame is not valid JSON: byte 8", ErrSyntax},
		{`{"a":[1,]}`, "the frame is not valid JSON: byte 8", ErrSyntax},
		{`{"a":[1}`, "the frame is not valid JSON: byte 7", ErrSyntax},
		{`{"a":"\x"}`, "the frame is not valid JSON: byte 7", ErrSyntax},
		{`{"a":"\u12g4"}`, "the frame is not valid JSON: byte 10", ErrSyntax},
		{"{\"a\":\"12345678\n\"}", "the frame is not valid JSON: byte 14", ErrSyntax},
		{"{\"a\":\"\x00\"}", "the frame is not valid JSON: byte 6", ErrSyntax},
		{`{"a":"x`, "the frame is not valid JSON: byte 7", ErrSyntax},
		{`{"a":` + deep + `}`, "the frame nests deeper than 128 levels", ErrDepth},
		{`{"message":` + deep + `}`, "the frame nests deeper than 128 levels", ErrDepth},
		{strings.Repeat(`{"sender":`, 10_000), "the frame nests deeper than 128 levels", ErrDepth},
		{strings.Repeat(`[`, 10_000), "the frame nests deeper than 128 levels", ErrDepth},
	} {
		var h Head
		err := PeekHead([]byte(c.in), &h)
		if err == nil || err.Error() != c.want || !errors.Is(err, c.is) {
			t.Errorf("%.40s: got %v, want %s", c.in, err, c.want)
		}
	}
	var h Head
	ok := `{"a":` + deep[1:2*MaxDepth-1] + `}`
	if err := PeekHead([]byte(ok), &h); err != nil {
		t.Errorf("%d levels: %v", MaxDepth, err)
	}
}

func TestPeekHeadTakesTheLastOfEqualKeys(t *testing.T) {
	h := peekOf(t, `{"user_id":1,"post_type":"notice","user_id":"2","sender":{"user_id":5},"sender":{"user_id":null,"user_id":6},
		"post\u005ftype":"message","message_type":"private","message":"a","message":[]}`)
	if h.PostType != "message" || h.UserID != 2 || string(h.Message) != "[]" || string(h.Sender) != `{"user_id":null,"user_id":6}` {
		t.Errorf("got %+v", h)
	}
	want := MissingTime | MissingSelfID | MissingSubType | MissingMessageID | MissingRawMessage | MissingFont | LooseID
	if h.Missing != want {
		t.Errorf("missing %#x, want %#x", h.Missing, want)
	}
	h = peekOf(t, `{"user_id":7,"user_id":null,"post_type":"message","message_type":"private","sender":{"user_id":8}}`)
	if h.UserID != 8 || h.Missing&MissingUserID == 0 {
		t.Errorf("got %d, missing %#x", h.UserID, h.Missing)
	}
}

func TestReadInt(t *testing.T) {
	for _, c := range []struct {
		in   string
		v    int64
		form form
	}{
		{`0`, 0, formClean}, {`10001`, 10001, formClean}, {`-5`, -5, formClean}, {`-0`, 0, formLoose},
		{`"10001"`, 10001, formLoose}, {`"-5"`, -5, formLoose}, {`10001.0`, 10001, formLoose}, {`10001.000`, 10001, formLoose},
		{`9223372036854775807`, 1<<63 - 1, formClean}, {`9223372036854775808`, 0, formNone},
		{`18446744073709551617`, 0, formNone}, {`99999999999999999999`, 0, formNone}, {`"99999999999999999999"`, 0, formNone},
		{`1.5`, 0, formNone}, {`1e3`, 0, formNone}, {`"1.0"`, 0, formNone}, {`""`, 0, formNone}, {`"-"`, 0, formNone},
		{`" 1"`, 0, formNone}, {`"1x"`, 0, formNone}, {`null`, 0, formNone}, {`true`, 0, formNone}, {`[1]`, 0, formNone}, {``, 0, formNone},
	} {
		if v, form := readInt([]byte(c.in)); v != c.v || form != c.form {
			t.Errorf("%s: got %d %d, want %d %d", c.in, v, form, c.v, c.form)
		}
	}
	if v, form := readID([]byte(`-5`)); v != 0 || form != formNone {
		t.Errorf("a negative QQ number was taken: %d %d", v, form)
	}
}

func TestPeekHeadReadsResponses(t *testing.T) {
	h := peekOf(t, `{"status":"failed","retcode":1400,"data":null,"message":"no","wording":"no","echo":{"seq":1}}`)
	if !h.IsResponse() || h.Retcode != 1400 || string(h.Echo) != `{"seq":1}` || string(h.Data) != "null" || string(h.Wording) != `"no"` || !h.StreamEnd {
		t.Errorf("got %+v", h)
	}
	if h = peekOf(t, `{"status":"failed","echo":1}`); h.Retcode != -1 {
		t.Errorf("a failure without retcode has %d", h.Retcode)
	}
	if h = peekOf(t, `{"status":"ok","echo":1}`); h.Retcode != 0 || h.Data != nil {
		t.Errorf("got %+v", h)
	}
	if h = peekOf(t, `{"stream":"stream-action","data":{"type":"error"},"data":{"type":"stream","x":{"type":"response"}},"echo":1}`); !h.Stream || h.StreamEnd {
		t.Errorf("got %+v", h)
	}
	if h = peekOf(t, `{"time":1}`); h.IsEvent() || h.IsResponse() {
		t.Errorf("got %+v", h)
	}
}

func TestOnline(t *testing.T) {
	h := peekOf(t, `{"time":1,"self_id":1,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":false,"good":true},"interval":30000}`)
	if online, good, known := Online(h.Health); online || !good || !known {
		t.Error(online, good, known)
	}
	for _, unknown := range []string{``, `null`, `{}`, `{"online":null}`, `{"online":1}`, `{"online":true`} {
		if _, _, known := Online([]byte(unknown)); known {
			t.Errorf("%q is known", unknown)
		}
	}
}

func TestPeekHeadDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"events.jsonl", "responses.jsonl", "odd.jsonl"} {
		for _, frame := range lines(t, name) {
			var h Head
			if n := testing.AllocsPerRun(50, func() {
				if err := PeekHead(frame, &h); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s: %v allocations", frame, n)
			}
		}
	}
}
