package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
)

// Config checks, shows and imports configurations.
func (s *Shell) Config() *cli.Command {
	return &cli.Command{
		Name: "config", Usage: "check, show and import configurations",
		Subcommands: []*cli.Command{
			data(&cli.Command{
				Name: "check", Usage: "check the configuration: every mistake, with its place",
				UsageText: "catflap config check\n\nexample: catflap config check --config ./catflap.yaml",
				Action:    s.checkConfig,
			}),
			leaf(&cli.Command{
				Name: "show", Usage: "print the configuration in force, defaults included, secrets masked",
				UsageText: "catflap config show\n\nexample: catflap config show | less",
				Action: func(c *cli.Context) error {
					if err := none(c); err != nil {
						return err
					}
					cfg, err := s.load(c)
					if err != nil {
						return err
					}
					_, err = s.Out.Write(cfg.Show())
					return err
				},
			}),
			leaf(&cli.Command{
				Name: "schema", Usage: "print the JSON Schema of the configuration, for editors",
				UsageText: "catflap config schema > catflap.schema.json\n\nexample: catflap config schema > catflap.schema.json",
				Action: func(c *cli.Context) error {
					if err := none(c); err != nil {
						return err
					}
					_, err := s.Out.Write(config.Schema())
					return err
				},
			}),
			leaf(&cli.Command{
				Name: "import", Usage: "turn an openclaw.json into a catflap.yaml, printed", ArgsUsage: "FILE",
				UsageText: "catflap config import FILE [--write FILE]\n\nexample: catflap config import ~/.openclaw/openclaw.json --write catflap.yaml",
				Flags: []cli.Flag{&cli.StringFlag{Name: "write", Usage: "write to this `FILE` (0600) instead of printing"},
					&cli.BoolFlag{Name: "force", Usage: "overwrite it"}},
				Action: s.importConfig,
			}),
		},
	}
}

// checked is what `config check --json` prints.
type checked struct {
	File     string  `json:"file"`
	OK       bool    `json:"ok"`
	Errors   []issue `json:"errors"`
	Warnings []issue `json:"warnings"`
}

type issue struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

func issues(list []config.Issue) []issue {
	out := make([]issue, len(list))
	for i, one := range list {
		out[i] = issue{File: one.File, Line: one.Line, Column: one.Column, Path: one.Path, Message: one.Message}
	}
	return out
}

func (s *Shell) checkConfig(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	path, err := config.Find(c.String("config"), s.Env)
	if err != nil {
		return misuse("", "%v", err)
	}
	cfg, err := config.Load(path, s.Env)
	var wrong *config.Errors
	if c.Bool("json") {
		result := checked{File: path, OK: err == nil, Errors: []issue{}, Warnings: []issue{}}
		switch {
		case errors.As(err, &wrong):
			result.Errors = issues(wrong.Issues)
		case err != nil:
			result.Errors = []issue{{File: path, Message: err.Error()}}
		default:
			result.Warnings = issues(cfg.Warnings)
			if closed := s.consoleWarning(c, cfg); closed != "" {
				result.Warnings = append(result.Warnings, issue{File: path, Path: "console.listen", Message: closed})
			}
		}
		if printing := s.printValue(result); printing != nil {
			return printing
		}
		if err != nil {
			return &failure{code: exitUsage}
		}
		return nil
	}
	if errors.As(err, &wrong) {
		for _, one := range wrong.Issues {
			for _, line := range lines(one.String()) {
				fmt.Fprintln(s.Out, line)
			}
		}
		return misuse("", "%s has %s", path, plural(len(wrong.Issues), "mistake"))
	}
	if err != nil {
		return misuse("", "%v", err)
	}
	for _, warning := range cfg.Warnings {
		for _, line := range lines(warning.String()) {
			fmt.Fprintln(s.Out, s.paint(s.Out).warn(line))
		}
	}
	if closed := s.consoleWarning(c, cfg); closed != "" {
		s.say("! "+closed, 2, s.paint(s.Out).warn)
	}
	fmt.Fprintf(s.Out, "%s is right: %s, %s\n", path, plural(len(cfg.Accounts), "account"), plural(len(cfg.Apps), "app"))
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (s *Shell) importConfig(c *cli.Context) error {
	if err := exactly(c, "the file"); err != nil {
		return err
	}
	in, err := os.Open(c.Args().First())
	if err != nil {
		return misuse("", "%v", err)
	}
	defer in.Close()
	const most = 4 << 20
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return failed("", "reading %s: %v", in.Name(), err)
	}
	if len(text) > most {
		return misuse("", "%s is larger than 4 MiB", in.Name())
	}
	out, notes, err := config.ImportOpenClaw(text)
	var wrong *config.Errors
	if errors.As(err, &wrong) {
		for i := range wrong.Issues {
			wrong.Issues[i].File = in.Name()
		}
		return misuse("", "%v", wrong)
	}
	if err != nil {
		return misuse("", "importing %s: %v", in.Name(), err)
	}
	for _, note := range notes {
		note.File = in.Name()
		for _, line := range lines(note.String()) {
			fmt.Fprintln(s.Err, s.paint(s.Err).warn("! "+line))
		}
	}
	path := c.String("write")
	if path == "" {
		if _, err := s.Out.Write(out); err != nil {
			return err
		}
		return s.usable("catflap.yaml", out)
	}
	if err := writeNew(path, out, c.Bool("force")); err != nil {
		return err
	}
	fmt.Fprintln(s.Err, "wrote", path+"; add the bots under apps (`catflap config schema` lists the keys), then `catflap config check`")
	return s.usable(path, out)
}

// usable fails when a configuration that has just been made cannot be run with: a script must not go on with it.
func (s *Shell) usable(name string, content []byte) error {
	_, err := config.Parse(name, content, s.Env)
	if err == nil {
		return nil
	}
	remedy := err.Error()
	var wrong *config.Errors
	if errors.As(err, &wrong) {
		heads := make([]string, len(wrong.Issues))
		for i, one := range wrong.Issues {
			heads[i] = one.Head()
		}
		remedy = strings.Join(heads, "\n")
	}
	return failed(remedy, "what was imported is not right yet: `catflap config check` will refuse it until this is corrected")
}

// writable refuses a path that is taken, unless force is given or nothing stands in the file.
func writable(path string, force bool) error {
	if _, err := os.Lstat(path); err == nil && !force && !blank(path) {
		return misuse("choose another place with --config, or overwrite it with --force", "%s is there already", path)
	}
	return nil
}

// writeNew writes a file that holds secrets: 0600, and not over another without force. An overwritten file is replaced
// as a whole, so that a crash leaves either the old or the new one.
func writeNew(path string, content []byte, force bool) error {
	if !force && !blank(path) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return misuse("choose another place with --config, or overwrite it with --force", "%s is there already", path)
		}
		if err != nil {
			return failed("", "writing %s: %v", path, err)
		}
		_, err = f.Write(content)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			os.Remove(path)
			return failed("", "writing %s: %v", path, err)
		}
		return nil
	}
	temporary := path + ".new"
	os.Remove(temporary)
	old, err := os.Lstat(path)
	if err != nil || !old.Mode().IsRegular() {
		old = nil
	}
	if err := writeNew(temporary, content, false); err != nil {
		return err
	}
	if err := errors.Join(keepRights(temporary, old), os.Rename(temporary, path)); err != nil {
		os.Remove(temporary)
		return failed("", "writing %s: %v", path, err)
	}
	return nil
}
