package simulator

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Params are the decoded parameters of a call; numbers are json.Number.
type Params map[string]any

// ID is a QQ number, message id or other number written as number or text; 0 when absent or no such number.
func (p Params) ID(key string) uint64 { return toID(p[key]) }

// Text is a string parameter; a number is written out, anything else gives "".
func (p Params) Text(key string) string { return toText(p[key]) }

// int is a number with a default.
func (p Params) int(key string, missing int64) int64 {
	text := toText(p[key])
	if text == "" {
		return missing
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != f {
		return missing
	}
	return int64(min(max(f, math.MinInt32), math.MaxInt32))
}

// enabled is how NapCat reads boolean-or-text parameters whose default is true: only false, 0 and the exact text
// "false" disable (reference 3.4).
func (p Params) enabled(key string, missing bool) bool {
	switch v := p[key].(type) {
	case nil:
		return missing
	case bool:
		return v
	default:
		text := toText(v)
		return text != "false" && text != "" && !isZero(v)
	}
}

// strictly is how NapCat reads those whose default is false: only true, 1 and the exact text "true" enable.
func (p Params) strictly(key string) bool {
	switch v := p[key].(type) {
	case bool:
		return v
	case json.Number:
		return v.String() == "1"
	default:
		return toText(v) == "true"
	}
}

func isZero(v any) bool {
	n, ok := v.(json.Number)
	f, err := n.Float64()
	return ok && err == nil && f == 0
}

func toText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return decimal(v)
	}
	return ""
}

func toID(v any) uint64 {
	id, err := strconv.ParseUint(strings.TrimSpace(toText(v)), 10, 64)
	if err != nil {
		return 0
	}
	return id
}
