package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// ViewRules is what one app wants to see, on top of what the account's Set admits. It can only narrow, except that
// RequireMention false gives the app the unmentioned messages of members who may trigger the bot.
type ViewRules struct {
	RequireMention *bool // nil: the group decides
	ReportSelf     bool  // own messages too
	Only, Except   Match
}

// Match selects events: AND between the keys, OR within one. An empty key is absent; a Match without keys selects nothing and
// restricts nothing.
type Match struct {
	Chats    []string // "group:1", "user:2"
	Types    []string // "message.group", "notice.*", "notice.notify.poke": post_type, detail type, sub_type; a shorter one matches what lies below
	Commands []string // "/weather": the first words of the text; "/": any command with that prefix; with commands or matches only messages are selected
	Matches  string   // RE2 on the text, as written (case matters unless (?i))
}

// View is a compiled ViewRules: immutable, safe for concurrent use. The nil and the zero View deliver nothing.
type View struct {
	valid          bool
	requireMention *bool
	reportSelf     bool
	only, except   match
}

// match is a compiled Match.
type match struct {
	chats    map[Chat]struct{}
	types    [][]string
	commands []string
	pattern  *regexp.Regexp
}

// CompileView checks the rules. The error joins one *RuleError for everything that is wrong; the View that comes with an error
// delivers nothing.
func CompileView(r ViewRules) (*View, error) {
	only, errs := compileMatch("only", r.Only)
	except, more := compileMatch("except", r.Except)
	errs = append(errs, more...)
	v := &View{requireMention: cloneBool(r.RequireMention), reportSelf: r.ReportSelf, only: only, except: except}
	v.valid = len(errs) == 0
	return v, errors.Join(errs...)
}

func compileMatch(key string, m Match) (match, []error) {
	var out match
	var errs []error
	bad := func(sub string, i int, value, want string) {
		errs = append(errs, &RuleError{fmt.Sprintf("%s.%s[%d]", key, sub, i), value, want})
	}
	for i, text := range m.Chats {
		chat, err := ParseChat(text)
		if err != nil {
			bad("chats", i, text, "group:NUMBER or user:NUMBER")
			continue
		}
		if out.chats == nil {
			out.chats = make(map[Chat]struct{}, len(m.Chats))
		}
		out.chats[chat] = struct{}{}
	}
	for i, text := range m.Types {
		path, ok := parseType(text)
		if !ok {
			bad("types", i, text, "message, message_sent, notice, request or meta_event, with .TYPE.SUB_TYPE or .* after it, such as message.group or notice.*")
			continue
		}
		out.types = append(out.types, path)
	}
	for i, text := range m.Commands {
		if strings.TrimSpace(text) == "" {
			bad("commands", i, text, "the first word of a message, such as /weather")
			continue
		}
		out.commands = append(out.commands, strings.TrimSpace(text))
	}
	if m.Matches != "" {
		re, err := compilePattern(key+".matches", m.Matches, "")
		if err != nil {
			errs = append(errs, err)
		}
		out.pattern = re
	}
	return out, errs
}

// parseType splits a type pattern. A trailing "*" is dropped: a shorter path matches what lies below it anyway.
func parseType(text string) ([]string, bool) {
	path := strings.Split(text, ".")
	if len(path) > 3 || slices.Contains(path, "") {
		return nil, false
	}
	for i, part := range path {
		if strings.Contains(part, "*") && (part != "*" || i != len(path)-1) {
			return nil, false
		}
	}
	switch path[0] {
	case "message", "message_sent", "notice", "request", "meta_event", "*":
	default:
		return nil, false
	}
	return slices.DeleteFunc(path, func(part string) bool { return part == "*" }), true
}

// WantsText reports whether Decide reads Facts.Text.
func (v *View) WantsText() bool {
	return v != nil && v.valid && (v.only.wantsText() || v.except.wantsText())
}

func (m *match) wantsText() bool { return len(m.commands) > 0 || m.pattern != nil }

// Decide says whether the app gets the event, Deliver or Drop, and why. The verdict is the account's about the same facts. It
// allocates nothing.
func (v *View) Decide(f *Facts, verdict Verdict) (Outcome, Reason) {
	if v == nil || !v.valid {
		return Drop, ReasonAppInvalid
	}
	switch {
	case verdict.Outcome != Deliver && verdict.Outcome != Context:
		return Drop, verdict.Reason
	case f.Own():
		if !v.reportSelf {
			return Drop, ReasonAppSelfOff
		}
	case f.Kind == Message && f.Detail == messageGroup:
		required := verdict.MentionRequired
		if v.requireMention != nil {
			required = *v.requireMention
		}
		if required && !verdict.Mentioned {
			if !verdict.MentionRequired {
				return Drop, ReasonAppMention
			}
			return Drop, missedMention(f)
		}
	case verdict.Outcome == Context: // nothing else is kept for context; whatever it is, it was not to be delivered
		return Drop, verdict.Reason
	}
	if !v.except.empty() && v.except.selects(f) {
		return Drop, ReasonAppExcept
	}
	// Frameworks need the meta events of every account they serve, whatever they want to hear.
	if f.Kind != Meta && !v.only.empty() && !v.only.selects(f) {
		return Drop, ReasonAppNotInOnly
	}
	return Deliver, ReasonDelivered
}

func (m *match) empty() bool {
	return m.chats == nil && m.types == nil && m.commands == nil && m.pattern == nil
}

func (m *match) selects(f *Facts) bool {
	if m.chats != nil {
		chat, ok := f.Chat()
		if !ok {
			return false
		}
		if _, ok := m.chats[chat]; !ok {
			return false
		}
	}
	if m.types != nil && !m.selectsType(f) {
		return false
	}
	if !m.wantsText() {
		return true
	}
	if f.Kind != Message && f.Kind != Sent {
		return false
	}
	return (m.commands == nil || m.selectsCommand(f.Text)) && (m.pattern == nil || m.pattern.MatchString(f.Text))
}

func (m *match) selectsType(f *Facts) bool {
	path := [3]string{f.Kind.String(), f.Detail, f.SubType}
	for _, want := range m.types {
		if slices.Equal(want, path[:len(want)]) {
			return true
		}
	}
	return false
}

// selectsCommand finds a command at the beginning of the text, as whole words. One of signs only, such as "/" or "!", is the
// prefix that a bot's commands share: a word follows it.
func (m *match) selectsCommand(text string) bool {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	for _, command := range m.commands {
		rest, ok := strings.CutPrefix(text, command)
		if ok && (endsWord(rest) || isPrefix(command)) {
			return true
		}
	}
	return false
}

// isPrefix reports whether a command has neither letters nor digits.
func isPrefix(command string) bool {
	return !strings.ContainsFunc(command, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}
