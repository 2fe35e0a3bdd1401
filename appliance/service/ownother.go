//go:build !unix

package service

import "os"

// own does nothing: owners are not set by number here.
func own(string, string, string, bool) (bool, error) { return false, nil }

// permit sets the permissions of a file or folder.
func permit(path string, mode os.FileMode) error { return os.Chmod(path, mode) }

// rootOwned cannot be told here.
func rootOwned(os.FileInfo) bool { return true }

// OwnsFolder cannot be told here.
func OwnsFolder(string) bool { return false }
