//go:build !unix

package command

import (
	"io/fs"
	"os"
)

// keepOwner does nothing where files have no numeric owner.
func keepOwner(string, fs.FileInfo) error { return nil }

// permit sets the permissions of a file.
func permit(path string, mode fs.FileMode) error { return os.Chmod(path, mode) }

// oneName is asked of root only, and here is none.
func oneName(string) error { return nil }
