package media

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/scripts/smalldisk"
)

// A full disk: media are refused with a reason, what was kept is still served, nothing is left half done, and it goes on by
// itself once there is room.
func TestFault_S08_MediaDiskFull(t *testing.T) {
	dir, inside := smalldisk.On(t, "8m")
	if !inside {
		return
	}
	q := newQQ(t)
	b := newBox(t, dir, nil)
	kept := picture(0, 50_000)
	first := b.offer(image(q, 0, kept))
	b.settleDown()
	if err := b.index.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 10; n++ { // they may go when the disk is full
		b.pass(time.Minute)
		b.want(b.offer(image(q, n, picture(n, 50_000))), picture(n, 50_000))
	}
	b.pass(time.Minute)
	b.want(first, kept) // used last, so it stays
	if err := b.index.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	f, err := os.OpenFile(ballast, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	_ = f.Close()

	large := picture(100, 600_000)
	key := b.offer(image(q, 100, large))
	if _, err := b.read(key); !errors.Is(err, errDisk) {
		t.Fatalf("on a full disk: %v", err)
	}
	if s := b.Stats(); s.Failures["disk"] == 0 || s.Evicted == 0 {
		t.Errorf("%+v", s)
	}
	if _, err := b.Put(t.Context(), bytes.NewReader(large), "", 1<<20); !errors.Is(err, errDisk) {
		t.Errorf("an upload: %v", err)
	}
	b.want(first, kept)
	left, err := os.ReadDir(filepath.Join(b.Dir(), tempFolder))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	b.pass(time.Minute)
	b.want(key, large)
	agree(t, b.Dir(), b.index)
}
