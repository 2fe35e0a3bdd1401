//go:build !linux

package store

import "time"

// newSteady falls back to the process's own clock.
func newSteady() func() time.Duration { return portableSteady() }

// bootID is unknown here: ages are then taken from the wall clock over a restart.
func bootID() string { return "" }
