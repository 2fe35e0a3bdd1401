package onebot

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// piece is a part of a text: text[from:to], with what a fence that was cut
// needs around it.
type piece struct {
	from, to, next int // text[to:next] is white space, or the end of a fence, that is left out
	before, after  string
}

// has reports whether a thing at an offset belongs to the piece, and not to
// one behind it: it stays with the text that it touches.
func (p piece) has(at int) bool { return at < p.to || at == p.to && p.next > p.to }

// rank is how good a place is for a cut.
type rank uint8

const (
	atCluster rank = iota
	atSpace
	atComma
	atSentence
	atNewline
	atBlankLine
	ranks
)

// cutText cuts a text into at most `most` pieces of at most limit UTF-16 code
// units; whole is false when that is not all of it (design: POLICY, Text
// chunking).
//
//   - It cuts at the last blank line that fits, else at the last newline, end
//     of a sentence, comma, white space, else anywhere between grapheme
//     clusters. White space at a cut is left out, but for the indentation of
//     the next line. Quotes and brackets that end a sentence stay with it.
//   - A fenced block of code that is cut is closed, and opened again with its
//     own info string. It is never cut in or behind its opening line. A fence
//     whose lines alone would take half of the limit is text like any other.
//   - A grapheme cluster that is longer than the limit is a piece of its own.
func cutText(text string, limit, most int) (pieces []piece, whole bool) {
	c := cutter{text: text, limit: limit, fences: fences(text, limit)}
	for at := 0; at < len(text); {
		p, ok := c.piece(at)
		if !ok {
			break // white space to the end
		}
		at = p.next
		if strings.TrimSpace(text[p.from:p.to]) == "" {
			continue // a no-break space that stood alone
		}
		if len(pieces) == most {
			return pieces, false
		}
		pieces = append(pieces, p)
	}
	return pieces, true
}

// CutText cuts a text where Chunks would; short ones are one piece. The error is ErrChunks.
func CutText(text string, limit int) ([]string, error) {
	if limit <= 0 || units(text) <= limit {
		return []string{text}, nil
	}
	pieces, whole := cutText(text, limit, MaxChunks)
	if !whole {
		return nil, ErrChunks
	}
	out := make([]string, len(pieces))
	for i, p := range pieces {
		out[i] = p.before + text[p.from:p.to] + p.after
	}
	return out, nil
}

// cutter is the work on one text.
type cutter struct {
	text   string
	limit  int
	fences []fence // those that the work has not passed

	best   [ranks]piece // the last place of each rank
	found  [ranks]bool
	forced piece // the last place that fits, whatever it breaks
}

// piece cuts the next piece off; false when only white space is left.
func (c *cutter) piece(start int) (piece, bool) {
	for len(c.fences) > 0 && c.fences[0].closed <= start {
		c.fences = c.fences[1:]
	}
	c.found, c.forced = [ranks]bool{}, piece{}
	p := piece{from: start}
	room := c.limit
	if f := c.around(start); f != nil && start >= f.body {
		p.before = f.line + "\n"
		room -= units(p.before)
	}
	var (
		used    int  // units before at
		seen    bool // something that is no white space
		ending  rank // a sentence or comma that has just ended, if white space follows
		chinese bool // it ends without white space too
		state   = -1 // of uniseg
		rest    = clusters(c.text[start:])
		cluster string // at at
	)
	at := start
	for rest != "" {
		var after clusters
		cluster, after, state = rest.cluster(state)
		if isSpace(cluster) {
			run := c.spaces(at)
			if seen {
				kind := max(run.kind, ending)
				if kind = max(kind, atSpace); run.kind < atNewline {
					run.next = run.end
				}
				c.offer(p, at, run.next, used, room, kind)
			}
			if run.end == len(c.text) && seen && used <= room {
				p.to, p.next = len(c.text), len(c.text)
				if used+units(c.text[at:]) > room {
					p.to = at
				}
				return p, true
			}
			if used += units(c.text[at:run.end]); used > room && !seen {
				if run.end == len(c.text) {
					return piece{}, false
				}
				return c.piece(run.end)
			}
			at, rest, state, ending, chinese = run.end, clusters(c.text[run.end:]), -1, 0, false
			if used > room {
				break
			}
			continue
		}
		kind, own := ends(cluster)
		if chinese && kind == 0 {
			c.offer(p, at, at, used, room, ending)
		}
		if seen {
			c.offer(p, at, at, used, room, atCluster)
		}
		size := units(cluster)
		if used+size > room {
			if !seen { // larger than a message
				p.to = at + len(cluster)
				p.next = p.to
				return p, true
			}
			break
		}
		switch {
		case kind == closing && ending > 0:
		case kind == closing || kind == 0:
			ending, chinese = 0, false
		default:
			ending, chinese = max(ending, kind), chinese || own
		}
		used += size
		at += len(cluster)
		rest, seen = after, true
	}
	if rest == "" && used <= room {
		if !seen {
			return piece{}, false
		}
		p.to, p.next = len(c.text), len(c.text)
		return p, true
	}
	for kind := ranks; kind > 0; kind-- {
		if c.found[kind-1] {
			return c.best[kind-1], true
		}
	}
	return c.forced, true
}

// offer notes a place for a cut, if it fits and leaves fences whole.
func (c *cutter) offer(p piece, to, next, used, room int, kind rank) {
	if used > room {
		return
	}
	p.to, p.next = to, next
	c.forced = p
	if f := c.around(to); f != nil {
		if to < f.body || to > f.end {
			return // in one of its lines, or behind the first
		}
		p.after = "\n" + f.mark
		if used+units(p.after) > room {
			return
		}
		if next >= f.end { // nothing but its last line is left of it
			p.next = f.closed
			if p.next < len(c.text) {
				p.next = c.spaces(p.next).next
			}
		}
	}
	c.best[kind], c.found[kind] = p, true
}

// around finds the fence that a place is in; nil for none. The place before its
// first line and the one behind its last are outside.
func (c *cutter) around(at int) *fence {
	for i := range c.fences {
		f := &c.fences[i]
		if at <= f.from {
			return nil
		}
		if at < f.closed {
			return f
		}
	}
	return nil
}

// run is white space.
type run struct {
	end  int
	next int // behind its last newline; end if it has none
	kind rank
}

// spaces reads the white space at a place; there may be none.
func (c *cutter) spaces(at int) run {
	r := run{end: at, next: at}
	rest, state := clusters(c.text[at:]), -1
	for rest != "" {
		var cluster string
		if cluster, rest, state = rest.cluster(state); !isSpace(cluster) {
			break
		}
		r.end += len(cluster)
		if isNewline(cluster) {
			r.next = r.end
			if r.kind == 0 {
				r.kind = atNewline
			} else {
				r.kind = atBlankLine
			}
		}
	}
	if r.kind == 0 || r.end == len(c.text) {
		r.next = r.end
	}
	return r
}

// clusters is a text that is read cluster by cluster.
type clusters string

// cluster takes the first grapheme cluster off; the state of the first call is
// -1.
func (t clusters) cluster(state int) (string, clusters, int) {
	cluster, rest, _, state := uniseg.FirstGraphemeClusterInString(string(t), state)
	return cluster, clusters(rest), state
}

// units is the length in UTF-16 code units.
func units(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// isSpace tells whether a cluster is white space that a line may be broken at.
func isSpace(cluster string) bool {
	for _, r := range cluster {
		if !unicode.IsSpace(r) || r == '\u00a0' || r == '\u2007' || r == '\u202f' {
			return false
		}
	}
	return true
}

func isNewline(cluster string) bool {
	switch cluster {
	case "\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029":
		return true
	}
	return false
}

// closing is the kind of what ends a sentence together with its full stop.
const closing = ranks

// ends tells what a cluster ends, and whether it does so without white space
// behind it.
func ends(cluster string) (kind rank, own bool) {
	switch cluster {
	case "。", "！", "？", "；", "…":
		return atSentence, true
	case ".", "!", "?", ";":
		return atSentence, false
	case "，", "、":
		return atComma, true
	case ",":
		return atComma, false
	case "”", "’", "」", "』", "）", "》", "】", ")", "]", "\"", "'":
		return closing, false
	}
	return 0, false
}

// fence is a fenced block of code.
type fence struct {
	from   int    // its first line
	body   int    // the line behind that
	end    int    // its last line; the text's end if it has none
	closed int    // the end of that
	line   string // first line without newline
	mark   string // what closes it
}

// fences finds the fenced blocks as CommonMark has them.
func fences(text string, limit int) []fence {
	var out []fence
	var f *fence
	for at := 0; at < len(text); {
		line, next := text[at:], len(text)
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line, next = line[:i], at+i+1
		}
		line = strings.TrimRight(line, "\r")
		mark, info := fenceMark(line)
		switch {
		case mark == "":
		case f == nil:
			if strings.TrimSpace(info) == "" || mark[0] != '`' || !strings.ContainsRune(info, '`') {
				f = &fence{from: at, body: next, line: line, mark: mark}
			}
		case mark[0] == f.mark[0] && len(mark) >= len(f.mark) && strings.TrimSpace(info) == "":
			f.end, f.closed = at, at+len(line)
			out = keepFence(out, f, limit)
			f = nil
		}
		at = next
	}
	if f != nil {
		f.end, f.closed = len(text), len(text)
		out = keepFence(out, f, limit)
	}
	return out
}

func keepFence(all []fence, f *fence, limit int) []fence {
	if 2*(units(f.line)+units(f.mark)+2) > limit {
		return all
	}
	return append(all, *f)
}

// fenceMark splits a line that opens or closes a fence.
func fenceMark(line string) (mark, info string) {
	rest := strings.TrimLeft(line, " ")
	if len(line)-len(rest) > 3 || len(rest) < 3 || rest[0] != '`' && rest[0] != '~' {
		return "", ""
	}
	info = strings.TrimLeft(rest, rest[:1])
	if len(rest)-len(info) < 3 {
		return "", ""
	}
	return rest[:len(rest)-len(info)], info
}
