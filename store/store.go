// Package store keeps what catflap must not forget: who was let in, what is waiting for an application, and the last
// words of every chat. It is two bbolt files (state.db, journal.db) and the memory in front of them, and nothing that
// carries a frame ever waits for either file.
package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// Defaults and bounds of the store. They are documented, and the sum of them is part of the memory budget.
const (
	defaultSync      = 5 * time.Second
	defaultQueueSync = time.Second
	defaultMaxBytes  = 256 << 20
	defaultRing      = 4 << 20
	defaultUnflushed = 2 << 20
	// minMaxBytes is the smallest journal.db that still holds one growth step of the file and its trimming.
	minMaxBytes = 4 << 20
	// maxMaxBytes is what a 32-bit address space can still map beside everything else.
	maxMaxBytes = 1 << 30
)

// Options is what Open needs. The zero value of every field means its default.
type Options struct {
	Sync           time.Duration // longest time that history stays in memory only (5 s)
	QueueSync      time.Duration // how long an event may be unacknowledged before it is written for its apps (1 s)
	MaxBytes       int64         // largest journal.db in bytes (256 MiB); trimming starts at 80 % of it
	RingBytes      int64         // memory of the Journal in bytes (4 MiB)
	UnflushedBytes int64         // memory of history that is not written yet, in bytes (2 MiB)
	ReadOnly       bool          // for commands while nothing runs: shared lock, nothing is written, no goroutine

	Now    func() time.Time     // wall clock (time.Now)
	Steady func() time.Duration // a clock that never jumps while the machine is up (CLOCK_BOOTTIME on Linux)
	BootID func() string        // names the current boot of the machine; "" = unknown
	Random io.Reader            // source of pairing codes (crypto/rand)
	Log    *slog.Logger         // failed commits and what was dropped; nil = nowhere
}

// withDefaults fills what the caller left out.
func (o Options) withDefaults() Options {
	if o.Sync <= 0 {
		o.Sync = defaultSync
	}
	if o.QueueSync <= 0 {
		o.QueueSync = defaultQueueSync
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	o.MaxBytes = min(max(o.MaxBytes, minMaxBytes), maxMaxBytes)
	if o.RingBytes <= 0 {
		o.RingBytes = defaultRing
	}
	if o.UnflushedBytes <= 0 {
		o.UnflushedBytes = defaultUnflushed
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Steady == nil {
		o.Steady = newSteady()
	}
	if o.BootID == nil {
		o.BootID = sync.OnceValue(bootID) // asked for with every commit
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store owns both files, the memory in front of them and the one goroutine that writes journal.db.
type Store struct {
	dir   string
	o     Options
	state *file
	log   *file // journal.db

	access    *Access
	accounts  *Accounts
	settings  *Settings
	audit     *Audit
	decisions *Decisions
	journal   *Journal
	history   *History
	media     *Media
	committer *committer

	epoch      uint64
	unnumbered bool // the epoch is in no file yet; the committer's alone once it runs
	closing    sync.Once
	closed     error
}

// Open opens the store in dir, or creates it (folder 0700, files 0600) when neither file exists.
//
// ErrLocked: another process has it open. *DamagedError (errors.Is ErrDamaged): a file cannot be read, or one of the
// two is missing or empty beside the other; the error names the file and the way out, and nothing was changed.
// ErrNewer: the files were written by a newer version. Open reads state.db, and of journal.db about a megabyte at most,
// whatever its size.
// A disk without room is an error only while a file has to be made: else the store opens, keeps in memory what it
// cannot write, and writes again by itself.
func Open(dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	if !o.ReadOnly {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, withRemedy(dir, fmt.Errorf("creating the data folder %s: %w", dir, err))
		}
	}
	if err := checkPair(dir, o); err != nil {
		return nil, withRemedy(dir, err)
	}
	s := &Store{dir: dir, o: o}
	var err error
	if s.state, err = openFile(filepath.Join(dir, stateName), fileOptions{readOnly: o.ReadOnly, whole: true, schema: stateSchema()}); err != nil {
		return nil, withRemedy(dir, err)
	}
	if s.log, err = openFile(filepath.Join(dir, journalName), fileOptions{readOnly: o.ReadOnly, maxSize: o.MaxBytes, schema: journalSchema()}); err != nil {
		_ = s.state.close()
		return nil, withRemedy(dir, err)
	}
	if err := s.load(); err != nil {
		_ = s.log.close()
		_ = s.state.close()
		return nil, err
	}
	if !o.ReadOnly {
		s.committer.start()
	}
	return s, nil
}

// load reads the small tables and gives this start its number.
func (s *Store) load() error {
	var epoch uint64
	s.access = newAccess(s.state, s.o)
	s.accounts = newAccounts(s.state)
	s.settings = newSettings(s.state)
	s.audit = newAudit(s.state, s.o.Now)
	s.decisions = newDecisions(s.state)
	if err := s.state.view(func(tx *bbolt.Tx) error {
		epoch = getUint(tx.Bucket(bucketMeta), keyEpoch)
		s.audit.load(tx)
		return errors.Join(s.access.load(tx), s.accounts.load(tx), s.settings.load(tx), s.decisions.load(tx))
	}); err != nil {
		return fmt.Errorf("reading %s: %w", s.state.path, err)
	}
	if !s.o.ReadOnly {
		// All that matters could be read: the best moment for the copy to fall back to, and no damaged file replaces it.
		if err := s.state.copyTo(filepath.Join(s.dir, stateBackupName)); err != nil {
			s.o.Log.Warn("state.db could not be copied", "err", err)
		}
	}
	// A state.db put back from a copy, or without room for its number, may know less than the journal: numbers must not
	// be given twice.
	var given uint64
	if err := s.log.view(func(tx *bbolt.Tx) (err error) {
		given, err = highestSeq(tx)
		given = max(given>>seqBits, getUint(tx.Bucket(bucketMeta), keyEpoch))
		return err
	}); err != nil {
		return fmt.Errorf("reading %s: %w", s.log.path, err)
	}
	s.epoch = max(epoch, given) + 1
	if s.epoch >= 1<<(64-seqBits)-epochLeap {
		path := s.state.path
		if given > epoch {
			path = s.log.path
		}
		return damaged(path, fmt.Sprintf("the start number %d is out of range", s.epoch))
	}
	if !s.o.ReadOnly {
		if err := s.number(); err != nil {
			return err
		}
	}
	s.journal = newJournal(s.epoch, s.o)
	s.journal.log = s.log
	s.history = newHistory(s.log, s.o)
	s.media = newMedia(s.log, s.o)
	s.committer = newCommitter(s)
	if err := s.log.view(func(tx *bbolt.Tx) error {
		return errors.Join(s.history.load(tx), s.journal.load(tx), s.media.load(tx))
	}); err != nil {
		return fmt.Errorf("reading %s: %w", s.log.path, err)
	}
	return nil
}

// number gives this start its number at Open. A disk that refuses it (it is full) must not keep messages from their apps:
// the number then lives in memory, every commit of journal.db carries it, and state.db gets it as soon as it can. So no
// file holds anything that was made with a number which is nowhere. Two starts in a row that wrote nothing must not count
// alike either, hence the leap.
func (s *Store) number() error {
	err := s.writeNumber()
	if errors.Is(err, ErrDamaged) {
		return fmt.Errorf("numbering this start in %s: %w", s.state.path, err)
	}
	if err == nil {
		return nil
	}
	var leap [2]byte
	if _, err := io.ReadFull(s.o.Random, leap[:]); err != nil {
		return fmt.Errorf("numbering this start: %w", err)
	}
	s.epoch += 1 + uint64(binary.BigEndian.Uint16(leap[:]))%(epochLeap-1)
	s.unnumbered = true
	s.o.Log.Error("state.db cannot be written; catflap runs, and nothing is kept over a restart until it can", "dir", s.dir, "err", err)
	return nil
}

// writeNumber writes the number of this start, and the ages of pairing requests on this boot's clocks.
func (s *Store) writeNumber() error {
	s.access.changes.Lock()
	defer s.access.changes.Unlock()
	return s.state.update(func(tx *bbolt.Tx) error {
		if err := putUint(tx.Bucket(bucketMeta), keyEpoch, s.epoch); err != nil {
			return err
		}
		return s.access.rebase(tx)
	})
}

// Close writes what is in memory, waits for the committer and closes both files. A second call returns the same.
func (s *Store) Close() error {
	s.closing.Do(func() {
		var errs []error
		if !s.o.ReadOnly {
			errs = append(errs, s.committer.stop(), s.decisions.save())
		}
		errs = append(errs, s.log.close(), s.state.close())
		s.closed = errors.Join(errs...)
	})
	return s.closed
}

// Epoch returns the number of this start. It never repeats for the life of the data folder, so what is built from it
// is unique across restarts.
func (s *Store) Epoch() uint64 { return s.epoch }

// Access returns the pairing requests, approvals and blocks.
func (s *Store) Access() *Access { return s.access }

// Accounts returns the pinned self ids and joined groups.
func (s *Store) Accounts() *Accounts { return s.accounts }

// Settings returns the few values that people set outside of the configuration file.
func (s *Store) Settings() *Settings { return s.settings }

// Audit returns the log of refused and sensitive actions.
func (s *Store) Audit() *Audit { return s.audit }

// Journal returns the memory ring that all apps read from.
func (s *Store) Journal() *Journal { return s.journal }

// History returns the newest messages of every chat.
func (s *Store) History() *History { return s.history }

// Media returns the index of the media cache.
func (s *Store) Media() *Media { return s.media }

// Decisions returns the newest decisions.
func (s *Store) Decisions() *Decisions { return s.decisions }

// Stats is a snapshot of the store's numbers since Open.
type Stats struct {
	StateBytes       int64  // size of state.db
	JournalBytes     int64  // size of journal.db
	UnflushedBytes   int64  // history and audit in memory only
	Commits          uint64 // successful commits of both files
	CommitErrors     uint64 // failed commits of both files
	DroppedUnflushed uint64 // records that fell out of memory before they were written
	WrittenBytes     uint64 // bytes of pages handed to the disk
	LastError        string // why the last commit failed; "" when it did not
}

// Stats returns the current numbers. It reads no file and waits for no commit.
func (s *Store) Stats() Stats {
	st := Stats{
		StateBytes:   s.state.size.Load(),
		JournalBytes: s.log.size.Load(),
		Commits:      s.state.commits.Load() + s.log.commits.Load(),
		CommitErrors: s.state.failures.Load() + s.log.failures.Load(),
		WrittenBytes: s.state.written.Load() + s.log.written.Load(),
	}
	if e := s.log.lastError.Load(); e != nil {
		st.LastError = *e
	} else if e := s.state.lastError.Load(); e != nil {
		st.LastError = *e
	}
	bytes, dropped := s.history.unflushed()
	auditBytes, auditDropped := s.audit.unflushed()
	st.UnflushedBytes = bytes + auditBytes
	st.DroppedUnflushed = dropped + auditDropped
	return st
}
