package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

func mediaKey(n int) (k MediaKey) {
	binary.BigEndian.PutUint64(k[:], uint64(n))
	return k
}

func mediaSum(n int) (s MediaSum) {
	s[0] = byte(n * 37)
	binary.BigEndian.PutUint64(s[8:], uint64(n)+1)
	return s
}

// The second version of journal.db, as released: a change here needs a step, not a new golden file.
func TestSchemaJournal2(t *testing.T) {
	one, two := schema{steps: journalSchema().steps[:1]}, schema{steps: journalSchema().steps[:2]}
	path := filepath.Join(t.TempDir(), journalName)
	if err := create(path, one); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(path, fileOptions{schema: one})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.update(putRaw(bucketNames, []byte("bot"), []byte{0, 1})); err != nil {
		t.Fatal(err)
	}
	golden(t, "journal-1-before.txt", dump(t, f))
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if f, err = openFile(path, fileOptions{schema: two}); err != nil {
		t.Fatal(err)
	}
	golden(t, "journal-2-after.txt", dump(t, f))
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
}

// checkMedia compares the four tables and the totals with each other.
func checkMedia(t interface {
	Helper()
	Fatalf(string, ...any)
}, m *Media) {
	t.Helper()
	err := m.f.view(func(tx *bbolt.Tx) error {
		want, err := decodeTotals(tx.Bucket(bucketMeta).Get(keyMedia))
		if err != nil {
			return err
		}
		got := MediaTotals{day: want.day, spent: want.spent}
		places := map[string]bool{}
		err = tx.Bucket(bucketBlobs).ForEach(func(k, v []byte) error {
			b, err := decodeBlob(MediaSum(k), v)
			if err != nil {
				return err
			}
			got.Bytes += b.Size
			got.Blobs++
			places["use"+string(timeKey(b.Used, k))] = true
			return nil
		})
		if err != nil {
			return err
		}
		err = tx.Bucket(bucketMedia).ForEach(func(k, v []byte) error {
			row, err := decodeMedium(v)
			if err != nil {
				return err
			}
			got.Rows++
			got.rowBytes += int64(len(v)) + rowOverhead
			places["age"+string(timeKey(row.At, k))] = true
			return nil
		})
		if err != nil {
			return err
		}
		for name, table := range map[string][]byte{"use": bucketBlobUse, "age": bucketMediaAge} {
			err := tx.Bucket(table).ForEach(func(k, _ []byte) error {
				if !places[name+string(k)] {
					return fmt.Errorf("%s: a place without a row: %x", name, k)
				}
				delete(places, name+string(k))
				return nil
			})
			if err != nil {
				return err
			}
		}
		if len(places) != 0 {
			return fmt.Errorf("rows without a place: %q", slices.Collect(maps.Keys(places)))
		}
		if got != want {
			return fmt.Errorf("totals %+v, stored %+v", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("the media index: %v", err)
	}
}

// mediaClock is the wall clock of a test.
type mediaClock struct{ seconds atomic.Int64 }

func newMediaClock() *mediaClock {
	c := &mediaClock{}
	c.seconds.Store(1_800_000_000)
	return c
}

func (c *mediaClock) Unix() int64 { return c.seconds.Load() }

func (c *mediaClock) time() time.Time { return time.Unix(c.Unix(), 0) }

func (c *mediaClock) pass(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }

func openMedia(t *testing.T, dir string, now *mediaClock) *Store {
	t.Helper()
	s, err := Open(dir, Options{Now: now.time, Steady: func() time.Duration { return 0 }, BootID: func() string { return "b" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestMedia(t *testing.T) {
	now := newMediaClock()
	dir := t.TempDir()
	s := openMedia(t, dir, now)
	m := s.Media()
	ctx := context.Background()

	row := Medium{Key: mediaKey(1), Sum: mediaSum(1), Name: "cat.png", Origin: []byte("o")}
	if _, ok, err := m.Get(row.Key); ok || err != nil {
		t.Fatalf("Get before Put = %v, %v", ok, err)
	}
	if err := m.Put(row); err != nil {
		t.Fatal(err)
	}
	row.At = now.Unix()
	want := row
	want.Sum = MediaSum{}
	look := func(what string) {
		t.Helper()
		got, ok, err := m.Get(row.Key)
		if !ok || err != nil {
			t.Fatalf("%s: Get = %v, %v", what, ok, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	look("a row without its blob")
	if err := m.PutBlob(Blob{Sum: mediaSum(1), Size: 700, Type: "image/png"}); err != nil {
		t.Fatal(err)
	}
	want.Sum, want.Size, want.Type = mediaSum(1), 700, "image/png"
	look("in memory")
	if got := m.Spend(20_000, 700); got != 700 {
		t.Errorf("Spend = %d", got)
	}
	if got := m.Totals(); got.Bytes != 700 || got.Blobs != 1 {
		t.Errorf("Totals in memory = %+v", got)
	}
	if err := m.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	look("on the disk")
	checkMedia(t, m)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openMedia(t, dir, now)
	m = s.Media()
	look("after a start")
	if got := m.Totals(); got.Bytes != 700 || got.Blobs != 1 || got.Rows != 1 || m.Spend(20_000, 1) != 701 || m.Spend(20_001, 0) != 0 {
		t.Errorf("after a start: %+v, spent %d and %d", got, m.Spend(20_000, 0), m.Spend(20_001, 0))
	}
	blobs, err := m.Blobs(mediaSum(1)[0])
	if err != nil || len(blobs) != 1 || blobs[0] != (Blob{Sum: mediaSum(1), Size: 700, Type: "image/png", At: now.Unix(), Used: now.Unix()}) {
		t.Errorf("Blobs = %+v, %v", blobs, err)
	}
	m.Forget(mediaSum(1))
	want.Sum, want.Size, want.Type = MediaSum{}, 0, ""
	look("forgotten, in memory")
	if err := m.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	look("forgotten")
	checkMedia(t, m)
	if got := m.Totals(); got.Bytes != 0 || got.Blobs != 0 {
		t.Errorf("Totals = %+v", got)
	}

	if err := m.Put(Medium{Key: mediaKey(2), Name: strings.Repeat("n", maxMediaText+1)}); err == nil || err.Error() != "keeping a medium: its name or origin is longer than 512 or 4096 bytes" {
		t.Errorf("Put(long name) = %v", err)
	}
}

func TestMediaBounds(t *testing.T) {
	now := newMediaClock()
	s := openMedia(t, t.TempDir(), now)
	m := s.Media()
	s.log.fault.Store(new(func() error { return errors.New("no room") }))
	n := 0
	var err error
	for ; err == nil && n < 10*maxMediaWaiting; n++ {
		err = m.Put(Medium{Key: mediaKey(n)})
	}
	if !errors.Is(err, ErrMediaBusy) {
		t.Fatalf("after %d rows: %v", n, err)
	}
	for n := range 2 * touchLimit {
		m.Touch(mediaSum(n))
	}
	held := func() int {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.touched)
	}
	// A commit that is about to fail has them in its hands.
	for end := time.Now().Add(20 * time.Second); held() != touchLimit; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d uses in memory", held())
		}
	}
	s.log.fault.Store(nil)
}

// The rows of a small journal.db leave, oldest first, before they take it over.
func TestMediaShare(t *testing.T) {
	now := newMediaClock()
	s, err := Open(t.TempDir(), Options{MaxBytes: minMaxBytes, Now: now.time})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	m := s.Media()
	origin := make([]byte, 1000)
	const all = 2000
	for n := range all {
		if err := m.Put(Medium{Key: mediaKey(n), Origin: origin, At: now.Unix() + int64(n)}); err != nil {
			t.Fatal(err)
		}
		if n%100 == 99 {
			if err := m.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	checkMedia(t, m)
	if got := m.Totals().rowBytes; got > minMaxBytes/mediaShare {
		t.Errorf("the rows take %d bytes", got)
	}
	_, first, _ := m.Get(mediaKey(0))
	if _, last, _ := m.Get(mediaKey(all - 1)); first || !last {
		t.Errorf("the first row is there: %v, the last: %v", first, last)
	}
}

// A failed commit keeps everything, and what came meanwhile wins.
func TestMediaFailedCommit(t *testing.T) {
	now := newMediaClock()
	s := openMedia(t, t.TempDir(), now)
	m := s.Media()
	fail := errors.New("no room")
	s.log.fault.Store(new(func() error {
		_ = m.Put(Medium{Key: mediaKey(1), Name: "newer"})
		return fail
	}))
	if err := m.Put(Medium{Key: mediaKey(1), Name: "older"}); err != nil {
		t.Fatal(err)
	}
	if err := m.Flush(context.Background()); !errors.Is(err, fail) {
		t.Fatalf("Flush = %v", err)
	}
	s.log.fault.Store(nil)
	if err := m.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := m.Get(mediaKey(1)); got.Name != "newer" {
		t.Errorf("the row is %q", got.Name)
	}
	checkMedia(t, m)
}

func TestMediaExpire(t *testing.T) {
	now := newMediaClock()
	s := openMedia(t, t.TempDir(), now)
	m := s.Media()
	ctx := context.Background()
	at := map[int]int64{1: now.Unix() - 1000, 2: now.Unix() - 10, 3: 86400 /* 1970 */, 4: now.Unix() + 400*86400, 5: now.Unix() - 2000}
	for n, at := range at {
		if err := errors.Join(m.Put(Medium{Key: mediaKey(n), Sum: mediaSum(n), At: at}), m.PutBlob(Blob{Sum: mediaSum(n), Size: 1, At: at})); err != nil {
			t.Fatal(err)
		}
	}
	here := func() (out []int) {
		for n := 1; n <= len(at); n++ {
			if row, ok, err := m.Get(mediaKey(n)); err != nil {
				t.Fatal(err)
			} else if ok && row.Sum != (MediaSum{}) {
				out = append(out, n)
			}
		}
		return out
	}
	gone, err := m.Expire(ctx, now.Unix()-100, 10, func(b Blob) bool { return b.Sum == mediaSum(5) })
	if err != nil || len(gone) != 1 || gone[0].Sum != mediaSum(1) {
		t.Fatalf("Expire = %v, %v", gone, err)
	}
	checkMedia(t, m)
	if _, ok, _ := m.Get(mediaKey(1)); ok {
		t.Error("the row of an expired medium is there")
	}
	if blob, ok, err := m.Blob(mediaSum(5)); !ok || err != nil {
		t.Errorf("the kept blob: %v, %v, %v", blob, ok, err)
	}
	// What was dated by a clock that was wrong is as old as the first look at it, whichever way it was wrong.
	if got := here(); !slices.Equal(got, []int{2, 3, 4}) {
		t.Errorf("here are %v", got)
	}
	now.pass(1000 * time.Second)
	if gone, err = m.Expire(ctx, now.Unix()-500, 10, nil); err != nil || len(gone) != 4 {
		t.Errorf("Expire later = %v, %v", gone, err)
	}
	if got := here(); got != nil {
		t.Errorf("here are %v", got)
	}
	checkMedia(t, m)
	if got := m.Totals(); got.Blobs != 0 || got.Rows != 0 || got.Bytes != 0 || got.rowBytes != 0 {
		t.Errorf("Totals = %+v", got)
	}

	// A strange date alone is a reason to write.
	if err := m.PutBlob(Blob{Sum: mediaSum(6), Size: 1, At: 86400}); err != nil {
		t.Fatal(err)
	}
	if gone, err = m.Expire(ctx, now.Unix()-100, 10, nil); err != nil || len(gone) != 0 {
		t.Errorf("Expire(strange) = %v, %v", gone, err)
	}
	now.pass(1000 * time.Second)
	if gone, err = m.Expire(ctx, now.Unix()-500, 10, nil); err != nil || len(gone) != 1 {
		t.Errorf("Expire(strange) later = %v, %v", gone, err)
	}
}

// Whoever gives up waiting for a change that has begun still hears what it did.
func TestMediaChangeIsNotAbandoned(t *testing.T) {
	now := newMediaClock()
	s := openMedia(t, t.TempDir(), now)
	m := s.Media()
	if err := m.PutBlob(Blob{Sum: mediaSum(1), Size: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	gone, err := m.Evict(ctx, EvictOptions{Max: 1, Keep: func(Blob) bool { cancel(); return false }})
	if err != nil || len(gone) != 1 {
		t.Errorf("Evict = %v, %v", gone, err)
	}
	if gone, err := m.Evict(ctx, EvictOptions{Max: 1}); !errors.Is(err, context.Canceled) || gone != nil {
		t.Errorf("Evict after the end = %v, %v", gone, err)
	}
}

// The index against a simple model: whatever is put, used, forgotten and evicted, and however often it is written.
func TestMediaModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		now := newMediaClock()
		s := openMedia(t, t.TempDir(), now)
		defer s.Close()
		m := s.Media()
		ctx := context.Background()
		rows, blobs := map[int]Medium{}, map[int]Blob{}
		number := rapid.IntRange(0, 7)
		r.Repeat(map[string]func(*rapid.T){
			"put": func(r *rapid.T) {
				k, sum := number.Draw(r, "key"), number.Draw(r, "sum")
				row := Medium{Key: mediaKey(k), Sum: mediaSum(sum), Name: rapid.StringN(0, 9, 9).Draw(r, "name"), At: now.Unix()}
				rows[k] = row
				if err := m.Put(row); err != nil {
					r.Fatal(err)
				}
			},
			"blob": func(r *rapid.T) {
				n := number.Draw(r, "sum")
				b := Blob{Sum: mediaSum(n), Size: rapid.Int64Range(0, 1000).Draw(r, "size"), Type: "t", At: now.Unix(), Used: now.Unix()}
				blobs[n] = b
				if err := m.PutBlob(b); err != nil {
					r.Fatal(err)
				}
			},
			"touch": func(r *rapid.T) {
				n := number.Draw(r, "sum")
				m.Touch(mediaSum(n))
				if b, ok := blobs[n]; ok {
					b.Used = now.Unix()
					blobs[n] = b
				}
			},
			"forget": func(r *rapid.T) {
				n := number.Draw(r, "sum")
				m.Forget(mediaSum(n))
				delete(blobs, n)
			},
			"time":  func(*rapid.T) { now.pass(time.Second) },
			"flush": func(r *rapid.T) { _ = m.Flush(ctx) },
			"fail": func(r *rapid.T) {
				s.log.fault.Store(new(func() error { return errors.New("no") }))
				_ = m.Flush(ctx)
				s.log.fault.Store(nil)
			},
			"evict": func(r *rapid.T) {
				var all int64
				for _, b := range blobs {
					all += b.Size
				}
				target := rapid.Int64Range(0, max(all, 1)).Draw(r, "target")
				gone, err := m.Evict(ctx, EvictOptions{Target: target, Max: 100})
				if err != nil {
					r.Fatal(err)
				}
				order := slices.SortedFunc(maps.Values(blobs), func(a, b Blob) int {
					return strings.Compare(string(timeKey(a.Used, a.Sum[:])), string(timeKey(b.Used, b.Sum[:])))
				})
				var want []Blob
				for _, b := range order {
					if target > 0 && all <= target {
						break
					}
					all -= b.Size
					want = append(want, b)
				}
				for n, b := range blobs {
					if slices.Contains(want, b) {
						delete(blobs, n)
					}
				}
				if diff := cmp.Diff(want, gone); diff != "" && len(want)+len(gone) > 0 {
					r.Fatalf("Evict (-want +got):\n%s", diff)
				}
				checkMedia(r, m)
				if left, err := m.Oldest(100); err != nil || len(left) != len(order)-len(want) || len(left) > 0 && left[0] != order[len(want)] {
					r.Fatalf("Oldest = %v, %v", left, err)
				}
			},
			"": func(r *rapid.T) {
				for n := range 8 {
					want, known := rows[n]
					if b, ok := blobs[int(sumNumber(want.Sum))]; ok && known {
						want.Size, want.Type = b.Size, b.Type
					} else {
						want.Sum = MediaSum{}
					}
					got, ok, err := m.Get(mediaKey(n))
					if ok != known || err != nil {
						r.Fatalf("Get(%d) = %v, %v", n, ok, err)
					}
					if diff := cmp.Diff(want, got); known && diff != "" {
						r.Fatalf("Get(%d) (-want +got):\n%s", n, diff)
					}
				}
			},
		})
		if err := m.Flush(ctx); err != nil {
			r.Fatal(err)
		}
		checkMedia(r, m)
		var bytes int64
		for _, b := range blobs {
			bytes += b.Size
		}
		if got := m.Totals(); got.Bytes != bytes || got.Blobs != int64(len(blobs)) || got.Rows != int64(len(rows)) {
			r.Fatalf("Totals = %+v, want %d bytes of %d blobs and %d rows", got, bytes, len(blobs), len(rows))
		}
	})
}

// sumNumber undoes mediaSum.
func sumNumber(s MediaSum) uint64 { return binary.BigEndian.Uint64(s[8:]) - 1 }

func FuzzMediaCodec(f *testing.F) {
	f.Add(encodeMedium(&Medium{Sum: mediaSum(3), Name: "n", Origin: []byte("o"), At: 5}))
	f.Add(encodeMedium(&Medium{}))
	f.Add(encodeBlob(&Blob{Size: 7, Type: "image/png", At: 1, Used: -2}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := decodeMedium(b); err == nil {
			again, err := decodeMedium(encodeMedium(&m))
			if diff := cmp.Diff(m, again); err != nil || diff != "" {
				t.Errorf("a row changes: %v\n%s", err, diff)
			}
		}
		if m, err := decodeBlob(MediaSum{}, b); err == nil {
			if again, err := decodeBlob(MediaSum{}, encodeBlob(&m)); err != nil || again != m {
				t.Errorf("a blob changes: %v, %+v, %+v", err, m, again)
			}
		}
	})
}
