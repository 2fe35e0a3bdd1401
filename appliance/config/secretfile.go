package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSecretFile bounds a file that holds one token or key.
const maxSecretFile = 64 << 10

// fromFile reads the value of a field from the file that `<key>File` names, as systemd credentials want it.
func (d *decoder) fromFile(n *yaml.Node, path, valuePath string, f *field, owner any) {
	var name string
	plainText().read(d, n, path, &name)
	if name == "" {
		return
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(d.dir, name)
	}
	data, open, err := readSmall(name, maxSecretFile)
	if err != nil {
		d.elsewhere++
		d.fail(n, path, "%v", err)
		return
	}
	value := strings.TrimSpace(string(data))
	if value == "" {
		d.fail(n, path, "%s is empty: write the value into it", name)
		return
	}
	if open {
		d.warnAt(place{n.Line, n.Column}, path, "%s can be read by everybody on this machine: chmod o-r %s", name, name)
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Line: n.Line, Column: n.Column}
	f.codec.read(d, node, path, f.bind(owner))
}

// readSmall reads a regular file of at most limit bytes; open reports whether everybody may read it.
func readSmall(name string, limit int64) (data []byte, open bool, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, false, fmt.Errorf("cannot read %s (%w)", name, cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("%s is not a regular file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, false, fmt.Errorf("cannot read %s (%w)", name, cause(err))
	}
	defer file.Close()
	data, err = io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, false, fmt.Errorf("cannot read %s (%w)", name, cause(err))
	}
	if int64(len(data)) > limit {
		return nil, false, fmt.Errorf("%s is larger than %d KiB", name, limit>>10)
	}
	return data, readableByAll(info), nil
}

// cause takes the path out of an error that is shown beside the path.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// readableByAll reports whether a file's mode lets everybody read it. Windows has other means than modes.
func readableByAll(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0
}
