package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/backup"
	"github.com/catflap/catflap/appliance/command/cli"
)

// Backup makes a backup of what runs, or of the data folder when nothing runs; --list looks into one.
func (s *Shell) Backup() *cli.Command {
	return data(&cli.Command{
		Name: "backup", Usage: "make one file of the databases and the configuration, also while catflap runs", ArgsUsage: "FILE",
		UsageText: "catflap backup FILE|DIR [--no-config] [--media]\n" +
			"catflap backup --list FILE\n\n" +
			"The file (.tar.gz, mode 0600) has state.db, journal.db and catflap.yaml. It holds the tokens of catflap.yaml as they\n" +
			"are, since without them nothing would connect again: keep it as you keep the configuration, or leave that out with\n" +
			"--no-config. Files that the configuration names (accessTokenFile, caFile, console.tls) are not in it. In a folder DIR\n" +
			"the file is named by the time; - is the standard output. It is read back and checked before the command ends.\n\n" +
			"example: catflap backup /media/usb/",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "list", Usage: "check a backup and say what it holds; no secret is shown"},
			&cli.BoolFlag{Name: "no-config", Usage: "leave catflap.yaml out"},
			&cli.BoolFlag{Name: "media", Usage: "take the media cache along"},
			&cli.BoolFlag{Name: "force", Usage: "overwrite the file"},
			langFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := exactly(c, "the file"); err != nil {
				return err
			}
			if c.Bool("list") {
				return s.listBackup(c, c.Args().First())
			}
			return s.makeBackup(c, c.Args().First())
		},
	})
}

func (s *Shell) makeBackup(c *cli.Context, path string) error {
	if path == "-" && isTerminal(s.Out) {
		return misuse("give a file, or send the output into one", "a backup is nothing for a terminal")
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "catflap-"+time.Now().Format("20060102-150405")+".tar.gz")
	}
	if path != "-" && !c.Bool("force") {
		if _, err := os.Lstat(path); err == nil {
			return misuse("choose another name, or overwrite it with --force", "%s is there already", path)
		}
	}
	query := url.Values{}
	for _, name := range []string{"no-config", "media"} {
		if c.Bool(name) {
			query.Set(name, "true")
		}
	}
	cl, err := s.connect(c, needRead)
	if err != nil {
		return err
	}
	defer cl.close()
	stream, err := cl.stream(c.Context, "GET", "backup", query, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	if path == "-" {
		if _, err := io.Copy(s.Out, stream); err != nil {
			return failed("what was written is no whole backup", "making the backup: %v", err)
		}
		return nil
	}
	content, err := writeBackup(c.Context, path, stream)
	if err != nil {
		return err
	}
	return s.printBackup(c, path, content, true)
}

// writeBackup writes the file under another name first, reads it back, and moves it into place.
func writeBackup(ctx context.Context, path string, stream io.Reader) (*backup.Content, error) {
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, failed("", "writing %s: %v", path, err)
	}
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, failed("", "writing %s: %v", path, err)
	}
	defer os.Remove(part) // fails when all went well
	defer f.Close()
	if _, err := io.Copy(f, stream); err != nil {
		return nil, failed("is there room? nothing was kept", "making the backup: %v", err)
	}
	if err := f.Sync(); err != nil {
		return nil, failed("", "writing %s: %v", path, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, failed("", "reading %s back: %v", path, err)
	}
	content, err := backup.Read(ctx, f, nil)
	if err != nil {
		return nil, failed("the disk may be failing: nothing was kept", "reading %s back: %v", path, err)
	}
	if err := os.Rename(part, path); err != nil {
		return nil, failed("", "writing %s: %v", path, err)
	}
	return content, nil
}

// listed is what `backup --json` and `backup --list --json` print: the manifest, and where it is.
type listed struct {
	File string `json:"file"`
	backup.Manifest
	Secrets bool `json:"secrets"` // the configuration is in it
}

func (s *Shell) listBackup(c *cli.Context, path string) error {
	content, err := readBackup(c.Context, path)
	if err != nil {
		return err
	}
	return s.printBackup(c, path, content, false)
}

// readBackup checks a whole backup and writes nothing.
func readBackup(ctx context.Context, path string) (*backup.Content, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, misuse("", "%v", err)
	}
	defer f.Close()
	content, err := backup.Read(ctx, f, nil)
	if err != nil {
		return nil, failed("nothing was changed", "%s: %v", path, err)
	}
	return content, nil
}

func (s *Shell) printBackup(c *cli.Context, path string, content *backup.Content, made bool) error {
	secrets := content.Has(backup.ConfigName)
	if c.Bool("json") {
		return s.printValue(listed{path, content.Manifest, secrets})
	}
	if made {
		fmt.Fprintf(s.Out, s.either(c, "wrote %s and read it back\n", "已写入 %s，并已读回校验\n"), path)
	}
	fmt.Fprintf(s.Out, s.either(c, "made by catflap %s at %s\n", "由 catflap %s 制作于 %s\n"), clean(content.Catflap), clock(content.Time))
	media, bytes := 0, int64(0)
	for _, m := range content.Members {
		if strings.HasPrefix(m.Name, "media/") {
			media++
			bytes += m.Size
			continue
		}
		fmt.Fprintf(s.Out, "  %-12s %9s\n", clean(m.Name), size(m.Size))
	}
	if media > 0 {
		fmt.Fprintf(s.Out, "  %-12s %9s  (%d)\n", "media/", size(bytes), media)
	}
	p := s.paint(s.Out)
	if secrets {
		s.say(fmt.Sprintf(s.either(c, "catflap.yaml (%s) is in it with its tokens: keep the file where nobody else reads it.",
			"其中包含 catflap.yaml（%s）及其令牌：请把文件放在别人读不到的地方。"), clean(content.Config)), 0, p.warn)
	} else {
		s.say(s.either(c, "catflap.yaml is not in it: keep a copy of it elsewhere.", "其中不含 catflap.yaml：请另外保存一份。"), 0, p.warn)
	}
	return nil
}

// fileSize is 0 for what is not there.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
