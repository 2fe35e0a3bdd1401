package command

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
)

// Where a package, or `catflap service install`, puts the configuration.
const (
	installedFolder = "/etc/catflap"
	installedConfig = installedFolder + "/catflap.yaml"
)

// newFile is where `catflap init` writes when nobody says where: for the service, if root asks on a box that has its
// folder, else here. A file that is here already comes first, as it does when catflap looks for its configuration.
func newFile() string {
	const here = "catflap.yaml"
	if _, err := os.Lstat(here); err == nil || os.Geteuid() != 0 {
		return here
	}
	if info, err := os.Lstat(installedFolder); err != nil || !info.IsDir() {
		return here
	}
	return installedConfig
}

// blank reports whether a file says nothing: empty lines and comments, as in the one that packages bring. Nothing is lost
// when such a file is replaced.
func blank(path string) bool {
	const most = 64 << 10
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		return false
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// keepRights gives a new file with secrets, in the service's folder, the owner and the group's rights of the one that it
// replaces, so that the service can still read what root has written. Nobody else ever gets any.
func keepRights(path string, old fs.FileInfo) error {
	if old == nil || os.Geteuid() != 0 || filepath.Dir(path) != installedFolder {
		return nil
	}
	if err := keepOwner(path, old); err != nil {
		return err
	}
	return permit(path, 0o600|old.Mode().Perm()&0o060)
}
