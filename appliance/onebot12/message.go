package onebot12

import (
	"fmt"

	"github.com/catflap/catflap/appliance/onebot"
)

// anonymousUser is the user_id of everybody who writes without a name, as OneBot 11 has it.
const anonymousUser = "80000000"

// messageEvent writes message.private, message.group and message.channel, and the notice qq.message_sent.
func (e *eventWriter) messageEvent() error {
	sub := e.h.SubType
	own := e.h.PostType == "message_sent"
	switch {
	case own:
		e.begin("notice", "qq.message_sent", "")
		e.dst = quoted(e.dst, "message_type", e.h.Detail)
	case e.h.Detail == "private":
		switch sub {
		case "friend", "":
			sub = ""
		case "group":
			sub = "qq.group_temp"
		default:
			sub = extension(sub)
		}
		e.begin("message", "private", sub)
	case e.h.Detail == "group":
		if sub == "normal" {
			sub = ""
		}
		e.begin("message", "group", extension(sub))
	case e.h.Detail == "guild":
		if sub == "channel" {
			sub = ""
		}
		e.begin("message", "channel", extension(sub))
	default:
		return fmt.Errorf("reading an event: message_type is %q: %w", e.h.Detail, onebot.ErrIncomplete)
	}
	e.ids("message_id")
	if err := e.content(e.v.get("message")); err != nil {
		return fmt.Errorf("reading an event: %w", err)
	}
	e.people(own)
	return nil
}

// content writes message and alt_message.
func (e *eventWriter) content(message value) error {
	array, err := arrayOf(message)
	if err != nil {
		return err
	}
	e.dst = key(e.dst, "message")
	e.segments(array, true)
	e.dst = quoted(e.dst, "alt_message", string(e.alt))
	return nil
}

// arrayOf reads a message in any form into an array of segments.
func arrayOf(message value) (value, error) {
	switch message.kind() {
	case '[':
		return message, nil
	case 0:
		return value{}, onebot.ErrMessage
	}
	raw, err := onebot.ToArray(message.raw())
	if err != nil {
		return value{}, err
	}
	return read(raw), nil
}

// people writes who and where, and what the standard has no place for.
func (e *eventWriter) people(own bool) {
	prefix := "qq."
	if own {
		prefix = ""
	}
	user := e.v.get("user_id").id()
	if anonymous := e.v.get("anonymous"); anonymous.kind() == '{' {
		user = anonymousUser
		e.dst = clean(key(e.dst, prefix+"anonymous"), anonymous)
	}
	e.dst = quoted(e.dst, "user_id", user)
	group := e.v.get("group_id")
	switch e.h.Detail {
	case "group":
		e.dst = idText(e.dst, "group_id", group)
	case "guild":
		e.ids("guild_id", "channel_id")
	default:
		if group.id() != "" {
			e.dst = idText(e.dst, prefix+"group_id", group)
		}
	}
	if own {
		e.ids("target_id")
	} else if e.h.SubType != "" {
		e.dst = quoted(e.dst, "qq.sub_type", e.h.SubType)
	}
	if sender := e.v.get("sender"); sender.kind() == '{' {
		e.dst = clean(key(e.dst, prefix+"sender"), sender)
	}
	for _, name := range [...]string{"group_name", "real_seq"} {
		if c := e.v.get(name); !c.missing() {
			e.dst = texts(e.dst, prefix+name, c)
		}
	}
	for _, name := range [...]string{"temp_source", "catflap_late"} {
		if c := e.v.get(name); c.kind() == '0' || c.kind() == 't' {
			e.dst = append(key(e.dst, prefix+name), c.raw()...)
		}
	}
}
