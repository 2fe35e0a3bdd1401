package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/backup"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/service"
	"github.com/catflap/catflap/store"
)

// Restore puts a backup back, or with --salvage does what can be done without one.
func (s *Shell) Restore() *cli.Command {
	return data(&cli.Command{
		Name: "restore", Usage: "put a backup back, or replace damaged databases", ArgsUsage: "FILE",
		UsageText: "catflap restore FILE [--config-too]\n" +
			"catflap restore --salvage\n\n" +
			"catflap must be stopped. The whole backup is checked before anything is changed; what was there is kept as\n" +
			"state.db.bad-TIME and journal.db.bad-TIME. The configuration is left alone unless --config-too is given; the old one\n" +
			"is then kept as catflap.yaml.before-restore-TIME.\n\n" +
			"--salvage is for damaged databases without a backup: a damaged journal.db is set aside and an empty one begins, a\n" +
			"damaged state.db is replaced by the copy that was made at the last good start. Sound files are left alone.\n\n" +
			"example: catflap restore /media/usb/catflap-20260301-040000.tar.gz",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "config-too", Usage: "put catflap.yaml back as well"},
			&cli.BoolFlag{Name: "salvage", Usage: "set damaged databases aside and go on without them"},
			langFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.Bool("salvage") {
				if c.Bool("config-too") {
					return misuse("", "--salvage has no configuration to put back")
				}
				if c.NArg() > 0 {
					return misuse("with a backup: `catflap restore FILE`, without --salvage", "--salvage takes no file")
				}
				return s.salvage(c)
			}
			if err := exactly(c, "the file"); err != nil {
				return err
			}
			return s.restore(c, c.Args().First())
		},
	})
}

// target is where things go back to.
type target struct {
	config      string // the configuration file; "" = it stays as it is
	data, media string
}

func (s *Shell) restore(c *cli.Context, path string) error {
	content, err := readBackup(c.Context, path)
	if err != nil {
		return err
	}
	to, err := s.target(c, path, content)
	if err != nil {
		return err
	}
	if err := notRunning(c.Context, to.data); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return misuse("", "%v", err)
	}
	defer f.Close()
	if to.config != "" {
		// Looked at before anything changes: a restore is whole, or it is none.
		if err := placeable(to.config, os.Geteuid() == 0); err != nil {
			return err
		}
	}
	now := time.Now()
	restored, err := backup.Restore(c.Context, f, to.data, to.media, now)
	if err != nil {
		return notRestored(err)
	}
	result := struct {
		Restored []string `json:"restored"`
		Kept     []string `json:"kept"`
		Media    int      `json:"media"`
	}{restored.Files, restored.Kept, restored.Media}
	if to.config != "" {
		old, err := putConfig(to.config, content.Text, now)
		var f *failure
		if errors.As(err, &f) {
			return failed("the databases are restored, the configuration is not: `tar -xzOf "+path+" "+backup.ConfigName+"` prints it", "%s", f.message)
		}
		if err != nil {
			return err
		}
		result.Restored = append(result.Restored, to.config)
		if old != "" {
			result.Kept = append(result.Kept, old)
		}
	}
	if c.Bool("json") {
		if result.Kept == nil {
			result.Kept = []string{}
		}
		return s.printValue(result)
	}
	for _, name := range result.Restored {
		fmt.Fprintln(s.Out, s.either(c, "restored", "已恢复"), name)
	}
	for _, name := range result.Kept {
		fmt.Fprintln(s.Out, s.either(c, "kept", "旧文件保留为"), name)
	}
	if result.Media > 0 {
		fmt.Fprintf(s.Out, s.either(c, "restored %d files of the media cache\n", "已恢复媒体缓存 %d 个文件\n"), result.Media)
	}
	if to.config == "" && content.Text != nil {
		fmt.Fprintln(s.Out, s.either(c, "catflap.yaml was left as it is; --config-too puts that of the backup back", "catflap.yaml 未改动；加 --config-too 可一并恢复备份中的配置"))
	}
	fmt.Fprintln(s.Out, s.either(c, "Messages that apps had taken since the backup was made may come to them once more.", "备份之后各应用已收到的消息可能会再收到一次。"))
	return nil
}

// target finds the folders: by the configuration that is there, or with --config-too by the one in the backup.
func (s *Shell) target(c *cli.Context, path string, content *backup.Content) (target, error) {
	file, finding := config.Find(c.String("config"), s.Env)
	if !c.Bool("config-too") {
		if finding != nil {
			return target{}, misuse("--config-too puts the configuration back as well, to the place that --config names", "%v", finding)
		}
		cfg, err := config.Load(file, s.Env)
		if err != nil {
			return target{}, misuse("correct the file, or take the one in the backup with --config-too", "%v", err)
		}
		return target{data: cfg.DataDir, media: cfg.MediaDir()}, nil
	}
	if content.Text == nil {
		return target{}, misuse("leave --config-too away", "%s holds no configuration", path)
	}
	if finding != nil {
		if file = s.named(c); file == "" {
			return target{}, misuse("say where it is to be with --config; it was at "+clean(content.Config), "there is no configuration to replace")
		}
	}
	cfg, err := config.Parse(file, content.Text, s.Env)
	if err != nil {
		return target{}, misuse("restore without --config-too; `tar -xzOf "+path+" "+backup.ConfigName+"` prints it",
			"the configuration of the backup is not right here, nothing was changed:\n%v", err)
	}
	return target{config: file, data: cfg.DataDir, media: cfg.MediaDir()}, nil
}

// named is the configuration file that --config or the environment names, whether it is there or not.
func (s *Shell) named(c *cli.Context) string {
	if name := c.String("config"); name != "" {
		return name
	}
	name, _ := s.Env("CATFLAP_CONFIG")
	return name
}

// notRunning refuses while an instance answers.
func notRunning(ctx context.Context, data string) error {
	path := filepath.Join(data, appliance.AdminSocket)
	live, err := dialSocket(ctx, path)
	if err == nil {
		_ = live.close()
	}
	if err == nil || errors.Is(err, fs.ErrPermission) {
		return failed("stop it first: `catflap service stop`, or Ctrl-C where `catflap run` runs", "catflap is running with the data folder %s", data)
	}
	return nil
}

func notRestored(err error) error {
	if errors.Is(err, store.ErrLocked) {
		return failed("stop it first, nothing was changed", "%v", err)
	}
	return failed("", "%v", err)
}

// placeable makes sure that a configuration can be put where it is to be: its folder is made, and for root the file is no
// link. The service may write in its folder, and must not lead root to another file by it.
func placeable(path string, root bool) error {
	const unchanged = "nothing was changed"
	if root {
		if err := oneName(path); err != nil {
			return failed("put what it leads to there; "+unchanged, "%v", err)
		}
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		mode := fs.FileMode(0o700)
		if dir == installedFolder { // the service reads in it: `catflap service install` gives it to its group
			mode = 0o770
		}
		if err := os.MkdirAll(dir, mode); err != nil {
			return failed(unchanged, "making the folder of the configuration: %v", err)
		}
		if err := service.NewHost().AdoptFolder(dir); err != nil {
			return failed(unchanged, "making the folder of the configuration: %v", err)
		}
	case err != nil:
		return failed(unchanged, "looking at the folder of the configuration: %v", err)
	case !info.IsDir():
		return failed(unchanged, "%s is no folder", dir)
	}
	return nil
}

// putConfig replaces the configuration; the old one is kept beside it.
func putConfig(path string, text []byte, now time.Time) (kept string, err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil && os.Geteuid() != 0 {
		path = real // root replaces the link: what it leads to is not the service's to choose
	}
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", failed("", "reading the old configuration: %v", err)
	case string(old) == string(text):
		return "", nil
	default:
		kept, err = writeAside(path+".before-restore-"+now.UTC().Format("20060102-150405"), old)
		if err != nil {
			return "", err
		}
	}
	fresh := old == nil
	if err := replaceLike(path, text); err != nil {
		return kept, err
	}
	if info, err := os.Stat(filepath.Dir(path)); fresh && err == nil && info.Mode().Perm()&0o020 != 0 {
		// A folder that the service's group may write in: the service is to read the file, and the console to edit it.
		if err := permit(path, 0o660); err != nil {
			return kept, failed("", "%v", err)
		}
	}
	if err := service.NewHost().Adopt(path); err != nil {
		return kept, failed("", "letting the service read its configuration: %v", err)
	}
	return kept, nil
}

func (s *Shell) salvage(c *cli.Context) error {
	file, err := config.Find(c.String("config"), s.Env)
	if err != nil {
		return misuse("", "%v", err)
	}
	data := config.Folder(file, s.Env) // the tokens may be where only the service sees them
	if cfg, err := config.Load(file, s.Env); err == nil {
		data = cfg.DataDir
	} else if data == "" {
		return misuse("", "%v", err)
	}
	if err := notRunning(c.Context, data); err != nil {
		return err
	}
	replaced, err := backup.Salvage(data, time.Now())
	if err != nil {
		return notRestored(err)
	}
	if c.Bool("json") {
		if replaced == nil {
			replaced = []string{}
		}
		return s.printValue(map[string]any{"replaced": replaced})
	}
	if len(replaced) == 0 {
		fmt.Fprintf(s.Out, s.either(c, "the databases in %s are sound: nothing was changed\n", "%s 中的数据库完好，未做改动\n"), data)
		return nil
	}
	for _, name := range replaced {
		text := s.either(c, "%s was set aside and an empty one begins; pairings stay\n", "%s 已移开并重新开始；配对信息保留\n")
		if name == store.Files()[0] {
			text = s.either(c, "%s was set aside and replaced by the copy of the last good start: `catflap pairing list` shows who is approved\n", "%s 已移开，并换成上次正常启动时的副本：用 `catflap pairing list` 查看已批准的人\n")
		}
		fmt.Fprintf(s.Out, text, name)
	}
	return nil
}
