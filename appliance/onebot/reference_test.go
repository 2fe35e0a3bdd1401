package onebot

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
)

// The slow, obvious versions that the fast ones are compared with.

// slowMembers decodes a frame's top level; ok only for one valid object within
// the depth.
func slowMembers(frame []byte) (map[string]json.RawMessage, bool) {
	if !json.Valid(frame) || slowDepth(frame) > MaxDepth {
		return nil, false
	}
	var out map[string]json.RawMessage
	if json.Unmarshal(frame, &out) != nil || out == nil {
		return nil, false
	}
	return out, true
}

// slowDepth counts nesting with a decoder's tokens.
func slowDepth(frame []byte) int {
	dec := json.NewDecoder(bytes.NewReader(frame))
	dec.UseNumber()
	depth, most := 0, 0
	for {
		tok, err := dec.Token()
		if err != nil {
			return most
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
			most = max(most, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

var (
	textInt  = regexp.MustCompile(`^-?[0-9]+$`)
	floatInt = regexp.MustCompile(`^(-?[0-9]+)\.0+$`)
)

func slowInt(raw []byte) (int64, bool) {
	s := string(raw)
	if strings.HasPrefix(s, `"`) {
		s = strings.Trim(s, `"`)
	} else if m := floatInt.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	if !textInt.MatchString(s) {
		return 0, false
	}
	v, ok := new(big.Int).SetString(s, 10)
	if !ok || !v.IsInt64() || v.Int64() == -1<<63 {
		return 0, false
	}
	return v.Int64(), true
}

func slowID(raw []byte) uint64 {
	v, _ := slowInt(raw)
	if v < 0 {
		return 0
	}
	return uint64(v)
}

func slowString(raw []byte) string {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// slowMentions finds mentions in decoded segments. ok is false where the
// decoder refuses what the scanner skips over.
func slowMentions(message []byte, self uint64) (out Mentions, ok bool) {
	var value any
	if decodeJSON(message, &value) != nil {
		return out, false
	}
	var segments []any
	switch value := value.(type) {
	case []any:
		segments = value
	case map[string]any:
		segments = []any{value}
	case string:
		for _, s := range ParseCQ(value) {
			segments = append(segments, map[string]any{"type": s.Type, "data": s.Data})
		}
	}
	number := func(v any) (int64, bool) {
		switch v := v.(type) {
		case string:
			if textInt.MatchString(v) {
				return slowInt([]byte(v))
			}
		case json.Number:
			return slowInt([]byte(v))
		}
		return 0, false
	}
	for _, s := range segments {
		object, _ := s.(map[string]any)
		data, _ := object["data"].(map[string]any)
		switch object["type"] {
		case "at":
			if v, ok := number(data["qq"]); ok && v >= 0 {
				out.AtSelf = out.AtSelf || uint64(v) == self && self != 0
			} else if data["qq"] == "all" {
				out.AtAll = true
			}
		case "reply":
			if !out.HasReply {
				out.HasReply = true
				out.Reply, _ = number(data["id"])
			}
		}
	}
	return out, true
}
