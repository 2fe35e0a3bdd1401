package prompt

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// maxCard bounds the JSON of a card that is looked into.
const maxCard = 64 << 10

// card is the short form of a json segment: QQ's "ark" cards, which mini apps,
// shared links, music, places, contacts and some forwards arrive as.
func (c *Chat) card(data any) string {
	l := c.Language
	var ark struct {
		App    string                     `json:"app"`
		Prompt string                     `json:"prompt"`
		Meta   map[string]json.RawMessage `json:"meta"`
	}
	switch data := data.(type) {
	case string:
		if len(data) <= maxCard {
			_ = json.Unmarshal([]byte(data), &ark) // what could be read is enough
		}
	case map[string]any:
		if raw, err := json.Marshal(data); err == nil && len(raw) <= maxCard {
			_ = json.Unmarshal(raw, &ark)
		}
	}
	// The one member of meta is named after the view: detail_1, news, music, Location.Search ...
	detail := make(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(ark.Meta)) {
		if json.Unmarshal(ark.Meta[key], &detail) == nil && len(detail) > 0 {
			break
		}
	}
	get := func(keys ...string) string {
		for _, key := range keys {
			if s := value(detail[key]); strings.TrimSpace(s) != "" {
				return s
			}
		}
		return ""
	}
	heading, more := get("title", "name", "nickname"), get("desc", "address", "summary", "contact")
	link := address(strings.ReplaceAll(get("qqdocurl", "jumpUrl", "jump_url", "url"), `\/`, "/"))
	kind := l.pick("card", "卡片")
	switch {
	case strings.HasPrefix(ark.App, "com.tencent.map"):
		kind, link = l.pick("location", "位置"), ""
		if lat, lng := plain(get("lat"), 16), plain(get("lng"), 16); lat != "" && lng != "" {
			link = lat + "," + lng
		}
	case strings.HasPrefix(ark.App, "com.tencent.contact"), strings.HasPrefix(ark.App, "com.tencent.troopsharecard"):
		kind, link = l.pick("contact card", "名片"), ""
	case strings.HasPrefix(ark.App, "com.tencent.music"), ark.Meta["music"] != nil:
		kind = l.pick("music", "音乐")
	case strings.HasPrefix(ark.App, "com.tencent.miniapp"):
		kind = l.pick("mini app", "小程序")
	case strings.HasPrefix(ark.App, "com.tencent.multimsg"):
		kind, heading, more, link = l.pick("forwarded chat", "合并转发"), get("source"), get("summary"), ""
	case strings.HasPrefix(ark.App, "com.tencent.mannounce"):
		kind = l.pick("group announcement", "群公告")
		heading, more = "", ""
	case ark.Meta["news"] != nil:
		kind = l.pick("link", "链接")
	}
	if heading == "" && more == "" {
		heading = strings.Trim(ark.Prompt, "[] ")
	}
	return bracket(kind, title(heading), title(more), link)
}
