package napcat

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/simulator"
)

// Return codes are those of a WebSocket whatever the link is, and an answer finds its caller.
func TestHTTPAnswers(t *testing.T) {
	f, _, nap, _ := httpLink(t)
	for _, tt := range []struct {
		action, params string
		retcode        float64
		wording        string
	}{
		{"get_status", `{}`, 0, ""},
		{"send_like", `{"user_id":20002}`, 0, ""},
		{"get_group_info", `{}`, 1400, "Schema compilation error: Expected required property"},
		{"get_msg", `{"message_id":1}`, 1200, ""},
		{"no_such_action", `{}`, 1404, "不支持的Api no_such_action"},
		{"_events", `{}`, 1404, "不支持的Api _events"},
		{"../get_status", `{}`, 1404, "不支持的Api ../get_status"},
		{"send_private_msg", `{"user_id":20002}`, 1200, ""},
	} {
		t.Run(tt.action, func(t *testing.T) {
			got := f.asks(tt.action, tt.params)
			if got["retcode"] != tt.retcode || tt.wording != "" && got["wording"] != tt.wording {
				t.Errorf("answer %v", got)
			}
		})
	}
	if f.account.Pending() != 0 {
		t.Errorf("%d calls are pending", f.account.Pending())
	}
	for _, c := range nap.Calls() {
		if c.Params["echo"] != nil {
			t.Errorf("%s was called with echo %v", c.Name, c.Params["echo"])
		}
	}
}

func TestHTTPCallersGetTheirOwn(t *testing.T) {
	f, _, nap, _ := httpLink(t)
	nap.OnAction("get_stranger_info", func(c simulator.Call) simulator.Answer {
		return simulator.Answer{Delay: time.Duration(c.Params.ID("user_id")%7) * time.Millisecond, Data: map[string]any{"user_id": c.Params.ID("user_id")}}
	})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			got := f.asks("get_stranger_info", fmt.Sprintf(`{"user_id":%d}`, i+1))
			if data, _ := got["data"].(map[string]any); data["user_id"] != float64(i+1) {
				t.Errorf("caller %d got %v", i+1, got)
			}
		})
	}
	wg.Wait()
}

func TestFault_T21_StreamsOverHTTP(t *testing.T) {
	f, _, _, _ := httpLink(t)
	f.streams()
}

// streams downloads a file in chunks and wants every packet, in order.
func (f *fixture) streams() {
	f.t.Helper()
	up := f.asks("upload_file_stream", `{"stream_id":"u","chunk_index":0,"total_chunks":1,"chunk_data":"aGVsbG8gd29ybGQ=","file_size":11,"filename":"hello.txt"}`)
	if up["retcode"] != 0.0 {
		f.t.Fatalf("upload: %v", up)
	}
	done := f.asks("upload_file_stream", `{"stream_id":"u","is_complete":true}`)
	path := done["data"].(map[string]any)["file_path"]
	type packet struct {
		Type, Kind string
		Final      bool
	}
	var got []packet
	over := make(chan error, 1)
	f.account.Submit(Call{App: "app", Action: "download_file_stream", Params: fmt.Appendf(nil, `{"file":%q,"chunk_size":4}`, path), Done: func(a Answer) {
		if a.Err != nil {
			over <- a.Err
			return
		}
		var frame struct {
			Data struct {
				Type string `json:"type"`
				Kind string `json:"data_type"`
			} `json:"data"`
		}
		_ = json.Unmarshal(a.Frame, &frame)
		got = append(got, packet{frame.Data.Type, frame.Data.Kind, a.Final})
		if a.Final {
			over <- nil
		}
	}})
	if err := receive(f.t, "the last packet", over); err != nil {
		f.t.Fatal(err)
	}
	want := []packet{{"stream", "file_info", false}, {"stream", "file_chunk", false}, {"stream", "file_chunk", false},
		{"stream", "file_chunk", false}, {"response", "file_complete", true}}
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("packets (-want +got):\n%s", diff)
	}
	if failed := f.asks("download_file_stream", `{"file":"nothing"}`); failed["retcode"] != 1200.0 {
		f.t.Errorf("a stream that fails: %v", failed)
	}
	if test := f.asks("test_download_stream", `{}`); test["retcode"] != 0.0 {
		f.t.Errorf("the last packet of a stream without a count: %v", test)
	}
}

func TestFault_T23_NoAnswerOverHTTP(t *testing.T) {
	f, _, nap, _ := httpLink(t)
	nap.OnAction("get_stranger_info", func(simulator.Call) simulator.Answer { return simulator.Answer{Silent: true} })
	f.account.calls.mu.Lock()
	f.account.calls.timeout = 20 * time.Millisecond
	f.account.calls.mu.Unlock()
	if a := receive(t, "the failure", f.submit("app", "get_stranger_info")); a.Err != ErrTimeout {
		t.Errorf("answer %+v", a)
	}
	until(t, "no call is pending", func() bool { return f.account.Pending() == 0 })
}

// NapCat may have done what it was asked before its answer was cut off.
func TestHTTPDroppedCall(t *testing.T) {
	f, _, nap, _ := httpLink(t)
	nap.OnAction("send_like", func(simulator.Call) simulator.Answer { return simulator.Answer{Drop: true} })
	if a := receive(t, "a failure", f.submit("app", "send_like")); !errors.Is(a.Err, ErrDropped) || errors.Is(a.Err, ErrAway) {
		t.Errorf("answer %+v", a)
	}
	calls := 0
	for _, c := range nap.Calls() {
		if c.Name == "send_like" {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("the call was made %d times", calls)
	}
}

func TestFault_T27_LargeAnswersOverHTTP(t *testing.T) {
	f, _, nap, _ := httpLink(t)
	large := strings.Repeat("x", 2<<20)
	nap.OnAction("get_file", func(simulator.Call) simulator.Answer { return simulator.Answer{Data: large} })
	for range 5 {
		if a := receive(t, "a failure", f.submit("app", "get_file")); !errors.Is(a.Err, ErrTooLarge) {
			t.Errorf("answer %+v", a)
		}
	}
	if st := f.account.State(); st.TooLarge != 5 || !st.Linked {
		t.Errorf("state %+v", st)
	}
	f.asks("get_status", "{}")
}

func TestHTTPCallsAreBounded(t *testing.T) {
	f, _, nap, _ := httpLink(t)
	goOn := make(chan struct{})
	nap.OnAction("get_stranger_info", func(simulator.Call) simulator.Answer { <-goOn; return simulator.Answer{Data: 1} })
	const n = maxPending + maxWaiting + 5
	answers := make(chan error, n)
	for range n {
		f.account.Submit(Call{App: "app", Action: "get_stranger_info", Params: []byte("{}"), Done: func(a Answer) { answers <- a.Err }})
	}
	for range n - maxPending - maxWaiting {
		if err := receive(t, "a refusal", answers); err != ErrBusy {
			t.Errorf("%v", err)
		}
	}
	if f.account.Pending() != maxPending {
		t.Errorf("%d calls are pending", f.account.Pending())
	}
	close(goOn)
	for range maxPending + maxWaiting {
		if err := receive(t, "an answer", answers); err != nil {
			t.Errorf("%v", err)
		}
	}
}

func TestNormalise(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{"status":"ok","retcode":0,"data":{"retcode":200}}`, `{"status":"ok","retcode":0,"data":{"retcode":200}}`},
		{`{"status":"failed","retcode":200,"data":null,"message":"x","wording":"x","echo":"e"}`, `{"status":"failed","retcode":1200,"data":null,"message":"x","wording":"x","echo":"e"}`},
		{`{"status":"failed","retcode":400,"data":null,"message":"x","wording":"x","echo":null}`, `{"status":"failed","retcode":1400,"data":null,"message":"x","wording":"x","echo":null}`},
		{`{"retcode":200,"status":"failed","wording":"不支持的Api x"}`, `{"status":"failed","retcode":1404,"data":null,"message":"不支持的Api x","wording":"不支持的Api x"}`},
	} {
		var head onebot.Head
		if err := onebot.PeekHead([]byte(tt.in), &head); err != nil {
			t.Fatal(err)
		}
		if got := string(normalise([]byte(tt.in), &head)); got != tt.want {
			t.Errorf("normalise(%s) = %s, want %s", tt.in, got, tt.want)
		}
	}
}
