package simulator

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// From says who speaks, and where.
type From struct {
	Group uint64 // 0 = private; with Temp the group through which a stranger writes
	User  uint64 // who speaks; the account itself means another of its devices
	Temp  bool   // a temporary session
	Peer  uint64 // private only, when the account itself speaks: to whom
}

// InGroup is a member speaking in a group.
func InGroup(group, user uint64) From { return From{Group: group, User: user} }

// Private is a friend writing to the account.
func Private(user uint64) From { return From{User: user} }

// TempSession is a group member who is no friend writing to the account.
func TempSession(group, user uint64) From { return From{Group: group, User: user, Temp: true} }

// OwnTo is the account itself writing to a friend from another device.
func (n *NapCat) OwnTo(friend uint64) From { return From{User: n.opts.SelfID, Peer: friend} }

// Say lets somebody say something and returns the message id. While nobody is connected QQ keeps the message, but its
// id is not resolvable until a history action has shown it (reference 2.8). Say waits for room in the connections.
func (n *NapCat) Say(from From, segments ...Segment) int64 {
	m := &message{sender: from.User, segments: slices.Clone(segments)}
	switch {
	case from.Group != 0 && !from.Temp:
		m.chat = chatKey{group: true, id: from.Group}
	case from.Peer != 0:
		m.chat = chatKey{id: from.Peer}
	default:
		m.chat = chatKey{id: from.User}
		if from.Temp {
			m.viaGroup = from.Group
		}
	}
	n.change(func(s *state) [][]byte { return n.arrive(s, m) })
	return m.id
}

// arrive stores a message and makes its event. The caller is inside change.
func (n *NapCat) arrive(s *state, m *message) [][]byte {
	s.store(m)
	s.keep(m.segments)
	if n.Connected() == 0 {
		return nil
	}
	s.register(m)
	if m.sender == s.SelfID && !s.report {
		return nil
	}
	return [][]byte{s.push(m, n.opts.Format)}
}

// Recall takes a message back in the name of operator (0 = its author) and sends the notice. It reports whether the
// message was known.
func (n *NapCat) Recall(messageID int64, operator uint64) bool {
	known := false
	n.change(func(s *state) [][]byte {
		m := s.find(messageID)
		if m == nil || m.recalled {
			return nil
		}
		known = true
		return s.recall(m, operator)
	})
	return known
}

// find looks for a message in all chats, whether NapCat has shown it or not.
func (s *state) find(id int64) *message {
	if m := s.ids[id]; m != nil {
		return m
	}
	for _, c := range s.chats {
		for _, m := range c.messages {
			if m.id == id {
				return m
			}
		}
	}
	return nil
}

func (s *state) recall(m *message, operator uint64) [][]byte {
	m.recalled = true
	if operator == 0 {
		operator = m.sender
	}
	if m.chat.group {
		return [][]byte{s.notice(Field{"group_id", m.chat.id}, Field{"user_id", m.sender}, Field{"notice_type", "group_recall"},
			Field{"operator_id", operator}, Field{"message_id", m.id})}
	}
	return [][]byte{s.notice(Field{"notice_type", "friend_recall"}, Field{"user_id", m.sender}, Field{"message_id", m.id})}
}

// Notice sends a notice made of the fields, after time, self_id and post_type, and changes the world accordingly
// where it says that somebody joined, left, was promoted, renamed, muted or befriended. See notice.go for helpers.
func (n *NapCat) Notice(fields ...Field) {
	n.change(func(s *state) [][]byte {
		s.apply(fields)
		return [][]byte{s.notice(fields...)}
	})
}

// Request is a friend or group request that waits for set_friend_add_request or set_group_add_request.
type Request struct {
	Type    string // friend | group
	SubType string // of group: add | invite
	Group   uint64
	User    uint64
	Comment string
	Flag    string // made when empty: seconds for friends, 16 digits for groups (reference 4.3)
}

// Request announces a request and returns its flag. The same flag again re-reports it, as NapCat does.
func (n *NapCat) Request(r Request) string {
	if r.Type == "group" && r.SubType == "" {
		r.SubType = "add"
	}
	n.change(func(s *state) [][]byte {
		if r.Flag == "" {
			now := s.now()
			r.Flag = strconv.FormatInt(now.Unix(), 10)
			if r.Type == "group" {
				r.Flag = strconv.FormatInt(now.UnixMicro(), 10)
			}
		}
		if known := s.findRequest(r.Type, r.Flag); known == nil || known.Request != r {
			if len(s.requests) >= maxRequests {
				s.requests = append(s.requests[:0:0], s.requests[1:]...)
			}
			s.requests = append(s.requests, &request{Request: r})
		}
		return [][]byte{s.request(r)}
	})
	return r.Flag
}

// SetOnline changes what heartbeats and get_status say about QQ itself; the sockets stay up. Going offline sends the
// notice bot_offline, and sends fail with result 1006514 until the account is back.
func (n *NapCat) SetOnline(online bool) {
	n.change(func(s *state) [][]byte {
		was := s.online
		s.online = online
		if !was || online {
			return nil
		}
		return [][]byte{s.notice(Field{"notice_type", "bot_offline"}, Field{"user_id", s.SelfID},
			Field{"tag", "下线通知"}, Field{"message", "你的账号已退出登录，请重新登录"})}
	})
}

// Online is what SetOnline said last.
func (n *NapCat) Online() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state.online
}

// Emit sends bytes as they are to every event connection, in order with all other events. It waits while a
// connection's queue is full and returns at once when nobody is connected: NapCat keeps nothing. The bytes must not be
// changed afterwards.
func (n *NapCat) Emit(raw []byte) {
	n.order.Lock()
	defer n.order.Unlock()
	n.broadcast(raw)
}

// change lets f change the world and sends the events that f returns, in the order of the changes.
func (n *NapCat) change(f func(*state) [][]byte) {
	n.order.Lock()
	defer n.order.Unlock()
	n.mu.Lock()
	frames := f(&n.state)
	n.mu.Unlock()
	for _, frame := range frames {
		n.broadcast(frame)
	}
}

// broadcast hands a frame to every event connection. The caller holds order.
func (n *NapCat) broadcast(frame []byte) {
	n.linkMu.Lock()
	if n.faults.mute {
		n.linkMu.Unlock()
		return
	}
	copies := 1 + n.faults.extra
	targets := n.eventSessions()
	outlets := slices.Collect(maps.Keys(n.outlets))
	n.linkMu.Unlock()
	var head onebot.Head
	own := onebot.PeekHead(frame, &head) == nil && head.PostType == "message_sent"
	for range copies {
		for _, s := range targets {
			if !own || !s.others {
				s.push(frame)
			}
		}
		for _, o := range outlets {
			o.push(frame)
		}
	}
}

// sleep waits for d or the end of ctx; it reports whether d has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
