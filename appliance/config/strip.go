package config

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Strip takes what JSON5 allows and YAML does not out of a YAML file: // and /* */ comments, commas before a closing
// bracket, tabs between the tokens of a bracketed value. Every character that goes is replaced by one space, so that
// lines and columns (counted in characters) of all that stays are those of the input. Quoted text, # comments,
// block text (| and >) and the // of an address are left alone: a comment starts a line or follows white space, a
// bracket, a comma or a closing quote.
func Strip(data []byte) []byte {
	s := stripper{in: string(data), lineStart: true}
	s.out.Grow(len(data))
	s.run()
	return []byte(s.out.String())
}

type stripper struct {
	in        string
	at        int
	out       strings.Builder
	flow      int    // open brackets
	lineStart bool   // only white space so far on this line
	last      byte   // the last byte that is neither white space nor comment on this line; 0 = none yet
	comma     int    // offset in out of a comma that only white space and comments follow, plus one; 0 = none
	blank     bool   // the last character was white space
	closed    bool   // the last character closed a quoted text or a bracket
	indent    int    // of the node that a block text on this line would belong to
	edits     []int  // offsets in out of commas to blank
	header    string // the start of the word since the last blank, to recognise | and >
}

func (s *stripper) run() {
	for s.at < len(s.in) {
		c := s.in[s.at]
		rest := s.in[s.at:]
		switch {
		case c == '\n':
			s.newline()
		case c == ' ' || c == '\t' || c == '\r':
			if c == '\t' && s.flow > 0 {
				s.out.WriteByte(' ')
				s.at++
			} else {
				s.copy(1)
			}
			s.blank, s.closed = true, false
		case c == '#' && (s.blank || s.last == 0):
			s.copy(lineLength(rest))
		case s.opens() && strings.HasPrefix(rest, "//"):
			s.erase(lineLength(rest))
			s.blank, s.closed = true, false
		case s.opens() && strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				s.copy(len(rest)) // never closed: the parser complains about it
				continue
			}
			s.erase(n + 4)
			s.blank, s.closed = true, false
		case (c == '"' || c == '\'') && s.tokenStart():
			s.token(c)
			s.copy(quotedLength(rest))
			s.last, s.closed = c, true
		default:
			s.plain(c)
		}
	}
	s.apply()
}

// plain copies one character outside of quotes and comments and follows brackets and commas.
func (s *stripper) plain(c byte) {
	startsToken := s.tokenStart()
	comma := s.comma
	s.token(c)
	ends := false
	switch {
	case (c == '{' || c == '[') && (s.flow > 0 || startsToken):
		s.flow++
	case (c == '}' || c == ']') && s.flow > 0:
		s.flow--
		ends = true
		if comma > 0 {
			s.edits = append(s.edits, comma-1)
		}
	case c == ',' && s.flow > 0:
		s.comma = s.out.Len() + 1
	}
	_, size := utf8.DecodeRuneInString(s.in[s.at:])
	s.copy(size)
	s.closed = ends
}

// token notes that something else than white space or a comment comes now.
func (s *stripper) token(c byte) {
	if s.lineStart {
		dash := c == '-' && len(s.in) > s.at+1 && s.in[s.at+1] == ' '
		if dash || c != '|' && c != '>' {
			s.indent = s.at - (strings.LastIndexByte(s.in[:s.at], '\n') + 1)
		}
		s.lineStart = dash
	}
	if s.blank || s.last == 0 {
		s.header = ""
	}
	if len(s.header) < 4 {
		s.header += string(rune(c))
	}
	s.last, s.blank, s.closed, s.comma = c, false, false, 0
}

// opens reports whether a comment may start here.
func (s *stripper) opens() bool {
	return s.last == 0 || s.blank || s.closed || s.flow > 0 && strings.IndexByte("{}[],", s.last) >= 0
}

// tokenStart reports whether a value or a key may start here, so that a quote or a bracket means what it says.
func (s *stripper) tokenStart() bool {
	switch s.last {
	case 0, '{', '[', ',':
		return true
	case ':', '-', '?':
		return s.blank || s.flow > 0 && s.last == ':'
	}
	return false
}

func (s *stripper) newline() {
	block := s.flow == 0 && isBlockHeader(s.header)
	s.copy(1)
	s.lineStart, s.last, s.blank, s.closed, s.header = true, 0, false, false, ""
	if block {
		s.blockText(s.indent)
	}
}

// blockText copies the lines of a block scalar: those indented like its first line that is not blank.
func (s *stripper) blockText(parent int) {
	own := -1
	for s.at < len(s.in) {
		line := s.in[s.at:]
		n := lineLength(line)
		text := strings.TrimLeft(line[:n], " ")
		if strings.TrimSpace(text) != "" {
			depth := n - len(text)
			if own < 0 {
				if depth <= parent {
					return
				}
				own = depth
			} else if depth < own {
				return
			}
		}
		s.copy(min(n+1, len(line)))
	}
}

func isBlockHeader(word string) bool {
	return word != "" && (word[0] == '|' || word[0] == '>') && strings.Trim(word[1:], "+-123456789") == ""
}

func (s *stripper) copy(n int) {
	s.out.WriteString(s.in[s.at : s.at+n])
	s.at += n
}

// erase writes one space for each character and keeps line ends.
func (s *stripper) erase(n int) {
	for _, r := range s.in[s.at : s.at+n] {
		if r == '\n' || r == '\r' {
			s.out.WriteRune(r)
		} else {
			s.out.WriteByte(' ')
		}
	}
	if strings.Contains(s.in[s.at:s.at+n], "\n") {
		s.lineStart = s.last == 0 && s.lineStart
	}
	s.at += n
}

func (s *stripper) apply() {
	if len(s.edits) == 0 {
		return
	}
	out := []byte(s.out.String())
	for _, at := range s.edits {
		out[at] = ' '
	}
	s.out.Reset()
	s.out.Write(out)
}

func lineLength(s string) int {
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		return n
	}
	return len(s)
}

// quotedLength is the length of a quoted text with its quotes; an unclosed one ends with the input.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[0] == '"' && s[i] == '\\':
			i++
		case s[i] != s[0]:
		case s[0] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}

// startsLikeJSON reports whether the first thing in the file that is no comment is a brace.
func startsLikeJSON(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	return bytes.HasPrefix(bytes.TrimLeftFunc(Strip(data), unicode.IsSpace), []byte("{"))
}
