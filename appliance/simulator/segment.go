package simulator

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Text is a text segment.
func Text(s string) Segment { return Segment{Type: "text", Data: map[string]any{"text": s}} }

// At mentions a user.
func At(user uint64) Segment { return Segment{Type: "at", Data: map[string]any{"qq": decimal(user)}} }

// AtAll mentions everybody.
func AtAll() Segment { return Segment{Type: "at", Data: map[string]any{"qq": "all"}} }

// Reply quotes the message with this id.
func Reply(messageID int64) Segment {
	return Segment{Type: "reply", Data: map[string]any{"id": jsonInt(messageID)}}
}

// Face is one of QQ's own emoji.
func Face(id string) Segment {
	return Segment{Type: "face", Data: map[string]any{"id": id, "raw": map[string]any{"faceType": 1}, "resultId": nil, "chainCount": nil}}
}

// Image is a received image. An empty url becomes one of NapCat's first shape (reference 6), with a fake rkey.
func Image(file, url string) Segment {
	if url == "" {
		url = mediaURL("1407", file)
	}
	return Segment{Type: "image", Data: map[string]any{"summary": "", "file": file, "sub_type": 0, "url": url, "file_size": jsonInt(int64(len(pixel)))}}
}

// Record is a received voice message.
func Record(file string) Segment {
	return Segment{Type: "record", Data: map[string]any{"file": file, "path": hostPath(file), "url": mediaURL("1402", file), "file_size": jsonInt(int64(len(pixel)))}}
}

// Video is a received video.
func Video(file string) Segment {
	return Segment{Type: "video", Data: map[string]any{"file": file, "url": mediaURL("1415", file), "file_size": jsonInt(int64(len(pixel)))}}
}

// File is a received file.
func File(name, fileID string, size int64) Segment {
	return Segment{Type: "file", Data: map[string]any{"file": name, "file_id": fileID, "file_size": jsonInt(size)}}
}

// Card is a received ark card (mini app, share, music): its JSON as text.
func Card(data string) Segment { return Segment{Type: "json", Data: map[string]any{"data": data}} }

// Forward is a received forwarded chat log; id is a 19-digit NT id as text.
func Forward(id string) Segment { return Segment{Type: "forward", Data: map[string]any{"id": id}} }

// jsonInt is a number as NapCat writes sizes and ids inside segments: as text.
func jsonInt(v int64) string { return strconv.FormatInt(v, 10) }

func mediaURL(appid, file string) string {
	return "https://multimedia.nt.qq.com.cn/download?appid=" + appid + "&fileid=" + digest(file) + "&rkey=simulated"
}

// hostPath is a path on the machine where NapCat would run. It names nothing.
func hostPath(file string) string { return "/app/.config/QQ/NapCat/temp/" + file }

// keyOrder is the order of data keys in NapCat's own segments; other keys follow by name.
func keyOrder(key string) int {
	i := slices.Index([]string{"qq", "text", "id", "type", "summary", "file", "file_id", "path", "sub_type", "url", "file_size",
		"key", "emoji_id", "emoji_package_id", "raw", "resultId", "chainCount"}, key)
	if i < 0 {
		return 1 << 10
	}
	return i
}

func dataKeys(data map[string]any) []string {
	keys := make([]string, 0, len(data))
	for k := range data {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := keyOrder(a) - keyOrder(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return keys
}

// encodeSegments is the array form.
func encodeSegments(segments []Segment) json.RawMessage {
	out := []byte{'['}
	for i, s := range segments {
		if i > 0 {
			out = append(out, ',')
		}
		var data object
		for _, k := range dataKeys(s.Data) {
			data.add(k, s.Data[k])
		}
		var seg object
		out = append(out, seg.add("type", s.Type).add("data", &data).bytes()...)
	}
	return append(out, ']')
}

// encodeCQ is raw_message: empty, null and missing values are omitted, objects are embedded as JSON, arrays lose their
// content, and the whole is trimmed (reference 7).
func encodeCQ(segments []Segment) string {
	var b strings.Builder
	for _, s := range segments {
		if s.Type == "text" {
			text, _ := s.Data["text"].(string)
			b.WriteString(escapeCQ(text, false))
			continue
		}
		b.WriteString("[CQ:" + s.Type)
		for _, k := range dataKeys(s.Data) {
			var value string
			switch v := s.Data[k].(type) {
			case nil:
				continue
			case string:
				value = v
			case []any:
				value = strings.TrimSuffix(strings.Repeat("[object Object],", len(v)), ",")
			default:
				value = string(encode(v))
			}
			if value != "" {
				b.WriteString("," + k + "=" + escapeCQ(value, true))
			}
		}
		b.WriteByte(']')
	}
	return strings.TrimSpace(b.String())
}

func escapeCQ(s string, parameter bool) string {
	s = strings.NewReplacer("&", "&amp;", "[", "&#91;", "]", "&#93;").Replace(s)
	if parameter {
		s = strings.ReplaceAll(s, ",", "&#44;")
	}
	return s
}

// plainText is what a person reads: the text segments joined.
func plainText(segments []Segment) string {
	var b strings.Builder
	for _, s := range segments {
		if text, ok := s.Data["text"].(string); ok && s.Type == "text" {
			b.WriteString(text)
		}
	}
	return b.String()
}
