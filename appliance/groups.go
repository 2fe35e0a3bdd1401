package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/router"
	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/policy"
)

// Bounds of what is remembered of an account's groups.
const (
	maxGroups     = 3000
	maxGroupName  = 120 // bytes
	groupsFresh   = time.Minute
	groupsTimeout = 4 * time.Second
)

// rooms remembers what NapCat said of the groups of each account, and whether it is a simulator.
type rooms struct {
	mu   sync.Mutex
	said map[string]*said // by account; the configuration bounds them
}

type said struct {
	asking sync.Mutex // one question at a time
	at     time.Time
	groups []room

	simulated bool
	looked    time.Time
}

// room is one group as NapCat tells of it.
type room struct {
	ID      uint64 `json:"group_id"`
	Name    string `json:"group_name"`
	Members int    `json:"member_count"`
}

func (r *rooms) of(account string) *said {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said == nil {
		r.said = make(map[string]*said)
	}
	s := r.said[account]
	if s == nil {
		s = &said{}
		r.said[account] = s
	}
	return s
}

// keep replaces the list. The caller holds no lock.
func (r *rooms) keep(s *said, list []room, at time.Time) {
	if len(list) > maxGroups {
		list = list[:maxGroups]
	}
	for i := range list {
		list[i].Name = cutName(list[i].Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.groups, s.at = list, at
}

func cutName(name string) string {
	if len(name) <= maxGroupName {
		return name
	}
	cut := maxGroupName
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + "…"
}

func (r *rooms) known(account string) []room {
	s := r.of(account)
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.groups
}

// joinedRooms asks NapCat unless it has answered a moment ago; what it said last is better than nothing.
func (a *Appliance) joinedRooms(ctx context.Context, account string) []room {
	s := a.rooms.of(account)
	s.asking.Lock()
	defer s.asking.Unlock()
	a.rooms.mu.Lock()
	fresh := !s.at.IsZero() && a.now().Sub(s.at) < groupsFresh
	a.rooms.mu.Unlock()
	running := a.account(account)
	if fresh || running == nil || !running.State().Linked {
		return a.rooms.known(account)
	}
	var list []room
	if err := a.ask(ctx, account, "get_group_list", "{}", &list); err == nil {
		a.rooms.keep(s, list, a.now())
	}
	return a.rooms.known(account)
}

// ask makes a call whose answer is small.
func (a *Appliance) ask(ctx context.Context, account, action, params string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, groupsTimeout)
	defer cancel()
	frame, err := a.router.Call(ctx, account, action, []byte(params))
	if err != nil {
		return err
	}
	var answer struct {
		Status  string          `json:"status"`
		Retcode int64           `json:"retcode"`
		Wording string          `json:"wording"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(frame, &answer); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", action, err)
	}
	if answer.Status == "failed" {
		return fmt.Errorf("%s failed with %d: %s", action, answer.Retcode, answer.Wording)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, into)
}

// groups lists the groups of an account for the console.
func (a *Appliance) groups(ctx context.Context, account string) []console.GroupStatus {
	byID := make(map[uint64]console.GroupStatus)
	for _, id := range a.store.Accounts().Groups(account) {
		byID[id] = console.GroupStatus{Joined: true}
	}
	if rooms := a.joinedRooms(ctx, account); rooms != nil {
		clear(byID)
		for _, r := range rooms {
			byID[r.ID] = console.GroupStatus{Joined: true, Name: r.Name, Members: r.Members}
		}
	}
	if acc := a.config().Account(account); acc != nil {
		for key := range acc.Groups {
			if id, err := strconv.ParseUint(key, 10, 64); err == nil {
				g := byID[id]
				g.Listed = true
				byID[id] = g
			}
		}
	}
	out := make([]console.GroupStatus, 0, len(byID))
	for id, g := range byID {
		reason, mention := a.router.Group(account, id)
		g.Account, g.GroupID, g.RequireMention = account, id, mention
		if g.Enabled = reason == policy.ReasonDelivered; !g.Enabled {
			g.Reason = string(reason)
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(x, y console.GroupStatus) int {
		if x.Enabled != y.Enabled {
			if x.Enabled {
				return -1
			}
			return 1
		}
		if x.GroupID < y.GroupID {
			return -1
		}
		return 1
	})
	return out
}

func (a *Appliance) groupNames(account string) map[uint64]string {
	out := make(map[uint64]string)
	for _, r := range a.rooms.known(account) {
		out[r.ID] = r.Name
	}
	return out
}

// setGroup writes a group's switches into the file. A group that is not admitted stays so when only its mention changes:
// a key under groups would let it in.
func (a *Appliance) setGroup(ctx context.Context, req console.GroupRequest) (console.ReloadResult, error) {
	reason, _ := a.router.Group(req.Account, req.GroupID)
	switch {
	case req.Enabled != nil && *req.Enabled && reason == policy.ReasonGroupClosed:
		return console.ReloadResult{}, &console.Problem{Status: http.StatusConflict, Message: "groupPolicy is closed: no group is admitted",
			Remedy: "set groupPolicy to allowlist first"}
	case req.Enabled == nil && reason != policy.ReasonDelivered:
		return console.ReloadResult{}, &console.Problem{Status: http.StatusConflict, Message: fmt.Sprintf("group %d is not admitted", req.GroupID),
			Remedy: "allow the group first"}
	}
	return a.rewrite(ctx, func(data []byte) ([]byte, error) {
		home := a.groupsHome(req.Account, data)
		var err error
		for _, change := range []struct {
			key   string
			value *bool
		}{{"enabled", req.Enabled}, {"requireMention", req.RequireMention}} {
			if change.value != nil {
				path := append(slices.Clone(home), strconv.FormatUint(req.GroupID, 10), change.key)
				if data, err = config.Set(data, path, *change.value); err != nil {
					return nil, err
				}
			}
		}
		return data, nil
	})
}

// groupsHome is the path of the groups that count for an account: its own, which replace the top level's, or those.
func (a *Appliance) groupsHome(account string, data []byte) []string {
	if config.Has(data, []string{"accounts", account, "groups"}) {
		return []string{"accounts", account, "groups"}
	}
	return []string{"groups"}
}

// rehearse says what would become of a message.
func (a *Appliance) rehearse(req console.RehearseRequest) (console.Decision, error) {
	v, decisions, ok := a.router.Rehearse(req.Account, router.Rehearsal{User: req.UserID, Group: req.GroupID, AtBot: req.AtBot, Text: req.Text})
	if !ok {
		return console.Decision{}, &console.Problem{Status: http.StatusConflict, Message: "account " + req.Account + " is not running",
			Remedy: "see enabled in the configuration"}
	}
	d := console.Decision{Time: a.now(), Account: req.Account, Chat: policy.Chat{ID: req.UserID}.String(), User: req.UserID, Kind: "message.private.friend",
		Outcome: v.Outcome.String(), Reason: string(v.Reason), Apps: make(map[string]console.Outcome)}
	if req.GroupID != 0 {
		d.Chat, d.Kind = policy.Chat{Group: true, ID: req.GroupID}.String(), "message.group.normal"
	}
	for _, app := range decisions {
		d.Apps[app.App] = console.Outcome{Outcome: app.Outcome, Reason: app.Reason, Away: app.Away}
	}
	return d, nil
}

// simulated reports whether an account's NapCat is catflap's own simulator: NapCat itself does not know its action.
func (a *Appliance) simulated(ctx context.Context, account string) bool {
	s := a.rooms.of(account)
	s.asking.Lock()
	defer s.asking.Unlock()
	running := a.account(account)
	if running == nil || !running.State().Linked {
		return false
	}
	if s.looked.IsZero() || a.now().Sub(s.looked) >= groupsFresh {
		s.simulated, s.looked = a.ask(ctx, account, simulator.SayAction, "{}", nil) == nil, a.now()
	}
	return s.simulated
}

var errNotSimulated = errors.New("the NapCat of this account is a real one")

// simulate lets somebody say something at a simulated NapCat.
func (a *Appliance) simulate(ctx context.Context, req console.SimulateRequest) error {
	if !a.simulated(ctx, req.Account) {
		return &console.Problem{Status: http.StatusConflict, Message: errNotSimulated.Error(), Cause: errNotSimulated,
			Remedy: "connect `catflap simulate` to it, or try `catflap demo`"}
	}
	params, err := json.Marshal(map[string]any{"user_id": req.UserID, "group_id": req.GroupID, "at": req.AtBot, "message": req.Text})
	if err != nil {
		return err
	}
	if err := a.ask(ctx, req.Account, simulator.SayAction, string(params), nil); err != nil {
		return &console.Problem{Status: http.StatusBadGateway, Message: err.Error(), Cause: err}
	}
	return nil
}
