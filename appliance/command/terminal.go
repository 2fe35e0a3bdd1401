package command

import (
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// clean makes text from QQ safe for one line of a terminal: line breaks and tabs become spaces, and what could move the
// cursor, colour the screen or turn the reading direction becomes U+FFFD. Emoji, with their joiners, stay.
func clean(text string) string {
	safe := true
	for _, r := range text {
		if hostile(r) || r == utf8.RuneError {
			safe = false
			break
		}
	}
	if safe {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case hostile(r):
			return utf8.RuneError
		}
		return r
	}, text)
}

// hostile runes: C0 and C1 controls, DEL, line separators, directional marks, embeddings, overrides and isolates, the
// byte order mark, and the deprecated invisible operators.
func hostile(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u061c', r == '\ufeff', r == '\u200e', r == '\u200f',
		r >= '\u2028' && r <= '\u202e', r >= '\u2060' && r <= '\u206f':
		return true
	}
	return false
}

// lines cleans a text of several lines, such as a hint, keeping the line breaks.
func lines(text string) []string {
	out := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range out {
		out[i] = clean(out[i])
	}
	return out
}

// clip shortens text to width columns, at a boundary between what a reader sees as characters.
func clip(text string, width int) string {
	if width <= 0 || uniseg.StringWidth(text) <= width {
		return text
	}
	used, end, state := 0, 0, -1
	rest := text
	for rest != "" {
		var w int
		var cluster string
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used+w > width-1 {
			break
		}
		used += w
		end += len(cluster)
	}
	return text[:end] + "…"
}

// paint colours text with an SGR code, if the output is a terminal that wants colours.
type paint bool

func (p paint) apply(code, text string) string {
	if !p || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p paint) good(text string) string  { return p.apply("32", text) }
func (p paint) bad(text string) string   { return p.apply("31", text) }
func (p paint) warn(text string) string  { return p.apply("33", text) }
func (p paint) faint(text string) string { return p.apply("2", text) }
func (p paint) bold(text string) string  { return p.apply("1", text) }

// cell is one field of a table: text, and how it is coloured once it has been padded.
type cell struct {
	text  string
	style func(string) string
}

// table aligns columns by the width that a terminal gives them: Chinese characters take two columns.
type table struct {
	rows [][]cell
	// notes follow a row, indented, not aligned.
	notes map[int][]cell
}

// add appends a row; its texts are cleaned. An argument is a string or a cell.
func (t *table) add(fields ...any) {
	row := make([]cell, len(fields))
	for i, f := range fields {
		switch f := f.(type) {
		case cell:
			row[i] = cell{text: clean(f.text), style: f.style}
		case string:
			row[i] = cell{text: clean(f)}
		}
	}
	t.rows = append(t.rows, row)
}

// note adds a line under the last row; style may be nil.
func (t *table) note(line string, style func(string) string) {
	if t.notes == nil {
		t.notes = make(map[int][]cell)
	}
	t.notes[len(t.rows)-1] = append(t.notes[len(t.rows)-1], cell{clean(line), style})
}

// write prints the table. On a terminal that is too narrow the last columns go to a second line of their row.
func (t *table) write(w io.Writer) { t.writeWithin(w, columns(w)) }

// writeWithin is write for a known number of columns; 0 = as wide as it comes.
func (t *table) writeWithin(w io.Writer, columns int) {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(c.text))
		}
	}
	const indent = 4 // of a row's second line
	second := fold(widths, columns)
	var b strings.Builder
	for n, row := range t.rows {
		pad := 0
		for i, c := range row {
			if i == second && i > 0 {
				if !slices.ContainsFunc(row[i:], func(c cell) bool { return c.text != "" }) {
					break
				}
				b.WriteByte('\n')
				pad = indent
			}
			if c.text != "" {
				b.WriteString(strings.Repeat(" ", pad))
				pad = 0
				b.WriteString(styled(c.text, c.style))
			}
			pad += widths[i] - uniseg.StringWidth(c.text) + 2
		}
		b.WriteByte('\n')
		for _, c := range t.notes[n] {
			for _, line := range wrap("  "+c.text, columns, 4) {
				b.WriteString(styled(line, c.style) + "\n")
			}
		}
	}
	_, _ = io.WriteString(w, b.String())
}

// fold is the first column that finds no room on the first line of a row; 0 = all of them do.
func fold(widths []int, columns int) int {
	used := 0
	for i, width := range widths {
		used += width
		if columns > 0 && used > columns {
			return max(i, 1)
		}
		used += 2
	}
	return 0
}

// styled colours the text and leaves what indents it alone.
func styled(text string, style func(string) string) string {
	if style == nil {
		return text
	}
	bare := strings.TrimLeft(text, " ")
	return text[:len(text)-len(bare)] + style(bare)
}

// wrap cuts text into lines of at most so many columns, at spaces and between Chinese characters: a word that is longer
// than a line stays whole, or an address could not be copied. The lines after the first are indented by hang columns.
// No columns, no cuts.
func wrap(text string, columns, hang int) []string {
	if columns <= hang || uniseg.StringWidth(text) <= columns {
		return []string{text}
	}
	var out []string
	line, width := "", 0
	for word, rest := "", text; rest != ""; {
		word, rest = breakable(rest)
		w := uniseg.StringWidth(strings.TrimRight(word, " "))
		if width+w > columns && strings.TrimSpace(line) != "" {
			out = append(out, strings.TrimRight(line, " "))
			line, width = strings.Repeat(" ", hang), hang
		}
		line += word
		width += uniseg.StringWidth(word)
	}
	return append(out, strings.TrimRight(line, " "))
}

// breakable cuts off the front of text up to where a line may end: behind a space, or behind a wide character unless
// punctuation follows that must not begin a line.
func breakable(text string) (front, rest string) {
	state := -1
	for rest = text; rest != ""; {
		var segment string
		segment, rest, _, state = uniseg.FirstLineSegmentInString(rest, state)
		front += segment
		last, _ := utf8.DecodeLastRuneInString(segment)
		if last == ' ' || uniseg.StringWidth(string(last)) > 1 {
			break
		}
	}
	return front, rest
}

// columns is how wide the terminal is that a stream leads to; 0 if it is none.
func columns(stream any) int {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// isTerminal says whether a person reads or types at the other end.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
