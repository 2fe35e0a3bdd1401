package onebot

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Bounds of what stands for a card.
const (
	maxTitle = 160       // characters
	maxCard  = 256 << 10 // bytes of a json card that are looked into
	maxNodes = 3         // messages of a forward that are told
)

// title is what a card says of itself in QQ's list of chats: the prompt of a json card, the title of a link, the name of a place. It is
// empty for other segments, and for a card that says nothing.
func title(s Segment, inner bool) string {
	data := s.Data
	var parts []string
	switch s.Type {
	case "json":
		parts = cardTitle(data["data"])
	case "share":
		parts = []string{valueText(data["title"]), valueText(data["content"])}
		if strings.TrimSpace(strings.Join(parts, "")) == "" {
			parts = []string{valueText(data["url"])}
		}
	case "location":
		parts = []string{valueText(data["title"]), valueText(data["address"]), valueText(data["content"])}
		if strings.TrimSpace(strings.Join(parts, "")) == "" {
			parts = []string{valueText(data["lat"]), valueText(data["lon"])}
		}
	case "markdown":
		parts = []string{valueText(data["content"])}
	case "music":
		parts = []string{valueText(data["title"]), valueText(data["singer"]), valueText(data["content"])}
		if strings.TrimSpace(strings.Join(parts, "")) == "" {
			parts = []string{valueText(data["type"]), valueText(data["id"])}
		}
	case "contact":
		parts = []string{valueText(data["type"]), valueText(data["id"])}
	case "forward":
		if !inner {
			parts = nodeTitles(data["content"])
		}
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return strings.TrimSpace(part) == "" })
	return oneLine(strings.Join(slices.Compact(parts), " "), maxTitle)
}

// cardTitle reads a card of QQ (ark): its prompt, else the titles in its meta.
func cardTitle(v any) []string {
	if text, ok := v.(string); ok {
		if v = nil; len(text) <= maxCard {
			_ = decodeJSON([]byte(text), &v) // what is no JSON has no title
		}
	}
	card, _ := v.(map[string]any)
	for _, key := range []string{"prompt", "desc"} {
		if text := valueText(card[key]); strings.TrimSpace(text) != "" {
			return []string{text}
		}
	}
	meta, _ := card["meta"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if part, ok := meta[key].(map[string]any); ok {
			return []string{valueText(part["title"]), valueText(part["desc"])}
		}
	}
	return nil
}

// nodeTitles are the first messages of a forward that brings them along.
func nodeTitles(v any) []string {
	nodes, _ := v.([]any)
	var out []string
	for _, node := range nodes[:min(len(nodes), maxNodes)] {
		event, _ := node.(map[string]any)
		message, err := json.Marshal(event["message"])
		if err != nil || event["message"] == nil {
			continue
		}
		sender, _ := event["sender"].(map[string]any)
		out = append(out, valueText(sender["nickname"])+": "+summary(message, maxTitle/maxNodes, true))
	}
	return out
}
