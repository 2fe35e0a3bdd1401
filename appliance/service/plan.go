package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Plan is what has to be done, in order. Each step looks first whether it is done already, so that a plan can be run again.
type Plan struct {
	host  *Host
	steps []step
	// touched are paths that this run changed: later steps follow from it.
	touched map[string]bool
	// Notes are for the person: what the plan leaves to them.
	Notes []string
}

// step is one change of the machine.
type step struct {
	title  string
	body   string               // what a dry run shows below the title
	needed func() (bool, error) // nil = always
	do     func(context.Context) error
	path   string // what it touches
}

// Done is what became of one step.
type Done struct {
	Title   string
	Body    string // content, in a dry run
	Changed bool   // false: it was so already
}

func (h *Host) plan() *Plan { return &Plan{host: h, touched: make(map[string]bool)} }

// Run does what is needed and reports each step. A dry run changes nothing and reports what would change.
func (p *Plan) Run(ctx context.Context, dry bool, report func(Done)) error {
	for _, s := range p.steps {
		needed := true
		if s.needed != nil {
			var err error
			if needed, err = s.needed(); err != nil {
				return fmt.Errorf("%s: %w", s.title, err)
			}
		}
		d := Done{Title: s.title, Changed: needed}
		if needed {
			if s.path != "" {
				p.touched[s.path] = true
			}
			if dry {
				d.Body = s.body
			} else if err := s.do(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.title, err)
			}
		}
		report(d)
	}
	return nil
}

func (p *Plan) add(s step) { p.steps = append(p.steps, s) }

// command runs a program. It is needed when needed says so; nil = always.
func (p *Plan) command(needed func() (bool, error), args ...string) {
	p.add(step{title: "run " + commandLine(args), needed: needed, do: func(ctx context.Context) error {
		out, err := p.host.Run(ctx, args[0], args[1:]...)
		if err != nil && strings.TrimSpace(out) != "" {
			return fmt.Errorf("%w: %s", err, strings.TrimSpace(out))
		}
		return err
	}})
}

// after is true when one of the paths was changed by this run.
func (p *Plan) after(paths ...string) func() (bool, error) {
	return func() (bool, error) {
		for _, path := range paths {
			if p.touched[path] {
				return true, nil
			}
		}
		return false, nil
	}
}

// rights are owner, group and permissions of a file or folder. No owner = whoever runs this.
type rights struct {
	mode         fs.FileMode
	owner, group string
}

func (r rights) String() string {
	if r.owner == "" {
		return fmt.Sprintf("%04o", r.mode)
	}
	return fmt.Sprintf("%04o %s:%s", r.mode, r.owner, r.group)
}

// settled tells whether a path has its rights.
func (p *Plan) settled(path string, r rights) (bool, error) {
	info, err := os.Lstat(p.host.At(path))
	if err != nil {
		return false, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return false, fmt.Errorf("%s is a symbolic link: put what it leads to there", path)
	}
	if info.Mode().Perm() != r.mode {
		return false, nil
	}
	if r.owner == "" {
		return true, nil
	}
	changed, err := p.host.Own(p.host.At(path), r.owner, r.group, true)
	return !changed, err
}

func (p *Plan) settle(path string, r rights) error {
	if r.owner != "" {
		if _, err := p.host.Own(p.host.At(path), r.owner, r.group, false); err != nil {
			return err
		}
	}
	return permit(p.host.At(path), r.mode)
}

// folder makes a folder, or gives an existing one its rights.
func (p *Plan) folder(path string, r rights) {
	p.add(step{title: fmt.Sprintf("folder %s (%v)", path, r), path: path,
		needed: func() (bool, error) {
			if !p.host.exists(path) {
				return true, nil
			}
			ok, err := p.settled(path, r)
			return !ok, err
		},
		do: func(context.Context) error {
			if err := os.MkdirAll(p.host.At(filepath.Dir(path)), 0o755); err != nil {
				return err
			}
			if err := os.Mkdir(p.host.At(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			return p.settle(path, r)
		}})
}

// protect gives an existing file its rights; a missing one is none of this step's business.
func (p *Plan) protect(path string, r rights) {
	p.add(step{title: fmt.Sprintf("protect %s (%v)", path, r), path: path,
		needed: func() (bool, error) {
			if !p.host.exists(path) {
				return false, nil
			}
			ok, err := p.settled(path, r)
			return !ok, err
		},
		do: func(context.Context) error { return p.settle(path, r) }})
}

// file writes a file unless it is there with this content and these rights. What a dry run shows of it is show.
func (p *Plan) file(path string, content []byte, show string, r rights) {
	p.add(step{title: fmt.Sprintf("write %s (%v)", path, r), path: path, body: show,
		needed: func() (bool, error) {
			have, err := readAtMost(p.host.At(path), int64(len(content)))
			if errors.Is(err, fs.ErrNotExist) {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			if !bytes.Equal(have, content) {
				return true, nil
			}
			ok, err := p.settled(path, r)
			return !ok, err
		},
		do: func(context.Context) error {
			if err := os.MkdirAll(p.host.At(filepath.Dir(path)), 0o755); err != nil {
				return err
			}
			return p.replace(path, content, r)
		}})
}

// replace puts a whole file in the place of an old one: a power cut leaves one of the two.
func (p *Plan) replace(path string, content []byte, r rights) (err error) {
	target := p.host.At(path)
	f, err := os.CreateTemp(filepath.Dir(target), ".catflap-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(content); err != nil {
		return err
	}
	if r.owner != "" {
		if _, err = p.host.Own(f.Name(), r.owner, r.group, false); err != nil {
			return err
		}
	}
	if err = f.Chmod(r.mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), target); err != nil {
		return err
	}
	syncFolder(filepath.Dir(target))
	return nil
}

// remove deletes a file, or with all a folder and what is in it.
func (p *Plan) remove(path string, all bool) {
	title := "remove " + path
	if all {
		title += " and everything in it"
	}
	p.add(step{title: title, path: path,
		needed: func() (bool, error) { return p.host.exists(path), nil },
		do: func(context.Context) error {
			if all {
				return os.RemoveAll(p.host.At(path))
			}
			return os.Remove(p.host.At(path))
		}})
}

// readAtMost reads a file that is expected to have so many bytes; a longer one is cut one byte behind, which is enough to
// see the difference.
func readAtMost(path string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, size+1))
}

// syncFolder makes a rename last. Some file systems cannot; then it lasts a little later.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// commandLine shows a command the way it would be typed.
func commandLine(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i > 0 {
			b.WriteByte(' ')
		}
		if a == "" || strings.ContainsAny(a, " \t\n\"'$\\`*?;&|<>()") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		b.WriteString(a)
	}
	return b.String()
}
