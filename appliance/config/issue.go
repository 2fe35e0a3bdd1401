package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Issue is one complaint about a file: an error, or a warning in Config.Warnings.
type Issue struct {
	File         string
	Line, Column int    // from 1; columns count characters. 0 = the whole file
	Path         string // "apps.koishi.heartbeat"; "" = the top level
	Message      string // what is wrong, what was expected and what to do
	Source       string // the offending line with its secrets masked; "" = none
}

// String is "file:line:column: path: message", then the line and a caret when there is one.
func (i Issue) String() string {
	var b strings.Builder
	b.WriteString(i.Head())
	if i.Source == "" {
		return b.String()
	}
	source, caret := excerpt(i.Source, i.Column)
	b.WriteString("\n    " + strings.ReplaceAll(source, "\t", " ") + "\n    ")
	column := 1
	for _, r := range source {
		if column >= caret {
			break
		}
		b.WriteByte(' ')
		if wide(r) {
			b.WriteByte(' ')
		}
		column++
	}
	b.WriteByte('^')
	return b.String()
}

// Head is the first line of String: "file:line:column: path: message".
func (i Issue) Head() string {
	head := i.File
	if i.Line > 0 {
		head = fmt.Sprintf("%s:%d:%d", i.File, i.Line, max(i.Column, 1))
	}
	if i.Path != "" {
		head += ": " + i.Path
	}
	return head + ": " + i.Message
}

// wide reports whether a terminal shows r in two cells.
func wide(r rune) bool {
	return r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 ||
		r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd
}

// Errors is everything that is wrong with one file, in the order of the file.
type Errors struct {
	Issues []Issue
}

// Error implements error: all issues, each with its line and caret.
func (e *Errors) Error() string {
	parts := make([]string, len(e.Issues))
	for i, issue := range e.Issues {
		parts[i] = issue.String()
	}
	return strings.Join(parts, "\n")
}

// lineText is a line without its line end and byte order mark.
func lineText(line string) string {
	return strings.ToValidUTF8(strings.TrimRight(strings.TrimPrefix(line, "\ufeff"), "\r"), "?")
}

// maxShown is the longest part of a line that String shows, in characters.
const maxShown = 160

// excerpt cuts a long line around column and returns the new column.
func excerpt(line string, column int) (string, int) {
	if utf8.RuneCountInString(line) <= maxShown {
		return line, column
	}
	runes := []rune(line)
	from := max(0, min(column-1-maxShown/2, len(runes)-maxShown))
	cut := runes[from:min(from+maxShown, len(runes))]
	return string(cut), column - from
}
