package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// release is one run: what is built, from where, to where.
type release struct {
	root    string // the tree
	out     string // absolute; emptied first
	stage   string // a folder for what goes into artefacts
	version version
	time    time.Time // of every file in every artefact
	tags    string
	key     string // minisign key file; empty = unsigned
	targets []target
	env     []string // of the tools that are run
	nfpm    string   // the packager
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var (
		out   = flag.String("out", "build/release", "the folder for the artefacts; it is emptied first")
		tags  = flag.String("tags", "nethttpomithttp2", "build tags")
		asked = flag.String("version", "", "the version (default: by git describe)")
		key   = flag.String("key", os.Getenv("CATFLAP_SIGNING_KEY"), "minisign key file")
		only  = flag.String("only", "", "one architecture")
		again = flag.Bool("twice", false, "build a second time, elsewhere, and compare")
		check = flag.Bool("check", false, "unpack each artefact and run it")
	)
	fresh := flag.String("new-key", "", "only make a key to sign with: this file, and its public half in FILE.pub")
	sign := flag.Bool("sign-only", false, "build nothing: sign what is in the folder -out, on a machine that has the key")
	flag.Parse()
	if *fresh != "" {
		return newKey(*fresh)
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("%q is one argument too many", flag.Arg(0))
	}
	r, err := prepare(".", *out, *asked, *key, *tags, *only)
	if err != nil {
		return err
	}
	if *sign {
		return errors.Join(r.installer(), r.sums())
	}
	fmt.Printf("catflap %s, files dated %s\n", r.version, r.time.Format(time.RFC3339))
	tools, err := os.MkdirTemp("", "catflap-nfpm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tools)
	if err := r.packager(ctx, filepath.Join(tools, "nfpm")); err != nil {
		return err
	}
	if err := r.build(ctx); err != nil {
		return err
	}
	if *check {
		if err := r.check(ctx); err != nil {
			return err
		}
	}
	if *again {
		if err := r.twice(ctx); err != nil {
			return err
		}
	}
	fmt.Println("in", r.out)
	return nil
}

func prepare(root, out, asked, key, tags, only string) (*release, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if out, err = filepath.Abs(out); err != nil {
		return nil, err
	}
	r := &release{root: root, out: out, tags: tags, key: key, targets: chosen(only), env: os.Environ()}
	if len(r.targets) == 0 {
		return nil, fmt.Errorf("there is no architecture %q", only)
	}
	if asked == "" {
		answer, err := git(root, "describe", "--tags", "--match", "v[0-9]*", "--long", "--always", "--dirty")
		if err != nil {
			return nil, err
		}
		r.version, err = described(answer)
		if err != nil {
			return nil, err
		}
	} else if r.version, err = parseVersion(asked); err != nil {
		return nil, err
	}
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		if seconds, err = git(root, "log", "-1", "--format=%ct"); err != nil {
			return nil, err
		}
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH is %q, not a number of seconds", seconds)
	}
	r.time = time.Unix(n, 0).UTC()
	return r, nil
}

// build makes every artefact. What was in the output folder is gone: a list of sums never covers leftovers.
func (r *release) build(ctx context.Context) error {
	stage, err := os.MkdirTemp("", "catflap-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	r.stage = stage
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, t := range r.targets {
		if err := r.compile(ctx, t); err != nil {
			return err
		}
	}
	if err := r.documents(ctx); err != nil {
		return err
	}
	for _, t := range r.targets {
		if err := r.archive(t); err != nil {
			return err
		}
		for _, format := range t.formats {
			if err := r.pack(ctx, t, format); err != nil {
				return err
			}
		}
	}
	if err := r.billOfMaterials(); err != nil {
		return err
	}
	if err := r.installer(); err != nil {
		return err
	}
	return r.sums()
}
