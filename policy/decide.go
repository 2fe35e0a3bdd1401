package policy

import "strings"

const (
	messageGroup   = "group"
	messagePrivate = "private"
)

// Decide passes one event through the gates, in the order that stops most events with the least work. It allocates nothing.
func (s *Set) Decide(f *Facts) Verdict {
	switch {
	case !s.ok():
		return Verdict{Reason: ReasonPolicyInvalid}
	case f.ForeignSelf:
		return Verdict{Reason: ReasonForeignSelf}
	case f.Duplicate:
		return Verdict{Reason: ReasonDuplicate}
	case f.Own():
		return s.decideOwn(f)
	case s.blocks(f):
		return Verdict{Reason: ReasonBlocked}
	}
	switch f.Kind {
	case Message:
		switch f.Detail {
		case messageGroup:
			return s.decideGroup(f)
		case messagePrivate:
			return s.decidePrivate(f)
		}
	case Notice:
		return s.decideNotice(f)
	case Request:
		// Friend and group requests always pass: they are how an owner's app accepts friends and invitations.
		if f.Detail == "friend" || f.Detail == "group" {
			return Verdict{Outcome: Deliver, Reason: ReasonDelivered}
		}
	case Meta:
		return Verdict{Outcome: Deliver, Reason: ReasonDelivered}
	}
	return Verdict{Reason: ReasonUnknownType}
}

// blocks is gate 2. Who acted is the user, or the operator of a notice that has no user.
func (s *Set) blocks(f *Facts) bool {
	if f.Kind == Meta {
		return false
	}
	who := f.User
	if who == 0 {
		who = f.Operator
	}
	return f.Blocked || s.blocked.has(who)
}

// decideOwn treats the account's own messages: they trigger nothing, and what the owner writes to his own friends from his
// phone is not the bot's business.
func (s *Set) decideOwn(f *Facts) Verdict {
	admitted := false
	switch f.Detail {
	case messageGroup:
		admitted = s.groups.admit(f.Group) == ReasonDelivered
	case messagePrivate:
		admitted = !f.Blocked && !s.blocked.has(f.Target) && s.admitPrivate(f, f.Target) == ReasonDelivered
	}
	if !admitted {
		return Verdict{Reason: ReasonSelfNotAdmitted}
	}
	return Verdict{Outcome: Context, Reason: ReasonSelfAdmitted}
}

func (s *Set) decideGroup(f *Facts) Verdict {
	if reason := s.groups.admit(f.Group); reason != ReasonDelivered {
		return Verdict{Reason: reason}
	}
	if f.User == 0 {
		return Verdict{Reason: ReasonNoSender}
	}
	if !s.groups.mayTrigger(f.Group, f.User) {
		return Verdict{Reason: ReasonSenderNotAllowed}
	}
	v := Verdict{Outcome: Deliver, Reason: ReasonDelivered, Mentioned: s.mentioned(f), MentionRequired: s.groups.requiresMention(f.Group)}
	if v.MentionRequired && !v.Mentioned {
		v.Outcome, v.Reason = Context, missedMention(f)
	}
	return v
}

// missedMention tells a plain message from one whose quoted message is not known.
func missedMention(f *Facts) Reason {
	if f.Reply == ReplyUnknown {
		return ReasonMentionReplyUnknown
	}
	return ReasonMentionRequired
}

func (s *Set) decidePrivate(f *Facts) Verdict {
	if s.owners.has(f.User) && isOwnerCommand(f.Text) {
		return Verdict{Outcome: Command, Reason: ReasonCommand}
	}
	switch reason := s.admitPrivate(f, f.User); reason {
	case ReasonDelivered:
		return Verdict{Outcome: Deliver, Reason: reason, Mentioned: true}
	case ReasonDMPairingRequired:
		return Verdict{Outcome: Pair, Reason: reason}
	default:
		return Verdict{Reason: reason}
	}
}

// admitPrivate is gates 3 and 4 of a private message whose other side is peer.
func (s *Set) admitPrivate(f *Facts, peer uint64) Reason {
	reason := s.admitUser(peer, f.Approved)
	// A sub_type other than friend is a stranger's way in by a group; QQ does not say whether the two are friends.
	if f.SubType != "friend" && f.SubType != "" && !s.tempSessions && reason != ReasonDMClosed && reason != ReasonNoSender {
		return ReasonDMTempSession
	}
	return reason
}

// admitUser is dmPolicy and allowFrom: ReasonDelivered if the user's DMs are let in, else why not.
func (s *Set) admitUser(user uint64, approved bool) Reason {
	if user == 0 {
		return ReasonNoSender
	}
	listed := s.allow.has(user) || s.owners.has(user)
	switch s.dm {
	case modeOpen:
		return ReasonDelivered
	case modePairing:
		if listed || approved {
			return ReasonDelivered
		}
		return ReasonDMPairingRequired
	case modeAllowlist: // the store's approvals do not count here
		if listed {
			return ReasonDelivered
		}
		return ReasonDMNotListed
	case modeClosed:
		return ReasonDMClosed
	default:
		return ReasonPolicyInvalid
	}
}

func (s *Set) decideNotice(f *Facts) Verdict {
	v := Verdict{Outcome: Deliver, Reason: ReasonDelivered}
	switch {
	case f.Group != 0:
		if reason := s.groups.admit(f.Group); reason != ReasonDelivered {
			return Verdict{Reason: reason}
		}
		// The notice passes whoever caused it, but only those who may trigger the bot do so by a poke.
		v.Mentioned = s.pokesBot(f) && s.groups.mayTrigger(f.Group, f.User)
	case strings.HasPrefix(f.Detail, "group_"):
		return Verdict{Reason: ReasonNoGroup}
	case aboutFriends(f):
	default: // pokes, files and whatever is new would else be a way around dmPolicy
		if reason := s.admitUser(f.User, f.Approved); reason != ReasonDelivered {
			return Verdict{Reason: reason}
		}
		v.Mentioned = s.pokesBot(f)
	}
	return v
}

// aboutFriends lists the notices without a group that pass always: they carry no words of a stranger.
func aboutFriends(f *Facts) bool {
	switch f.Detail {
	case "friend_add", "friend_recall", "bot_offline", "client_status":
		return true
	case "notify":
		return f.SubType == "input_status" || f.SubType == "profile_like"
	default:
		return false
	}
}
