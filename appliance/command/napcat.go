package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/napcat/settings"
)

// NapCat prints what NapCat's own configuration needs, or merges it in.
func (s *Shell) NapCat() *cli.Command {
	return &cli.Command{
		Name: "napcat", Usage: "print or merge NapCat's own configuration",
		Subcommands: []*cli.Command{
			leaf(&cli.Command{
				Name: "config", Usage: "print the JSON that NapCat needs, or merge it into its file",
				UsageText: "catflap napcat config [--write DIR] [--account A] [--self QQ] [--address HOST]\n\n" +
					"--write merges it into onebot11_<QQ>.json in NapCat's config folder: catflap's own entry is found by its name,\n" +
					"nothing else in the file changes, and the old file is kept beside it. NapCat reads the file when it starts.\n\n" +
					"example: catflap napcat config --write /opt/napcat/config",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "write", Usage: "NapCat's config folder `DIR`"},
					accountFlag(),
					&cli.Uint64Flag{Name: "self", Usage: "the bot's `QQ` number", DefaultText: "selfId of the account, else the only file there is"},
					&cli.StringFlag{Name: "address", Usage: "the address of this box as NapCat reaches it (default: wsHost)"},
					&cli.BoolFlag{Name: "json", Usage: "no change: it is always JSON"},
					langFlag(),
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
	reach := settings.Reach{Host: c.String("address"), Guess: lanAddress()}
	if dir := c.String("write"); dir != "" {
		return s.mergeNapCat(c, dir, account, reach)
	}
	block, err := settings.Block(account, reach)
	if err != nil {
		return failed("", "%v: --address HOST", err)
	}
	s.guessed(c, account, reach)
	_, err = s.Out.Write(block)
	return err
}

// guessed says which address was put in when nobody gave one.
func (s *Shell) guessed(c *cli.Context, account config.Account, reach settings.Reach) {
	listens := account.Link == "reverse" || account.Link == "http"
	if listens && reach.Host == "" && (account.WSHost == "0.0.0.0" || account.WSHost == "::") {
		fmt.Fprintf(s.Err, s.either(c, "NapCat is to reach this box at %s; give --address if that is wrong\n",
			"NapCat 将通过 %s 连接本机；不对的话请用 --address 指定\n"), reach.Guess)
	}
}

// either chooses a text by the reader's language.
func (s *Shell) either(c *cli.Context, en, zh string) string {
	if s.language(c) == "zh" {
		return zh
	}
	return en
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
func (s *Shell) mergeNapCat(c *cli.Context, dir string, account config.Account, reach settings.Reach) error {
	self := account.SelfID
	if c.Uint64("self") != 0 {
		self = c.Uint64("self")
	}
	path, template, err := napcatFile(dir, self)
	if err != nil {
		return err
	}
	old, err := readNapCat(path)
	if err != nil {
		return err
	}
	content := old
	if old == nil && template != "" { // NapCat would have begun with it
		if content, err = readNapCat(template); err != nil {
			return err
		}
	}
	merged, changes, err := settings.Merge(content, account, reach)
	if err != nil {
		return failed("nothing was changed; correct the file, or let NapCat's WebUI save its network settings again", "%s: %v", path, err)
	}
	if len(changes) == 0 && old != nil {
		fmt.Fprintf(s.Out, s.either(c, "%s is right already\n", "%s 已经正确，无需修改\n"), path)
		return nil
	}
	if old != nil {
		backup, err := writeAside(path+".bak-"+time.Now().Format("20060102-150405"), old)
		if err != nil {
			return err
		}
		if info, err := os.Stat(path); err == nil {
			_ = errors.Join(os.Chmod(backup, info.Mode().Perm()), keepOwner(backup, info)) // it is complete; its owner is a courtesy
		}
		fmt.Fprintln(s.Out, s.either(c, "kept the old file as", "旧文件保留为"), backup)
	}
	if err := replaceLike(path, merged); err != nil {
		return err
	}
	for _, change := range changes {
		at := fmt.Sprintf("  network.%s %q", change.Array, change.Name)
		switch change.Key {
		case "":
			fmt.Fprintln(s.Out, at, s.either(c, "is new", "是新加的"))
			s.guessed(c, account, reach)
		case "token":
			fmt.Fprintln(s.Out, at, s.either(c, "has another token", "换了令牌"))
		default:
			fmt.Fprintf(s.Out, "%s %s: %s -> %s\n", at, change.Key, clean(orDash(change.Have)), change.Want)
		}
	}
	fmt.Fprintf(s.Out, s.either(c, "wrote %s; restart NapCat now to let it read the file: if its WebUI saves first, the change is lost\n",
		"已写入 %s；请现在重启 NapCat 以读取该文件：如果先在 WebUI 里保存，改动会被覆盖\n"), path)
	if filepath.Base(path) == "onebot11.json" {
		fmt.Fprintln(s.Out, s.either(c, "(the folder has no onebot11_<QQ>.json: NapCat takes this one for a QQ number without a file of its own)",
			"（该文件夹里没有 onebot11_<QQ>.json：NapCat 会为没有自己文件的 QQ 号采用这一个）"))
	}
	return nil
}

// writeAside writes under a name, or under one with a number behind it when that is taken: nothing that was kept is lost.
func writeAside(name string, content []byte) (string, error) {
	const most = 100
	for n := 2; ; n++ {
		_, err := os.Lstat(name)
		if err != nil || n > most {
			return name, writeNew(name, content, false)
		}
		name = fmt.Sprintf("%s-%d", strings.TrimSuffix(name, fmt.Sprintf("-%d", n-1)), n)
	}
}

// readNapCat reads a file of NapCat's; nil when it does not exist.
func readNapCat(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > settings.MaxFile) {
		return nil, failed("", "%s is not a settings file of NapCat: it is no regular file or larger than %s", path, size(settings.MaxFile))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, failed("", "reading NapCat's settings: %v", err)
	}
	return append([]byte{}, content...), nil // never nil
}

// napcatFile is the file of the account's QQ number; without a number, the only one that is there. The template is what
// NapCat begins a missing file with.
func napcatFile(dir string, self uint64) (path, template string, err error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", "", misuse("it is the folder config beside NapCat's logs, with napcat.json in it", "%s is no folder", dir)
	}
	template = filepath.Join(dir, "onebot11.json")
	found, err := filepath.Glob(filepath.Join(escapeGlob(dir), "onebot11_*.json"))
	if err != nil {
		return "", "", failed("", "looking for NapCat's settings: %v", err)
	}
	below, noFolder := os.Stat(filepath.Join(dir, "config"))
	switch {
	case len(found) == 0 && noFolder == nil && below.IsDir():
		return "", "", misuse("give "+filepath.Join(dir, "config"), "%s has no NapCat settings, but a folder config", dir)
	case self != 0:
		path = filepath.Join(dir, fmt.Sprintf("onebot11_%d.json", self))
	case len(found) == 1:
		path = found[0]
	case len(found) == 0:
		path = template // for accounts without a file
		if !napcats(dir) {
			return "", "", misuse("it is the folder config beside NapCat's logs; start NapCat once, or say whose file is to be made with --self QQ", "%s has no settings of NapCat", dir)
		}
	default:
		for i := range found {
			found[i] = filepath.Base(found[i])
		}
		return "", "", misuse("say which with --self QQ, or set selfId of the account", "%s has the files of several QQ numbers: %s", dir, strings.Join(found, ", "))
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // or the link would be replaced, and not what NapCat reads
	}
	return path, template, nil
}

// napcats reports whether a folder has anything of NapCat's in it.
func napcats(dir string) bool {
	for _, name := range []string{"onebot11.json", "napcat.json", "webui.json", "napcat_*.json"} {
		if found, _ := filepath.Glob(filepath.Join(escapeGlob(dir), name)); len(found) > 0 {
			return true
		}
	}
	return false
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
	if err := errors.Join(keepOwner(temporary, info), permit(temporary, mode), os.Rename(temporary, path)); err != nil {
		os.Remove(temporary)
		return failed("", "writing %s: %v", path, err)
	}
	return nil
}
