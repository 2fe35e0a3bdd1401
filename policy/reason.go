package policy

// Reason is the machine-readable cause of a decision, as `catflap explain`, the console and the log show it.
type Reason string

// Reasons of Set.Decide.
const (
	ReasonDelivered Reason = "delivered" // every gate passed

	// Gate 1: transport facts.
	ReasonForeignSelf     Reason = "self.foreign"       // self_id is another account's
	ReasonDuplicate       Reason = "duplicate"          // seen before
	ReasonSelfAdmitted    Reason = "self.admitted"      // own message in an admitted chat: history and apps with reportSelf
	ReasonSelfNotAdmitted Reason = "self.not-admitted"  // own message in a chat that is not the bot's business
	ReasonUnknownType     Reason = "event.unknown-type" // a post_type or detail type that OneBot does not have
	ReasonNoSender        Reason = "event.no-sender"    // no user_id where one is needed
	ReasonNoGroup         Reason = "event.no-group"     // no group_id where one is needed

	// Gate 2: block list and owners' commands.
	ReasonBlocked Reason = "blocked"
	ReasonCommand Reason = "owner.command" // an owner's "/pair ..."

	// Gates 3 and 4 in groups.
	ReasonGroupClosed      Reason = "group.closed"       // groupPolicy closed
	ReasonGroupDisabled    Reason = "group.disabled"     // groups.<id>.enabled: false
	ReasonGroupNotListed   Reason = "group.not-listed"   // neither in groups nor in groupAllowFrom
	ReasonSenderNotAllowed Reason = "sender.not-allowed" // the group's sender list does not have the user

	// Gates 3 and 4 in DMs.
	ReasonDMClosed          Reason = "dm.closed"           // dmPolicy closed
	ReasonDMNotListed       Reason = "dm.not-listed"       // dmPolicy allowlist and not in allowFrom
	ReasonDMTempSession     Reason = "dm.temp-session"     // by way of a group, and tempSessions is off
	ReasonDMPairingRequired Reason = "dm.pairing-required" // dmPolicy pairing, not in allowFrom, not approved

	// Gate 5: mention.
	ReasonMentionRequired     Reason = "mention.required"
	ReasonMentionReplyUnknown Reason = "mention.reply-unknown" // a reply to a message that may or may not be the bot's

	ReasonPolicyInvalid Reason = "policy.invalid" // the rules did not compile: everything is denied
)

// Reasons of View.Decide, beside those above.
const (
	ReasonAppExcept    Reason = "app.except"           // the app's except matches
	ReasonAppNotInOnly Reason = "app.not-in-only"      // the app's only does not match
	ReasonAppSelfOff   Reason = "app.self-off"         // own message, and the app has no reportSelf
	ReasonAppMention   Reason = "app.mention-required" // the app has requireMention: true, though the group has not
	ReasonAppInvalid   Reason = "app.invalid"          // the app's view did not compile: nothing is delivered
)

// Reasons for which an app did not get what policy and view would have given it.
const (
	ReasonAppAway Reason = "app.away" // it has not connected for events yet, or not for longer than anything is kept
	ReasonAppNone Reason = "app.none" // no app serves the account
)
