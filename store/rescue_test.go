package store

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/catflap/catflap/policy"
)

// ruinFreelist writes over the page that lists the free pages: whoever only reads the file never looks at it.
func ruinFreelist(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Both meta pages: a page header of 16 bytes; the freelist's page is 32 bytes on, the transaction 48.
	var page, newest uint64
	for _, meta := range [][]byte{data[16:], data[pageSize+16:]} {
		if tx := binary.LittleEndian.Uint64(meta[48:]); tx >= newest {
			page, newest = binary.LittleEndian.Uint64(meta[32:]), tx
		}
	}
	for i := range 16 {
		data[page*pageSize+uint64(i)] = 0xa5
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
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
