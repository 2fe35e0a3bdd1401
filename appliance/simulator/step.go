package simulator

import (
	"fmt"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"
)

// defaultWithin is how long expect and connected wait.
const defaultWithin = 5 * time.Second

// doer is what a step does.
type doer = func(*runner) error

// stepReaders is every step by its key. A step without a value is read from an empty node.
func (r *reading) stepReaders(depth int) map[string]func(*yaml.Node) doer {
	return map[string]func(*yaml.Node) doer{
		"wait": func(n *yaml.Node) doer {
			d := r.duration(n, "wait")
			return func(x *runner) error { return x.wait(d) }
		},
		"connected": func(n *yaml.Node) doer {
			d := defaultWithin
			if !empty(n) {
				d = r.duration(n, "connected")
			}
			return func(x *runner) error { return x.connected(d) }
		},
		"print": func(n *yaml.Node) doer {
			text := r.text(n, "print")
			return func(x *runner) error { x.say("%s", x.fill(text)); return nil }
		},
		"say":     r.readSay,
		"expect":  r.readExpect,
		"quiet":   r.readQuiet,
		"poke":    r.readPoke,
		"recall":  r.readRecall,
		"request": r.readRequest,
		"notice":  r.readNotice,
		"raw":     r.readRaw,
		"fault":   r.readFault,
		"online":  r.bare("online", func(x *runner) { x.nap.SetOnline(true); x.say("QQ is online") }),
		"offline": r.bare("offline", func(x *runner) { x.nap.SetOnline(false); x.say("QQ is offline") }),
		"drop":    r.bare("drop", func(x *runner) { x.nap.Drop(); x.say("links cut") }),
		"stall":   r.toggle("stall", func(x *runner, on bool) { x.nap.Stall(on) }),
		"silence": r.toggle("silence", func(x *runner, on bool) { x.nap.Silence(on) }),
		"mute":    r.toggle("mute", func(x *runner, on bool) { x.nap.Mute(on) }),
		"duplicate": func(n *yaml.Node) doer {
			extra := int(r.number(n, "duplicate", 0, 100))
			return func(x *runner) error {
				x.nap.Duplicate(extra)
				x.say("every event %d more times", extra)
				return nil
			}
		},
		"repeat": func(n *yaml.Node) doer { return r.readRepeat(n, depth) },
	}
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// timeline reads a list of steps, each a mapping of one key or a bare word.
func (r *reading) timeline(n *yaml.Node, depth int) []Step {
	var steps []Step
	readers := r.stepReaders(depth)
	r.list(n, "timeline", func(item *yaml.Node) {
		if r.steps++; r.steps == maxSteps+1 {
			r.problem(item, "more than %d steps; use repeat", maxSteps)
		}
		if r.steps > maxSteps {
			return
		}
		key, value := item, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: item.Line, Column: item.Column}
		if item.Kind == yaml.MappingNode {
			if len(item.Content) != 2 {
				r.problem(item, "a step has one key, this has %d; put a - before each", len(item.Content)/2)
				return
			}
			key, value = item.Content[0], item.Content[1]
		}
		read, known := readers[key.Value]
		if key.Kind != yaml.ScalarNode || !known {
			if key.Kind != yaml.ScalarNode {
				r.problem(key, "expected a step, found %s", describe(key))
				return
			}
			r.problem(key, "unknown step %q%s", key.Value, suggestion(key.Value, readers))
			return
		}
		steps = append(steps, Step{Line: key.Line, Name: key.Value, do: read(value)})
	})
	return steps
}

func (r *reading) bare(name string, do func(*runner)) func(*yaml.Node) doer {
	return func(n *yaml.Node) doer {
		if !empty(n) {
			r.problem(n, "%s takes no value, found %s", name, describe(n))
		}
		return func(x *runner) error { do(x); return nil }
	}
}

func (r *reading) toggle(name string, do func(*runner, bool)) func(*yaml.Node) doer {
	return func(n *yaml.Node) doer {
		on := true
		if !empty(n) {
			on = r.boolean(n, name)
		}
		return func(x *runner) error {
			do(x, on)
			x.say("%s %s", name, either(on, "on", "off"))
			return nil
		}
	}
}

func (r *reading) readSay(n *yaml.Node) doer {
	s := saying{}
	part := func(make func(string) Segment) func(*yaml.Node) {
		return func(v *yaml.Node) {
			text := r.text(v, "say")
			s.parts = append(s.parts, func(*runner) (Segment, error) { return make(text), nil })
		}
	}
	at := func(v *yaml.Node) {
		seg := AtAll()
		if v.Value != "all" {
			seg = At(r.id(v, "at"))
		}
		s.parts = append(s.parts, func(*runner) (Segment, error) { return seg, nil })
	}
	r.keys(n, "say", map[string]func(*yaml.Node){
		"group": func(v *yaml.Node) { s.from.Group = r.id(v, "group") },
		"user":  func(v *yaml.Node) { s.from.User = r.id(v, "user") },
		"temp":  func(v *yaml.Node) { s.from.Temp = r.boolean(v, "temp") },
		"to":    func(v *yaml.Node) { s.from.Peer = r.id(v, "to") },
		"as":    func(v *yaml.Node) { s.name = r.text(v, "as") },
		"at": func(v *yaml.Node) {
			if v.Kind == yaml.SequenceNode {
				r.list(v, "at", at)
				return
			}
			at(v)
		},
		"text": func(v *yaml.Node) {
			text := r.text(v, "text")
			s.parts = append(s.parts, func(x *runner) (Segment, error) { return Text(x.fill(text)), nil })
		},
		"reply": func(v *yaml.Node) {
			name := r.text(v, "reply")
			s.parts = append(s.parts, func(x *runner) (Segment, error) {
				id, err := x.message(name)
				return Reply(id), err
			})
		},
		"image":  part(func(file string) Segment { return Image(file, "") }),
		"record": part(Record),
		"video":  part(Video),
		"face":   part(Face),
		"card":   part(Card),
		"file":   part(func(name string) Segment { return File(name, "/"+digest(name), int64(len(pixel))) }),
		"segments": func(v *yaml.Node) {
			r.list(v, "segments", func(item *yaml.Node) { r.segment(item, &s) })
		},
	})
	if n.Kind == yaml.MappingNode {
		if s.from.User == 0 {
			r.problem(n, "say: the key user is missing: who speaks")
		}
		if len(s.parts) == 0 {
			r.problem(n, "say: nothing is said; add text, at, image, face, record, video, file, card, reply or segments")
		}
	}
	return s.do
}

// segment is one written out: {type: text, data: {text: hi}}.
func (r *reading) segment(n *yaml.Node, s *saying) {
	seg := Segment{Data: map[string]any{}}
	r.keys(n, "segments", map[string]func(*yaml.Node){
		"type": func(v *yaml.Node) { seg.Type = r.text(v, "type") },
		"data": func(v *yaml.Node) {
			if v.Kind != yaml.MappingNode {
				r.problem(v, "data: expected a mapping, found %s", describe(v))
				return
			}
			for i := 0; i+1 < len(v.Content); i += 2 {
				seg.Data[v.Content[i].Value] = r.value(v.Content[i+1], 0)
			}
		},
	})
	if seg.Type == "" {
		r.problem(n, "segments: the key type is missing")
	}
	s.parts = append(s.parts, func(*runner) (Segment, error) { return seg, nil })
}

func (r *reading) readExpect(n *yaml.Node) doer {
	e := expectation{within: defaultWithin}
	readers := r.expectReaders(&e)
	readers["within"] = func(v *yaml.Node) { e.within = r.duration(v, "within") }
	readers["as"] = func(v *yaml.Node) { e.name = r.text(v, "as") }
	r.keys(n, "expect", readers)
	r.oneOf(n, "expect", &e)
	return e.expect
}

func (r *reading) readQuiet(n *yaml.Node) doer {
	e := expectation{within: time.Second}
	readers := r.expectReaders(&e)
	readers["for"] = func(v *yaml.Node) { e.within = r.duration(v, "for") }
	if !empty(n) {
		r.keys(n, "quiet", readers)
	}
	if e.sent == nil && e.call == nil {
		e.sent = &sentMatch{}
	}
	return e.quiet
}

func (r *reading) oneOf(n *yaml.Node, what string, e *expectation) {
	if n.Kind == yaml.MappingNode && (e.sent == nil) == (e.call == nil) {
		r.problem(n, "%s: expected one of sent, call", what)
	}
}

func (r *reading) expectReaders(e *expectation) map[string]func(*yaml.Node) {
	return map[string]func(*yaml.Node){
		"sent": func(v *yaml.Node) {
			m := &sentMatch{}
			e.sent = m
			if empty(v) {
				return
			}
			r.keys(v, "sent", map[string]func(*yaml.Node){
				"group":    func(v *yaml.Node) { m.group = r.id(v, "group") },
				"user":     func(v *yaml.Node) { m.user = r.id(v, "user") },
				"contains": func(v *yaml.Node) { m.contains = r.text(v, "contains") },
				"equals":   func(v *yaml.Node) { m.equals = r.text(v, "equals"); m.exact = true },
				"type":     func(v *yaml.Node) { m.kind = r.text(v, "type") },
				"matches": func(v *yaml.Node) {
					re, err := regexp.Compile(r.text(v, "matches"))
					if err != nil {
						r.problem(v, "matches: %v", err)
					}
					m.matches = re
				},
			})
		},
		"call": func(v *yaml.Node) {
			m := &callMatch{}
			e.call = m
			r.keys(v, "call", map[string]func(*yaml.Node){
				"action": func(v *yaml.Node) { m.action = r.text(v, "action") },
				"params": func(v *yaml.Node) {
					if v.Kind != yaml.MappingNode {
						r.problem(v, "params: expected a mapping, found %s", describe(v))
						return
					}
					for i := 0; i+1 < len(v.Content); i += 2 {
						m.params = append(m.params, Field{v.Content[i].Value, r.value(v.Content[i+1], 0)})
					}
				},
			})
			if m.action == "" && v.Kind == yaml.MappingNode {
				r.problem(v, "call: the key action is missing")
			}
		},
	}
}

func (r *reading) readPoke(n *yaml.Node) doer {
	var group, user, target uint64
	if !empty(n) {
		r.keys(n, "poke", map[string]func(*yaml.Node){
			"group":  func(v *yaml.Node) { group = r.id(v, "group") },
			"user":   func(v *yaml.Node) { user = r.id(v, "user") },
			"target": func(v *yaml.Node) { target = r.id(v, "target") },
		})
	}
	if user == 0 {
		r.problem(n, "poke: the key user is missing: who pokes")
	}
	if target == 0 {
		target = r.self
	}
	return func(x *runner) error {
		if group == 0 {
			x.nap.Notice(FriendPoke(user, user, target)...)
		} else {
			x.nap.Notice(GroupPoke(group, user, target)...)
		}
		x.say("%d pokes %d", user, target)
		return nil
	}
}

func (r *reading) readRecall(n *yaml.Node) doer {
	name, by := "last", uint64(0)
	if !empty(n) {
		r.keys(n, "recall", map[string]func(*yaml.Node){
			"message": func(v *yaml.Node) { name = r.text(v, "message") },
			"by":      func(v *yaml.Node) { by = r.id(v, "by") },
		})
	}
	return func(x *runner) error {
		id, err := x.message(name)
		if err != nil {
			return err
		}
		if !x.nap.Recall(id, by) {
			return fmt.Errorf("message %q cannot be recalled (any more)", name)
		}
		x.say("message %q recalled", name)
		return nil
	}
}

func (r *reading) readRequest(n *yaml.Node) doer {
	q := Request{}
	r.keys(n, "request", map[string]func(*yaml.Node){
		"type":     func(v *yaml.Node) { q.Type = r.word(v, "type", "friend", "group") },
		"sub_type": func(v *yaml.Node) { q.SubType = r.word(v, "sub_type", "add", "invite") },
		"group":    func(v *yaml.Node) { q.Group = r.id(v, "group") },
		"user":     func(v *yaml.Node) { q.User = r.id(v, "user") },
		"comment":  func(v *yaml.Node) { q.Comment = r.text(v, "comment") },
		"flag":     func(v *yaml.Node) { q.Flag = r.text(v, "flag") },
	})
	if n.Kind == yaml.MappingNode {
		if q.Type == "" {
			q.Type = either(q.Group != 0, "group", "friend")
		}
		if q.User == 0 {
			r.problem(n, "request: the key user is missing: who asks")
		}
		if q.Type == "group" && q.Group == 0 {
			r.problem(n, "request: the key group is missing")
		}
	}
	return func(x *runner) error {
		filled := q
		filled.Comment = x.fill(q.Comment)
		flag := x.nap.Request(filled)
		x.say("%s request of %d, flag %s", q.Type, q.User, flag)
		return nil
	}
}
