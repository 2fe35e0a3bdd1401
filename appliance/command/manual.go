package command

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
)

// Manual prints the manual page in the language of man(7), made from the commands themselves. Releases ship it.
func (s *Shell) Manual() *cli.Command {
	return &cli.Command{
		Name: "manual", Usage: "print the manual page", Hidden: true,
		UsageText: "catflap manual\n\nexample: catflap manual | man -l -",
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			return writeManual(s.Out, c.App)
		},
	}
}

// writeManual has no date in it: the same program gives the same page.
func writeManual(to io.Writer, app *cli.App) error {
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, ".TH CATFLAP 1 \"\" %s \"User Commands\"\n", quoted("catflap "+app.Version))
	fmt.Fprintf(w, ".SH NAME\ncatflap \\- %s\n", roff(app.Usage))
	fmt.Fprint(w, ".SH SYNOPSIS\n.B catflap\n.I command\n.RI [ option \" ...] [\" argument \" ...]\"\n")
	fmt.Fprint(w, ".SH DESCRIPTION\n", paragraphs(manualText))
	fmt.Fprint(w, ".SH COMMANDS\n")
	for _, c := range app.Commands {
		writeCommand(w, "catflap", c)
	}
	fmt.Fprint(w, ".SH \"EXIT STATUS\"\n.TP\n.B 0\ndone\n.TP\n.B 1\nfailed\n.TP\n.B 2\nwrong use or wrong configuration\n")
	fmt.Fprint(w, ".SH FILES\n")
	for _, f := range [][2]string{
		{"/etc/catflap/catflap.yaml", "the configuration of an installed catflap; it holds tokens"},
		{"/var/lib/catflap", "the data of an installed catflap"},
		{"$XDG_DATA_HOME/catflap", "the data of a catflap that is run by hand"},
	} {
		fmt.Fprintf(w, ".TP\n.I %s\n%s\n", roff(f[0]), roff(f[1]))
	}
	fmt.Fprint(w, ".SH ENVIRONMENT\n.TP\n.B CATFLAP_CONFIG\nthe configuration, where no \\-\\-config is given\n.TP\n.B NO_COLOR\nno colours\n")
	fmt.Fprint(w, ".SH \"SEE ALSO\"\n.UR https://github.com/catflap/catflap\n.UE\n")
	return w.Flush()
}

const manualText = `catflap stands between NapCat and the applications that serve a QQ account, and speaks OneBot 11 with both. It decides who may talk to the bots and what the bots may do, keeps the events that an application missed, and explains each decision.

Flags may stand anywhere behind their command. Data goes to the standard output, errors and notes to the standard error.`

func writeCommand(w io.Writer, above string, c *cli.Command) {
	if c.Hidden {
		return
	}
	whole := above + " " + c.Name
	fmt.Fprintf(w, ".SS %s\n%s\n", quoted(whole), roff(c.Usage))
	if c.UsageText != "" {
		fmt.Fprintf(w, ".PP\n.nf\n%s\n.fi\n", roff(strings.TrimSpace(c.UsageText)))
	}
	for _, f := range c.Flags {
		if !f.Visible() {
			continue
		}
		names := make([]string, 0, 2)
		for _, name := range f.Names() {
			dashes := "--"
			if len(name) == 1 {
				dashes = "-"
			}
			names = append(names, dashes+name)
		}
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", quoted(strings.Join(names, ", ")), roff(strings.ReplaceAll(f.Help(), "`", "")))
	}
	for _, sub := range c.Subcommands {
		writeCommand(w, whole, sub)
	}
}

func paragraphs(text string) string {
	return strings.ReplaceAll(roff(text), "\n\n", "\n.PP\n") + "\n"
}

// roff writes text so that nothing in it is a request or an escape.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// quoted is one argument of a request.
func quoted(text string) string {
	return `"` + strings.ReplaceAll(roff(text), `"`, `\(dq`) + `"`
}
