package prompt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what is looked for ahead, so that the time stays linear.
const (
	maxTarget = 1024 // bytes of a link's address
	maxTag    = 200  // bytes of an HTML tag
)

// piece is a part of a line: text that stays, or a run of marks that goes when it has a partner.
type piece struct {
	text string
	gone bool
}

// run names a kind of emphasis.
type run struct {
	mark byte
	n    int
}

// inlining takes a line apart.
type inlining struct {
	s        string
	pieces   []piece
	plain    int         // where the text that is not yet a piece begins
	opened   map[run]int // last piece that may open, by kind
	brackets []int       // pieces that are a [ or ![
	ticks    map[int]int // for each run of backticks, where the next of its length begins
}

// inline removes the marks inside a line.
func inline(s string) string {
	if !strings.ContainsAny(s, "*_~`[]<&\\") {
		return s
	}
	p := inlining{s: s, opened: make(map[run]int)}
	for i := 0; i < len(s); {
		i += p.step(i)
	}
	p.flush(len(s))
	var out strings.Builder
	for _, piece := range p.pieces {
		if !piece.gone {
			out.WriteString(piece.text)
		}
	}
	return out.String()
}

func endsAddress(r rune) bool {
	return unicode.IsSpace(r) || r >= utf8.RuneSelf || strings.ContainsRune("<>()[]\"'*`\\|", r)
}

func (p *inlining) flush(to int) {
	if p.plain < to {
		p.pieces = append(p.pieces, piece{text: p.s[p.plain:to]})
	}
}

// put ends the plain text at from, adds text, and goes on at to; it gives back how far that is.
func (p *inlining) put(from, to int, text string) int {
	p.flush(from)
	p.pieces = append(p.pieces, piece{text: text})
	p.plain = to
	return to - from
}

// step reads what begins at i, and gives its length.
func (p *inlining) step(i int) int {
	s := p.s
	switch c := s[i]; c {
	case '\\':
		if i+1 < len(s) && strings.IndexByte("\\`*_{}[]()#+-.!<>~|", s[i+1]) >= 0 {
			return p.put(i, i+2, s[i+1:i+2])
		}
	case '`':
		return p.code(i)
	case '*', '_', '~':
		return p.emphasis(i, c)
	case 'h': // the marks inside an address are its own
		if rest := s[i:]; strings.HasPrefix(rest, "http://") || strings.HasPrefix(rest, "https://") {
			if end := strings.IndexFunc(rest, endsAddress); end >= 0 {
				return end
			}
			return len(rest)
		}
	case '!':
		if strings.HasPrefix(s[i:], "![") {
			n := p.put(i, i+2, "![")
			p.brackets = append(p.brackets, len(p.pieces)-1)
			return n
		}
	case '[':
		n := p.put(i, i+1, "[")
		p.brackets = append(p.brackets, len(p.pieces)-1)
		return n
	case ']':
		return p.link(i)
	case '<':
		return p.tag(i)
	case '&':
		for name, text := range map[string]string{"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": `"`, "&#39;": "'", "&nbsp;": " "} {
			if strings.HasPrefix(s[i:], name) {
				return p.put(i, i+len(name), text)
			}
		}
	}
	return 1
}

// code copies a code span without its marks.
func (p *inlining) code(i int) int {
	s := p.s
	if p.ticks == nil {
		p.ticks = make(map[int]int)
		last := make(map[int]int) // by length
		for end := len(s); end > 0; {
			if s[end-1] != '`' {
				end--
				continue
			}
			start := end
			for start > 0 && s[start-1] == '`' {
				start--
			}
			if next, ok := last[end-start]; ok {
				p.ticks[start] = next
			}
			last[end-start] = start
			end = start
		}
	}
	n := 1
	for i+n < len(s) && s[i+n] == '`' {
		n++
	}
	next, ok := p.ticks[i]
	if !ok {
		return n
	}
	body := s[i+n : next]
	if trimmed := strings.TrimSpace(body); trimmed != "" {
		body = trimmed
	}
	return p.put(i, next+n, body)
}

// emphasis reads a run of marks. Its outside must be no letter or digit, its inside no space.
func (p *inlining) emphasis(i int, mark byte) int {
	s := p.s
	n := 1
	for i+n < len(s) && s[i+n] == mark {
		n++
	}
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+n:])
	begins, ends := i == 0, i+n == len(s)
	opens := !ends && !unicode.IsSpace(after) && (begins || !wordy(before))
	closes := !begins && !unicode.IsSpace(before) && (ends || !wordy(after))
	if n > 3 || mark == '~' && n != 2 || !opens && !closes {
		return n
	}
	kind := run{mark, n}
	opener, open := p.opened[kind]
	switch {
	case closes && open:
		p.put(i, i+n, "")
		p.pieces[opener].gone = true
		delete(p.opened, kind)
	case opens:
		p.put(i, i+n, s[i:i+n])
		p.opened[kind] = len(p.pieces) - 1
	}
	return n
}

// link reads ](address) and what it belongs to.
func (p *inlining) link(i int) int {
	if len(p.brackets) == 0 {
		return 1
	}
	opener := p.brackets[len(p.brackets)-1]
	p.brackets = p.brackets[:len(p.brackets)-1]
	if !strings.HasPrefix(p.s[i+1:], "(") {
		return 1
	}
	rest := p.s[i+2 : min(len(p.s), i+2+maxTarget)]
	depth, end := 0, -1
	for j := 0; j < len(rest) && end < 0; j++ {
		switch rest[j] {
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				end = j
			}
		}
	}
	if end < 0 {
		return 1
	}
	target := strings.TrimSpace(rest[:end])
	if at := strings.IndexAny(target, " \t"); at >= 0 { // a title behind the address
		target = target[:at]
	}
	target = strings.Trim(target, "<>")
	p.flush(i)
	p.plain = i
	p.pieces[opener].gone = true
	shown := target
	if label := p.pieces[opener+1:]; len(label) > 0 && target != "" {
		shown = " (" + target + ")"
		if len(label) == 1 && (label[0].text == target || "mailto:"+label[0].text == target) {
			shown = ""
		}
	}
	return p.put(i, i+3+end, shown)
}

// tag reads <address> and the HTML that models like.
func (p *inlining) tag(i int) int {
	end := strings.IndexByte(p.s[i:min(len(p.s), i+maxTag)], '>')
	if end < 0 {
		return 1
	}
	inside := p.s[i+1 : i+end]
	if strings.HasPrefix(inside, "http://") || strings.HasPrefix(inside, "https://") {
		return p.put(i, i+end+1, inside)
	}
	name, _, _ := strings.Cut(strings.Trim(inside, "/ "), " ")
	switch strings.ToLower(name) {
	case "br":
		return p.put(i, i+end+1, "\n")
	case "b", "i", "u", "p", "strong", "em", "sub", "sup", "span", "div", "details", "summary", "center", "font", "kbd", "mark", "small", "del", "ins":
		return p.put(i, i+end+1, "")
	}
	return 1
}
