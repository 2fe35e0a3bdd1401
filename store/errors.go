package store

import (
	"errors"
	"fmt"
	"path/filepath"
)

// The meanings that callers act on; test them with errors.Is.
var (
	// ErrLocked means that another process has the store open.
	ErrLocked = errors.New("the store is in use by another process: use the command through the running catflap, or stop it first")
	// ErrDamaged means that a file cannot be trusted; the error around it is a *DamagedError.
	ErrDamaged = errors.New("damaged")
	// ErrNewer means that the files belong to a newer version of catflap.
	ErrNewer = errors.New("written by a newer catflap")
	// ErrReadOnly means that the store was opened with Options.ReadOnly.
	ErrReadOnly = errors.New("the store is open for reading only")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrNoRequest means that no pairing request waits under that code or number.
	ErrNoRequest = errors.New("no such pairing request")
	// ErrOwnCode means that somebody tried to let himself in with his own code.
	ErrOwnCode = errors.New("a pairing code is not accepted from its own sender")
	// ErrAmbiguous means that several accounts know the code or number; the error around it lists them.
	ErrAmbiguous = errors.New("several accounts match")
)

// DamagedError says which file cannot be used, why, and what the owner can do about it.
type DamagedError struct {
	File   string // full path
	Reason string // what was found, in a few words
	Remedy string // what to run
}

// Error names the file, the reason and the remedy.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged (%s): %s", e.File, e.Reason, e.Remedy)
}

// Is makes errors.Is(err, ErrDamaged) true.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// damaged builds the error for a file, with the way out that fits it.
func damaged(path, reason string) *DamagedError {
	remedy := "`catflap restore FILE` puts a backup back; without one, `catflap restore --salvage` keeps it as " + stateName + ".bad-TIME and puts " +
		stateBackupName + ", the copy of the last good start, in its place (approvals given since then are lost)"
	if filepath.Base(path) == journalName {
		remedy = "`catflap restore FILE` puts a backup back; without one, `catflap restore --salvage` keeps it as " + journalName +
			".bad-TIME and begins an empty one: pairings are in " + stateName + " and stay, kept messages and events that wait are lost"
	}
	return &DamagedError{File: path, Reason: reason, Remedy: remedy}
}
