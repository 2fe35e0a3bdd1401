package update

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Cut is an update that was begun and not ended, as by a power cut: the new program is in place, and whether it is well
// nobody has seen.
type Cut struct {
	Program  string    `json:"program"`
	From     string    `json:"from"` // version
	To       string    `json:"to"`
	Data     string    `json:"data,omitempty"`
	Before   databases `json:"before,omitempty"`
	HasState bool      `json:"hasState,omitempty"` // Before was read
}

// note is the file that stands beside the program from just before the swap to the end of the update. Who updates keeps it
// locked.
func note(target string) string { return target + ".update" }

// maxNote bounds what is taken for a note.
const maxNote = 64 << 10

// write makes the note, to be closed when the update has ended.
func (c *Cut) write() (*os.File, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	path := note(c.Program)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	_, writing := f.Write(text)
	if err := errors.Join(writing, lock(f), f.Sync()); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	syncFolder(filepath.Dir(path))
	return f, nil
}

// Unfinished is the update of a program that was cut short; nil when there is none, or while it is still going on.
func Unfinished(target string) *Cut {
	f, err := os.Open(note(target))
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxNote))
	if err != nil || lock(f) != nil {
		return nil
	}
	c := &Cut{}
	if json.Unmarshal(text, c) != nil {
		*c = Cut{} // a power cut can leave an empty file: that there is one says enough
	}
	c.Program = target
	return c
}

// Settle says that an update that was cut short counts as done.
func (c *Cut) Settle() error {
	if err := os.Remove(note(c.Program)); err != nil {
		return fmt.Errorf("ending the update: %w", err)
	}
	return nil
}

// Undo makes program and databases again what they were before. The version of j is the old one.
func (c *Cut) Undo(ctx context.Context, j Job) error {
	var before databases
	if c.HasState {
		before = c.Before
		if before == nil {
			before = make(databases)
		}
	}
	if c.Data != "" {
		j.Data = c.Data
	}
	if err := back(context.WithoutCancel(ctx), c.Program, j, before); err != nil {
		return err
	}
	return c.Settle()
}
