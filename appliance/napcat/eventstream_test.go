package napcat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// events are what a stream brings.
func (s *eventStream) all() (out []string, err error) {
	err = s.each(func(data []byte) error {
		out = append(out, string(data))
		return nil
	}, func(head, _ []byte, size uint64) {
		out = append(out, fmt.Sprintf("%d too large: %.5s", size, head))
	})
	return out, err
}

func TestEventStream(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"NapCat's", "data: {\"a\":1}\n\ndata: {\"a\":2}\n\n", []string{`{"a":1}`, `{"a":2}`}},
		{"all line ends", "data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", []string{"1", "2", "3"}},
		{"no space", "data:1\n\ndata:  2\n\n", []string{"1", " 2"}},
		{"several lines", "data: 1\ndata: 2\n\n", []string{"1\n2"}},
		{"other fields", ": hello\nevent: message\nid: 4\nretry: 1\ndata: 1\ndatum: 2\ndata\n\n", []string{"1\n"}},
		{"nothing in it", "data\n\ndata:\n\n\n\nevent: x\n\n", nil},
		{"not whole", "data: 1\n\ndata: 2\n", []string{"1"}},
		{"too large", "data: 12345678901\n\ndata: 1\n\n", []string{"11 too large: 12345", "1"}},
		{"too large in lines", "data: 123456\ndata: 78901\n\ndata: 1\n\n", []string{"12 too large: 12345", "1"}},
		{"just fits", "data: 1234567890\n\n", []string{"1234567890"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
				got, err := newEventStream(r, 10).all()
				if !errors.Is(err, io.EOF) {
					t.Errorf("error %v", err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestFault_S06_EndlessEvent(t *testing.T) {
	stream := newEventStream(io.MultiReader(strings.NewReader("data: "), zeros{}), 1<<10)
	stream.swallow = 1 << 20
	if got, err := stream.all(); !errors.Is(err, errEndless) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// plainEvents is the reader of the standard's text, without bounds.
func plainEvents(in string) (out []string) {
	in = strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(in, "\n")
	var data []string
	for _, line := range lines[:len(lines)-1] {
		field, value, _ := strings.Cut(line, ":")
		switch {
		case line == "":
			if text := strings.Join(data, "\n"); text != "" {
				out = append(out, text)
			}
			data = nil
		case field == "data":
			data = append(data, strings.TrimPrefix(value, " "))
		}
	}
	return out
}

func FuzzEventStream(f *testing.F) {
	f.Add("data: {\"a\":1}\n\ndata: {\"a\":2}\n\n", 100)
	f.Add("data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", 1)
	f.Add("data\ndata\n\ndata: x\ndata:y\n\n", 3)
	f.Add(":data: 1\nid: 3\n\ndatax: 1\n\n", 3)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		got, _ := newEventStream(strings.NewReader(in), 1<<20).all()
		if diff := cmp.Diff(plainEvents(in), got); diff != "" {
			t.Fatalf("events of %q (-want +got):\n%s", in, diff)
		}
		slow, _ := newEventStream(iotest.OneByteReader(strings.NewReader(in)), 1<<20).all()
		if diff := cmp.Diff(got, slow); diff != "" {
			t.Fatalf("read byte by byte, %q (-want +got):\n%s", in, diff)
		}
		if limit > 0 && limit < 1<<10 {
			err := newEventStream(strings.NewReader(in), limit).each(func(data []byte) error {
				if len(data) > limit || bytes.IndexByte(data, '\r') >= 0 {
					t.Fatalf("%q was handed on with limit %d", data, limit)
				}
				return nil
			}, func(_, _ []byte, size uint64) {
				if size <= uint64(limit) {
					t.Fatalf("%d was taken for too large with limit %d", size, limit)
				}
			})
			if err == nil {
				t.Fatal("a stream has no end")
			}
		}
	})
}
