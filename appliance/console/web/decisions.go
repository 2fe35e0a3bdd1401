package web

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/policy"
)

// maxRows bounds a list that lives: it is sent again when it changes.
const maxRows = 60

// verdicts is the page of what became of events.
type verdicts struct {
	Ignored bool // only what was not delivered
	Rows    []verdictRow
	Many    bool // accounts
}

// verdictRow is one decision for people.
type verdictRow struct {
	console.Decision
	Key   string // the same for as long as the row is there
	Group uint64
	Name  string // of the group
	Apps  []appVerdict
	Show  string // the list that it is in
	Allow string // what would let it through: person, group, mention, unblock, config, apps, or nothing
}

type appVerdict struct{ Name, Outcome, Reason string }

func (s *Site) decisions(ignored bool) verdicts {
	out := verdicts{Ignored: ignored}
	last := maxRows
	if ignored {
		last = 500 // all that are kept
	}
	var all []console.Decision
	if s.see(context.Background(), "explain", url.Values{"last": {strconv.Itoa(last)}}, &all) != nil {
		return out
	}
	out.Many = len(s.accountNames()) > 1
	names := make(map[string]map[uint64]string)
	seen := make(map[string]int)
	for _, d := range slices.Backward(all) {
		if ignored && !wasIgnored(d) {
			continue
		}
		if len(out.Rows) == maxRows {
			break
		}
		row := s.verdict(d)
		if ignored {
			row.Show = "ignored"
		}
		row.Key = strconv.FormatInt(d.Time.UnixNano(), 36) + "-" + strconv.FormatUint(d.User, 36)
		if seen[row.Key]++; seen[row.Key] > 1 {
			row.Key += "-" + strconv.Itoa(seen[row.Key])
		}
		if row.Group != 0 {
			if names[d.Account] == nil && s.API.GroupNames != nil {
				names[d.Account] = s.API.GroupNames(d.Account)
			}
			row.Name = names[d.Account][row.Group]
		}
		if s.settled(row) {
			row.Allow = "settled"
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// verdict prepares a decision for people. What an app did not get for the same reason goes without saying.
func (s *Site) verdict(d console.Decision) verdictRow {
	d = became(d)
	row := verdictRow{Decision: d, Allow: remedyOf(d)}
	if chat, err := policy.ParseChat(d.Chat); err == nil && chat.Group {
		row.Group = chat.ID
	}
	for name, o := range d.Apps {
		if o.Away {
			o.Outcome, o.Reason = "away", string(policy.ReasonAppAway)
		}
		if d.Outcome == policy.Deliver.String() || o.Reason != d.Reason || o.Away {
			row.Apps = append(row.Apps, appVerdict{name, o.Outcome, o.Reason})
		}
	}
	slices.SortFunc(row.Apps, func(x, y appVerdict) int { return strings.Compare(x.Name, y.Name) })
	row.Decision.Apps = nil
	return row
}

// became says what came of a message as a whole: what some app got was delivered, though the account's own rules may want a
// mention, and what they let in and no app got is in the history only.
func became(d console.Decision) console.Decision {
	admitted := d.Outcome == policy.Deliver.String() || d.Outcome == policy.Context.String()
	switch {
	case !admitted || !strings.HasPrefix(d.Kind, "message."):
		return d
	case gotBySome(d):
		d.Outcome, d.Reason = policy.Deliver.String(), string(policy.ReasonDelivered)
		return d
	case d.Outcome == policy.Context.String():
		return d
	}
	d.Outcome, d.Reason = policy.Context.String(), string(policy.ReasonAppNone)
	for _, name := range slices.Sorted(maps.Keys(d.Apps)) {
		if d.Apps[name].Away {
			d.Reason = string(policy.ReasonAppAway)
			break
		}
		if d.Reason == string(policy.ReasonAppNone) {
			d.Reason = d.Apps[name].Reason
		}
	}
	return d
}

// settled reports whether the rules have changed since, so that there is nothing left to allow.
func (s *Site) settled(row verdictRow) bool {
	if row.Allow == "" || s.API.Rehearse == nil || row.User == 0 {
		return false
	}
	switch policy.Reason(row.Reason) {
	case policy.ReasonAppExcept, policy.ReasonAppNotInOnly:
		return false // it may be for what was said, which is not known here
	}
	now, err := s.API.Rehearse(console.RehearseRequest{Account: row.Account, UserID: row.User, GroupID: row.Group})
	if err != nil {
		return false
	}
	now.Kind = row.Kind
	now = became(now)
	was := row.Reason
	if was == string(policy.ReasonMentionReplyUnknown) {
		was = string(policy.ReasonMentionRequired)
	}
	// A temporary session cannot be told from a friend's message here.
	return now.Reason != was && row.Reason != string(policy.ReasonDMTempSession)
}

// gotBySome reports whether an app got the event, whatever the account's own rules say of it.
func gotBySome(d console.Decision) bool {
	for _, o := range d.Apps {
		if o.Outcome == policy.Deliver.String() && !o.Away {
			return true
		}
	}
	return false
}

// wasIgnored reports whether somebody may wonder why there was no answer.
func wasIgnored(d console.Decision) bool {
	if !strings.HasPrefix(d.Kind, "message.") || gotBySome(d) {
		return false
	}
	switch policy.Reason(d.Reason) {
	case policy.ReasonSelfAdmitted, policy.ReasonSelfNotAdmitted, policy.ReasonDuplicate, policy.ReasonForeignSelf, policy.ReasonCommand:
		return false
	}
	return true
}

// remedyOf names what would let the next such event through.
func remedyOf(d console.Decision) string {
	switch policy.Reason(d.Reason) {
	case policy.ReasonDMPairingRequired:
		return "person"
	case policy.ReasonGroupNotListed, policy.ReasonGroupDisabled:
		return "group"
	case policy.ReasonMentionRequired, policy.ReasonMentionReplyUnknown:
		return "mention"
	case policy.ReasonBlocked:
		return "unblock"
	case policy.ReasonAppAway, policy.ReasonAppNone:
		return "apps"
	case policy.ReasonAppMention, policy.ReasonAppExcept, policy.ReasonAppNotInOnly,
		policy.ReasonGroupClosed, policy.ReasonSenderNotAllowed, policy.ReasonDMClosed, policy.ReasonDMNotListed, policy.ReasonDMTempSession:
		return "config"
	}
	return ""
}

func (s *Site) decisionsView(ignored bool) view {
	v := view{Name: "decisions", Data: s.decisions(ignored)}
	if ignored {
		v.keep = url.Values{"show": {"ignored"}}
	}
	return v
}

func (s *Site) decisionsPage(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusOK, s.decisionsView(r.URL.Query().Get("show") == "ignored"))
}

// Reason puts a reason in plain words; one that has none shows itself.
func (v view) Reason(reason string) string {
	if _, ok := v.drawing.words["reason."+reason]; ok {
		return v.T("reason." + reason)
	}
	return reason
}

// Outcome is a word with a colour for what became of an event.
func (v view) Outcome(outcome string) badge {
	switch outcome {
	case "deliver":
		return badge{"good", v.T("outcome.deliver")}
	case "context":
		return badge{"warn", v.T("outcome.context")}
	case "pair":
		return badge{"warn", v.T("outcome.pair")}
	case "command":
		return badge{"good", v.T("outcome.command")}
	case "away":
		return badge{"bad", v.T("outcome.away")}
	}
	return badge{"bad", v.T("outcome.drop")}
}

// Kind is what happened, in words; the exact name where there are none.
func (v view) Kind(kind string) string {
	first, rest, _ := strings.Cut(kind, ".")
	second, _, _ := strings.Cut(rest, ".")
	for _, key := range []string{"kind." + first + "." + second, "kind." + first} {
		if _, ok := v.drawing.words[key]; ok {
			return v.T(key)
		}
	}
	return kind
}
