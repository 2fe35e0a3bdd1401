package command

import (
	"slices"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
)

// arrange moves every flag behind the command that it belongs to and in front of that command's arguments, so that people
// may write flags where they like: `catflap history show group:1 --json`. Package cli stops reading flags at the
// first argument. What follows a lone "--" stays an argument.
func arrange(root []*cli.Command, args []string) []string {
	if len(args) == 0 {
		return args
	}
	path, flags, rest := args[:1:1], []string(nil), []string(nil)
	level := root
	var current *cli.Command
	for i := 1; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(arg) > 1 && arg[0] == '-' {
			flags = append(flags, arg)
			if !strings.Contains(arg, "=") && takesValue(root, current, arg) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
			continue
		}
		if len(rest) == 0 {
			if next := find(level, arg); next != nil {
				path, current, level = append(path, arg), next, next.Subcommands
				continue
			}
		}
		rest = append(rest, arg)
	}
	out := append(path, flags...)
	if slices.Contains(flags, "--help") || slices.Contains(flags, "-h") {
		if current != nil && takesDescribe(current) && len(rest) > 0 {
			flags = slices.DeleteFunc(flags, func(f string) bool { return f == "--help" || f == "-h" })
			return append(append(append(path, flags...), "--"+describeFlag, "--"), rest[0])
		}
		return out // an argument would be taken for the topic
	}
	if len(rest) > 0 && (current == nil || len(current.Subcommands) > 0) {
		// There is no such command. That is to be said, and not that the flags belong to nothing.
		out, rest = path, append(rest, flags...)
	}
	if len(rest) > 0 {
		if current != nil {
			out = append(out, "--") // so that nothing in rest is taken for a flag
		}
		out = append(out, rest...)
	}
	return out
}

// takesDescribe reports whether a command has help of its own for its first argument.
func takesDescribe(c *cli.Command) bool {
	return slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), describeFlag) })
}

func find(level []*cli.Command, name string) *cli.Command {
	i := slices.IndexFunc(level, func(c *cli.Command) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return level[i]
}

// takesValue looks the flag up in the command, or, before any command is named, in all of them.
func takesValue(root []*cli.Command, current *cli.Command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	among := root
	if current != nil {
		among = []*cli.Command{current}
	}
	for _, c := range among {
		for _, f := range c.Flags {
			if slices.Contains(f.Names(), name) {
				_, isSwitch := f.(*cli.BoolFlag)
				return !isSwitch
			}
		}
		if takesValueBelow(c, name) {
			return true
		}
	}
	return false
}

func takesValueBelow(c *cli.Command, name string) bool {
	for _, sub := range c.Subcommands {
		for _, f := range sub.Flags {
			if slices.Contains(f.Names(), name) {
				_, isSwitch := f.(*cli.BoolFlag)
				return !isSwitch
			}
		}
	}
	return false
}
