package command

import (
	"io"
	"os"
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
	notes map[int][]string
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

// note adds a line under the last row.
func (t *table) note(line string) {
	if t.notes == nil {
		t.notes = make(map[int][]string)
	}
	t.notes[len(t.rows)-1] = append(t.notes[len(t.rows)-1], line)
}

func (t *table) write(w io.Writer) {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(c.text))
		}
	}
	var b strings.Builder
	for n, row := range t.rows {
		pad := 0
		for i, c := range row {
			if c.text != "" {
				b.WriteString(strings.Repeat(" ", pad))
				pad = 0
				if c.style != nil {
					b.WriteString(c.style(c.text))
				} else {
					b.WriteString(c.text)
				}
			}
			pad += widths[i] - uniseg.StringWidth(c.text) + 2
		}
		b.WriteByte('\n')
		for _, line := range t.notes[n] {
			b.WriteString("  " + line + "\n")
		}
	}
	_, _ = io.WriteString(w, b.String())
}

// isTerminal says whether a person reads or types at the other end.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
