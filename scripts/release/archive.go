package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// entry is one file of an archive.
type entry struct {
	name string // with slashes
	mode fs.FileMode
	from string
}

// contents is what an archive holds: the program, and for people without a package what a package would bring.
func (r *release) contents(t target) []entry {
	top := "catflap_" + r.version.String() + "_" + t.String() + "/"
	list := []entry{
		{top + t.program(), 0o755, r.built(t)},
		{top + "LICENSE", 0o644, filepath.Join(r.root, "LICENSE")},
		{top + "COPYRIGHT", 0o644, filepath.Join(r.stage, "copyright")},
		{top + "README.md", 0o644, filepath.Join(r.root, "README.md")},
		{top + "README.zh-CN.md", 0o644, filepath.Join(r.root, "README.zh-CN.md")},
		{top + "catflap.1", 0o644, filepath.Join(r.stage, "catflap.1")},
	}
	files := []string{"conf/catflap.yaml", "completions/catflap.bash", "completions/catflap.fish", "completions/_catflap"}
	if t.goos == "linux" {
		files = append(files, "systemd/catflap.service", "sysusers/catflap.conf", "tmpfiles/catflap.conf", "openrc/catflap", "procd/catflap")
	}
	for _, name := range files {
		mode := fs.FileMode(0o644)
		if name == "openrc/catflap" || name == "procd/catflap" {
			mode = 0o755
		}
		list = append(list, entry{top + name, mode, filepath.Join(r.root, "packaging", filepath.FromSlash(name))})
	}
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return list
}

// archive writes catflap_VERSION_TARGET.tar.gz, or .zip where people expect that.
func (r *release) archive(t target) error {
	list := r.contents(t)
	name := filepath.Join(r.out, "catflap_"+r.version.String()+"_"+t.String())
	var data []byte
	var err error
	if t.goos != "windows" {
		name += ".tar.gz"
		if data, err = r.tarred(list); err == nil {
			data, err = zipped(data)
		}
	} else {
		name += ".zip"
		data, err = r.zip(list)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// tarred names nobody as the owner and dates everything alike.
func (r *release) tarred(list []entry) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range list {
		data, err := os.ReadFile(e.from)
		if err != nil {
			return nil, err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: int64(e.mode), Size: int64(len(data)), ModTime: r.time, Uname: "root", Gname: "root", Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func (r *release) zip(list []entry) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range list {
		data, err := os.ReadFile(e.from)
		if err != nil {
			return nil, err
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: r.time}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(data); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
