package console

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// Of a long chat the newest hits are given; what is not asked for is never in the answer.
func TestHistorySearch(t *testing.T) {
	r := newRig(t)
	chat := policy.Chat{Group: true, ID: 30003}
	for i := range 500 {
		text := fmt.Sprintf("message %d", i)
		if i%2 == 0 {
			text += " Meow"
		}
		r.store.History().Add("default", 1000, store.Record{Chat: chat, Time: int64(i + 1), User: 20002, Sender: "Ann", MessageID: int64(i),
			Raw: []byte(`[{"type":"text","data":{"text":"` + text + `"}}]`)})
	}
	for query, want := range map[string]string{
		"q=meow&limit=2":       "496 498",
		"q=MESSAGE%20499":      "499",
		"q=ann&limit=1":        "499",
		"q=20002&limit=1":      "499",
		"q=2000&limit=1":       "",
		"q=nothing":            "",
		"q=%20&limit=1":        "499",
		"limit=300&q=meow%201": "",
	} {
		status, body := r.ask("GET", "history/show?chat=group:30003&"+query, "")
		var got []string
		for _, part := range strings.Split(body, `"message_id":`)[1:] {
			id, _, _ := strings.Cut(part, ",")
			got = append(got, id)
		}
		if status != 200 || strings.Join(got, " ") != want {
			t.Errorf("%s: %d, %v, want %s", query, status, got, want)
		}
	}
	if _, body := r.ask("GET", "history/show?chat=group:30003&q=meow&limit=10000", ""); strings.Count(body, "message_id") != maxFound {
		t.Errorf("a search gives %d messages", strings.Count(body, "message_id"))
	}
	if _, body := r.ask("GET", "history/show?chat=group:30003&limit=10000", ""); strings.Count(body, "message_id") != 500 {
		t.Errorf("show gives %d messages", strings.Count(body, "message_id"))
	}
	if m, ok := r.api.Message("default", chat, 7); !ok || m.Text != "message 7" {
		t.Errorf("%+v %t", m, ok)
	}
	if m, ok := r.api.Message("default", chat, 700); ok {
		t.Errorf("%+v", m)
	}
}

// stalled is a reader that does not read until it is let go.
type stalled struct {
	*httptest.ResponseRecorder
	free chan struct{}
}

func (s stalled) Write(p []byte) (int, error) {
	<-s.free
	return s.ResponseRecorder.Write(p)
}

// Who reads much waits while two others do, and is told when to come back; short reads do not wait.
func TestLongReadsTakeTurns(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	st.History().Add("default", 10, store.Record{Chat: policy.Chat{ID: 5}, Time: 1, User: 5, MessageID: 1, Raw: []byte(`[]`)})
	synctest.Test(t, func(t *testing.T) {
		api := &API{Store: st, Accounts: func() []AccountInfo { return []AccountInfo{{Name: "default"}} }}
		h := api.Handler()
		get := func(w http.ResponseWriter, path string) {
			h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), "GET", "/api/v1/history/"+path, nil))
		}
		release := make(chan struct{})
		for _, path := range []string{"export", "show?chat=user:5&limit=10000"} {
			go get(stalled{httptest.NewRecorder(), release}, path)
		}
		synctest.Wait()
		for _, path := range []string{"export", "show?chat=user:5&limit=10000", "show?chat=user:5&q=x"} {
			w, began := httptest.NewRecorder(), time.Now()
			get(w, path)
			if w.Code != 503 || w.Header().Get("Retry-After") != "5" || time.Since(began) != longWait || !strings.Contains(w.Body.String(), "others are reading the history already") {
				t.Errorf("%s: %d %v after %s: %s", path, w.Code, w.Header(), time.Since(began), w.Body)
			}
		}
		short := httptest.NewRecorder()
		if get(short, "show?chat=user:5&limit=200"); short.Code != 200 {
			t.Errorf("a short read: %d", short.Code)
		}
		waiting, done := httptest.NewRecorder(), make(chan struct{})
		go func() { get(waiting, "export"); close(done) }()
		synctest.Wait()
		close(release)
		<-done
		if waiting.Code != 200 || !strings.Contains(waiting.Body.String(), `"message_id":1`) {
			t.Errorf("who waited got %d %s", waiting.Code, waiting.Body)
		}
		synctest.Wait()
	})
}
