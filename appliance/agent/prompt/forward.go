package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/onebot"
)

// Node is one message of a forwarded chat.
type Node struct {
	From     Speaker
	Time     time.Time // zero = unknown
	Segments []onebot.Segment
}

// ErrForward: what was read is no forwarded chat.
var ErrForward = errors.New("no forwarded messages: expected an array of messages, or an object with messages")

// maxForward bounds the JSON of a forwarded chat, and its messages.
const (
	maxForward = 4 << 20
	maxNodes   = 200
)

// ReadForward reads the data of get_forward_msg's answer, its messages alone,
// or the nodes of a send_forward action. Times are in zone; nil = UTC. The
// error is ErrForward.
func ReadForward(raw []byte, zone *time.Location) ([]Node, error) {
	if len(raw) > maxForward {
		return nil, fmt.Errorf("%w: it has more than 4 MiB", ErrForward)
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, ErrForward // the bytes are somebody's private words
	}
	if object, ok := v.(map[string]any); ok {
		if v = object["messages"]; v == nil {
			v = object["message"]
		}
	}
	list, ok := v.([]any)
	if !ok {
		return nil, ErrForward
	}
	nodes := nodesOf(list)
	if zone != nil {
		for i := range nodes {
			if !nodes[i].Time.IsZero() {
				nodes[i].Time = nodes[i].Time.In(zone)
			}
		}
	}
	return nodes, nil
}

// nodesOf reads message objects as NapCat gives them, and node segments.
func nodesOf(v any) []Node {
	list, _ := v.([]any)
	var nodes []Node
	for _, v := range list {
		object, ok := v.(map[string]any)
		if !ok {
			continue
		}
		if data, ok := object["data"].(map[string]any); ok && value(object["type"]) == "node" {
			object = data
		}
		content, ok := object["message"]
		if !ok {
			content = object["content"]
		}
		n := Node{Segments: segmentsOf(content)}
		sender, ok := object["sender"].(map[string]any)
		if !ok {
			sender = object
		}
		n.From.QQ, _ = strconv.ParseUint(first(value(sender["user_id"]), value(sender["uin"]), value(object["user_id"])), 10, 64)
		if n.From.QQ == 1094950020 || n.From.QQ == 284840486 { // QQ's stand-ins for somebody it does not tell
			n.From.QQ = 0
		}
		n.From.Name = first(value(sender["card"]), value(sender["nickname"]), value(sender["name"]))
		if t, err := strconv.ParseInt(value(object["time"]), 10, 64); err == nil && t > 0 && t < 1<<40 {
			n.Time = time.Unix(t, 0).UTC()
		}
		if nodes = append(nodes, n); len(nodes) == maxNodes {
			break
		}
	}
	return nodes
}

// segmentsOf reads a message's value: CQ text, a segment, or several.
func segmentsOf(v any) []onebot.Segment {
	var out []onebot.Segment
	switch v := v.(type) {
	case string:
		return onebot.ParseCQ(v)
	case map[string]any:
		return segmentsOf([]any{v})
	case []any:
		for _, v := range v {
			object, _ := v.(map[string]any)
			kind := value(object["type"])
			if kind == "" {
				continue
			}
			data, _ := object["data"].(map[string]any)
			if out = append(out, onebot.Segment{Type: kind, Data: data}); len(out) == maxSegments {
				break
			}
		}
	}
	return out
}

// unfolding tells forwarded chats, within bounds that all of them share.
type unfolding struct {
	chat  *Chat
	nodes int // still allowed
	left  int // bytes still allowed
	depth int // levels
	line  int // bytes of one message
}

// text tells the messages, a line each, inner forwards indented below.
func (u *unfolding) text(nodes []Node) string {
	var out strings.Builder
	u.write(&out, nodes, 0)
	return strings.TrimSuffix(out.String(), "\n")
}

func (u *unfolding) write(out *strings.Builder, nodes []Node, level int) {
	indent := strings.Repeat("  ", level)
	for i, n := range nodes {
		line := ""
		if u.nodes > 0 {
			line = indent + u.chat.line(&Line{Time: n.Time, From: n.From, Segments: n.Segments}, u.line) + "\n"
		}
		if u.nodes <= 0 || u.left < len(line) {
			if u.left >= 0 { // said once
				fmt.Fprintf(out, indent+u.chat.Language.pick("(%d more)", "（还有 %d 条）")+"\n", len(nodes)-i)
			}
			u.nodes, u.left = 0, -1
			return
		}
		u.nodes--
		u.left -= len(line)
		out.WriteString(line)
		if level+1 >= u.depth {
			continue
		}
		for _, s := range n.Segments {
			if s.Type == "forward" {
				u.write(out, nodesOf(s.Data["content"]), level+1)
			}
		}
	}
}

// Forwarded are the chats that the message's forward segments hold already, as
// NapCat with parseMultMsg sends them; ids are those of the others, which must
// be asked for.
func Forwarded(segments []onebot.Segment) (chats [][]Node, ids []string) {
	for _, s := range segments {
		if s.Type != "forward" {
			continue
		}
		if nodes := nodesOf(s.Data["content"]); len(nodes) > 0 {
			chats = append(chats, nodes)
		} else if id := value(s.Data["id"]); id != "" {
			ids = append(ids, id)
		}
	}
	return chats, ids
}
