package media

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// slowWriter takes each piece after a pause, and fails when the deadline of the piece has passed by then.
type slowWriter struct {
	http.ResponseWriter
	pause    time.Duration
	deadline time.Time
	pieces   int
}

func (s *slowWriter) Write(b []byte) (int, error) {
	time.Sleep(s.pause)
	if !s.deadline.IsZero() && time.Now().After(s.deadline) {
		return 0, net.ErrClosed
	}
	s.pieces++
	return s.ResponseWriter.Write(b)
}

func (s *slowWriter) SetWriteDeadline(t time.Time) error {
	s.deadline = t
	return nil
}

// A reader who takes a little less than all the time for each piece gets all of a medium, however long that takes; one who
// takes more for a single piece does not.
func TestSlowAndSteadyReaders(t *testing.T) {
	b := newBox(t, "", nil)
	body := picture(1, 4<<20)
	info, err := b.Put(t.Context(), bytes.NewReader(body), "", 50<<20)
	if err != nil {
		t.Fatal(err)
	}
	for pause, whole := range map[time.Duration]bool{writeTime - time.Second: true, writeTime + time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			out := httptest.NewRecorder()
			w := &slowWriter{ResponseWriter: out, pause: pause}
			r := httptest.NewRequest(http.MethodGet, Path+info.Key.String(), nil)
			began := time.Now()
			b.ServeHTTP(w, r)
			if got := bytes.Equal(out.Body.Bytes(), body); got != whole {
				t.Errorf("with pauses of %v: whole is %v after %v and %d pieces", pause, got, time.Since(began), w.pieces)
			}
			if whole && (w.pieces < 100 || !w.deadline.IsZero()) {
				t.Errorf("%d pieces, the deadline is %v afterwards", w.pieces, w.deadline)
			}
		})
	}
}

// A reader who stands still loses its socket and its place.
func TestFault_S06_ReaderStandsStill(t *testing.T) {
	b := newBox(t, "", nil)
	b.writeTime = 50 * time.Millisecond
	info, err := b.Put(t.Context(), bytes.NewReader(picture(1, 20<<20)), "", 50<<20)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(b)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s%s HTTP/1.1\r\nHost: box\r\n\r\n", Path, info.Key)
	until(t, "it is cut off", func() bool {
		b.guests.mu.Lock()
		defer b.guests.mu.Unlock()
		return b.count.served.Load() > 0 && b.guests.here == [2]int{}
	})
	if served := b.Stats().ServedBytes; served >= 20<<20 {
		t.Errorf("all %d bytes were taken", served)
	}
	if n, err := io.Copy(io.Discard, conn); n >= 20<<20 {
		t.Errorf("%d bytes, %v", n, err)
	}
}
