package prompt

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// block is context that other people wrote. The text has gone through Safe.
type block struct {
	kind, name, text string
}

// alphabet has 32 characters, none of which looks like another.
const alphabet = "abcdefghijkmnpqrstuvwxyz23456789"

// mark is an id of 8 characters that occurs in none of the texts. It is drawn
// after they were written, and looked for in them, so it can be neither known
// nor met.
func (c *Chat) mark(texts ...string) string {
	for try := 0; ; try++ {
		var n uint64
		if c.Random != nil {
			n = c.Random()
		}
		n += uint64(try) // ends the search also where the source of randomness is stuck
		var id [8]byte
		for i := range id {
			id[i] = alphabet[n&31]
			n >>= 5
		}
		mark := string(id[:])
		met := false
		for _, text := range texts {
			met = met || strings.Contains(text, mark)
		}
		if !met {
			return mark
		}
	}
}

func (c *Chat) writeBlocks(out *strings.Builder, blocks []block, said string) {
	if len(blocks) == 0 {
		return
	}
	texts := []string{said}
	for _, b := range blocks {
		texts = append(texts, b.text, b.name)
	}
	mark := c.mark(texts...)
	for _, b := range blocks {
		out.WriteString("<" + b.kind + " " + mark)
		if b.name != "" {
			out.WriteString(` "` + b.name + `"`)
		}
		out.WriteString(">\n" + b.text + "\n</" + b.kind + " " + mark + ">\n")
	}
}

// Untrusted puts text of others between marks, as Turn does: for results of
// tools, of which kind is the name.
func (c *Chat) Untrusted(kind, text string) string {
	kind = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, kind)
	text = Safe(text)
	mark := c.mark(text, kind)
	return "<" + kind + " " + mark + ">\n" + text + "\n</" + kind + " " + mark + ">"
}

// file is a file's text within max bytes, or why it is not shown.
func (c *Chat) file(f File, max int) string {
	data := bytes.TrimPrefix(f.Data, []byte("\ufeff"))
	head := data[:min(len(data), max)]
	for len(head) > 0 && len(head) < len(data) && !utf8.RuneStart(data[len(head)]) {
		head = head[:len(head)-1]
	}
	if !utf8.Valid(head) || bytes.IndexByte(head, 0) >= 0 {
		return c.Language.pick("(not shown: no UTF-8 text)", "（未显示：不是 UTF-8 文本）")
	}
	text := Safe(string(head))
	if len(head) < len(data) {
		text += "\n" + fmt.Sprintf(c.Language.pick("(cut: %s in all)", "（已截断：共 %s）"), size(int64(len(data))))
	}
	return text
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 0:
		return "?"
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%d KB", (n+500)/1000)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
