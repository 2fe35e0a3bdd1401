package onebot

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// The judges of single segments. Their errors name keys; composer adds where.

func misfit(format string, args ...any) *Unsendable {
	return &Unsendable{Why: fmt.Sprintf(format, args...)}
}

// datum is the raw value of a key in an object, nil when it is absent or null.
func datum(object []byte, open int, key string) []byte {
	var found []byte
	m := members(object, open, 3)
	for m.next() {
		if v := m.value(); m.is(key) {
			found = v
		}
	}
	if m.end < 0 || isNull(found) {
		return nil
	}
	return found
}

// mediaKeys name a medium; the first that is not blank counts (napcat-onebot11.md, 5).
var mediaKeys = [...]string{"url", "file", "path"}

// source finds the key that names a medium, and its raw value.
func source(object []byte, open int, keys []string) (key string, raw []byte) {
	for _, key := range keys {
		if raw := datum(object, open, key); len(raw) > 1 && raw[0] == '"' && !blank(raw[1:len(raw)-1], true) {
			return key, raw
		}
	}
	return "", nil
}

// medium refuses a segment that names nothing, and a payload that is too large.
func (c *composer) medium(data []byte, open int, keys []string) *Unsendable {
	key, raw := source(data, open, keys)
	if key == "" {
		return misfit("data.file is missing: name a file, or give an http(s) address or base64:// data")
	}
	return c.weigh(key, raw).below("data.")
}

// weigh judges a payload that lies inside the action by its length.
func (c *composer) weigh(key string, raw []byte) *Unsendable {
	payload, inline := inlinePayload(raw[1 : len(raw)-1])
	if inline && !isData(raw[1:len(raw)-1]) {
		switch {
		case blank(payload, true):
			return misfit("%s holds nothing: write the bytes in base64 behind base64://", key)
		case !isBase64(payload):
			return misfit("%s is not base64", key)
		}
	}
	size := int64(len(payload)) / 4 * 3
	if !inline || c.rules.MaxBytes == 0 || size <= c.rules.MaxBytes {
		return nil
	}
	const mib = 1 << 20
	return misfit("%s holds %.1f MiB, mediaMaxMb allows %d", key, float64(size)/mib, c.rules.MaxBytes/mib)
}

// inlinePayload is the base64 text of a value that carries its bytes, as it stands in the JSON string.
func inlinePayload(text []byte) ([]byte, bool) {
	text = bytes.TrimLeft(text, " \t\r\n")
	for _, scheme := range [...]string{"base64://", `base64:\/\/`} {
		if foldPrefix(text, scheme) {
			return text[len(scheme):], true
		}
	}
	if foldPrefix(text, "data:") {
		_, payload, found := bytes.Cut(text, []byte(","))
		return payload, found
	}
	return nil, false
}

// isData reports whether a value is a data: URL, which need not be base64.
func isData(text []byte) bool { return foldPrefix(bytes.TrimLeft(text, " \t\r\n"), "data:") }

// isBase64 reports whether the text of a JSON string can be base64, of either alphabet; white space may stand in it, as in
// what mail programs and base64(1) write. Escapes are passed over.
func isBase64(text []byte) bool {
	digits := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '+', c == '/', c == '-', c == '_':
			digits++
		case c == '=', c == ' ':
		case c == '\\' && i+1 < len(text) && text[i+1] == 'u':
			return true // an escaped sign, which nearly nobody writes: whoever decodes it judges
		case c == '\\' && i+1 < len(text) && text[i+1] == '/':
			digits++
			i++
		case c == '\\' && i+1 < len(text) && (text[i+1] == 'n' || text[i+1] == 'r' || text[i+1] == 't'):
			i++
		default:
			return false
		}
	}
	return digits%4 != 1
}

// below puts an object in front of the key that the text begins with.
func (e *Unsendable) below(object string) *Unsendable {
	if e != nil {
		e.Why = object + e.Why
	}
	return e
}

// file judges what names a file to send, and adds the name that people will see if the app gave none: what
// becomes of the bytes on their way to NapCat must not take it away.
func (c *composer) file(object []byte, open int, keys []string) ([]byte, *Unsendable) {
	key, raw := source(object, open, keys)
	if key == "" {
		return nil, misfit("file is missing: name a file, or give an http(s) address or base64:// data")
	}
	if bad := c.weigh(key, raw); bad != nil {
		return nil, bad
	}
	if _, inline := inlinePayload(raw[1 : len(raw)-1]); inline {
		return object, nil
	}
	if given := datum(object, open, "name"); len(given) > 1 && given[0] == '"' && !blank(given[1:len(given)-1], true) {
		return object, nil
	}
	name := FileName(decodeString(raw))
	if name == "" {
		return object, nil
	}
	s := splicer{src: object, open: open, out: make([]byte, 0, len(object)+len(name)+16)}
	for m := members(object, open, 3); m.next(); {
		m.skip()
		s.begin(&m)
		if m.is("name") {
			s.remove(&m)
		} else {
			s.keep(&m)
		}
	}
	s.add(`"name":`, appendQuoted(nil, name))
	return s.finish(), nil
}

// roll makes a die or a hand with a chosen result the face that shows it: NapCat rolls dice and rps itself.
func roll(data []byte, face string, most int64) (become string, with []byte, bad *Unsendable) {
	raw := datum(data, 0, "result")
	if len(raw) == 0 || string(raw) == `""` {
		return "", data, nil
	}
	var buf [shortName + 2]byte
	result, form := readInt(plainValue(buf[:0], raw))
	if form == formNone || result < 1 || result > most {
		return "", nil, misfit("data.result is %s: give a number from 1 to %d, or leave it out for a random one", shortRaw(raw), most)
	}
	with = append([]byte(`{"id":"`), face...)
	with = strconv.AppendInt(append(with, `","resultId":"`...), result, 10)
	return `"face"`, append(with, `"}`...), nil
}

// shortRaw is a raw value for an error.
func shortRaw(raw []byte) string {
	const most = 24
	if len(raw) > most {
		return strings.ToValidUTF8(string(raw[:most]), "") + "…"
	}
	return string(raw)
}

// card judges an ark card.
func card(data []byte) *Unsendable {
	if raw := datum(data, 0, "data"); len(raw) == 0 || string(raw) == `""` {
		return misfit("data.data is missing: put the card's JSON there, as text or as an object")
	}
	return nil
}

// setting is the end of an error that a setting decides.
func (c *composer) setting(key, value string) string {
	if c.rules.App == "" {
		return key + ": " + value
	}
	return "apps." + c.rules.App + "." + key + ": " + value
}

func (c *composer) markdown(level int) *Unsendable {
	if level >= markdownLevel || !c.rules.RefuseMarkdown {
		return nil
	}
	return misfit("refused by %s; forward sends it inside a forwarded message, where QQ shows it", c.setting("markdown", "refuse"))
}

// unsupported judges the segments that NapCat drops without a word, or that make its whole send fail. Types that
// nobody has heard of pass: a newer NapCat may know them.
func (c *composer) unsupported(kind string, data []byte) (become string, with []byte, bad *Unsendable) {
	remedy, text := "", ""
	say := func(key string) string { return rawText(datum(data, 0, key)) }
	switch kind {
	case `"xml"`:
		text = say("data")
	case `"location"`:
		text = c.word("[Location]", "[位置]")
		for _, part := range [...]string{say("title"), say("content"), joined(say("lat"), ", ", say("lon"))} {
			text = joined(text, " ", part)
		}
	case `"share"`:
		text = joined(joined(say("title"), "\n", say("content")), "\n", say("url"))
	case `"poke"`, `"shake"`:
		remedy, text = "; call send_poke instead", c.word("[poke]", "[戳一戳]")
	case `"onlinefile"`:
		remedy, text = "; call send_online_file instead", c.word("[file]", "[文件]")
	case `"flashtransfer"`:
		remedy, text = "; call send_flash_msg instead", c.word("[file]", "[文件]")
	case `"anonymous"`:
		text = c.word("[anonymous]", "[匿名]")
	case `"tts"`:
		text = say("text")
	case `"cardimage"`:
		remedy, text = "; send an image instead", c.word("[image]", "[图片]")
	case `"redbag"`:
		text = c.word("[red packet]", "[红包]")
	case `"gift"`:
		text = c.word("[gift]", "[礼物]")
	default:
		return "", data, nil
	}
	if !c.rules.AsText {
		return "", nil, misfit("NapCat cannot send it (%s; text sends it as text)%s", c.setting("unsupported", "refuse"), remedy)
	}
	if text == "" {
		text = "[" + strings.Trim(kind, `"`) + "]"
	}
	return `"text"`, append(appendQuoted([]byte(`{"text":`), text), '}'), nil
}

func (c *composer) word(english, chinese string) string {
	if c.rules.Chinese {
		return chinese
	}
	return english
}

// joined puts a separator between two texts that are both there.
func joined(a, separator, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + separator + b
}
