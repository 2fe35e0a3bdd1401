package prompt

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/onebot"
)

// Bounds on the text forms of one message.
const (
	maxSegments = 300
	maxWords    = 64 << 10 // bytes of one message's text
	maxTitle    = 120      // bytes of a card's title, a file's name
	maxAddress  = 200      // bytes of a link in a card
)

// Text is a message as the model reads it: text as it is, a short form in
// square brackets of everything else. The account's own @ is left out: it only
// says who is meant. What strangers wrote has gone through Safe.
func (c *Chat) Text(segments []onebot.Segment) string { return c.text(segments, maxWords) }

// text is Text that need not go on after max bytes; it may be longer.
func (c *Chat) text(segments []onebot.Segment, max int) string {
	var out strings.Builder
	for i, s := range segments {
		if i == maxSegments || out.Len() > max {
			out.WriteString("…")
			break
		}
		words := c.segment(&s, max)
		if words == "" {
			continue
		}
		// A short form stands apart from words: "[image]what is this" reads as one word to small models.
		if s.Type != "text" && out.Len() > 0 && !strings.HasSuffix(out.String(), " ") && !strings.HasSuffix(out.String(), "\n") {
			out.WriteByte(' ')
		}
		out.WriteString(words)
		if s.Type != "text" && i+1 < len(segments) && !strings.HasPrefix(value(segments[i+1].Data["text"]), " ") {
			out.WriteByte(' ')
		}
	}
	// Once more over the whole: two segments may be half a token each.
	return strings.TrimSpace(Safe(out.String()))
}

// segment is the text form of one segment, "" for none; words are cut to about max bytes before anything is done with them.
func (c *Chat) segment(s *onebot.Segment, max int) string {
	l := c.Language
	get := func(key string) string { return value(s.Data[key]) }
	switch s.Type {
	case "text":
		return Safe(Cut(get("text"), max+len("…")))
	case "at":
		return c.at(get("qq"), get("name"))
	case "reply": // which one is told by the quoted block, and in the history by its id
		return bracket("re #" + plain(get("id"), 24))
	case "face":
		return bracket(c.face(s))
	case "mface":
		return c.sticker(get("summary"))
	case "image":
		if get("emoji_id") != "" || get("sub_type") == "1" || get("sub_type") == "7" {
			return c.sticker(get("summary"))
		}
		if get("type") == "flash" {
			return bracket(l.pick("flash image", "闪照"))
		}
		return bracket(l.pick("image", "图片"))
	case "record":
		return bracket(l.pick("voice message", "语音"))
	case "video":
		return bracket(l.pick("video", "视频"), amount(get("file_size")))
	case "file":
		return bracket(l.pick("file", "文件"), fileName(first(get("name"), get("file"))), amount(get("file_size")))
	case "onlinefile":
		return bracket(l.pick("online file", "在线文件"), fileName(get("fileName")), amount(get("fileSize")))
	case "flashtransfer":
		return bracket(l.pick("flash transfer", "闪传文件"))
	case "dice":
		return bracket(l.pick("dice", "骰子"), plain(get("result"), 8))
	case "rps":
		return bracket(l.pick("rock-paper-scissors", "猜拳"), plain(get("result"), 8))
	case "poke":
		return bracket(l.pick("poke", "戳一戳"))
	case "shake":
		return bracket(l.pick("shake", "窗口抖动"))
	case "forward":
		if nodes := nodesOf(s.Data["content"]); len(nodes) > 0 {
			return bracket(fmt.Sprintf(l.pick("forwarded chat of %d messages", "合并转发的 %d 条消息"), len(nodes)))
		}
		return bracket(l.pick("forwarded chat", "合并转发"))
	case "node":
		return bracket(l.pick("forwarded chat", "合并转发"))
	case "json":
		return c.card(s.Data["data"])
	case "xml":
		return bracket(l.pick("card", "卡片"))
	case "markdown":
		return Safe(Plain(Cut(get("content"), max+len("…"))))
	case "music":
		return bracket(l.pick("music", "音乐"), title(get("title")), title(first(get("singer"), get("content"))), first(address(get("url")), title(get("type")+" "+get("id"))))
	case "share":
		return bracket(l.pick("link", "链接"), title(get("title")), title(get("content")), address(get("url")))
	case "contact":
		if get("type") == "group" {
			return bracket(l.pick("contact card of group", "群名片"), plain(get("id"), 24))
		}
		return bracket(l.pick("contact card of QQ", "QQ 名片"), plain(get("id"), 24))
	case "location":
		place := ""
		if lat, lon := plain(get("lat"), 16), plain(get("lon"), 16); lat != "" && lon != "" {
			place = lat + "," + lon
		}
		return bracket(l.pick("location", "位置"), title(get("title")), title(get("content")), place)
	case "redbag", "hongbao":
		return bracket(l.pick("red packet", "红包"), title(get("title")))
	case "gift":
		return bracket(l.pick("gift", "礼物"))
	case "tts":
		return bracket(l.pick("voice message", "语音"), title(get("text")))
	case "keyboard":
		return ""
	}
	return bracket(l.pick("message of type", "消息类型"), title(s.Type))
}

func (c *Chat) at(qq, given string) string {
	if qq == "all" {
		return c.Language.pick("@everyone", "@全体成员")
	}
	id, err := strconv.ParseUint(qq, 10, 64)
	if err != nil {
		return "@" + name(first(given, qq))
	}
	if id == c.Self.QQ {
		return ""
	}
	known := ""
	if c.Names != nil {
		known = c.Names(id)
	}
	return "@" + Speaker{id, first(known, strings.TrimPrefix(given, "@"))}.String()
}

func (c *Chat) face(s *onebot.Segment) string {
	id := value(s.Data["id"])
	raw, _ := s.Data["raw"].(map[string]any)
	word := strings.TrimPrefix(value(raw["faceText"]), "/")
	if word == "" {
		word = faceName(id)
	}
	if word == "" {
		word = "#" + plain(id, 12)
	}
	return c.Language.pick("face ", "表情 ") + title(word)
}

func (c *Chat) sticker(summary string) string {
	summary = strings.Trim(summary, "[] ")
	if summary == "动画表情" { // QQ's word for any sticker
		summary = ""
	}
	return bracket(c.Language.pick("sticker", "表情包"), title(summary))
}

// bracket joins the parts that are not empty.
func bracket(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			kept = append(kept, p)
		}
	}
	return "[" + strings.Join(kept, " ") + "]"
}

// value is a segment's value as text.
func value(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// title is a stranger's short text inside brackets.
func title(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '[', '【':
			return '('
		case ']', '】':
			return ')'
		case '\n', '\t':
			return ' '
		}
		return r
	}, Safe(Cut(s, 4*maxTitle)))
	return Cut(strings.Join(strings.Fields(s), " "), maxTitle)
}

// fileName is a file's name without the folders of somebody's machine; "" for an address.
func fileName(s string) string {
	if strings.Contains(s, "://") {
		return ""
	}
	return title(s[strings.LastIndexAny(s, `/\`)+1:])
}

// address is a link without its query, which is mostly tracking and tokens.
func address(s string) string {
	s, _, _ = strings.Cut(s, "?")
	s, _, _ = strings.Cut(s, "#")
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") || strings.ContainsAny(s, " \n\t[]") {
		return ""
	}
	return Cut(Safe(s), maxAddress)
}

// plain keeps what numbers and ids are made of.
func plain(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, Cut(s, max))
	return s
}

func amount(s string) string {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return ""
	}
	return size(n)
}

func first(values ...string) string {
	for _, v := range values {
		if strings.TrimSpace(v) != "" {
			return v
		}
	}
	return ""
}
