package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// packager builds nfpm, which is pinned in scripts/tools.
func (r *release) packager(ctx context.Context, to string) error {
	_, err := r.tool(ctx, []string{"GOFLAGS=-mod=readonly"}, "go", "build", "-modfile=scripts/tools/go.mod", "-o", to, "github.com/goreleaser/nfpm/v2/cmd/nfpm")
	if err != nil {
		return fmt.Errorf("building the packager: %w", err)
	}
	r.nfpm = to
	return nil
}

// lay puts everything that packages of a target take into one folder, dated alike: nfpm gives most of what it packs the
// one time it is told, but the scripts of an apk the times of their files.
func (r *release) lay(t target) (string, error) {
	place := filepath.Dir(r.built(t))
	for _, name := range []string{"catflap.1.gz", "copyright"} {
		if err := copyFile(filepath.Join(r.stage, name), filepath.Join(place, name)); err != nil {
			return "", err
		}
	}
	if err := copyTree(filepath.Join(r.root, "packaging"), filepath.Join(place, "packaging")); err != nil {
		return "", err
	}
	return place, filepath.WalkDir(place, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, r.time, r.time)
	})
}

// pack lets nfpm make a package; packaging/nfpm.yaml says what is in it.
func (r *release) pack(ctx context.Context, t target, format string) error {
	v, number := r.version.debian(), "1"
	switch format {
	case "deb":
		number = ""
	case "apk":
		v, number = r.version.alpine(), "r0"
	}
	place, err := r.lay(t)
	if err != nil {
		return err
	}
	name := filepath.Join(r.out, "catflap_"+r.version.String()+"_"+t.String()+"."+format)
	cmd := exec.CommandContext(ctx, r.nfpm, "package", "--config", "packaging/nfpm.yaml", "--packager", format, "--target", name)
	cmd.Dir = place
	cmd.Env = append(r.env[:len(r.env):len(r.env)],
		"PACKAGE_ARCH="+t.nfpm, "PACKAGE_VERSION="+v, "PACKAGE_RELEASE="+number, "SOURCE_DATE_EPOCH="+strconv.FormatInt(r.time.Unix(), 10))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("packing %s for %s: %w\n%s", format, t, err, out)
	}
	return nil
}
