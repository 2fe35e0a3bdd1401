package media

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func TestTube(t *testing.T) {
	frame := make([]byte, streamAhead/4)
	t.Run("a reader that is slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tube := newTube()
			go func() {
				for n := range 40 {
					frame[0] = byte(n)
					if !tube.put(frame) {
						break
					}
				}
				tube.end(nil)
			}()
			for n := range 40 {
				time.Sleep(50 * time.Millisecond)
				got, err := tube.next()
				if err != nil || got[0] != byte(n) {
					t.Fatalf("frame %d: %v", n, err)
				}
			}
			if _, err := tube.next(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	})
	t.Run("a reader that stands still", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tube := newTube()
			began, n := time.Now(), 0
			for tube.put(frame) {
				n++
			}
			if n != 4 || time.Since(began) != frameWait {
				t.Errorf("%d frames in %v", n, time.Since(began))
			}
			if tube.put(frame) || time.Since(began) != frameWait {
				t.Error("it waits again")
			}
			if _, err := tube.next(); !errors.Is(err, errTube) {
				t.Errorf("next = %v", err)
			}
		})
	})
	t.Run("a reader that is always a little too slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tube := newTube()
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					time.Sleep(frameWait - time.Millisecond)
					if _, err := tube.next(); err != nil {
						return
					}
				}
			}()
			began := time.Now()
			for tube.put(frame) {
			}
			if held := time.Since(began); held > streamWait {
				t.Errorf("the link was held for %v", held)
			}
			<-done
		})
	})
	t.Run("a reader that is gone", func(t *testing.T) {
		tube := newTube()
		tube.end(errRoad)
		if tube.put(frame) {
			t.Error("it takes frames")
		}
	})
}

// A large file through NapCat's stream, faster than any disk: all of it comes, in little memory.
func TestLargeStream(t *testing.T) {
	const chunks = 100 // 6 MiB
	body := picture(1, streamChunk)
	chunk := []byte(`{"status":"ok","retcode":0,"data":{"type":"stream","data_type":"file_chunk","data":"` + base64.StdEncoding.EncodeToString(body) + `"}}`)
	b := newBox(t, "", func(o *Options) {
		o.Settings.Total = 400 << 20
		o.Ask = (&napcat{}).ask
		o.Stream = func(_ context.Context, _, _ string, _ []byte, each func([]byte)) error {
			each(fmt.Appendf(nil, `{"status":"ok","retcode":0,"data":{"data_type":"file_info","file_size":%d}}`, chunks*len(body)))
			for range chunks {
				each(chunk)
			}
			each([]byte(`{"status":"ok","retcode":0,"data":{"type":"response","data_type":"file_complete"}}`))
			return nil
		}
	})
	var got []byte
	littleHeap(t, "streamed", 2<<20, func(try int) {
		var f *File
		err := errTube
		for again := 0; errors.Is(err, errTube) && again < 20; again++ { // a busy machine may be too slow for NapCat to wait for
			key := b.offer(Offered{Account: "bot", Type: "file", File: "v.mp4", FileID: fmt.Sprintf("/f%d-%d", try, again), Size: int64(chunks * len(body)), Max: 50 << 20})
			f, err = b.Open(t.Context(), key)
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		got = make([]byte, len(body))
		if f.Size != int64(chunks*len(body)) {
			t.Errorf("%d bytes", f.Size)
		}
		if _, err := f.ReadAt(got, int64((chunks-1)*len(body))); err != nil {
			t.Error(err)
		}
	})
	if !bytes.Equal(got, body) {
		t.Error("the last piece is another one")
	}
}
