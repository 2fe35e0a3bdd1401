package command

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The service may write in the folder of its configuration: a link in it leads root nowhere, whatever its kind.
func TestFault_S13_RestoreOverALink(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "etc", "catflap.yaml")
	if err := os.WriteFile(victim, []byte("root:x:0:0"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(path), 0o770); err != nil {
		t.Fatal(err)
	}
	for kind, link := range map[string]func(string, string) error{"symbolic link": os.Symlink, "hard link": os.Link} {
		if err := link(victim, path); err != nil {
			t.Fatal(err)
		}
		err := placeable(path, true)
		var f *failure
		if !errors.As(err, &f) || !strings.Contains(f.message, kind) || !strings.HasSuffix(f.remedy, "nothing was changed") {
			t.Errorf("%s: got %v", kind, err)
		}
		if err := permit(path, 0o600); err == nil {
			t.Errorf("%s: the rights of what it leads to were changed", kind)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "root:x:0:0" {
		t.Errorf("the victim: %q, %v", got, err)
	}
	if info, err := os.Stat(victim); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the victim: %v", err)
	}
}

// On a new box the folder of the configuration is not there yet.
func TestRestoreMakesTheFolderOfTheConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etc", "catflap", "catflap.yaml")
	if err := placeable(path, true); err != nil {
		t.Fatal(err)
	}
	if _, err := putConfig(path, []byte("owners: [1]\n"), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
	if err := placeable(filepath.Join(path, "below"), true); err == nil {
		t.Error("a file was taken for a folder")
	}
}
