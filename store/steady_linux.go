package store

import (
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// resync is how often the process's own clock, which costs no system call, is set by CLOCK_BOOTTIME.
const resync = time.Second

// newSteady returns CLOCK_BOOTTIME: it counts through suspend and no clock setting moves it, so two processes of the
// same boot can compare their readings. It is read for every event, so between two readings of the kernel's clock Go's
// monotonic one fills in; after a suspend it is right again within a second.
func newSteady() func() time.Duration {
	own := portableSteady()
	var ahead, due atomic.Int64 // CLOCK_BOOTTIME - own; when to look again, on own
	look := func(now time.Duration) {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err == nil {
			ahead.Store(ts.Nano() - int64(now))
		}
		due.Store(int64(now + resync))
	}
	look(own())
	return func() time.Duration {
		now := own()
		if int64(now) >= due.Load() {
			look(now)
		}
		return now + time.Duration(ahead.Load())
	}
}

// bootID returns the kernel's name of this boot, or "" when it cannot be read.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
