package endpoint

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pieces reads n bytes at a time.
type pieces struct {
	data []byte
	n    int
}

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(into, p.data[:min(p.n, len(p.data))])
	p.data = p.data[n:]
	return n, nil
}

func events(from io.Reader) (all []string, err error) {
	s := newStream(from)
	for {
		data, err := s.next()
		if err != nil {
			return all, err
		}
		all = append(all, string(data))
	}
}

func TestStreamReadsEvents(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"one", "data: a\n\n", []string{"a"}},
		{"no end", "data: a", []string{"a"}},
		{"every line end", "data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\r\n\n", []string{"a", "b", "c", "d"}},
		{"lines", "data: a\ndata:\ndata:  b\n\n", []string{"a\n\n b"}},
		{"lines with CRLF", "data: a\r\ndata: b\r\n\r\n", []string{"a\nb"}},
		{"empty data", "data\n\ndata:\n\n", []string{"", ""}},
		{"other fields", ": c\nevent: e\nid: 1\nretry: 5\ndatum: x\n\ndata: a\n\n", []string{"a"}},
		{"byte order mark", "\ufeffdata: a\n\n", []string{"a"}},
		{"byte order mark later", "data: a\n\n\ufeffdata: b\n\n", []string{"a"}},
		{"short", "\n", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for n := 1; n <= len(tc.in)+1; n++ {
				got, err := events(&pieces{[]byte(tc.in), n})
				if diff := cmp.Diff(tc.want, got); diff != "" || !errors.Is(err, io.EOF) {
					t.Errorf("%d bytes at a time: %v\n%s", n, err, diff)
				}
			}
		})
	}
}

func TestStreamTellsErrors(t *testing.T) {
	got, err := events(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if diff := cmp.Diff([]string{"a"}, got); diff != "" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v\n%s", err, diff)
	}
}

// However the bytes are cut, the events are the same; nothing makes the reader hold more than its bounds.
func FuzzStream(f *testing.F) {
	for _, s := range []string{"data: a\r\n\r\ndata: b\n\n", "\ufeff: x\rdata\rdata: \r\r", says("a") + stops("stop") + usage + done, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":{}}}]}}]}"} {
		f.Add([]byte(s), 1)
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		if n = max(1, n%64); n < 1 {
			n = 1
		}
		whole, wholeErr := events(bytes.NewReader(data))
		cut, cutErr := events(&pieces{bytes.Clone(data), n})
		if diff := cmp.Diff(whole, cut); diff != "" || wholeErr.Error() != cutErr.Error() {
			t.Errorf("%d bytes at a time: %v, %v\n%s", n, wholeErr, cutErr, diff)
		}
		for _, e := range whole {
			if len(e) > len(data) {
				t.Errorf("an event of %d bytes from %d", len(e), len(data))
			}
		}
	})
}

// Whatever a server sends, an answer comes of it or an error, within the bounds.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		says("a") + stops("stop") + usage + done, `{"choices":[{"message":{"content":[{"type":"text","text":"x"}],"tool_calls":[{"index":-1,"function":{"name":"f","arguments":"{"}}]}}]}`,
		calls(`{"index":0,"id":"c1","function":{"name":"f","arguments":""}}`) + calls(`{"index":0,"function":{"arguments":"{}"}}`) + stops("tool_calls") + done,
		`data: {"error":{"message":"x"}}`, `data: {"usage":{"prompt_tokens":-1e99,"completion_tokens":"5"},"choices":null}`, "<html>", "  \r\n{", "data: [DONE]\n\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		idle := time.AfterFunc(time.Hour, func() {})
		defer idle.Stop()
		from := &watched{from: bytes.NewReader(data), idle: idle, limit: time.Hour}
		var a collector
		err := a.readFrom(newStream(from), from)
		r := a.reply("m", dialect{}, &Request{})
		if len(r.Text) > maxText || len(r.Calls) > maxCalls || len(r.Reasoning) > maxReasoning || r.Usage.Prompt < 0 || r.Usage.Completion < 0 {
			t.Errorf("out of bounds: %+v", r)
		}
		for _, call := range r.Calls {
			if call.ID == "" || call.Name == "" || call.Arguments[0] != '{' {
				t.Errorf("a call that cannot be made: %+v", call)
			}
		}
		if err == nil && a.events == 0 && a.refusal == nil {
			t.Error("nothing came, and nobody complains")
		}
	})
}
