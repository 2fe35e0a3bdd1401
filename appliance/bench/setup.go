package bench

import (
	"fmt"
	"strings"
)

// baseline and catflap are the two kinds of process.
const (
	baseline = "baseline"
	catflap  = "catflap"
)

// setup is what a process is configured for. The bare relay has nothing to configure.
type setup struct {
	apps, accounts int
	data           string // data folder; "" = inside the run's own
	noHistory      bool
	queue          string // of every app, as in the configuration; "" = the defaults
}

// configuration is catflap with policy and history on and some apps that take everything.
func (s setup) configuration() string {
	var b strings.Builder
	fmt.Fprintf(&b, "wsHost: 127.0.0.1\nwsPort: 0\naccessToken: %s\nowners: [20001]\ndataDir: %q\n", token, s.data)
	if s.accounts > 1 {
		b.WriteString("wsPath: /napcat/{account}\naccounts:\n")
		for k := range s.accounts {
			fmt.Fprintf(&b, "  account%d: {selfId: %d}\n", k, self+k)
		}
	} else {
		fmt.Fprintf(&b, "selfId: %d\n", self)
	}
	if links := s.accounts + s.apps*s.accounts; links > 14 {
		fmt.Fprintf(&b, "limits: {links: %d}\n", links+2) // two are changing over
	}
	if s.noHistory {
		b.WriteString("historyLimit: 0\n")
	}
	b.WriteString("groups:\n")
	for g := range groups {
		fmt.Fprintf(&b, "  \"%d\": {requireMention: true}\n", firstGroup+g)
	}
	b.WriteString("heartbeat: {enabled: false}\nlog: {level: warn}\ngateway: {listen: \"127.0.0.1:0\"}\nconsole: {listen: \"127.0.0.1:0\"}\napps:\n")
	queue := ""
	if s.queue != "" {
		queue = ", queue: " + s.queue
	}
	for i := range s.apps {
		fmt.Fprintf(&b, "  app%d: {protocol: onebot11, accessToken: %s-%d%s}\n", i, token, i, queue)
	}
	return b.String()
}

// paths says where the NapCat of an account and its apps connect.
func (s setup) paths(kind string, account int) (napcat, app string) {
	switch {
	case kind == baseline:
		return "/napcat", "/app"
	case s.accounts > 1:
		return fmt.Sprintf("/napcat/account%d", account), fmt.Sprintf("/?self_id=%d", self+account)
	}
	return "/onebot/v11/ws", "/"
}
