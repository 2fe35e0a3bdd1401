// Package update replaces the program by a newer signed release, and puts the old one back when the new one does not come
// up.
package update

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"aead.dev/minisign"
)

// Files of a release beside its archives.
const (
	sumsName      = "SHA256SUMS"
	signatureName = "SHA256SUMS.minisig"
)

// Bounds of what is taken from a release.
const (
	maxSums      = 64 << 10
	maxSignature = 4 << 10
	maxArchive   = 64 << 20
	maxProgram   = 128 << 20
)

var (
	// ErrNoKey: this build knows no key that releases are signed with.
	ErrNoKey = errors.New("this build has no key to check releases with: give --key FILE")
	// ErrSignature: the list of checksums is not signed by a known key.
	ErrSignature = errors.New("the signature of SHA256SUMS is wrong: the release was changed, or is signed by another key")
	// ErrOlder: the release is older than what is installed.
	ErrOlder = errors.New("the release is older than the installed version")
	// ErrNotHere: the release has nothing for this kind of machine.
	ErrNotHere = errors.New("the release has no archive for this system")
)

// Release is a release whose list of checksums was found to be signed.
type Release struct {
	Version string
	Archive string // file name
	sum     []byte // SHA-256 of the archive
	source  Source
}

// Keys reads minisign public keys, one a line; lines of comment are left out.
func Keys(text string) ([]minisign.PublicKey, error) {
	var keys []minisign.PublicKey
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "untrusted comment:") {
			continue
		}
		var key minisign.PublicKey
		if err := key.UnmarshalText([]byte(line)); err != nil {
			return nil, fmt.Errorf("reading a public key: %w", err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, ErrNoKey
	}
	return keys, nil
}

// Look reads what a source offers for a kind of machine (the words of GOOS and Architecture). Nothing is believed before
// the signature was checked: ErrSignature, ErrNotHere.
func Look(ctx context.Context, source Source, keys []minisign.PublicKey, system, architecture string) (*Release, error) {
	sums, err := source.read(ctx, sumsName, maxSums)
	if err != nil {
		return nil, err
	}
	signature, err := source.read(ctx, signatureName, maxSignature)
	if err != nil {
		return nil, err
	}
	comment, err := verify(keys, sums, signature)
	if err != nil {
		return nil, err
	}
	r := &Release{source: source}
	// The comment is signed: "catflap VERSION YYYY-MM-DD".
	if f := strings.Fields(comment); len(f) >= 2 && f[0] == "catflap" {
		r.Version = f[1]
	}
	if _, err := parse(r.Version); err != nil {
		return nil, fmt.Errorf("the signed comment %q names no version: %w", comment, err)
	}
	list := make(map[string][]byte)
	for line := range strings.Lines(string(sums)) {
		sum, name, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "  ")
		raw, err := hex.DecodeString(sum)
		if !ok || err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("%s has a line that is no checksum", sumsName)
		}
		list[name] = raw
	}
	for _, arch := range []string{architecture, fallback(architecture)} {
		name := fmt.Sprintf("catflap_%s_%s_%s.tar.gz", r.Version, system, arch)
		if sum, ok := list[name]; ok {
			r.Archive, r.sum = name, sum
			return r, nil
		}
	}
	return nil, fmt.Errorf("%w: there is no catflap_%s_%s_%s.tar.gz", ErrNotHere, r.Version, system, architecture)
}

// verify returns the trusted comment.
func verify(keys []minisign.PublicKey, message, signature []byte) (string, error) {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return "", fmt.Errorf("%w (%w)", ErrSignature, err)
	}
	for _, key := range keys {
		if minisign.Verify(key, message, signature) {
			return s.TrustedComment, nil
		}
	}
	return "", ErrSignature
}

// Architecture is the word for a processor in the names of archives. goarm is "6", "7" or "7,softfloat".
func Architecture(goarch, goarm string) string {
	switch {
	case goarch != "arm":
		return goarch
	case strings.HasPrefix(goarm, "7"):
		return "armv7"
	}
	return "armhf" // built for ARMv6, runs on every armhf board
}

// fallback also runs on an architecture.
func fallback(architecture string) string {
	if architecture == "armv7" {
		return "armhf"
	}
	return architecture
}

// download copies the archive to f and compares its checksum.
func (r *Release) download(ctx context.Context, f *os.File) (int64, error) {
	body, err := r.source.open(ctx, r.Archive)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(body, maxArchive+1))
	if err != nil {
		return n, fmt.Errorf("fetching %s: %w", r.Archive, err)
	}
	if n > maxArchive {
		return n, fmt.Errorf("%s is larger than %d MiB", r.Archive, maxArchive>>20)
	}
	return n, r.compare(sum)
}

func (r *Release) compare(sum hash.Hash) error {
	if string(sum.Sum(nil)) != string(r.sum) {
		return fmt.Errorf("%s is damaged or incomplete: its checksum is not the signed one", r.Archive)
	}
	return nil
}
