package simulator

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

const noPacketBackend = "packetBackend不可用，请检查启动日志中packetBackend状态"

// check is NapCat's parameter check (reference 3.4), by the types that the catalogue gives. Texts and numbers convert
// into each other; null is not "absent"; unknown keys pass. Messages name no field.
func (c *Call) check() error {
	info, ok := onebot.Lookup(c.Name)
	if !ok {
		return nil
	}
	if c.nap.opts.NoPacketBackend && (strings.HasPrefix(info.Note, "Needs the packet backend") || strings.HasSuffix(c.Name, "_poke")) {
		return refused(noPacketBackend)
	}
	var types map[string]string
	if json.Unmarshal(info.Params, &types) != nil {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(types)) {
		kind, rest, _ := strings.Cut(types[key], "/")
		value, present := c.Params[key]
		if !present {
			if strings.HasPrefix(rest, "required") {
				return refused("Schema compilation error: Expected required property")
			}
			continue
		}
		if !fits(kind, value) {
			return refused("Schema compilation error: Expected " + expected(kind))
		}
	}
	return nil
}

// expected is TypeBox's word for a type.
func expected(kind string) string {
	switch {
	case strings.HasPrefix(kind, "array") && !strings.Contains(kind, ">|"):
		return "array"
	case strings.Contains(kind, "|"), strings.HasPrefix(kind, "enum"):
		return "union value"
	}
	return kind
}

// fits says whether a value is of a type of the catalogue, after NapCat's conversions.
func fits(kind string, value any) bool {
	switch {
	case kind == "message":
		return true
	case strings.HasPrefix(kind, "enum("):
		text, ok := value.(string)
		return ok && slices.Contains(strings.Split(strings.TrimSuffix(kind[len("enum("):], ")"), ","), text)
	case strings.HasPrefix(kind, "array") && !strings.Contains(kind, ">|"):
		_, ok := value.([]any)
		return ok
	}
	return slices.ContainsFunc(strings.Split(kind, "|"), func(one string) bool { return fitsOne(one, value) })
}

func fitsOne(kind string, value any) bool {
	switch v := value.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean" || kind == "string" || kind == "number"
	case json.Number:
		return kind == "number" || kind == "string" || kind == "boolean" && (v == "0" || v == "1")
	case string:
		if kind == "number" {
			_, err := strconv.ParseFloat(v, 64)
			return err == nil
		}
		return kind == "string" || kind == "boolean" && slices.Contains([]string{"true", "false", "0", "1"}, v)
	case []any:
		return strings.HasPrefix(kind, "array")
	case map[string]any:
		return kind == "object"
	}
	return false
}
