// Package cli reads command lines: a tree of commands, the flags of each, and the help that follows from both. It makes
// no words about wrong use, it says what is wrong; and unlike most of its kind it writes help without text/template, which
// would keep every exported method of the program alive in the binary.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrNoTopic is help asked for a command that there is not.
var ErrNoTopic = errors.New("no help topic")

// App is a program with commands. Its commands may be asked for help by a flag (--help, -h) or the word help (h).
type App struct {
	Name, Usage, Version string
	// Commands in the order that help shows.
	Commands []*Command
	// Action runs when no command is named, or none that exists.
	Action func(*Context) error
	// OnUsageError makes a *FlagError an error for people; nil leaves it.
	OnUsageError func(*Context, *FlagError) error
	// Writer gets the help.
	Writer io.Writer
}

// Command is one word of the command line: either a group with Subcommands, or something to do.
type Command struct {
	Name string
	// Usage says in a few words what it does.
	Usage string
	// UsageText is how it is called, and more about it.
	UsageText string
	// ArgsUsage names the arguments.
	ArgsUsage string
	// Hidden keeps it out of the help.
	Hidden      bool
	Flags       []Flag
	Subcommands []*Command
	// Action runs with the flags read. In a group it runs when no subcommand is named, or none that exists.
	Action func(*Context) error
	// HelpName is the whole of what is typed to run it. Run sets it.
	HelpName string
}

// Context is one run of a command.
type Context struct {
	// Context ends when the run is to end.
	Context context.Context
	App     *App
	Command *Command

	args   Args
	values map[string]any // by each name of a flag: a pointer to its value
	set    map[string]bool
	help   bool
}

// Args are the arguments, without the flags.
type Args []string

// First is the first argument, empty when there is none.
func (a Args) First() string { return a.Get(0) }

// Get is the argument with the index n, empty when there is none.
func (a Args) Get(n int) string {
	if n >= len(a) {
		return ""
	}
	return a[n]
}

// Tail is all but the first.
func (a Args) Tail() []string {
	if len(a) == 0 {
		return nil
	}
	return a[1:]
}

// Slice is all of them.
func (a Args) Slice() []string { return a }

// Args are the arguments of the command.
func (c *Context) Args() Args { return c.args }

// NArg is the number of arguments.
func (c *Context) NArg() int { return len(c.args) }

// RunContext runs the command that args name; args begin with the name of the program. Errors are those of its action,
// what OnUsageError makes of a *FlagError, or ErrNoTopic.
func (a *App) RunContext(ctx context.Context, args []string) error {
	root := &Command{Name: a.Name, Usage: a.Usage, Subcommands: a.Commands, Action: a.Action, HelpName: a.Name}
	if len(args) > 0 {
		args = args[1:]
	}
	return a.run(ctx, root, args)
}

func (a *App) run(ctx context.Context, command *Command, args []string) error {
	c := &Context{Context: ctx, App: a, Command: command}
	if err := c.parse(args); err != nil {
		var wrong *FlagError
		if a.OnUsageError != nil && errors.As(err, &wrong) {
			return a.OnUsageError(c, wrong)
		}
		return err
	}
	if c.help {
		return a.help(command, nil)
	}
	if len(command.Subcommands) > 0 {
		name := c.args.First()
		if name == "help" || name == "h" {
			return a.help(command, c.args.Tail())
		}
		if sub := command.child(name); sub != nil {
			return a.run(ctx, sub, c.args.Tail())
		}
	}
	for _, f := range command.Flags {
		if err := f.act(c); err != nil {
			return err
		}
	}
	if command.Action == nil {
		return a.help(command, nil)
	}
	return command.Action(c)
}

// child is the subcommand with a name, nil when there is none.
func (c *Command) child(name string) *Command {
	i := slices.IndexFunc(c.Subcommands, func(sub *Command) bool { return sub.Name == name })
	if i < 0 {
		return nil
	}
	sub := c.Subcommands[i]
	sub.HelpName = c.HelpName + " " + sub.Name
	return sub
}

// help shows the command that topic leads to from here. Flags behind it mean nothing.
func (a *App) help(command *Command, topic []string) error {
	for _, name := range topic {
		if strings.HasPrefix(name, "-") {
			break
		}
		next := command.child(name)
		if next == nil {
			return fmt.Errorf("%w %q", ErrNoTopic, name)
		}
		command = next
	}
	return writeHelp(a.Writer, command, command.HelpName == a.Name)
}

// ShowAppHelp shows the help of the whole program.
func ShowAppHelp(c *Context) error {
	return c.App.help(&Command{Name: c.App.Name, Usage: c.App.Usage, Subcommands: c.App.Commands, HelpName: c.App.Name}, nil)
}
