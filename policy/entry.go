package policy

import (
	"fmt"
	"strings"
)

// RuleError is one thing wrong with a rule. Key is the configuration key below the account or app, such as
// groups.123.allowFrom[0], by which the configuration finds the line.
type RuleError struct {
	Key   string
	Value string // as written
	Want  string // what is accepted
}

// Error names the key, the value and what is accepted.
func (e *RuleError) Error() string {
	return fmt.Sprintf("%s: %s is not accepted: expected %s", e.Key, quote(e.Value), e.Want)
}

// idSet is a set of QQ or group numbers.
type idSet map[uint64]struct{}

func (s idSet) has(id uint64) bool {
	_, ok := s[id]
	return ok
}

// people is a compiled list of users. The zero value has nobody.
type people struct {
	everyone bool
	ids      idSet
}

func (p *people) has(user uint64) bool {
	return user != 0 && (p.everyone || p.ids.has(user))
}

// compilePeople reads a list that can only mean users: allowFrom and groups.<id>.allowFrom.
func compilePeople(key string, list []string) (people, []error) {
	p := people{ids: make(idSet, len(list))}
	var errs []error
	for i, text := range list {
		if text == "*" {
			p.everyone = true
			continue
		}
		id, ok := parseID(strings.TrimPrefix(text, prefixUser))
		if !ok {
			errs = append(errs, &RuleError{fmt.Sprintf("%s[%d]", key, i), text, `a QQ number, user:NUMBER or "*"`})
			continue
		}
		p.ids[id] = struct{}{}
	}
	return p, errs
}

// compileIDs reads a list of QQ numbers: owners and blocked.
func compileIDs(key string, list []uint64) (idSet, []error) {
	s := make(idSet, len(list))
	var errs []error
	for i, id := range list {
		if id == 0 {
			errs = append(errs, &RuleError{fmt.Sprintf("%s[%d]", key, i), "0", "a QQ number"})
			continue
		}
		s[id] = struct{}{}
	}
	return s, errs
}
