package simulator

import (
	"encoding/base64"
	"strings"
)

// received turns segments as an app sends them into segments as QQ shows them afterwards (reference 5): what cannot be
// sent is dropped without notice, an unknown type fails the whole message, and so does a message that has become empty.
func (s *state) received(m *message, segments []Segment) ([]Segment, error) {
	out := make([]Segment, 0, len(segments))
	for _, seg := range segments {
		shown, err := s.shown(m, seg)
		if err != nil {
			return nil, err
		}
		if shown.Type != "" {
			out = append(out, shown)
		}
	}
	if len(out) == 0 {
		return nil, broken("消息体无法解析, 请检查是否发送了不支持的消息类型")
	}
	return out, nil
}

// shown is one of them; the zero segment is a dropped one.
func (s *state) shown(m *message, seg Segment) (Segment, error) {
	switch seg.Type {
	case "text":
		text := toText(seg.Data["text"])
		if text == "" {
			return Segment{}, nil
		}
		return Text(text), nil
	case "at":
		qq := toText(seg.Data["qq"])
		if !m.chat.group {
			return Segment{}, nil
		}
		if qq != "all" && toID(qq) == 0 {
			return Segment{}, broken("无法获取用户信息")
		}
		return Segment{Type: "at", Data: map[string]any{"qq": qq}}, nil
	case "reply":
		quoted := s.resolve(toText(seg.Data["id"]))
		if seq := toText(seg.Data["seq"]); seq != "" {
			quoted = s.bySeq(m.chat, toID(seq))
		}
		if quoted == nil {
			return Segment{}, nil
		}
		return Reply(quoted.id), nil
	case "face":
		return Face(toText(seg.Data["id"])), nil
	case "image":
		return s.media(seg, "image")
	case "record", "video", "file":
		return s.media(seg, seg.Type)
	case "mface":
		id := toText(seg.Data["emoji_id"])
		return Segment{Type: "image", Data: map[string]any{"summary": toText(seg.Data["summary"]), "file": "xx-" + id + ".gif",
			"url": "https://gxh.vip.qq.com/club/item/parcel/item/xx/" + id + "/raw300.gif", "key": toText(seg.Data["key"]),
			"emoji_id": id, "emoji_package_id": toID(seg.Data["emoji_package_id"])}}, nil
	case "dice":
		return Segment{Type: "dice", Data: map[string]any{"result": jsonInt(1 + s.random.Int64N(6))}}, nil
	case "rps":
		return Segment{Type: "rps", Data: map[string]any{"result": jsonInt(1 + s.random.Int64N(3))}}, nil
	case "json":
		if text, ok := seg.Data["data"].(string); ok {
			return Card(text), nil
		}
		return Card(string(encode(seg.Data["data"]))), nil
	case "music", "contact":
		return Card(string(encode(map[string]any{"app": "com.tencent.simulated." + seg.Type, "meta": seg.Data}))), nil
	case "markdown":
		return Segment{Type: "markdown", Data: map[string]any{"content": toText(seg.Data["content"])}}, nil
	case "forward":
		return Forward(toText(seg.Data["id"])), nil
	case "poke", "xml", "miniapp", "onlinefile", "flashtransfer":
		return Segment{}, nil // dropped without notice
	case "location":
		return Text("[位置]"), nil
	}
	return Segment{}, broken("未知的消息类型：%s", seg.Type)
}

// media keeps what was sent and shows it as received. The priority is url, file, path (first that is not blank).
func (s *state) media(seg Segment, kind string) (Segment, error) {
	source := ""
	for _, key := range []string{"url", "file", "path"} {
		if source = strings.TrimSpace(toText(seg.Data[key])); source != "" {
			break
		}
	}
	if source == "" {
		return Segment{}, broken("文件消息缺少参数 %s", kind)
	}
	data, err := content(source)
	if err != nil {
		return Segment{}, err
	}
	name := firstText(seg.Data["name"])
	hash := strings.ToUpper(digest(string(data) + source[:min(len(source), 1024)]))
	var out Segment
	switch kind {
	case "image":
		out = Image(hash+".png", "")
		out.Data["summary"] = toText(seg.Data["summary"])
		out.Data["sub_type"] = Params(seg.Data).int("sub_type", 0)
		name = hash + ".png"
	case "record":
		name = hash + ".amr"
		out = Record(name)
	case "video":
		name = hash + ".mp4"
		out = Video(name)
	default:
		if len(data) == 0 {
			return Segment{}, broken("文件异常，大小为0")
		}
		if name == "" {
			name = baseName(source)
		}
		out = File(name, "/"+hash, int64(len(data)))
		s.files.put("/"+hash, name, data)
	}
	out.Data["file_size"] = jsonInt(int64(len(data)))
	s.files.put(name, name, data)
	return out, nil
}

// content is what a source holds: base64 and data URLs are decoded, anything else (a path, a link) is pretended.
// Nothing is opened and nothing is fetched.
func content(source string) ([]byte, error) {
	var encoded string
	switch {
	case strings.HasPrefix(source, "base64://"):
		encoded = source[len("base64://"):]
	case strings.HasPrefix(source, "data:"):
		_, encoded, _ = strings.Cut(source, "base64,")
	default:
		return []byte(pixel), nil
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		if data, err = base64.RawStdEncoding.DecodeString(encoded); err != nil {
			return nil, broken("识别URL失败, uri= base64")
		}
	}
	return data, nil
}

func baseName(source string) string {
	if strings.HasPrefix(source, "base64://") || strings.HasPrefix(source, "data:") {
		return "file"
	}
	source, _, _ = strings.Cut(source, "?")
	return source[strings.LastIndexAny(source, `/\`)+1:]
}

// resolve finds a message that NapCat has shown, by short id or NT id.
func (s *state) resolve(id string) *message {
	n := toID(id)
	if n == 0 {
		return nil
	}
	if n < 1<<31 {
		return s.ids[int64(n)]
	}
	for _, m := range s.ids {
		if m.nt == n {
			return m
		}
	}
	return nil
}

func (s *state) bySeq(chat chatKey, seq uint64) *message {
	if c := s.chats[chat]; c != nil {
		for _, m := range c.messages {
			if m.seq == seq {
				return m
			}
		}
	}
	return nil
}
