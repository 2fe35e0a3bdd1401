package media

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Somebody names his picture by the MD5 of another one. When the true one comes, under its own fileid, readers get that: also
// where pictures are not fetched when they come, and after many lies.
func TestFault_S06_TrueBytesWin(t *testing.T) {
	tests := []struct {
		name  string
		eager int64
		lies  int
		read  bool // a lie is read before the true picture comes
	}{
		{"fetched when they come", 1 << 20, 1, false},
		{"after four lies", 1 << 20, 4, false},
		{"never fetched when they come", 0, 1, true},
		{"larger than what is", 1000, 1, true},
		{"after four lies that were read", 0, 4, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQQ(t)
			b := newBox(t, "", func(o *Options) { o.Settings.Eager = tt.eager })
			good := image(q, 1, picture(1, 5000))
			var key Key
			for n := range tt.lies {
				bad := good
				bad.URL = q.put(fmt.Sprint("bad", n), picture(2+n, 5000))
				key = b.offer(bad)
				b.settleDown()
				if tt.read {
					if _, err := b.read(key); err != nil {
						t.Fatal(err)
					}
				}
			}
			b.pass(doubtWindow)
			if k := b.offer(good); k != key {
				t.Fatal("two keys")
			}
			b.settleDown()
			b.want(key, picture(1, 5000))
			hits := q.hits.Load()
			bad := good
			bad.URL = q.put("late", picture(9, 5000))
			b.offer(bad)
			b.settleDown()
			b.want(key, picture(1, 5000))
			if q.hits.Load() != hits {
				t.Error("fetched again although the right bytes are here")
			}
		})
	}
}

// A picture that came without its end is fetched again when it comes again.
func TestEndThatWasMissing(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Eager = 0 })
	whole := picture(1, 5000)
	o := image(q, 1, whole)
	q.put("id1", whole[:2000])
	key := b.offer(o)
	b.want(key, whole[:2000])
	q.put("id1", whole)
	b.want(key, whole[:2000]) // the same origin was asked a moment ago
	b.pass(pauses[0])
	b.want(key, whole)

	// The same, with another link.
	part := picture(2, 5000)
	o = image(q, 2, part)
	q.put("id2", part[:2000])
	key = b.offer(o)
	b.want(key, part[:2000])
	o.URL = q.put("again", part)
	b.offer(o)
	b.settleDown()
	b.want(key, part)
}

// Readers of bytes in doubt have the newest origin asked a few times per minute, however often lies come.
func TestFault_S06_DoubtIsNoStorm(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Eager = 0 })
	o := image(q, 1, picture(1, 5000))
	for n := range 120 {
		o.URL = q.put(fmt.Sprint("lie", n), picture(2, 5000))
		key := b.offer(o)
		b.settleDown()
		for range 3 {
			b.want(key, picture(2, 5000))
		}
		b.pass(time.Second)
	}
	if hits := q.hits.Load(); hits < 5 || hits > 2*doubtTries+2 {
		t.Errorf("fetched %d times in two minutes", hits)
	}
}

// A true picture that comes while a lie is being fetched is not lost.
func TestTrueOneDuringTheFetchOfALie(t *testing.T) {
	q := newQQ(t)
	wait := make(chan struct{})
	q.wait = wait
	b := newBox(t, "", nil)
	good := image(q, 1, picture(1, 5000))
	bad := good
	bad.URL = q.put("bad", picture(2, 5000))
	key := b.offer(bad)
	until(t, "the lie is being fetched", func() bool { return q.hits.Load() == 1 })
	got := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		f, err := b.Open(ctx, key)
		if err == nil {
			if f.doubtful {
				err = fmt.Errorf("the lie is served")
			}
			_ = f.Close()
		}
		got <- err
	}()
	b.offer(good)
	until(t, "the offer is looked at", func() bool { return b.unseen.Load() == 0 })
	close(wait)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	b.settleDown()
	b.want(key, picture(1, 5000))
}

// A doubt lasts, whenever the same upload comes again, so that readers are never told to keep the bytes.
func TestDoubtLasts(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	o := image(q, 1, picture(1, 5000))
	o.URL = q.put("bad", picture(2, 5000))
	key := b.offer(o)
	b.settleDown()
	b.pass(2 * refreshTime)
	b.offer(o)
	b.settleDown()
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path+key.String(), nil))
	if control := w.Header().Get("Cache-Control"); w.Code != 200 || control != "private, no-cache" {
		t.Errorf("%d, Cache-Control: %s", w.Code, control)
	}
	if hits := q.hits.Load(); hits != 1 {
		t.Errorf("fetched %d times", hits)
	}
}
