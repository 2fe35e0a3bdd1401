package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"aead.dev/minisign"
)

// Names of the list of sums and its signature.
const (
	sumsFile      = "SHA256SUMS"
	signatureFile = "SHA256SUMS.minisig"
)

// artefacts are the names in a release folder that the list of sums covers, sorted.
func artefacts(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != sumsFile && e.Name() != signatureFile {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// sums writes SHA256SUMS and, with a key, its signature.
func (r *release) sums() error {
	names, err := artefacts(r.out)
	if err != nil {
		return err
	}
	var list bytes.Buffer
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&list, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	if err := os.WriteFile(filepath.Join(r.out, sumsFile), list.Bytes(), 0o644); err != nil {
		return err
	}
	if r.key == "" {
		fmt.Println("  UNSIGNED: no key was given (-key FILE or CATFLAP_SIGNING_KEY); nobody should publish this release")
		return nil
	}
	key, public, err := readKey(r.key, os.Getenv("CATFLAP_SIGNING_PASSWORD"))
	if err != nil {
		return err
	}
	known, err := os.ReadFile(filepath.Join(r.root, "packaging", "catflap.pub"))
	if err != nil {
		return err
	}
	if !strings.Contains(string(known), public.String()) {
		fmt.Println("  packaging/catflap.pub does not have the key that signs this: `catflap update` will ask for --key")
	}
	comment := "catflap " + r.version.String() + " " + r.time.Format("2006-01-02")
	signature := minisign.SignWithComments(key, list.Bytes(), comment, "signature of a catflap release")
	fmt.Printf("  signed with key %016X: %s\n", key.ID(), comment)
	return os.WriteFile(filepath.Join(r.out, signatureFile), signature, 0o644)
}

// readKey reads a minisign key file, encrypted or not.
func readKey(name, password string) (key minisign.PrivateKey, public minisign.PublicKey, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return key, public, fmt.Errorf("reading the key to sign with: %w", err)
	}
	if minisign.IsEncrypted(data) {
		if password == "" {
			return key, public, errors.New("the key to sign with is encrypted: set CATFLAP_SIGNING_PASSWORD")
		}
		key, err = minisign.DecryptKey(password, data)
	} else {
		err = key.UnmarshalText(data)
	}
	if err != nil {
		return key, public, fmt.Errorf("reading the key to sign with: %w", err)
	}
	public, ok := key.Public().(minisign.PublicKey)
	if !ok {
		return key, public, errors.New("the key to sign with has no public half")
	}
	return key, public, nil
}

// newKey writes a key pair as minisign does: name and name.pub. It is encrypted where CATFLAP_SIGNING_PASSWORD is set.
func newKey(name string) error {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	text, err := private.MarshalText()
	if password := os.Getenv("CATFLAP_SIGNING_PASSWORD"); err == nil && password != "" {
		text, err = minisign.EncryptKey(password, private)
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.WriteFile(name+".pub", []byte("untrusted comment: catflap releases\n"+public.String()+"\n"), 0o644)
}

// installer puts install.sh beside the artefacts. A signed release's copy carries the public key, so that it can check
// what it downloads; the one in the tree carries none.
func (r *release) installer() error {
	script, err := os.ReadFile(filepath.Join(r.root, "scripts", "install.sh"))
	if err != nil {
		return err
	}
	if r.key != "" {
		_, public, err := readKey(r.key, os.Getenv("CATFLAP_SIGNING_PASSWORD"))
		if err != nil {
			return err
		}
		const empty = "\npublic_key=\n"
		if bytes.Count(script, []byte(empty)) != 1 {
			return errors.New("scripts/install.sh has not exactly one line `public_key=` for the key")
		}
		script = bytes.Replace(script, []byte(empty), []byte("\npublic_key="+public.String()+"\n"), 1)
	}
	return os.WriteFile(filepath.Join(r.out, "install.sh"), script, 0o755)
}
