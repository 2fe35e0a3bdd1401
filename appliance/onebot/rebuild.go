package onebot

import "strconv"

// Told is what is kept of a message, enough to tell it again.
type Told struct {
	Self, User, Group uint64 // Group 0 = private
	Time, MessageID   int64
	RealSeq, Sender   string
	Message           []byte // raw array of segments
}

// AppendMessage appends a message event as NapCat shapes it, marked "catflap_late": it is told again from history. What
// history does not keep (role, card, group name) is left out, what frameworks die without is there.
func AppendMessage(dst []byte, m Told) []byte {
	kind, sub := "private", "friend"
	if m.Group != 0 {
		kind, sub = "group", "normal"
	}
	dst = strconv.AppendUint(append(dst, `{"catflap_late":true,"self_id":`...), m.Self, 10)
	dst = strconv.AppendUint(append(dst, `,"user_id":`...), m.User, 10)
	dst = strconv.AppendInt(append(dst, `,"time":`...), m.Time, 10)
	for _, key := range []string{"message_id", "message_seq", "real_id"} {
		dst = append(append(append(dst, `,"`...), key...), `":`...)
		dst = strconv.AppendInt(dst, m.MessageID, 10)
	}
	if m.RealSeq != "" {
		dst = appendQuoted(append(dst, `,"real_seq":`...), m.RealSeq)
	}
	dst = append(append(append(dst, `,"message_type":"`...), kind...), `","sender":{"user_id":`...)
	dst = strconv.AppendUint(dst, m.User, 10)
	dst = appendQuoted(append(dst, `,"nickname":`...), m.Sender)
	raw, err := ToString(m.Message)
	if err != nil {
		raw = []byte(`""`)
	}
	dst = append(append(dst, `},"raw_message":`...), raw...)
	dst = append(append(append(dst, `,"font":0,"sub_type":"`...), sub...), `","message":`...)
	dst = append(append(dst, m.Message...), `,"message_format":"array","post_type":"message"`...)
	if m.Group != 0 {
		dst = strconv.AppendUint(append(dst, `,"group_id":`...), m.Group, 10)
	} else {
		dst = strconv.AppendUint(append(dst, `,"target_id":`...), m.User, 10)
	}
	return append(dst, '}')
}
