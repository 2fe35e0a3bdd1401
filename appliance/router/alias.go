package router

import (
	"fmt"

	"github.com/catflap/catflap/appliance/onebot"
)

// An action may be called by other names, or be done by another action with the right parameters. What actions.deny lists
// is denied under all of them:
//
//   - the names under which NapCat runs the same code (onebot.Synonyms), and the suffixes _async and _rate_limited
//   - send_msg, send_group_msg and send_private_msg send one and the same message: message_type decides, whatever the name
//     says. To deny send_group_msg is to deny every message to a group, forwards included, to deny send_msg every message.
//   - a message of node segments is a forward, whatever it is sent by; so to deny send_group_forward_msg, or
//     send_forward_msg, denies such a message by send_msg and send_group_msg too, and leaves other messages alone
//   - set_group_kick_members removes a member as set_group_kick does
//
// A denial never reaches further: a denied batch action leaves the single one, and reading is not writing. What
// actions.allow lists is not stretched in this way, but a message_type that turns the action's name around must be allowed
// under the name of what is really done.

// Actions that send messages, by kind of chat.
const (
	sendAny, forwardAny         = "send_msg", "send_forward_msg"
	sendGroup, forwardGroup     = "send_group_msg", "send_group_forward_msg"
	sendPrivate, forwardPrivate = "send_private_msg", "send_private_forward_msg"
)

// sending tells what an action of the family of send_msg does: which kinds of chat it may write to.
func (o *order) sending() (group, private, ok bool) {
	switch o.base {
	case sendAny, forwardAny, sendGroup, forwardGroup, sendPrivate, forwardPrivate:
	default:
		return false, false, false
	}
	// A user who cannot be found by way of a group makes NapCat write to the group itself.
	group, private = o.target.Group != 0 || o.target.Via != 0, o.target.User != 0
	if o.target.Unclear || group == private { // nobody is named clearly, so it may be either
		return true, true, true
	}
	return group, private, true
}

// aliases judges an action by the other names for what it does.
func (a *appPlan) aliases(o *order) string {
	for _, name := range onebot.Synonyms(o.base) {
		if why := a.denied(o, name); why != "" {
			return why
		}
	}
	if o.base == "set_group_kick_members" {
		return a.denied(o, "set_group_kick")
	}
	group, private, sends := o.sending()
	if !sends {
		return ""
	}
	if why := a.turned(o, group, private); why != "" {
		return why
	}
	for _, name := range sendNames(group, private, sendAny, sendGroup, sendPrivate) {
		if why := a.denied(o, name); why != "" {
			return why
		}
	}
	for _, name := range sendNames(group, private, forwardAny, forwardGroup, forwardPrivate) {
		if why := a.denied(o, name); why != "" && onebot.HasNodes(o.params) {
			return why
		}
	}
	return ""
}

// sendNames are the names that fit the kinds of chat; "" for those that do not.
func sendNames(group, private bool, both, toGroup, toPrivate string) [3]string {
	if !group {
		toGroup = ""
	}
	if !private {
		toPrivate = ""
	}
	return [...]string{both, toGroup, toPrivate}
}

// denied judges an action by one other name for it.
func (a *appPlan) denied(o *order, name string) string {
	if name == "" || name == o.base {
		return ""
	}
	if v := a.denials.Decide(name); !v.Allowed {
		return fmt.Sprintf("%s does the same as %s, and %s (apps.%s.actions)", o.base, name, v.Rule, a.name)
	}
	return ""
}

// turned judges an action whose message_type means another kind of chat than its name.
func (a *appPlan) turned(o *order, group, private bool) string {
	var done string
	switch {
	case o.base == sendGroup && private:
		done = sendPrivate
	case o.base == forwardGroup && private:
		done = forwardPrivate
	case o.base == sendPrivate && group:
		done = sendGroup
	case o.base == forwardPrivate && group:
		done = forwardGroup
	default:
		return ""
	}
	if group == private || a.firewall.Decide(sendAny).Allowed {
		return ""
	}
	if v := a.firewall.Decide(done); !v.Allowed {
		return fmt.Sprintf("%s with this message_type is %s, and %s (apps.%s.actions)", o.base, done, v.Rule, a.name)
	}
	return ""
}

// quickName is the name under which a part of a quick operation is called: an app that may send to groups or to users only
// has its replies too.
func (a *appPlan) quickName(o *order) string {
	if o.base != sendAny || a.firewall.Decide(sendAny).Allowed {
		return o.base
	}
	name := sendPrivate
	if o.target.Group != 0 {
		name = sendGroup
	}
	if a.firewall.Decide(name).Allowed {
		return name
	}
	return o.base
}
