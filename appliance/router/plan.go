package router

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/localfile"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/policy"
)

// maxPacedWait is how long pacing delays a send; a longer wait is refused at once (design: DELIVERY, Actions).
const maxPacedWait = 10 * time.Second

// Plan is the configuration as the pipelines use it: compiled and immutable.
type Plan struct {
	accounts map[string]*accountPlan
	apps     map[string]*appPlan
	language policy.Lang
}

type accountPlan struct {
	set          *policy.Set
	historyLimit int
	mediaMax     int64 // mediaMaxMb in bytes
	chunkLimit   int   // textChunkLimit
	pairing      policy.PairingLimits
	pacing       policy.PacingRules
	owners       []uint64
	files        localfile.Roots
	apps         []*appPlan // those that serve the account, in the order of the configuration
	wantsText    bool
	catchUp      bool
}

type appPlan struct {
	name     string
	slot     uint8
	view     *policy.View
	firewall *policy.Firewall
	denials  *policy.Firewall // actions.deny alone, for the other names of an action
	accounts map[string]bool
	noQuick  bool // actions.deny names quick operations themselves
	deny     []string
	nothing  bool // actions.allow is empty
	compose  onebot.ComposeRules
	format   string // messageFormat
	chunk    bool   // long texts are cut
	debug    bool   // what the app gets and asks for is logged
}

// Compile makes a plan. Slots gives each app its bit in the journal, joined the groups that an account is known
// to be in.
func Compile(c *config.Config, slots map[string]uint8, joined func(account string) []uint64) (*Plan, error) {
	p := &Plan{accounts: make(map[string]*accountPlan), apps: make(map[string]*appPlan), language: policy.Lang(c.Language)}
	var errs []error
	for _, a := range c.Accounts {
		set, err := policy.Compile(rules(a, joined(a.Name)))
		if err != nil {
			errs = append(errs, fmt.Errorf("compiling the policy of account %s: %w", a.Name, err))
			continue
		}
		p.accounts[a.Name] = &accountPlan{
			set:          set,
			historyLimit: a.HistoryLimit,
			mediaMax:     int64(a.MediaMaxMB) << 20,
			chunkLimit:   a.TextChunkLimit,
			pairing:      PairingLimits(a),
			pacing:       pacing(a),
			owners:       a.Owners,
			files:        a.FileRoots,
			wantsText:    set.WantsText(),
			catchUp:      a.CatchUp && a.HistoryLimit > 0,
		}
	}
	for _, app := range c.Apps {
		if !app.Enabled {
			continue
		}
		ap, err := compileApp(app, slots[app.Name], c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.apps[app.Name] = ap
		for account := range ap.accounts {
			if acc := p.accounts[account]; acc != nil {
				acc.apps = append(acc.apps, ap)
				acc.wantsText = acc.wantsText || ap.view.WantsText()
			}
		}
	}
	return p, errors.Join(errs...)
}

func compileApp(app config.App, slot uint8, c *config.Config) (*appPlan, error) {
	view, err := policy.CompileView(policy.ViewRules{
		RequireMention: app.RequireMention,
		ReportSelf:     app.ReportSelf,
		Only:           match(app.Only),
		Except:         match(app.Except),
	})
	if err != nil {
		return nil, fmt.Errorf("compiling the view of app %s: %w", app.Name, err)
	}
	firewall, err := policy.CompileFirewall(policy.FirewallRules{
		Allow:         app.Actions.Allow,
		Deny:          app.Actions.Deny,
		TargetsPolicy: app.Targets == "policy",
	}, effectOf)
	if err != nil {
		return nil, fmt.Errorf("compiling the rights of app %s: %w", app.Name, err)
	}
	denials, err := policy.CompileFirewall(policy.FirewallRules{Allow: &[]string{"*"}, Deny: app.Actions.Deny}, effectOf)
	if err != nil {
		return nil, fmt.Errorf("compiling the denials of app %s: %w", app.Name, err)
	}
	accounts := make(map[string]bool)
	for _, name := range Serves(app, c) {
		accounts[name] = true
	}
	return &appPlan{name: app.Name, slot: slot, view: view, firewall: firewall, denials: denials, accounts: accounts, noQuick: slices.ContainsFunc(app.Actions.Deny, isQuick), debug: app.Debug,
		deny: app.Actions.Deny, nothing: app.Actions.Allow != nil && len(*app.Actions.Allow) == 0,
		compose: composeRules(app, c.Language), format: app.MessageFormat, chunk: app.Chunk}, nil
}

// Serves lists the enabled accounts that an app serves: those that it names, else all.
func Serves(app config.App, c *config.Config) []string {
	var out []string
	for _, a := range c.Accounts {
		if a.Enabled && (len(app.Accounts) == 0 || slices.Contains(app.Accounts, a.Name)) {
			out = append(out, a.Name)
		}
	}
	return out
}

// effectOf reads the action catalogue for the firewall.
func effectOf(name string) (policy.Effect, bool) {
	info, ok := onebot.Lookup(name)
	if !ok {
		return policy.EffectDestructive, false
	}
	effect, ok := policy.ParseEffect(info.Effect)
	return effect, ok
}

func rules(a config.Account, joined []uint64) policy.Rules {
	r := policy.Rules{
		DMPolicy: a.DMPolicy, GroupPolicy: a.GroupPolicy,
		AllowFrom: a.AllowFrom, GroupAllowFrom: a.GroupAllowFrom,
		Groups: make(map[string]policy.GroupRules, len(a.Groups)),
		Owners: a.Owners, Blocked: a.Blocked,
		MentionPatterns: a.MentionPatterns, BotNames: a.BotNames,
		TempSessions: a.TempSessions, MentionAll: a.MentionAll, PokeTriggers: a.PokeTriggers,
	}
	for id, g := range a.Groups {
		r.Groups[id] = policy.GroupRules{Enabled: g.Enabled, RequireMention: g.RequireMention, AllowFrom: g.AllowFrom}
	}
	if joined != nil {
		r.JoinedGroups = make(map[uint64]struct{}, len(joined))
		for _, id := range joined {
			r.JoinedGroups[id] = struct{}{}
		}
	}
	return r
}

func match(m config.Match) policy.Match {
	return policy.Match{Chats: m.Chats, Types: m.Types, Commands: m.Commands, Matches: m.Matches}
}

// PairingLimits are an account's bounds of the pairing book.
func PairingLimits(a config.Account) policy.PairingLimits {
	return policy.PairingLimits{Expiry: a.Pairing.Expiry, MaxPending: a.Pairing.MaxPending, RepliesPerHour: a.Pairing.RepliesPerHour}
}

func pacing(a config.Account) policy.PacingRules {
	p := a.Pacing
	return policy.PacingRules{
		Off: p.Off, ChatRate: p.ChatRate, AccountRate: p.AccountRate,
		ChatBurst: p.ChatBurst, AccountBurst: p.AccountBurst, MaxWait: maxPacedWait,
	}
}
