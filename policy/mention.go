package policy

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxPattern bounds a configured regular expression or name, in bytes.
const maxPattern = 1000

// compileMentions makes one expression per mention pattern, and one for all names.
func compileMentions(patterns, names []string) ([]*regexp.Regexp, []error) {
	var out []*regexp.Regexp
	var errs []error
	for i, text := range patterns {
		key := fmt.Sprintf("mentionPatterns[%d]", i)
		re, err := compilePattern(key, text, "(?i)")
		switch {
		case err != nil:
			errs = append(errs, err)
		case re.MatchString(""):
			errs = append(errs, &RuleError{key, text, "an expression that does not match every message (for that, set requireMention: false)"})
		default:
			out = append(out, re)
		}
	}
	var words []string
	for i, name := range names {
		name = strings.TrimSpace(name)
		if name == "" || len(name) > maxPattern || !utf8.ValidString(name) {
			errs = append(errs, &RuleError{fmt.Sprintf("botNames[%d]", i), names[i], fmt.Sprintf("a name of 1 to %d bytes", maxPattern)})
			continue
		}
		words = append(words, wholeWord(name))
	}
	if len(words) > 0 {
		key, all := "botNames", "(?i)(?:"+strings.Join(words, "|")+")"
		re, err := regexp.Compile(all)
		if err != nil { // too many names for one expression
			return out, append(errs, &RuleError{key, all, "fewer or shorter names: " + err.Error()})
		}
		out = append(out, re)
	}
	return out, errs
}

// compilePattern compiles one configured expression with flags such as "(?i)" before it.
func compilePattern(key, text, flags string) (*regexp.Regexp, error) {
	if text == "" || len(text) > maxPattern {
		return nil, &RuleError{key, text, fmt.Sprintf("a regular expression (RE2) of 1 to %d bytes", maxPattern)}
	}
	if _, err := regexp.Compile(text); err != nil { // by itself first: the message then shows what was written
		return nil, &RuleError{key, text, "a regular expression (RE2): " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")}
	}
	re, err := regexp.Compile(flags + text)
	if err != nil {
		return nil, &RuleError{key, text, "a smaller regular expression (RE2)"}
	}
	return re, nil
}

// wholeWord keeps "bot" from being found in "robot". \b knows Latin letters and digits only, which is what is needed: in
// Chinese text words touch each other.
func wholeWord(name string) string {
	word := regexp.QuoteMeta(name)
	if wordByte(name[0]) {
		word = `\b` + word
	}
	if wordByte(name[len(name)-1]) {
		word += `\b`
	}
	return word
}

func wordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_'
}

// mentioned is gate 5 for a group message whose sender may trigger.
func (s *Set) mentioned(f *Facts) bool {
	return f.AtSelf || f.Reply == ReplyToBot || f.AtAll && s.mentionAll || s.matchesPattern(f.Text)
}

func (s *Set) matchesPattern(text string) bool {
	if text == "" {
		return false
	}
	for _, re := range s.patterns {
		if re.MatchString(text) {
			return true
		}
	}
	return false
}

// pokesBot reports whether a notice is somebody else's poke at the bot that counts as a mention.
func (s *Set) pokesBot(f *Facts) bool {
	return s.pokeTriggers && isPoke(f) && f.Self != 0 && f.Target == f.Self && f.User != f.Self
}

func isPoke(f *Facts) bool {
	return f.Detail == "notify" && f.SubType == "poke"
}
