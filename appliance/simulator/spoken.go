package simulator

import "github.com/catflap/catflap/appliance/onebot"

// SayAction lets who holds the link speak as anybody: user_id, message, group_id, at (mention the bot). Without
// user_id it says nothing and answers all the same. NapCat does not know it, so it also tells a simulator from NapCat.
const SayAction = "catflap_say"

func say(c *Call) (any, error) {
	user, group := c.Params.ID("user_id"), c.Params.ID("group_id")
	if user == 0 {
		return absent{}, nil
	}
	if user == c.nap.SelfID() {
		return nil, broken("the bot speaks by send_msg")
	}
	from := Private(user)
	if group != 0 {
		from = InGroup(group, user)
	}
	known := true
	c.nap.mu.Lock()
	if group == 0 {
		known = c.nap.state.friend(user) != nil
	} else if g := c.nap.state.group(group); g == nil || g.member(c.nap.SelfID()) == nil {
		c.nap.mu.Unlock()
		return nil, broken("the bot is not in this group")
	}
	c.nap.mu.Unlock()
	if !known {
		c.nap.Notice(FriendAdd(user)...)
	}
	var segments []Segment
	if c.Params.enabled("at", false) {
		segments = append(segments, At(c.nap.SelfID()))
	}
	if text, plain := c.Params["message"].(string); plain {
		segments = append(segments, Text(text))
	} else if raw := c.raw("message"); raw != nil {
		said, err := onebot.ParseMessage(raw)
		if err != nil {
			return nil, broken("the message cannot be read")
		}
		segments = append(segments, said...)
	}
	// As QQ shows it: a picture given as base64 becomes a file with a name.
	m := &message{chat: chatKey{group: group != 0, id: user}, sender: user}
	if group != 0 {
		m.chat.id = group
	}
	c.nap.mu.Lock()
	shown, err := c.nap.state.received(m, segments)
	c.nap.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return new(object).add("message_id", c.nap.Say(from, shown...)), nil
}
