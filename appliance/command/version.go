package command

import (
	"fmt"
	"runtime"

	"github.com/catflap/catflap/appliance/command/cli"
)

// ShowVersion prints what this binary is.
func (s *Shell) ShowVersion() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		UsageText: "catflap version [--json]\n\nexample: catflap version",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}, &cli.StringFlag{Name: "config", Aliases: []string{"c"}, Hidden: true}},
		Action: func(c *cli.Context) error {
			if err := none(c); err != nil {
				return err
			}
			if c.Bool("json") {
				return s.printValue(map[string]string{"version": s.Version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			fmt.Fprintf(s.Out, "catflap %s (%s, %s/%s)\n", s.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
