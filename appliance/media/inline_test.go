package media

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"
)

// What an action carries can be read a moment later, in each of its forms; what is none is not kept.
func TestKeep(t *testing.T) {
	b := newBox(t, "", nil)
	body := picture(1, 5000)
	text := base64.StdEncoding.EncodeToString(body)
	for _, payload := range []string{"base64://" + text, "BASE64://" + text + "\r\n", "base64:" + base64.RawStdEncoding.EncodeToString(body), "data:image/png;base64," + text} {
		key, ok := b.Keep([]byte(payload))
		if !ok {
			t.Fatalf("%.40s is not kept", payload)
		}
		b.want(key, body) // at once
	}
	for _, payload := range []string{"", "base64://", "data:,hello", "data:text/plain,aGVsbG8=", "a.png"} {
		if _, ok := b.Keep([]byte(payload)); ok {
			t.Errorf("%q is kept", payload)
		}
	}
	key, ok := b.Keep([]byte("base64://####"))
	if !ok {
		t.Fatal("it was looked at")
	}
	if _, err := b.read(key); !errors.Is(err, ErrUnknown) {
		t.Errorf("what is no base64: %v", err)
	}
	if s := b.Stats(); s.Items != 1 || len(said(b)) != 0 {
		t.Errorf("%d files, %v", s.Items, said(b))
	}
	agree(t, b.Dir(), b.index)
}

// However many pictures apps send at once, what waits in memory is bounded.
func TestFault_S06_InlineMediaInMemory(t *testing.T) {
	b := newBox(t, "", nil)
	payload := append([]byte("base64://"), bytes.Repeat([]byte("QUFB"), 1<<18)...) // 1 MiB
	b.room.Lock()                                                                  // nothing is written
	kept := 0
	for range 100 {
		if _, ok := b.Keep(payload); ok {
			kept++
		}
	}
	waiting := b.waiting.Load()
	b.room.Unlock()
	if kept != inlineWaiting>>20 || waiting > inlineWaiting {
		t.Errorf("%d were kept, %d bytes wait", kept, waiting)
	}
	until(t, "all are written", func() bool { return b.waiting.Load() == 0 && b.unseen.Load() == 0 })
	if _, ok := b.Keep(payload); !ok {
		t.Error("there is room again")
	}
}
