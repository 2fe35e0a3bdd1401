package address

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// options are the key=value pairs of an address; keys are read without regard to case.
type options struct {
	values map[string]string
	known  []string
	err    error
}

func newOptions(query url.Values) *options {
	o := &options{values: make(map[string]string, len(query))}
	for key, list := range query {
		if len(list) > 0 {
			o.values[strings.ToLower(key)] = list[0]
		}
	}
	return o
}

// text is the value of the first of some names that mean the same, "" for none.
func (o *options) text(names ...string) (value string) {
	o.known = append(o.known, names[0])
	for _, name := range names {
		if v, ok := o.values[name]; ok {
			value = v
			delete(o.values, name)
		}
	}
	return value
}

// header is a text that goes into a header: of one line.
func (o *options) header(names ...string) string {
	v := o.text(names...)
	if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		o.fail(fmt.Errorf("the address: %s must be one line", names[0]))
	}
	return v
}

// flag is a yes or no, otherwise if it is not there.
func (o *options) flag(otherwise bool, names ...string) bool {
	switch strings.ToLower(o.text(names...)) {
	case "":
		return otherwise
	case "yes", "true", "1", "on":
		return true
	case "no", "false", "0", "off":
		return false
	}
	o.fail(fmt.Errorf("the address: %s is yes or no", names[0]))
	return otherwise
}

// list is values that are separated by commas.
func (o *options) list(names ...string) []string {
	var out []string
	for part := range strings.SplitSeq(o.header(names...), ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// choice is the place of a value in a list of words, 0 if it is not there. The first is the default.
func (o *options) choice(words []string, names ...string) int {
	v := o.text(names...)
	if v == "" {
		return 0
	}
	i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, v) })
	if i < 0 {
		o.fail(fmt.Errorf("the address: %s is one of %s", names[0], strings.Join(words, ", ")))
		return 0
	}
	return i
}

func (o *options) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// done refuses what nobody has asked for.
func (o *options) done() error {
	if o.err != nil {
		return o.err
	}
	if len(o.values) == 0 {
		return nil
	}
	if len(o.known) == 0 {
		return errors.New("the address takes no options after ?")
	}
	return errors.New("the address has an option that is not known; there are " + strings.Join(o.known, ", "))
}
