package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func sumText(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Pieces in any order, some twice, some over each other.
func TestFragmentsInAnyOrder(t *testing.T) {
	b := newBox(t, "", nil)
	f := NewFragments(b.Cache)
	defer f.Close()
	rapid.Check(t, func(rt *rapid.T) {
		whole := make([]byte, rapid.IntRange(1, 2000).Draw(rt, "size"))
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		for i := range whole {
			whole[i] = byte(r.Uint32())
		}
		id, err := f.Prepare("a.bin", int64(len(whole)), 1<<20)
		if err != nil {
			rt.Fatal(err)
		}
		came := make([]bool, len(whole))
		for missing := true; missing; {
			from := rapid.IntRange(0, len(whole)-1).Draw(rt, "from")
			if rapid.Bool().Draw(rt, "at a gap") {
				for from = 0; came[from]; from++ {
				}
			}
			to := min(len(whole), from+rapid.IntRange(0, 700).Draw(rt, "length"))
			if err := f.Write(id, int64(from), int64(to-from), bytes.NewReader(whole[from:to])); err != nil {
				rt.Fatal(err)
			}
			missing = false
			for i := range came {
				came[i] = came[i] || from <= i && i < to
				missing = missing || !came[i]
			}
			if missing {
				if _, err := f.Finish(t.Context(), id, sumText(whole), 1<<20); !errors.Is(err, ErrMissing) {
					rt.Fatalf("with missing pieces: %v", err)
				}
			}
		}
		info, err := f.Finish(t.Context(), id, sumText(whole), 1<<20)
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := b.read(info.Key); err != nil || !bytes.Equal(got, whole) || info.Name != "a.bin" {
			rt.Fatalf("the file has %d bytes and is called %q (%v)", len(got), info.Name, err)
		}
		if err := f.Write(id, 0, 1, strings.NewReader("x")); !errors.Is(err, ErrTransfer) {
			rt.Fatalf("after the end: %v", err)
		}
	})
	b.noParts(t)
}

// noParts checks that no temporary file is left.
func (b *box) noParts(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(b.Dir(), tempFolder))
	if err != nil || len(left) != 0 {
		t.Errorf("%d temporary files are left (%v)", len(left), err)
	}
}

func TestFragmentsRefuse(t *testing.T) {
	b := newBox(t, "", nil)
	f := NewFragments(b.Cache)
	id, err := f.Prepare("a", 10, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id           string
		offset, size int64
		r            io.Reader
		want         error
	}{
		{"nobody", 0, 1, strings.NewReader("x"), ErrTransfer},
		{id, 10, 1, strings.NewReader("x"), ErrPiece},
		{id, 9, 2, strings.NewReader("xx"), ErrPiece},
		{id, -1, 1, strings.NewReader("x"), ErrPiece},
		{id, 1 << 62, 1 << 62, strings.NewReader("x"), ErrPiece},
		{id, 0, 5, strings.NewReader("xx"), io.ErrUnexpectedEOF},
		{id, 0, 5, iotest.ErrReader(errIndex), errIndex},
		{id, 10, 0, strings.NewReader(""), nil},
	} {
		if err := f.Write(c.id, c.offset, c.size, c.r); !errors.Is(err, c.want) {
			t.Errorf("%d bytes at %d: %v, want %v", c.size, c.offset, err, c.want)
		}
	}
	_, err = f.Finish(t.Context(), id, sumText(nil), 1<<20)
	if want := "pieces are missing: 10 bytes, the first at 0"; err == nil || err.Error() != want {
		t.Errorf("finished: %v, want %s", err, want)
	}
	if err := f.Write(id, 0, 10, strings.NewReader("0123456789")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Finish(t.Context(), id, sumText([]byte("another")), 1<<20); !errors.Is(err, ErrSum) {
		t.Errorf("another sum: %v", err)
	}
	if _, err := f.Finish(t.Context(), id, sumText([]byte("0123456789")), 1<<20); !errors.Is(err, ErrTransfer) {
		t.Errorf("after another sum: %v", err)
	}
	b.noParts(t)

	for _, c := range []struct {
		total, max int64
		want       error
	}{{101, 100, ErrTooLarge}, {1 << 40, 1 << 50, ErrTooLarge}, {33 << 20, 50 << 20, ErrTooLarge}} {
		if _, err := f.Prepare("a", c.total, c.max); !errors.Is(err, c.want) {
			t.Errorf("%d bytes with %d allowed: %v, want %v", c.total, c.max, err, c.want)
		}
	}
	// Bounded in number, and in what they promise together.
	for range maxFragments {
		if _, err := f.Prepare("a", 1, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Prepare("a", 1, 1<<20); !errors.Is(err, ErrTransfers) {
		t.Errorf("one too many: %v", err)
	}
	// What was left lying makes way, what moves does not.
	var left, moving string
	for id := range f.open {
		left, moving = moving, id
		f.open[id].seen = time.Now().Add(-fragmentsYield)
	}
	for id := range f.open {
		if id != left {
			if err := f.Write(id, 0, 1, strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := f.Prepare("a", 1, 1<<20); err != nil {
		t.Errorf("in place of one that was left lying: %v", err)
	}
	if err := f.Write(left, 0, 1, strings.NewReader("x")); !errors.Is(err, ErrTransfer) {
		t.Errorf("the one that was left lying: %v", err)
	}
	if _, err := f.Prepare("a", 1, 1<<20); !errors.Is(err, ErrTransfers) {
		t.Errorf("none was left lying: %v", err)
	}
	if err := f.Write(moving, 0, 1, strings.NewReader("x")); err != nil {
		t.Errorf("one that moves: %v", err)
	}
	f.Close()
	b.noParts(t)
	if _, err := f.Prepare("a", 1, 1<<20); !errors.Is(err, ErrTransfers) {
		t.Errorf("after the end: %v", err)
	}
	f = NewFragments(b.Cache)
	defer f.Close()
	if _, err := f.Prepare("a", 30<<20, 50<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Prepare("a", 3<<20, 50<<20); !errors.Is(err, ErrTransfers) {
		t.Errorf("too much together: %v", err)
	}
}

// Someone who leaves a gap between all bytes fills no memory.
func TestFragmentsWithManyGaps(t *testing.T) {
	b := newBox(t, "", nil)
	f := NewFragments(b.Cache)
	defer f.Close()
	id, err := f.Prepare("a", 1<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(3 * maxGaps) {
		if err = f.Write(id, 2*i+1, 1, strings.NewReader("x")); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrTransfers) {
		t.Errorf("%v, want %v", err, ErrTransfers)
	}
}

func TestWithout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 50
		gaps := []span{{0, n}}
		var came [n]bool
		for range rapid.IntRange(0, 20).Draw(t, "spans") {
			from := rapid.Int64Range(0, n-1).Draw(t, "from")
			to := rapid.Int64Range(from+1, n).Draw(t, "to")
			gaps = without(gaps, span{from, to})
			for i := from; i < to; i++ {
				came[i] = true
			}
		}
		var want []span
		for i := int64(0); i < n; i++ {
			if came[i] {
				continue
			}
			if k := len(want) - 1; k >= 0 && want[k].to == i {
				want[k].to++
			} else {
				want = append(want, span{i, i + 1})
			}
		}
		if len(want) != len(gaps) {
			t.Fatalf("got %v, want %v", gaps, want)
		}
		for i := range want {
			if want[i] != gaps[i] {
				t.Fatalf("got %v, want %v", gaps, want)
			}
		}
	})
}

// A transfer that stands still for ten minutes leaves nothing behind.
func TestFragmentsStandStill(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		root, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		file, err := root.Create(tempFolder + "/part-x")
		if err != nil {
			t.Fatal(err)
		}
		f := &Fragments{open: make(map[string]*fragments)}
		tr := &fragments{root: root, path: tempFolder + "/part-x", file: file, total: 1, gaps: []span{{0, 1}}}
		tr.idle = time.AfterFunc(fragmentsIdle, func() { f.end("x") })
		f.open["x"] = tr
		count := func() int {
			f.mu.Lock()
			defer f.mu.Unlock()
			return len(f.open)
		}
		time.Sleep(fragmentsIdle - time.Second)
		if tr := f.find("x"); tr == nil { // a sign of life
			t.Fatal("it ended too early")
		} else {
			tr.mu.Unlock()
		}
		time.Sleep(fragmentsIdle - time.Second)
		synctest.Wait()
		if count() != 1 {
			t.Fatal("it ended although a piece came")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if _, err := root.Stat(tempFolder + "/part-x"); count() != 0 || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it is still there: %v", err)
		}
	})
}

func TestKnown(t *testing.T) {
	b := newBox(t, "", nil)
	if _, ok := b.Known(Key{1}); ok {
		t.Error("a key of nobody's is known")
	}
	info, err := b.Put(context.Background(), strings.NewReader("x"), "a.txt", 10)
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := b.Known(info.Key); !ok || name != "a.txt" {
		t.Errorf("%q %t", name, ok)
	}
	key := b.offer(Offered{Account: "a", MessageID: 1, Type: "image", File: "x.png", URL: "http://127.0.0.1:1/x"})
	if _, ok := b.Known(key); !ok {
		t.Error("what has just come is not known")
	}
	b.settleDown()
	if name, ok := b.Known(key); !ok || name != "x.png" {
		t.Errorf("%q %t", name, ok)
	}
}
