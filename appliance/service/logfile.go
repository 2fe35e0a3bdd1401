package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
)

// maxLog is the size at which a log file makes room: it and the one before take twice as much at most.
const maxLog = 1 << 20

// LogFile is a log for systems whose service manager keeps none, bounded in size: a full file becomes FILE.1.
type LogFile struct {
	path string

	mu   sync.Mutex
	file *os.File
	size int64
}

// OpenLogFile opens a log, or makes it (0640, its folder 0750). The last words of a crash go there too.
func OpenLogFile(path string) (*LogFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("making the folder of the log: %w", err)
	}
	l := &LogFile{path: path}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return l, nil
}

func (l *LogFile) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	l.file, l.size = f, info.Size()
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

// Write appends. It turns the file over before it would become too large.
func (l *LogFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return 0, fs.ErrClosed
	}
	if l.size > 0 && l.size+int64(len(p)) > maxLog {
		if err := l.turn(); err != nil {
			return 0, fmt.Errorf("turning the log over: %w", err)
		}
	}
	n, err := l.file.Write(p)
	l.size += int64(n)
	return n, err
}

func (l *LogFile) turn() error {
	closing := l.file.Close()
	l.file = nil
	return errors.Join(closing, os.Rename(l.path, l.path+".1"), l.open())
}

// Close ends the log; what is written later is refused.
func (l *LogFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := errors.Join(debug.SetCrashOutput(nil, debug.CrashOptions{}), l.file.Close())
	l.file = nil
	return err
}
