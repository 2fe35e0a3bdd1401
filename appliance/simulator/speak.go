package simulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// Kernel errors as NapCat words them (reference 3.6).
func refusedByKernel(result int, text string) error {
	return broken("EventChecker Failed: NTEvent serviceAndMethod:NodeIKernelMsgService/sendMsg ListenerName:NodeIKernelMsgListener/onMsgInfoListUpdate EventRet:\n%s\n",
		encode(new(object).add("result", result).add("errMsg", text)))
}

const maxNesting = 3 // of nodes in nodes

// sendMessage is send_msg, send_group_msg and send_private_msg. NapCat skips the schema here: a message that is
// missing, null or holds null makes the check throw before any answer is made.
func sendMessage(c *Call) (any, error) {
	raw := c.raw("message")
	if unanswerable(raw) {
		return silent{}, nil
	}
	to, err := c.recipient()
	if err != nil {
		return nil, err
	}
	segments, err := c.segments(raw)
	if err != nil {
		return nil, err
	}
	nodes := 0
	for _, s := range segments {
		if s.Type == "node" {
			nodes++
		}
	}
	switch {
	case nodes == 0:
		return c.speak(to, segments, raw)
	case nodes < len(segments):
		return nil, refused("转发消息不能和普通消息混在一起发送,转发需要保证message只有type为node")
	}
	return c.forward(to, segments, raw)
}

// sendForward is the family send_*_forward_msg: messages, or message, all of them nodes.
func sendForward(c *Call) (any, error) {
	raw := c.raw("messages")
	if raw == nil {
		raw = c.raw("message")
	}
	if unanswerable(raw) {
		return silent{}, nil
	}
	to, err := c.recipient()
	if err != nil {
		return nil, err
	}
	segments, err := c.segments(raw)
	if err != nil {
		return nil, err
	}
	for _, s := range segments {
		if s.Type != "node" {
			return nil, refused("转发消息不能和普通消息混在一起发送,转发需要保证message只有type为node")
		}
	}
	return c.forward(to, segments, raw)
}

// raw is a parameter as it came.
func (c *Call) raw(key string) json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(c.Raw, &all) != nil {
		return nil
	}
	return all[key]
}

func unanswerable(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return true
	}
	var list []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		return false
	}
	for _, item := range list {
		if string(item) == "null" {
			return true
		}
	}
	return false
}

// recipient is whom a send addresses: send_msg without message_type prefers group_id, send_group_msg ignores user_id,
// send_private_msg uses group_id only for somebody who is no friend (reference 10.13).
func (c *Call) recipient() (*message, error) {
	group, user := c.Params.ID("group_id"), c.Params.ID("user_id")
	kind := c.Params.Text("message_type")
	switch {
	case strings.Contains(c.Name, "group"):
		kind = "group"
	case strings.Contains(c.Name, "private"):
		kind = "private"
	case kind == "" && group != 0:
		kind = "group"
	}
	n := c.nap
	n.mu.Lock()
	defer n.mu.Unlock()
	s := &n.state
	if !s.online {
		return nil, refusedByKernel(1006514, "网络异常")
	}
	m := &message{sender: s.SelfID}
	if kind == "group" {
		if group == 0 {
			return nil, broken("请指定正确的 group_id 或 user_id")
		}
		g := s.group(group)
		if g == nil || g.member(s.SelfID) == nil {
			return nil, refusedByKernel(110, "你已被移出该群，请重新加群。")
		}
		if me := g.member(s.SelfID); me.MutedUntil > s.now().Unix() || g.AllMuted && me.role() == RoleMember {
			return nil, refusedByKernel(120, "禁言中")
		}
		m.chat = chatKey{group: true, id: group}
		return m, nil
	}
	if user == 0 {
		return nil, broken("请指定正确的 group_id 或 user_id")
	}
	m.chat = chatKey{id: user}
	if s.friend(user) == nil {
		g := s.group(group)
		if g == nil || g.member(user) == nil {
			return nil, broken("无法获取用户信息")
		}
		m.viaGroup = group
	}
	return m, nil
}

// segments reads a message parameter: array, single segment, CQ string; a string as it is with auto_escape.
func (c *Call) segments(raw json.RawMessage) ([]Segment, error) {
	var text string
	if c.Params.strictly("auto_escape") && json.Unmarshal(raw, &text) == nil {
		return []Segment{Text(text)}, nil
	}
	segments, err := onebot.ParseMessage(raw)
	if err != nil {
		return nil, broken("消息体无法解析, 请检查是否发送了不支持的消息类型")
	}
	return segments, nil
}

// speak stores and announces a message of plain segments.
func (c *Call) speak(m *message, segments []Segment, raw json.RawMessage) (any, error) {
	n := c.nap
	var err error
	n.change(func(s *state) [][]byte {
		if m.segments, err = s.received(m, segments); err != nil {
			return nil
		}
		frames := n.arrive(s, m)
		s.register(m)
		return frames
	})
	if err != nil {
		return nil, err
	}
	c.sent(m, segments, raw)
	return new(object).add("message_id", m.id), nil
}

func (c *Call) sent(m *message, segments []Segment, raw json.RawMessage) {
	sent := Sent{Action: c.Action, MessageID: m.id, Segments: segments, Raw: raw, Text: plainText(segments), Link: c.Link}
	if m.chat.group {
		sent.Group = m.chat.id
	} else {
		sent.User, sent.Group = m.chat.id, m.viaGroup
	}
	c.nap.book.wrote(sent)
}

// forward sends nodes as one forwarded log.
func (c *Call) forward(m *message, nodes []Segment, raw json.RawMessage) (any, error) {
	n := c.nap
	var err error
	n.change(func(s *state) [][]byte {
		if m.nodes, err = s.nodes(m, nodes, 1); err != nil {
			return nil
		}
		if len(m.nodes) == 0 {
			err = broken("未找到相关消息")
			return nil
		}
		s.store(m)
		m.segments = []Segment{Forward(decimal(m.nt))}
		s.register(m)
		if !s.report || n.Connected() == 0 {
			return nil
		}
		return [][]byte{s.push(m, n.opts.Format)}
	})
	if err != nil {
		return nil, err
	}
	c.sent(m, nodes, raw)
	resid := m.resid()
	return new(object).add("message_id", m.id).add("res_id", resid).add("forward_id", resid), nil
}

// resid names a forwarded log on the server.
func (m *message) resid() string {
	return base64.RawStdEncoding.EncodeToString([]byte("simulated-" + decimal(m.nt) + "-log"))
}

// nodes makes the messages of a forwarded log: content of its own, or a known message by id; unknown ids are skipped.
func (s *state) nodes(m *message, nodes []Segment, depth int) ([]*message, error) {
	if depth > maxNesting {
		return nil, broken("合并转发嵌套层数过多")
	}
	var out []*message
	for _, node := range nodes {
		if id := toText(node.Data["id"]); id != "" {
			if known := s.resolve(id); known != nil {
				out = append(out, known)
			}
			continue
		}
		content, err := nodeContent(node.Data["content"])
		if err != nil {
			return nil, err
		}
		inner := &message{chat: m.chat, sender: firstID(node.Data["user_id"], node.Data["uin"]),
			nick: firstText(node.Data["nickname"], node.Data["name"]), time: int64(toID(node.Data["time"]))}
		if inner.sender == 0 {
			inner.sender = s.SelfID
		}
		if inner.time == 0 {
			inner.time = s.now().Unix()
		}
		s.number(inner)
		if len(content) > 0 && content[0].Type == "node" {
			if inner.nodes, err = s.nodes(m, content, depth+1); err != nil {
				return nil, err
			}
			inner.segments = []Segment{Forward(decimal(inner.nt))}
		} else if inner.segments, err = s.received(m, content); err != nil {
			return nil, err
		}
		out = append(out, inner)
	}
	return out, nil
}

func nodeContent(v any) ([]Segment, error) {
	segments, err := onebot.ParseMessage(encode(v))
	if err != nil {
		return nil, broken("消息体无法解析, 请检查是否发送了不支持的消息类型")
	}
	return segments, nil
}

func firstID(values ...any) uint64 {
	for _, v := range values {
		if id := toID(v); id != 0 {
			return id
		}
	}
	return 0
}

func firstText(values ...any) string {
	for _, v := range values {
		if t := toText(v); t != "" {
			return t
		}
	}
	return ""
}
