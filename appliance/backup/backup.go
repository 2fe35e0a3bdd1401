// Package backup makes one file of everything that a box would need to live on after its card has died, checks such a
// file, and puts it back.
package backup

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/catflap/catflap/store"
)

// Format is the version of the layout that this package writes. It reads every lower one.
const Format = 1

// The names of the members that are not files of the store.
const (
	manifestName = "manifest.json" // always the first
	ConfigName   = "catflap.yaml"
	mediaPrefix  = "media/"
)

// Bounds of what is read. A member that is larger than its kind may be is refused before it is written anywhere.
const (
	maxManifest = 8 << 20
	maxConfig   = 1 << 20
	maxDatabase = 1<<30 + 64<<20 // the largest store.maxMb, and what bbolt grows by
	maxMedium   = 1 << 30
	maxMembers  = 20_000
	maxName     = 512
)

var (
	// ErrNotBackup means that a file is something else.
	ErrNotBackup = errors.New("it is no backup that catflap made")
	// ErrDamaged means that a file was cut off or changed since it was made.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrNewer means that a file was made by a newer version of catflap.
	ErrNewer = errors.New("the backup was made by a newer catflap")
)

// Manifest is the first member of a backup: what it holds, and who made it when.
type Manifest struct {
	Kind    string            `json:"kind"` // catflap-backup
	Format  int               `json:"format"`
	Catflap string            `json:"catflap"` // the version that made it
	Time    time.Time         `json:"time"`
	Schemas map[string]uint64 `json:"schemas"`          // of the files of the store
	Config  string            `json:"config,omitempty"` // where the configuration was; "" = it is not in the backup
	Members []Member          `json:"members"`          // in the order of the file
}

const kind = "catflap-backup"

// Member is one file in a backup.
type Member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// Has reports whether the backup holds a member of this name.
func (m *Manifest) Has(name string) bool {
	for _, one := range m.Members {
		if one.Name == name {
			return true
		}
	}
	return false
}

// check refuses a manifest that this version cannot follow, or that would lead out of the folder it is unpacked in.
func (m *Manifest) check() error {
	if m.Kind != kind {
		return fmt.Errorf("%w: its manifest is of another kind", ErrNotBackup)
	}
	if m.Format > Format {
		return fmt.Errorf("%w: it has format %d and this version reads %d: install catflap %s or newer", ErrNewer, m.Format, Format, m.Catflap)
	}
	if m.Format < 1 || len(m.Members) > maxMembers {
		return fmt.Errorf("%w: its manifest cannot be (format %d, %d members)", ErrDamaged, m.Format, len(m.Members))
	}
	known := store.Versions()
	for _, name := range store.Files() {
		if !m.Has(name) {
			return fmt.Errorf("%w: it holds no %s", ErrDamaged, name)
		}
		if have := m.Schemas[name]; have > known[name] {
			return fmt.Errorf("%w: %s has schema %d and this version knows %d: install catflap %s or newer", ErrNewer, name, have, known[name], m.Catflap)
		}
	}
	seen := make(map[string]bool, len(m.Members))
	for _, one := range m.Members {
		if seen[one.Name] {
			return fmt.Errorf("%w: it holds %q twice", ErrDamaged, one.Name)
		}
		seen[one.Name] = true
		most := limit(one.Name)
		if most == 0 {
			return fmt.Errorf("%w: it holds %q, which is no part of a backup", ErrDamaged, one.Name)
		}
		if one.Size < 0 || one.Size > most {
			return fmt.Errorf("%w: %q has %d bytes and may have at most %d", ErrDamaged, one.Name, one.Size, most)
		}
	}
	return nil
}

// limit is the largest size of a member by its name; 0 for a name that no backup has.
func limit(name string) int64 {
	switch name {
	case ConfigName:
		return maxConfig
	case store.Files()[0], store.Files()[1]:
		return maxDatabase
	}
	rest, isMedia := strings.CutPrefix(name, mediaPrefix)
	if isMedia && len(name) <= maxName && rest != "" && path.Clean(name) == name && !strings.ContainsAny(rest, "\\:\x00") && filepath.IsLocal(filepath.FromSlash(rest)) {
		return maxMedium
	}
	return 0
}
