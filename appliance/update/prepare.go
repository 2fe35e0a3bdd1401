package update

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"
)

// Prepared is a checked program that waits beside the one that it replaces.
type Prepared struct {
	Release *Release
	Bytes   int64  // size of the archive
	target  string // the program to replace
	fresh   string // the new one
}

// Discard removes what was not used.
func (p *Prepared) Discard() { _ = os.Remove(p.fresh) }

// Prepare downloads the archive, compares its checksum, unpacks the program beside target and has it say its version and
// machine. Target is not touched. system and goarch are what the new program has to say of itself.
func (r *Release) Prepare(ctx context.Context, target, system, goarch string) (*Prepared, error) {
	archive, err := os.CreateTemp(filepath.Dir(target), ".catflap-archive-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(archive.Name())
	defer archive.Close()
	p := &Prepared{Release: r, target: target}
	if p.Bytes, err = r.download(ctx, archive); err != nil {
		return nil, err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if err := p.unpack(archive); err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", r.Archive, err)
	}
	if err := p.introduce(ctx, system, goarch); err != nil {
		p.Discard()
		return nil, err
	}
	return p, nil
}

// unpack takes the program out of the archive; no name in there becomes a path.
func (p *Prepared) unpack(archive io.Reader) (err error) {
	zipped, err := gzip.NewReader(archive)
	if err != nil {
		return err
	}
	for entries := tar.NewReader(zipped); ; {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return errors.New("there is no program catflap in it")
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || path.Base(h.Name) != "catflap" || h.FileInfo().Mode()&0o100 == 0 {
			continue
		}
		return p.write(entries)
	}
}

func (p *Prepared) write(program io.Reader) (err error) {
	f, err := os.CreateTemp(filepath.Dir(p.target), ".catflap-new-*")
	if err != nil {
		return err
	}
	p.fresh = f.Name()
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			p.Discard()
		}
	}()
	n, err := io.Copy(f, io.LimitReader(program, maxProgram+1))
	if err != nil {
		return err
	}
	if n > maxProgram {
		return fmt.Errorf("the program is larger than %d MiB", maxProgram>>20)
	}
	if err := f.Chmod(0o755); err != nil {
		return err
	}
	return f.Sync()
}

// introduce has the new program say what it is: it must run here and be what the signature names.
func (p *Prepared) introduce(ctx context.Context, system, goarch string) error {
	out, err := p.ask(ctx, "version", "--json")
	if err != nil {
		return fmt.Errorf("the program of %s does not run on this machine: %w", p.Release.Archive, err)
	}
	var says struct{ Version, OS, Arch string }
	if err := json.Unmarshal(out, &says); err != nil {
		return fmt.Errorf("the program of %s did not say its version: %w", p.Release.Archive, err)
	}
	if says.Version != p.Release.Version {
		return fmt.Errorf("the program of %s says that it is version %q", p.Release.Archive, says.Version)
	}
	if says.OS != system || says.Arch != goarch {
		return fmt.Errorf("the program of %s is for %s/%s, this machine is %s/%s", p.Release.Archive, says.OS, says.Arch, system, goarch)
	}
	return nil
}

// CheckConfig has the new program check the configuration. The error holds what it said.
func (p *Prepared) CheckConfig(ctx context.Context, file string) error {
	if _, err := p.ask(ctx, "config", "check", "--config", file); err != nil {
		return fmt.Errorf("version %s refuses the configuration %s: %w", p.Release.Version, file, err)
	}
	return nil
}

// ask runs the new program for at most 30 s and gives what it printed, bounded.
func (p *Prepared) ask(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.fresh, args...)
	var out, problems clipped
	cmd.Stdout, cmd.Stderr = &out, &problems
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = errors.New("it hangs")
		}
		if text := bytes.TrimSpace(problems.Bytes()); len(text) > 0 {
			return nil, fmt.Errorf("%w: %s", err, text)
		}
		return nil, err
	}
	return out.Bytes(), nil
}

// clipped keeps the first 16 KiB of what is written to it.
type clipped struct{ bytes.Buffer }

func (c *clipped) Write(b []byte) (int, error) {
	room := max(0, 16<<10-c.Len())
	_, _ = c.Buffer.Write(b[:min(len(b), room)])
	return len(b), nil
}
