package service

import (
	"os"
	"path/filepath"
)

// Adopt lets the service read and edit a configuration in its own folder that root has just written: root:catflap, 0660. It
// does nothing for other files, for other people than root, and where there is no service.
func (h *Host) Adopt(path string) error {
	if h.Euid != 0 || filepath.Dir(path) != filepath.Dir(SystemConfig) || !h.Known(Name) {
		return nil
	}
	p := h.plan()
	r := rights{0o660, "root", Name}
	if _, err := os.Lstat(h.At(path)); err != nil {
		return err
	}
	if ok, err := p.settled(path, r); ok || err != nil {
		return err
	}
	return p.settle(path, r)
}

// AdoptFolder lets the service look for its configuration in its folder that root has just made: root:catflap, 0770. It does
// nothing where Adopt does nothing.
func (h *Host) AdoptFolder(path string) error {
	if h.Euid != 0 || path != filepath.Dir(SystemConfig) || !h.Known(Name) {
		return nil
	}
	return h.plan().settle(path, rights{0o770, "root", Name})
}

// Serves reports whether the service can read its configuration, and whether it has the rights that Adopt gives. Both are
// true for other files, and where nobody can tell.
func (h *Host) Serves(path string) (readable, settled bool) {
	if h.Euid != 0 || filepath.Dir(path) != filepath.Dir(SystemConfig) || !h.Known(Name) {
		return true, true
	}
	info, err := os.Lstat(h.At(path))
	if err != nil || !info.Mode().IsRegular() {
		return true, true // others say what is wrong with it
	}
	is := func(owner, group string) bool {
		other, err := h.Own(h.At(path), owner, group, true)
		return err == nil && !other
	}
	mode := info.Mode().Perm()
	groups := is("root", Name)
	readable = mode&0o004 != 0 || groups && mode&0o040 != 0 || is(Name, Name) && mode&0o400 != 0
	return readable, groups && mode == 0o660
}
