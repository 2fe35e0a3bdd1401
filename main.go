// Command catflap is the door between QQ accounts (NapCat) and the bots that serve them.
package main

import (
	"os"
	"runtime/debug"

	"github.com/catflap/catflap/appliance/command"
	"github.com/catflap/catflap/appliance/command/cli"
)

// version is set by the release build: -ldflags "-X main.version=1.2.3".
var version string

func main() { os.Exit(run()) }

func run() int {
	s := command.New(release())
	return s.Main(&cli.App{
		Name:  "catflap",
		Usage: "the door between QQ (NapCat, OneBot 11) and your bots",
		Commands: []*cli.Command{
			s.Run(),
			s.Demo(),
			s.Init(),
			s.NapCat(),
			s.Config(),
			s.Service(),
			s.Update(),
			s.Status(),
			s.Explain(),
			s.Tail(),
			s.Reload(),
			s.Pairing(),
			s.History(),
			s.Media(),
			s.App(),
			s.Account(),
			s.Audit(),
			s.Alert(),
			s.Agent(),
			s.Console(),
			s.Call(),
			s.Backup(),
			s.Restore(),
			s.Doctor(),
			s.Simulate(),
			s.Bench(),
			s.Complete(),
			s.Manual(),
			s.ShowVersion(),
		},
	}, os.Args)
}

// release is the version of the build, else what the Go tools recorded.
func release() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
