//go:build !unix

package command

import "io/fs"

// keepOwner does nothing where files have no numeric owner.
func keepOwner(string, fs.FileInfo) error { return nil }
