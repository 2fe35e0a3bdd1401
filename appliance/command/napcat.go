package command

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/napcat"
)

// NapCat prints what NapCat's own configuration needs, or merges it in.
func (s *Shell) NapCat() *cli.Command {
	return &cli.Command{
		Name: "napcat", Usage: "print or merge NapCat's own configuration",
		Subcommands: []*cli.Command{
			leaf(&cli.Command{
				Name: "config", Usage: "print the JSON that NapCat needs, or merge it into its file",
				UsageText: "catflap napcat config [--write DIR] [--account A] [--address HOST]\n\n" +
					"--write merges it into onebot11_<QQ>.json in NapCat's config folder; the old file is kept beside it.\n" +
					"NapCat reads the file when it starts.\n\n" +
					"example: catflap napcat config --write /opt/napcat/config",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "write", Usage: "NapCat's config folder `DIR`"},
					accountFlag(),
					&cli.StringFlag{Name: "address", Usage: "the address of this box as NapCat reaches it (default: wsHost)"},
					&cli.BoolFlag{Name: "json", Usage: "no change: it is always JSON"},
				},
				Action: s.napcatConfig,
			}),
		},
	}
}

func (s *Shell) napcatConfig(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	cfg, err := s.load(c)
	if err != nil {
		return err
	}
	account, err := pick(cfg, c.String("account"))
	if err != nil {
		return err
	}
	host := c.String("address")
	if ip := net.ParseIP(account.WSHost); host == "" && ip != nil && ip.IsUnspecified() {
		if host = lanAddress(); host == "" {
			return misuse("", "%s", s.texts(c).NeedAddress)
		}
		fmt.Fprintf(s.Err, "NapCat is to reach this box at %s; give --address if that is wrong\n", host)
	}
	if dir := c.String("write"); dir != "" {
		return s.mergeNapCat(dir, account, host)
	}
	block, err := napcat.Settings(account, host)
	if err != nil {
		return failed("", "%v", err)
	}
	_, err = s.Out.Write(block)
	return err
}

// pick finds an account by name or QQ number; without one, the only one.
func pick(cfg *config.Config, text string) (config.Account, error) {
	var names []string
	for _, a := range cfg.Accounts {
		if a.Name == text || a.SelfID != 0 && fmt.Sprint(a.SelfID) == text || text == "" && len(cfg.Accounts) == 1 {
			return a, nil
		}
		names = append(names, a.Name)
	}
	all := "the accounts are " + strings.Join(names, ", ")
	if text == "" {
		return config.Account{}, misuse(all, "there are several accounts: say which with --account NAME")
	}
	return config.Account{}, misuse(all, "there is no account %q", clean(text))
}

// mergeNapCat changes NapCat's file of the account. The old content stays beside it under a name with the time.
func (s *Shell) mergeNapCat(dir string, account config.Account, host string) error {
	path, err := napcatFile(dir, account.SelfID)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("", "reading NapCat's settings: %v", err)
	}
	merged, err := napcat.MergeSettings(old, account, host)
	if err != nil {
		return failed("nothing was changed; correct the file, or let NapCat's WebUI save its network settings again", "%s: %v", path, err)
	}
	if string(merged) == string(old) {
		fmt.Fprintln(s.Out, path, "is right already")
		return nil
	}
	if old != nil {
		backup := path + "." + time.Now().Format("20060102-150405") + ".bak"
		if err := writeNew(backup, old, false); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, "kept the old file as", backup)
	}
	if err := replaceLike(path, merged); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "wrote", path+"; restart NapCat to let it read the file")
	if filepath.Base(path) == "onebot11.json" {
		fmt.Fprintln(s.Out, "(the folder has no onebot11_<QQ>.json: NapCat takes this one for a QQ number without a file of its own)")
	}
	return nil
}

// napcatFile is the file of the account's QQ number; without a number, the only one that is there.
func napcatFile(dir string, self uint64) (string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", misuse("it is the folder config beside NapCat's logs, with napcat.json in it", "%s is no folder", dir)
	}
	if self != 0 {
		return filepath.Join(dir, fmt.Sprintf("onebot11_%d.json", self)), nil
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(dir), "onebot11_*.json"))
	if err != nil {
		return "", failed("", "looking for NapCat's settings: %v", err)
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if below, err := os.Stat(filepath.Join(dir, "config")); err == nil && below.IsDir() {
			return "", misuse("give "+filepath.Join(dir, "config"), "%s has no NapCat settings, but a folder config", dir)
		}
		return filepath.Join(dir, "onebot11.json"), nil // NapCat's template for accounts without a file
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return "", misuse("set selfId of the account to the bot's QQ number", "%s has the files of several QQ numbers: %s", dir, strings.Join(found, ", "))
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// replaceLike replaces a file as a whole and keeps its permissions and, where the system lets us, its owner. A new file
// belongs to the owner of its folder.
func replaceLike(path string, content []byte) error {
	mode := fs.FileMode(0o600)
	info, err := os.Stat(path)
	if err == nil {
		mode = info.Mode().Perm()
	} else if info, err = os.Stat(filepath.Dir(path)); err != nil {
		return failed("", "writing %s: %v", path, err)
	}
	temporary := path + ".new"
	os.Remove(temporary)
	if err := writeNew(temporary, content, false); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(temporary, mode), keepOwner(temporary, info), os.Rename(temporary, path)); err != nil {
		os.Remove(temporary)
		return failed("", "writing %s: %v", path, err)
	}
	return nil
}
