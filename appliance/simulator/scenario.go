package simulator

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/catflap/catflap/appliance/onebot"
)

// Bounds of a scenario file.
const (
	maxScenarioBytes = 1 << 20
	maxSteps         = 10000
	maxRepeatDepth   = 8
	maxProblems      = 20
)

// Scenario is a world and what happens in it. testdata/sample.yaml shows every key and every step.
type Scenario struct {
	Path  string
	World *World // for Options.World; parts that the file does not name are those of DefaultWorld
	Steps []Step
}

// Step is one entry of the timeline.
type Step struct {
	Line int
	Name string // the key: say, expect, wait ...
	do   func(*runner) error
}

// Problem is one thing wrong in a scenario file.
type Problem struct {
	Line, Column int
	Message      string
}

// ScenarioError is everything that is wrong in a scenario file, at most 20 problems.
type ScenarioError struct {
	Path     string
	Problems []Problem
}

// Error has one line per problem: path:line:column: what is wrong and what to write instead.
func (e *ScenarioError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", e.Path, p.Line, p.Column, p.Message)
	}
	return strings.Join(lines, "\n")
}

// LoadScenario reads a scenario file. What is wrong in it is a *ScenarioError that names every place.
func LoadScenario(path string) (*Scenario, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	if info.Size() > maxScenarioBytes {
		return nil, fmt.Errorf("reading the scenario %s: %d bytes; a scenario has at most 1 MiB, use repeat", path, info.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario: %w", err)
	}
	return ParseScenario(filepath.Base(path), data)
}

// ParseScenario reads a scenario; name stands in its errors.
func ParseScenario(name string, data []byte) (*Scenario, error) {
	r := &reading{}
	s := &Scenario{Path: name, World: DefaultWorld()}
	if len(data) > maxScenarioBytes {
		return nil, &ScenarioError{name, []Problem{{1, 1, "longer than 1 MiB; use repeat"}}}
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, &ScenarioError{name, []Problem{syntaxProblem(err)}}
	}
	if len(document.Content) == 0 {
		return nil, &ScenarioError{name, []Problem{{1, 1, "empty; expected a mapping with the key timeline"}}}
	}
	r.scenario(document.Content[0], s)
	if len(r.problems) > 0 {
		return nil, &ScenarioError{name, r.problems}
	}
	return s, nil
}

// syntaxProblem takes the line out of the YAML library's words.
func syntaxProblem(err error) Problem {
	p := Problem{1, 1, strings.TrimPrefix(err.Error(), "yaml: ")}
	var line int
	if n, scan := fmt.Sscanf(p.Message, "line %d: ", &line); n == 1 && scan == nil {
		p.Line = line
		_, p.Message, _ = strings.Cut(p.Message, ": ")
	}
	return p
}

// reading collects problems while it walks the nodes.
type reading struct {
	problems []Problem
	steps    int
	self     uint64
}

func (r *reading) problem(n *yaml.Node, format string, a ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{n.Line, n.Column, fmt.Sprintf(format, a...)})
	}
}

// keys walks a mapping and hands each value to the reader of its key.
func (r *reading) keys(n *yaml.Node, what string, readers map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.problem(n, "%s: expected a mapping with %s, found %s", what, names(readers), describe(n))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, known := readers[key.Value]
		switch line, twice := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode || !known:
			r.problem(key, "unknown key %q in %s%s", key.Value, what, suggestion(key.Value, readers))
		case twice:
			r.problem(key, "key %q stands here and on line %d; remove one", key.Value, line)
		default:
			seen[key.Value] = key.Line
			read(value)
		}
	}
}

func (r *reading) list(n *yaml.Node, what string, each func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		r.problem(n, "%s: expected a list, found %s", what, describe(n))
		return
	}
	for _, item := range n.Content {
		each(item)
	}
}

func names[T any](m map[string]T) string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias; write it out"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	value := []rune(n.Value)
	if len(value) > 40 {
		value = append(value[:40], '…')
	}
	return fmt.Sprintf("%q", string(value))
}

// suggestion is the nearest known word, or all of them.
func suggestion[T any](word string, known map[string]T) string {
	best, least := "", utf8.RuneCountInString(word)/2+1
	for k := range known {
		if d := onebot.Distance(word, k); d < least || d == least && k < best {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	return "; known: " + names(known)
}

// scenario reads the whole file. The world comes first wherever it stands, since steps may say "me".
func (r *reading) scenario(n *yaml.Node, s *Scenario) {
	var timeline *yaml.Node
	r.keys(n, "the scenario", map[string]func(*yaml.Node){
		"self":      func(v *yaml.Node) { r.readSelf(v, s.World) },
		"friends":   func(v *yaml.Node) { s.World.Friends = r.people(v, "friends") },
		"strangers": func(v *yaml.Node) { s.World.Strangers = r.people(v, "strangers") },
		"groups":    func(v *yaml.Node) { s.World.Groups = r.groups(v) },
		"timeline":  func(v *yaml.Node) { timeline = v },
	})
	r.self = s.World.SelfID
	for i := range s.World.Groups {
		g := &s.World.Groups[i]
		for j := range g.Members {
			if g.Members[j].ID == meID {
				g.Members[j].ID = r.self
			}
		}
		g.join(r.self) // a group of the account's world is one that it has joined
	}
	switch {
	case timeline != nil:
		s.Steps = r.timeline(timeline, 0)
	case n.Kind == yaml.MappingNode:
		r.problem(n, "the key timeline is missing: a list of steps")
	}
}

// meID stands for "me" until the account's number is known.
const meID = ^uint64(0)

func (r *reading) readSelf(n *yaml.Node, w *World) {
	r.keys(n, "self", map[string]func(*yaml.Node){
		"id": func(v *yaml.Node) {
			if id := r.id(v, "id"); id != 0 && id != meID {
				w.renumber(id)
			}
		},
		"nickname": func(v *yaml.Node) { w.Nickname = r.text(v, "nickname") },
	})
}

func (r *reading) people(n *yaml.Node, what string) []Person {
	var out []Person
	r.list(n, what, func(item *yaml.Node) {
		var p Person
		r.keys(item, what, map[string]func(*yaml.Node){
			"id":       func(v *yaml.Node) { p.ID = r.id(v, "id") },
			"nickname": func(v *yaml.Node) { p.Nickname = r.text(v, "nickname") },
			"remark":   func(v *yaml.Node) { p.Remark = r.text(v, "remark") },
		})
		out = append(out, p)
	})
	return out
}

func (r *reading) groups(n *yaml.Node) []Group {
	var out []Group
	r.list(n, "groups", func(item *yaml.Node) {
		var g Group
		r.keys(item, "groups", map[string]func(*yaml.Node){
			"id":   func(v *yaml.Node) { g.ID = r.id(v, "id") },
			"name": func(v *yaml.Node) { g.Name = r.text(v, "name") },
			"members": func(v *yaml.Node) {
				r.list(v, "members", func(item *yaml.Node) { g.Members = append(g.Members, r.member(item)) })
			},
		})
		out = append(out, g)
	})
	return out
}

func (r *reading) member(n *yaml.Node) Member {
	var m Member
	r.keys(n, "members", map[string]func(*yaml.Node){
		"id":    func(v *yaml.Node) { m.ID = r.id(v, "id") },
		"card":  func(v *yaml.Node) { m.Card = r.text(v, "card") },
		"title": func(v *yaml.Node) { m.Title = r.text(v, "title") },
		"role":  func(v *yaml.Node) { m.Role = Role(r.word(v, "role", "member", "admin", "owner")) },
	})
	return m
}
