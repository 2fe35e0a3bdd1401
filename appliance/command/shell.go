// Package command is the logic behind every command of the command line: it asks the running instance over its admin
// socket, or opens the store itself when nothing runs, and prints for people or, with --json, for scripts.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/catflap/catflap/appliance/command/cli"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong use or wrong configuration
)

// Shell is what a command may touch of the process around it.
type Shell struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(name string) (string, bool)
	Version  string
	// Program is what a person types to start this program; advice to copy begins with it.
	Program string
}

// New gives the shell of this process.
func New(version string) *Shell {
	return &Shell{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv, Version: version, Program: program(os.Args)}
}

// program is "catflap" where the PATH leads to it, else the path that was typed, such as build/catflap.
func program(args []string) string {
	const name = "catflap"
	if len(args) == 0 || !strings.ContainsRune(args[0], filepath.Separator) || strings.ContainsAny(args[0], " \t'\"\\") {
		return name
	}
	self, err := os.Stat(args[0])
	if err != nil {
		return name
	}
	if found, err := exec.LookPath(name); err == nil {
		if there, err := os.Stat(found); err == nil && os.SameFile(self, there) {
			return name
		}
	}
	return clean(args[0])
}

// Main runs the application and returns the exit code. SIGINT and SIGTERM end the context that commands run under; a
// second one ends the process at once.
func (s *Shell) Main(app *cli.App, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	log.SetOutput(stdlog{s.Err})
	return s.report(s.run(ctx, app, args))
}

func (s *Shell) run(ctx context.Context, app *cli.App, args []string) error {
	app.Version = s.Version
	app.Writer = s.Out
	app.OnUsageError = wrongFlag
	app.Action = unknown(app.Commands)
	prepare(app.Commands)
	if len(args) == 2 && (args[1] == "--version" || args[1] == "-v") {
		args = []string{args[0], "version"}
	}
	return app.RunContext(ctx, arrange(app.Commands, args))
}

// report prints why a command failed and gives its exit code.
func (s *Shell) report(err error) int {
	if err == nil {
		return exitDone
	}
	var f *failure
	switch {
	case errors.As(err, &f):
	case errors.Is(err, cli.ErrNoTopic):
		f = &failure{code: exitUsage, message: err.Error(), remedy: "`catflap help` lists the commands"}
	default:
		f = &failure{code: exitFailed, message: err.Error()}
	}
	if f.message != "" {
		p := s.paint(s.Err)
		text := lines(f.message)
		fmt.Fprintln(s.Err, p.bad("catflap:"), strings.Join(text, "\n"))
		for _, line := range lines(f.remedy) {
			if line != "" {
				fmt.Fprintln(s.Err, "  "+line)
			}
		}
	}
	return f.code
}

// failure is an error with an exit code and a way out. An empty message prints nothing: the output said it already.
type failure struct {
	code            int
	message, remedy string
}

func (f *failure) Error() string { return f.message }

// misuse is a wrong command line; the second line says what is right.
func misuse(remedy, format string, args ...any) error {
	return &failure{code: exitUsage, message: fmt.Sprintf(format, args...), remedy: remedy}
}

// failed is a command that could not do its work.
func failed(remedy, format string, args ...any) error {
	return &failure{code: exitFailed, message: fmt.Sprintf(format, args...), remedy: remedy}
}

// prepare gives every group an answer to words that are no command of it.
func prepare(commands []*cli.Command) {
	for _, c := range commands {
		if len(c.Subcommands) > 0 && c.Action == nil {
			c.Action = unknown(c.Subcommands)
		}
		prepare(c.Subcommands)
	}
}

// unknown is the action of a command that only has subcommands.
func unknown(among []*cli.Command) func(*cli.Context) error {
	return func(c *cli.Context) error {
		name := c.Args().First()
		whole := strings.TrimPrefix(c.Command.HelpName, "catflap")
		if name == "" && whole == "" {
			return cli.ShowAppHelp(c)
		}
		var names []string
		for _, command := range among {
			if !command.Hidden {
				names = append(names, command.Name)
			}
		}
		remedy := "one of: " + strings.Join(names, ", ")
		if name == "" {
			return misuse(remedy, "`catflap%s` needs to know what to do", whole)
		}
		if near := nearest(name, names); near != "" {
			remedy = "did you mean `catflap" + whole + " " + near + "`?"
		}
		return misuse(remedy, "there is no command `catflap%s %s`", whole, clean(name))
	}
}

// wrongFlag says what is wrong with a flag, and what was probably meant.
func wrongFlag(c *cli.Context, wrong *cli.FlagError) error {
	whole := strings.TrimPrefix(c.Command.HelpName, "catflap")
	help := "`catflap" + whole + " --help` shows what it takes"
	switch {
	case errors.Is(wrong, cli.ErrBadValue):
		return misuse(help, "--%s cannot be %q", wrong.Flag, clean(wrong.Value))
	case errors.Is(wrong, cli.ErrNeedsValue):
		return misuse(help, "--%s needs a value", wrong.Flag)
	}
	var names []string
	for _, f := range c.Command.Flags {
		names = append(names, f.Names()...)
	}
	if near := nearest(wrong.Flag, names); near != "" && len(near) > 1 {
		help = "did you mean --" + near + "?"
	}
	return misuse(help, "`catflap%s` has no flag --%s", whole, clean(wrong.Flag))
}

// paint says whether output to w is coloured.
func (s *Shell) paint(w io.Writer) paint {
	if value, _ := s.Env("NO_COLOR"); value != "" {
		return false
	}
	if value, _ := s.Env("TERM"); value == "dumb" {
		return false
	}
	return paint(isTerminal(w))
}

// leaf adds to a command what every command has.
func leaf(c *cli.Command) *cli.Command {
	c.Flags = append(c.Flags, &cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "the configuration `FILE` (default: $CATFLAP_CONFIG, ./catflap.yaml, /etc/catflap/catflap.yaml)"})
	return c
}

// data is leaf for a command that prints data.
func data(c *cli.Command) *cli.Command {
	c.Flags = append(c.Flags, &cli.BoolFlag{Name: "json", Usage: "print JSON"})
	return leaf(c)
}

// exactly checks the number of arguments; names are what they are, for the message.
func exactly(c *cli.Context, names ...string) error {
	usage := strings.TrimSpace("usage: " + c.Command.HelpName + " " + c.Command.ArgsUsage)
	if c.NArg() < len(names) {
		return misuse(usage, "%s is missing", names[c.NArg()])
	}
	if c.NArg() > len(names) {
		return misuse(usage, "%q is one argument too many", clean(c.Args().Get(len(names))))
	}
	return nil
}

// none refuses arguments.
func none(c *cli.Context) error { return exactly(c) }
