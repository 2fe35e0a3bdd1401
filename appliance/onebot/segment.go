package onebot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Segment is one part of a message, decoded. Numbers in Data are json.Number,
// because NapCat's ids exceed what a float keeps.
type Segment struct {
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

// ErrMessage: a message value is neither text, nor a segment, nor an array of segments.
var ErrMessage = errors.New("a message is a string, a segment object or an array of segments")

// ParseMessage decodes the raw value of message: an array, a single segment
// object, or a CQ string. It is for callers that need the whole content; the
// path of an event needs ScanMentions and AppendText only.
func ParseMessage(raw []byte) ([]Segment, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil, ErrMessage
	}
	var value any
	if err := decodeJSON(raw, &value); err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	switch value := value.(type) {
	case string:
		return ParseCQ(value), nil
	case map[string]any:
		s, err := segmentOf(value)
		if err != nil {
			return nil, fmt.Errorf("reading a segment: %w", err)
		}
		return []Segment{s}, nil
	case []any:
		out := make([]Segment, len(value))
		for i, v := range value {
			s, err := segmentOf(v)
			if err != nil {
				return nil, fmt.Errorf("reading segment %d: %w", i, err)
			}
			out[i] = s
		}
		return out, nil
	}
	return nil, ErrMessage
}

// segmentOf reads names exactly as they are written: encoding/json would take
// "TYPE" for "type" in a struct, and no framework does.
func segmentOf(v any) (Segment, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return Segment{}, ErrMessage
	}
	kind, _ := object["type"].(string)
	if kind == "" {
		return Segment{}, fmt.Errorf("no type: %w", ErrMessage)
	}
	data, ok := object["data"].(map[string]any)
	if !ok {
		if object["data"] != nil {
			return Segment{}, fmt.Errorf("data is no object: %w", ErrMessage)
		}
		data = map[string]any{} // the standard allows null
	}
	return Segment{Type: kind, Data: data}, nil
}

// decodeJSON is json.Unmarshal that keeps numbers exact.
func decodeJSON(raw []byte, into any) error {
	if end := scanValue(raw, 0, 0); end != len(raw) { // also bounds the depth
		if end < 0 {
			return fault(end)
		}
		return &SyntaxError{Offset: end}
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(into)
}
