package tools

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// arguments are those of one call. Models write numbers as text and text as numbers: both are taken.
type arguments map[string]any

func readArguments(raw json.RawMessage) (arguments, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return arguments{}, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var a arguments
	if err := d.Decode(&a); err != nil {
		return nil, fmt.Errorf("%w: they are no JSON object", ErrArguments)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: there is something behind the JSON object", ErrArguments)
	}
	if a == nil {
		a = arguments{}
	}
	return a, nil
}

// id is a QQ number, a group or a message.
func (a arguments) id(key string) (uint64, error) {
	v, ok := a.string(key)
	id, err := strconv.ParseUint(strings.TrimSpace(v), 10, 63)
	if !ok || err != nil || id == 0 {
		return 0, fmt.Errorf("%w: %s is to be a number", ErrArguments, key)
	}
	return id, nil
}

// message is the id of a message: it may be negative.
func (a arguments) message(key string) (int64, error) {
	v, ok := a.string(key)
	id, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if !ok || err != nil || id == 0 {
		return 0, fmt.Errorf("%w: %s is to be the number of a message", ErrArguments, key)
	}
	return id, nil
}

// number is within bounds; absent it is def.
func (a arguments) number(key string, def, min, max int64) (int64, error) {
	v, ok := a.string(key)
	if !ok {
		return def, nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
	if err != nil || n < min || n > max {
		return 0, fmt.Errorf("%w: %s is to be a whole number from %d to %d", ErrArguments, key, min, max)
	}
	return n, nil
}

// flag is def when it is absent.
func (a arguments) flag(key string, def bool) (bool, error) {
	switch v, ok := a.string(key); {
	case !ok:
		return def, nil
	case strings.EqualFold(v, "true"):
		return true, nil
	case strings.EqualFold(v, "false"):
		return false, nil
	}
	return false, fmt.Errorf("%w: %s is to be true or false", ErrArguments, key)
}

// text has at most max bytes and is not empty.
func (a arguments) text(key string, max int) (string, error) {
	v, ok := a.string(key)
	if !ok || v == "" || len(v) > max {
		return "", fmt.Errorf("%w: %s is to be a text of at most %d bytes", ErrArguments, key, max)
	}
	return v, nil
}

// string gives a text, number or flag as text; false when it is absent, null or of another kind.
func (a arguments) string(key string) (string, bool) {
	switch v := a[key].(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
