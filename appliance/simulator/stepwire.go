package simulator

import (
	"encoding/json"
	"time"

	"go.yaml.in/yaml/v3"
)

// readNotice takes the keys as NapCat writes them; time, self_id and post_type come before them.
func (r *reading) readNotice(n *yaml.Node) doer {
	var fields []Field
	if n.Kind != yaml.MappingNode {
		r.problem(n, "notice: expected a mapping with notice_type and its keys, found %s", describe(n))
	}
	kind := ""
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Value == "notice_type" {
			kind = r.text(value, "notice_type")
		}
		var v any
		if value.Kind == yaml.ScalarNode && value.Value == "me" && value.Style == 0 {
			v = r.self
		} else {
			v = r.value(value, 0)
		}
		fields = append(fields, Field{key.Value, v})
	}
	if kind == "" && n.Kind == yaml.MappingNode {
		r.problem(n, "notice: the key notice_type is missing")
	}
	return func(x *runner) error {
		x.nap.Notice(fields...)
		x.say("notice %s", kind)
		return nil
	}
}

// readRaw takes a mapping, which is sent as JSON, or a text, which is sent as it is, broken or not.
func (r *reading) readRaw(n *yaml.Node) doer {
	var frame []byte
	switch {
	case n.Kind == yaml.ScalarNode && !empty(n):
		frame = []byte(n.Value)
	case n.Kind == yaml.MappingNode:
		value, _ := r.value(n, 0).(json.RawMessage)
		frame = value
	default:
		r.problem(n, "raw: expected a mapping or a text, found %s", describe(n))
	}
	return func(x *runner) error {
		x.nap.Emit([]byte(x.fill(string(frame))))
		x.say("raw frame of %d bytes", len(frame))
		return nil
	}
}

// readFault breaks the next calls of one action.
func (r *reading) readFault(n *yaml.Node) doer {
	name, times := "", int64(1)
	a := Answer{}
	r.keys(n, "fault", map[string]func(*yaml.Node){
		"action":    func(v *yaml.Node) { name = r.text(v, "action") },
		"times":     func(v *yaml.Node) { times = r.number(v, "times", 0, 1<<31-1) },
		"delay":     func(v *yaml.Node) { a.Delay = r.duration(v, "delay") },
		"silent":    func(v *yaml.Node) { a.Silent = r.boolean(v, "silent") },
		"skip":      func(v *yaml.Node) { a.Skip = r.boolean(v, "skip") },
		"retcode":   func(v *yaml.Node) { a.Retcode = r.number(v, "retcode", 0, 1<<31-1) },
		"message":   func(v *yaml.Node) { a.Message = r.text(v, "message") },
		"drop":      func(v *yaml.Node) { a.Drop = r.boolean(v, "drop") },
		"next_link": func(v *yaml.Node) { a.NextLink = r.boolean(v, "next_link") },
		"repeat":    func(v *yaml.Node) { a.Repeat = int(r.number(v, "repeat", 0, 100)) },
	})
	if name == "" && n.Kind == yaml.MappingNode {
		r.problem(n, `fault: the key action is missing (an action's name, or "*")`)
	}
	return func(x *runner) error {
		x.say("fault for %s", name)
		if times == 0 { // as if nothing had been said
			x.nap.OnAction(name, nil)
			return nil
		}
		left := make(chan struct{}, 1)
		left <- struct{}{}
		remaining := times
		x.nap.OnAction(name, func(Call) Answer {
			<-left
			defer func() { left <- struct{}{} }()
			if remaining == 0 {
				return Answer{}
			}
			remaining--
			return a
		})
		return nil
	}
}

func (r *reading) readRepeat(n *yaml.Node, depth int) doer {
	var times int64
	var every time.Duration
	var forever bool
	var steps []Step
	if depth >= maxRepeatDepth {
		r.problem(n, "repeat: nested deeper than %d", maxRepeatDepth)
		return func(*runner) error { return nil }
	}
	r.keys(n, "repeat", map[string]func(*yaml.Node){
		"times":   func(v *yaml.Node) { times = r.number(v, "times", 1, 1<<31-1) },
		"every":   func(v *yaml.Node) { every = r.duration(v, "every") },
		"forever": func(v *yaml.Node) { forever = r.boolean(v, "forever") },
		"do":      func(v *yaml.Node) { steps = r.timeline(v, depth+1) },
	})
	if n.Kind == yaml.MappingNode {
		if (times == 0) == !forever {
			r.problem(n, "repeat: expected one of times, forever: true")
		}
		if len(steps) == 0 {
			r.problem(n, "repeat: the key do is missing: a list of steps")
		}
	}
	return func(x *runner) error { return x.repeat(steps, times, forever, every) }
}
