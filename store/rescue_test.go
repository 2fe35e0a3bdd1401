package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/catflap/catflap/policy"
)

// freelistOf finds the list of free pages in the bytes of a file: the place of its page, and its numbers.
func freelistOf(t *testing.T, data []byte) (at uint64, ids []uint64) {
	t.Helper()
	// Both meta pages: a page header of 16 bytes; the freelist's page is 32 bytes on, the transaction 48.
	var id, newest uint64
	for _, meta := range [][]byte{data[16:], data[pageSize+16:]} {
		if tx := binary.NativeEndian.Uint64(meta[48:]); tx >= newest {
			id, newest = binary.NativeEndian.Uint64(meta[32:]), tx
		}
	}
	at = id * pageSize
	for i := range uint64(binary.NativeEndian.Uint16(data[at+10:])) {
		ids = append(ids, binary.NativeEndian.Uint64(data[at+16+8*i:]))
	}
	if len(ids) < 2 {
		t.Fatalf("the list of free pages has %d entries: the test needs two", len(ids))
	}
	return at, ids
}

// putFreelist writes another list in its place, the header with it.
func putFreelist(t *testing.T, data []byte, at uint64, ids []uint64) {
	t.Helper()
	if 16+8*len(ids) > pageSize {
		t.Fatalf("a list of %d is too long for its page", len(ids))
	}
	binary.NativeEndian.PutUint16(data[at+10:], uint16(len(ids)))
	for i, id := range ids {
		binary.NativeEndian.PutUint64(data[at+16+8*uint64(i):], id)
	}
}

// ruinFreelist writes over the head of the list of free pages: whoever only reads the file never looks at it.
func ruinFreelist(t *testing.T, path string) {
	t.Helper()
	spoil(t, path, func(data []byte) []byte {
		at, _ := freelistOf(t, data)
		for i := range uint64(16) {
			data[at+i] = 0xa5
		}
		return data
	})
}

// usedPages lists every page of a sound file that is not free, without the two heads.
func usedPages(t *testing.T, path string) (list []uint64) {
	t.Helper()
	f, err := openRaw(path, fileOptions{readOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if err := f.view(func(tx *bbolt.Tx) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, ids := freelistOf(t, data)
		for id := uint64(2); id < uint64(tx.Size())/pageSize; id++ {
			if !slices.Contains(ids, id) {
				list = append(list, id)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// A list of free pages whose head is sound and whose numbers are not. The last kind is the worst: bbolt opens it, and
// writes over a page of a table some commits later.
func TestFault_S12_FreelistBody(t *testing.T) {
	source := filled(t)
	type change struct {
		what string
		do   func(data []byte, at uint64, ids []uint64)
	}
	for _, name := range []string{stateName, journalName} {
		path := filepath.Join(source, name)
		changes := []change{
			{"a number out of range", func(data []byte, at uint64, ids []uint64) {
				putFreelist(t, data, at, append(ids[:len(ids)-1:len(ids)-1], 1<<40))
			}},
			{"the first page past the end", func(data []byte, at uint64, ids []uint64) {
				putFreelist(t, data, at, append(slices.Clone(ids), uint64(len(data))/pageSize+1))
			}},
			{"a head of the file", func(data []byte, at uint64, ids []uint64) { putFreelist(t, data, at, append([]uint64{1}, ids...)) }},
			{"a number twice", func(data []byte, at uint64, ids []uint64) { putFreelist(t, data, at, append(ids[:1:1], ids...)) }},
			{"out of order", func(data []byte, at uint64, ids []uint64) {
				ids[0], ids[1] = ids[1], ids[0]
				putFreelist(t, data, at, ids)
			}},
			{"zeroes", func(data []byte, at uint64, ids []uint64) { clear(data[at+16 : at+pageSize]) }},
			{"noise", func(data []byte, at uint64, ids []uint64) {
				rand.New(rand.NewSource(3)).Read(data[at+16 : at+pageSize])
			}},
			{"more than a page", func(data []byte, at uint64, ids []uint64) { binary.NativeEndian.PutUint16(data[at+10:], 600) }},
			{"more than memory", func(data []byte, at uint64, ids []uint64) {
				binary.NativeEndian.PutUint16(data[at+10:], manyFree)
				binary.NativeEndian.PutUint64(data[at+16:], 1<<33)
			}},
			{"more than an address", func(data []byte, at uint64, ids []uint64) {
				binary.NativeEndian.PutUint16(data[at+10:], manyFree)
				binary.NativeEndian.PutUint64(data[at+16:], 1<<63+5)
			}},
			{"a length that overflows", func(data []byte, at uint64, ids []uint64) { binary.NativeEndian.PutUint32(data[at+12:], 1<<32-1) }},
		}
		for _, used := range usedPages(t, path) {
			changes = append(changes, change{fmt.Sprintf("page %d, which is in use", used), func(data []byte, at uint64, ids []uint64) {
				ids = append(slices.Clone(ids), used)
				slices.Sort(ids)
				putFreelist(t, data, at, ids)
			}})
		}
		if len(changes) < 15 {
			t.Fatalf("%s has only %d pages in use: the test proves little", name, len(changes))
		}
		for _, c := range changes {
			dir := copied(t, source)
			path := filepath.Join(dir, name)
			spoil(t, path, func(data []byte) []byte {
				at, ids := freelistOf(t, data)
				c.do(data, at, ids)
				return data
			})
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(path); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s, %s: Check = %v", name, c.what, err)
			}
			for _, o := range []Options{{ReadOnly: true}, {}} {
				if s, err := Open(dir, o); !errors.Is(err, ErrDamaged) {
					t.Errorf("%s, %s: Open = %v", name, c.what, err)
					_ = s.Close()
				}
			}
			after, err := os.ReadFile(path)
			if err != nil || string(before) != string(after) {
				t.Errorf("%s, %s: the damaged file was changed (%v)", name, c.what, err)
			}
			if _, err := SetAside(dir, name, time.Now()); err != nil {
				t.Fatalf("%s, %s: SetAside = %v", name, c.what, err)
			}
			s := opened(t, dir, Options{})
			if name == journalName && !s.Access().Approved("bot", 5) {
				t.Errorf("%s, %s: the approval went with the journal", name, c.what)
			}
			closed(t, s)
		}
	}
}

// A file that cannot be opened for writing is damaged for those who check it, too: else it is refused at every start,
// and called sound by the way out.
func TestFault_S12_RuinedFreelist(t *testing.T) {
	for _, name := range []string{stateName, journalName} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := opened(t, dir, Options{})
			if _, err := s.Access().Approve("bot", "20002", 0, true, policy.PairingLimits{}); err != nil {
				t.Fatal(err)
			}
			closed(t, s)
			closed(t, opened(t, dir, Options{})) // makes the copy that has the approval
			path := filepath.Join(dir, name)
			ruinFreelist(t, path)

			if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) {
				t.Fatalf("Open: %v, want ErrDamaged", err)
			}
			if err := Check(path); !errors.Is(err, ErrDamaged) {
				t.Errorf("Check: %v, want ErrDamaged", err)
			}
			if bad, err := SetAside(dir, name, time.Now()); err != nil || bad == "" {
				t.Fatalf("SetAside: %q, %v", bad, err)
			}
			s = opened(t, dir, Options{})
			if !s.Access().Approved("bot", 20002) {
				t.Error("the approval is gone")
			}
			closed(t, s)
		})
	}
}
