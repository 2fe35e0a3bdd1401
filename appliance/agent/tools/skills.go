package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of skills.
const (
	maxSkills = 64
	maxSkill  = 64 << 10 // one SKILL.md, bytes
	maxAbout  = 300      // a description in the list, bytes
)

// Skill is a text that tells a model how to do something. Nothing in it is ever run.
type Skill struct {
	Name, Description string
	file              string
}

// Skills reads the folders of a file system that hold a SKILL.md whose head names and describes it. Those that cannot be
// used are left out, and the error says which and why.
func Skills(dir fs.FS) ([]Skill, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the folder of skills: %w", err)
	}
	var out []Skill
	var faults []error
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if len(out) == maxSkills {
			faults = append(faults, fmt.Errorf("more than %d skills: the others are left out", maxSkills))
			break
		}
		file := e.Name() + "/SKILL.md"
		s, _, err := readSkill(dir, file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			faults = append(faults, err)
		case slices.ContainsFunc(out, func(o Skill) bool { return o.Name == s.Name }):
			faults = append(faults, fmt.Errorf("%s: there is another skill called %s", file, s.Name))
		default:
			out = append(out, s)
		}
	}
	return out, errors.Join(faults...)
}

// Text returns what a skill says, without its head.
func (s Skill) Text(dir fs.FS) (string, error) {
	_, text, err := readSkill(dir, s.file)
	return text, err
}

func readSkill(dir fs.FS, file string) (Skill, string, error) {
	f, err := dir.Open(file)
	if err != nil {
		return Skill{}, "", fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxSkill+1))
	if err != nil {
		return Skill{}, "", fmt.Errorf("%s: %w", file, err)
	}
	if len(raw) > maxSkill {
		return Skill{}, "", fmt.Errorf("%s: it has more than %d KiB", file, maxSkill>>10)
	}
	raw = bytes.ReplaceAll(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	head, ok := bytes.CutPrefix(raw, []byte("---\n"))
	head, text, closed := bytes.Cut(head, []byte("\n---\n"))
	if !ok || !closed {
		return Skill{}, "", fmt.Errorf("%s: it does not begin with a head between two lines of ---", file)
	}
	var about struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
	}
	if err := yaml.Unmarshal(head, &about); err != nil {
		return Skill{}, "", fmt.Errorf("%s: reading its head: %w", file, err)
	}
	s := Skill{Name: strings.TrimSpace(about.Name), Description: oneLine(about.Description), file: file}
	if s.Name == "" || s.Description == "" {
		return Skill{}, "", fmt.Errorf("%s: its head needs name and description", file)
	}
	return s, strings.TrimSpace(string(text)), nil
}

// oneLine joins the lines of a description and cuts it.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxAbout {
		s = strings.ToValidUTF8(s[:maxAbout], "") + "…"
	}
	return s
}

// Choose keeps the skills of a group: nil is all of them, an empty list none.
func Choose(all []Skill, names *[]string) []Skill {
	if names == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(s Skill) bool { return !slices.Contains(*names, s.Name) })
}

// ReadSkill is the name of the tool that reads a skill.
const ReadSkill = "skill_read"

// SkillTool is offered where there are skills.
func SkillTool() Tool {
	return Tool{Name: ReadSkill, Description: "Read one of the available skills before you do what it is about", Schema: object(`"name":{"type":"string"}`, `"name"`)}
}

// SkillName is the argument of the skill tool.
func SkillName(args json.RawMessage) (string, error) {
	a, err := readArguments(args)
	if err != nil {
		return "", err
	}
	return a.text("name", maxNames)
}
