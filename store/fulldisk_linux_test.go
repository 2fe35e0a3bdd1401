package store

import (
	"errors"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/scripts/smalldisk"
)

// fillUp leaves no byte free in a file system, and returns how to give the room back.
func fillUp(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 4 << 10, 1} {
		for block := make([]byte, size); err == nil; {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Bfree != 0 {
		t.Fatalf("%d blocks are free (%v)", st.Bfree, err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// pierce takes the blocks of a file's free pages away, as copying it without its empty parts would: then not even they can
// be written.
func pierce(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const punchHole, keepSize = 2, 1
	_, free := freelistOf(t, data)
	for _, id := range free {
		if err := syscall.Fallocate(int(f.Fd()), punchHole|keepSize, int64(id)*pageSize, pageSize); err != nil {
			t.Fatal(err)
		}
	}
}

// within waits until something is so.
func within(t *testing.T, what string, so func() bool) {
	t.Helper()
	late, again := time.NewTimer(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer late.Stop()
	defer again.Stop()
	for !so() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// A start on a disk without one free byte: messages reach the apps, failed writes are counted, what can be kept is
// written when there is room again, and the numbers of events are never given twice.
func TestFault_S08_StartOnAFullDisk(t *testing.T) {
	disk, ok := smalldisk.On(t, "4m")
	if !ok {
		return
	}
	koishi := CursorOptions{App: "koishi", Account: "bot"}
	o := Options{QueueSync: time.Millisecond, Sync: 10 * time.Millisecond, Random: rand.New(rand.NewSource(1))}
	chat := policy.Chat{Group: true, ID: 99}
	for _, pierced := range []bool{false, true} {
		dir := filepath.Join(disk, "data")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(filled(t))); err != nil {
			t.Fatal(err)
		}
		if pierced { // the very first write, the number of the start, fails
			pierce(t, filepath.Join(dir, stateName))
			pierce(t, filepath.Join(dir, journalName))
		}
		free := fillUp(t, disk)

		seen := map[uint64]bool{}
		var last uint64
		for range 3 { // starts that can write nothing, or as good as nothing
			s := opened(t, dir, o)
			c := s.Journal().OpenCursor(koishi)
			if !s.Access().Approved("bot", 5) {
				t.Error("the approval is not known")
			}
			if pierced && !s.unnumbered {
				t.Fatal("the number of the start could be written: the test proves nothing")
			}
			if seen[s.Epoch()] {
				t.Errorf("start number %d is given twice", s.Epoch())
			}
			seen[s.Epoch()] = true
			if !pierced && s.Epoch() <= last {
				t.Errorf("start number %d after %d", s.Epoch(), last)
			}
			last = s.Epoch()
			c.Next(nil, 0, 0)
			for i := range 500 {
				s.Journal().Append(Event{For: 1, Raw: numbered(i)})
				s.History().Add("bot", 1000, message(chat, int64(i)))
			}
			if list := c.Next(nil, 0, 0); len(list) != 500 || string(list[499].Raw) != string(numbered(499)) {
				t.Errorf("read %d events", len(list))
			}
			if list, err := s.History().Show("bot", chat, 0); err != nil || len(list) != 500 {
				t.Errorf("the history shows %d messages, %v", len(list), err)
			}
			within(t, "a failed write", func() bool {
				st := s.Stats()
				return st.CommitErrors > 0 && strings.Contains(st.LastError, "no space left on device")
			})
			_ = s.Close() // complains of what it could not write
		}

		s := opened(t, dir, o)
		c := s.Journal().OpenCursor(koishi)
		from := len(c.Next(nil, 0, 0))
		for i := range 500 {
			s.Journal().Append(Event{For: 1, Raw: numbered(i)})
			s.History().Add("bot", 1000, message(chat, int64(i)))
		}
		within(t, "a failed write", func() bool { return s.Stats().CommitErrors > 0 })
		free()
		within(t, "writing by itself", func() bool {
			unflushed, _ := s.history.unflushed()
			return rows(t, s, bucketQueue) >= 500 && unflushed == 0 && s.Stats().LastError == ""
		})
		if seen[s.Epoch()] {
			t.Errorf("start number %d is given twice", s.Epoch())
		}
		last = s.Epoch()
		after := killed(t, s)
		closed(t, s)
		for _, name := range []string{stateName, journalName} {
			if err := Check(filepath.Join(dir, name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		// The power goes: what was written is complete, and the next number is higher.
		s = opened(t, after, Options{})
		if s.Epoch() <= last {
			t.Errorf("start number %d after %d", s.Epoch(), last)
		}
		c = s.Journal().OpenCursor(koishi)
		if list := texts(c); len(list) != from+500 || list[len(list)-1] != string(numbered(499)) {
			t.Errorf("%d events wait after the power cut, want %d", len(list), from+500)
		}
		if list, err := s.History().Show("bot", chat, 0); err != nil || len(list) < 500 {
			t.Errorf("the history has %d messages, %v", len(list), err)
		}
	}

	// Without files and without room for them there is nothing to run on: the error says where, and what helps.
	free := fillUp(t, disk)
	fresh := filepath.Join(disk, "fresh")
	if err := os.Mkdir(fresh, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(fresh, Options{})
	want := ": there is no room for the data folder " + fresh + ": free some space on its disk, or set dataDir to a folder elsewhere, and start catflap again"
	if !errors.Is(err, syscall.ENOSPC) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("Open = %v, want ...%s", err, want)
	}
	if list, err := os.ReadDir(fresh); err != nil || len(list) != 0 {
		t.Errorf("%v is left of it (%v)", list, err)
	}
	// A journal that the owner has set aside stays so until there is room for a new one.
	aside := filepath.Join(fresh, journalSetAside)
	free()
	if err := os.CopyFS(fresh, os.DirFS(filled(t))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(fresh, journalName), aside); err != nil {
		t.Fatal(err)
	}
	free = fillUp(t, disk)
	if _, err := Open(fresh, Options{}); !errors.Is(err, syscall.ENOSPC) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("Open = %v, want ...%s", err, want)
	}
	if _, err := os.Stat(aside); err != nil {
		t.Errorf("what was set aside: %v", err)
	}
	free()
	s := opened(t, fresh, Options{})
	if !s.Access().Approved("bot", 5) {
		t.Error("the approval is gone")
	}
	closed(t, s)
	if _, err := os.Stat(aside); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the word of the owner was not used up: %v", err)
	}
}
