package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// version is a semantic version, as artefacts and the program carry it.
type version struct{ core, pre, meta string }

var versionForm = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$`)

func parseVersion(text string) (version, error) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return version{}, fmt.Errorf("%q is not a semantic version such as 1.2.3 or 1.2.3-rc1", text)
	}
	return version{core: m[1], pre: m[2], meta: m[3]}, nil
}

func (v version) String() string {
	text := v.core
	if v.pre != "" {
		text += "-" + v.pre
	}
	if v.meta != "" {
		text += "+" + v.meta
	}
	return text
}

// debian is the version as dpkg and rpm order it: a pre-release before the release, what came after it behind.
func (v version) debian() string {
	text := v.core
	if v.pre != "" {
		text += "~" + strings.ReplaceAll(v.pre, "-", ".")
	}
	if v.meta != "" {
		text += "+" + strings.ReplaceAll(v.meta, "-", ".")
	}
	return text
}

var (
	alpinePre  = regexp.MustCompile(`^(alpha|beta|pre|rc)[.-]?(\d*)$`)
	alpineMeta = regexp.MustCompile(`^(\d+)\b`)
)

// alpine is the version in apk's own grammar, which has room for few words: anything else is "_pre", and commits after
// the release are "_p" with their number.
func (v version) alpine() string {
	text := v.core
	if v.pre != "" {
		if m := alpinePre.FindStringSubmatch(v.pre); m != nil {
			text += "_" + m[1] + m[2]
		} else {
			text += "_pre"
		}
	}
	if v.meta != "" {
		if m := alpineMeta.FindString(v.meta); m != "" {
			text += "_p" + m
		} else {
			text += "_git"
		}
	}
	return text
}

var describeForm = regexp.MustCompile(`^(v\d.*)-(\d+)-(g[0-9a-f]+)(-dirty)?$`)

// described turns the answer of `git describe --tags --long --always --dirty` into a version: a tag is itself; commits
// after it and changes that are not committed are said behind a plus; without any tag it is 0.0.0.
func described(answer string) (version, error) {
	m := describeForm.FindStringSubmatch(answer)
	if m == nil {
		hash, changed := strings.CutSuffix(answer, "-dirty")
		v := version{core: "0.0.0", meta: "g" + hash}
		if changed {
			v.meta += ".dirty"
		}
		return v, nil
	}
	v, err := parseVersion(m[1])
	if err != nil {
		return v, fmt.Errorf("reading the tag: %w", err)
	}
	var meta []string
	if m[2] != "0" {
		meta = append(meta, m[2], m[3])
	}
	if m[4] != "" {
		meta = append(meta, "dirty")
	}
	v.meta = strings.Join(meta, ".")
	return v, nil
}

// git asks about the checkout.
func git(root string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w (outside a checkout give -version and SOURCE_DATE_EPOCH)", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
