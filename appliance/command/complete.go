package command

import (
	"fmt"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
)

// Complete prints what may follow the words of a command line that is being typed: one candidate on a line, then a tab
// and what it is. The shells' completion scripts (packaging/completions) ask it, so that they always fit the program.
func (s *Shell) Complete() *cli.Command {
	return &cli.Command{
		Name: "complete", Usage: "print what may follow, for the completion of shells", Hidden: true,
		UsageText: "catflap complete -- [WORD...]\n\nexample: catflap complete -- history",
		Action: func(c *cli.Context) error {
			for _, one := range candidates(c.App.Commands, c.Args().Slice()) {
				fmt.Fprintf(s.Out, "%s\t%s\n", one.word, one.about)
			}
			return nil
		},
	}
}

// candidate is one word that may come next.
type candidate struct{ word, about string }

// candidates walks the command tree along words. Nothing is offered where a flag waits for its value: that may be a
// file, and the shell knows those.
func candidates(root []*cli.Command, words []string) []candidate {
	level := root
	var current *cli.Command
	var args []string
	for i := 0; i < len(words); i++ {
		word := words[i]
		if word == "--" {
			return nil
		}
		if len(word) > 1 && word[0] == '-' {
			if !strings.Contains(word, "=") && takesValue(root, current, word) {
				if i+1 == len(words) {
					return nil
				}
				i++
			}
			continue
		}
		next := find(level, word)
		if next == nil {
			level = nil // an argument: only flags may follow
			args = append(args, word)
			continue
		}
		current, level = next, next.Subcommands
	}
	var out []candidate
	for _, c := range level {
		if !c.Hidden {
			out = append(out, candidate{c.Name, c.Usage})
		}
	}
	if current == nil {
		return out
	}
	if takesDescribe(current) {
		out = callCandidates(args)
	}
	for _, f := range current.Flags {
		if f.Visible() {
			out = append(out, candidate{"--" + f.Names()[0], strings.ReplaceAll(f.Help(), "`", "")})
		}
	}
	return out
}
