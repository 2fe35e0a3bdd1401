package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// writeHelp writes what a command does, how it is called, its subcommands and its flags.
func writeHelp(to io.Writer, c *Command, whole bool) error {
	w := tabwriter.NewWriter(to, 1, 8, 2, ' ', 0)
	fmt.Fprintf(w, "NAME:\n   %s", c.HelpName)
	if c.Usage != "" {
		fmt.Fprintf(w, " - %s", c.Usage)
	}
	how, options := c.HelpName+" [command options]", "OPTIONS"
	switch {
	case whole:
		how, options = c.HelpName+" [global options] command [command options]", "GLOBAL OPTIONS"
	case c.UsageText != "":
		how = indented(c.UsageText)
	case c.ArgsUsage != "":
		how += " " + c.ArgsUsage
	}
	fmt.Fprintf(w, "\n\nUSAGE:\n   %s\n", how)
	if len(c.Subcommands) > 0 {
		fmt.Fprint(w, "\nCOMMANDS:\n")
		for _, sub := range c.Subcommands {
			if !sub.Hidden {
				fmt.Fprintf(w, "   %s\t%s\n", sub.Name, sub.Usage)
			}
		}
		fmt.Fprint(w, "   help, h\tShows a list of commands or help for one command\n")
	}
	fmt.Fprintf(w, "\n%s:\n", options)
	for _, f := range c.Flags {
		if f.Visible() {
			fmt.Fprintf(w, "   %s\t%s\n", spelled(f), explained(f))
		}
	}
	fmt.Fprint(w, "   --help, -h\tshow help\n")
	return w.Flush()
}

// spelled is how a flag is written: --last N, -n N.
func spelled(f Flag) string {
	var names []string
	for _, name := range f.Names() {
		if len(name) == 1 {
			name = "-" + name
		} else {
			name = "--" + name
		}
		if !f.isSwitch() {
			name += " " + placeholder(f)
		}
		names = append(names, name)
	}
	all := strings.Join(names, ", ")
	if f.repeats() {
		all += " [ " + all + " ]"
	}
	return all
}

// placeholder stands for the value of a flag: the word that its help has in back quotes.
func placeholder(f Flag) string {
	if parts := strings.SplitN(f.Help(), "`", 3); len(parts) == 3 {
		return parts[1]
	}
	return "value"
}

func explained(f Flag) string {
	text := strings.ReplaceAll(f.Help(), "`", "")
	if initial := f.initial(); initial != "" {
		text += " (default: " + initial + ")"
	}
	if names := f.variables(); len(names) > 0 {
		text += " [$" + strings.Join(names, ", $") + "]"
	}
	return text
}

// indented moves all lines but the first.
func indented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		if i > 0 && lines[i] != "" {
			lines[i] = "   " + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}
