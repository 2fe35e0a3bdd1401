//go:build !linux

package doctor

import "io/fs"

// Disk is not read here.
func (s System) Disk(string) *Disk { return nil }

func synced() *bool { return nil }

func uid(fs.FileInfo) int { return -1 }
