package prompt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain turns Markdown into text that reads well in QQ, which shows marks as
// they are. Headings stand in 【】, lists have bullets, tables become a line a
// row, code stays as it is without its fence, links show their address.
// Its time is linear in the text.
func Plain(markdown string) string {
	lines := strings.Split(strings.ReplaceAll(markdown, "\r\n", "\n"), "\n")
	out := make([]string, 0, len(lines))
	blank := func() {
		if len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, "")
		}
	}
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " \t\r")
		body := strings.TrimLeft(line, " \t")
		indent := line[:len(line)-len(body)]
		if mark := fence(body); mark != "" {
			for i++; i < len(lines) && !closes(lines[i], mark); i++ {
				out = append(out, strings.TrimRight(lines[i], "\r"))
			}
			continue
		}
		if body == "" {
			blank()
			continue
		}
		if n := heading(body); n > 0 {
			blank()
			if text := strings.Trim(inline(withoutClosing(body[n:])), " "); text != "" {
				out = append(out, "【"+strings.Trim(text, "【】")+"】")
			}
			continue
		}
		if rule(body) {
			// Under a line of text it makes a heading of it; a lone one parts.
			if len(out) > 0 && out[len(out)-1] != "" {
				if body[0] == '=' {
					out[len(out)-1] = "【" + strings.Trim(out[len(out)-1], "【】") + "】"
					continue
				}
			} else if body[0] == '=' {
				out = append(out, body)
				continue
			}
			out = append(out, "————")
			continue
		}
		if strings.Contains(body, "|") && i+1 < len(lines) && delimiter(lines[i+1]) {
			names := cells(body)
			for i += 2; i < len(lines) && strings.Contains(lines[i], "|"); i++ {
				out = append(out, row(names, cells(lines[i])))
			}
			i--
			continue
		}
		quote := ""
		for strings.HasPrefix(body, ">") && len(quote) < 8 {
			quote += "│ "
			body = strings.TrimLeft(body[1:], " ")
		}
		item := ""
		if len(body) > 1 && strings.ContainsRune("-*+", rune(body[0])) && (body[1] == ' ' || body[1] == '\t') {
			item, body = "• ", strings.TrimLeft(body[1:], " \t")
			for box, sign := range map[string]string{"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "} {
				if rest, ok := strings.CutPrefix(body, box); ok {
					item, body = sign, rest
					break
				}
			}
		}
		out = append(out, indent+quote+item+inline(body))
	}
	return strings.Trim(strings.Join(out, "\n"), "\n")
}

// fence is the mark that opens a block of code, "" for none.
func fence(body string) string {
	for _, c := range []string{"`", "~"} {
		n := len(body) - len(strings.TrimLeft(body, c))
		if n >= 3 && (c == "~" || !strings.Contains(body[n:], "`")) {
			return body[:n]
		}
	}
	return ""
}

func closes(line, mark string) bool {
	line = strings.TrimSpace(line)
	return len(line) >= len(mark) && strings.Trim(line, mark[:1]) == ""
}

// heading is the length of the mark of a heading, 0 for none.
func heading(body string) int {
	n := len(body) - len(strings.TrimLeft(body, "#"))
	if n == 0 || n > 6 || n < len(body) && body[n] != ' ' {
		return 0
	}
	return n
}

// withoutClosing drops the marks behind a heading; C# keeps its own.
func withoutClosing(text string) string {
	bare := strings.TrimRight(text, "#")
	if bare == "" || bare[len(bare)-1] == ' ' {
		return bare
	}
	return text
}

// rule tells a line that consists of three or more of one mark.
func rule(body string) bool {
	bare := strings.ReplaceAll(body, " ", "")
	return len(bare) >= 3 && strings.ContainsRune("-*_=", rune(bare[0])) && strings.Trim(bare, bare[:1]) == ""
}

// delimiter tells the second line of a table: |---|:--:|
func delimiter(line string) bool {
	line = strings.TrimSpace(line)
	return strings.Contains(line, "-") && strings.Contains(line, "|") && strings.Trim(line, "|-: \t") == ""
}

// cells are a row's, as they are to be shown.
func cells(line string) []string {
	line = strings.TrimSpace(line)
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	var out []string
	var cell strings.Builder
	code := false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line) && line[i+1] == '|':
			cell.WriteByte('|')
			i++
		case line[i] == '`':
			code = !code
			cell.WriteByte('`')
		case line[i] == '|' && !code:
			out = append(out, inline(strings.TrimSpace(cell.String())))
			cell.Reset()
		default:
			cell.WriteByte(line[i])
		}
	}
	return append(out, inline(strings.TrimSpace(cell.String())))
}

// row is `first: second` for two columns, `first — name: value; name: value` for more.
func row(names, values []string) string {
	name := func(i int) string {
		if i < len(names) {
			return names[i]
		}
		return ""
	}
	colon, semicolon := ": ", "; "
	for _, r := range strings.Join(names, "") + strings.Join(values, "") {
		if unicode.Is(unicode.Han, r) {
			colon, semicolon = "：", "；"
			break
		}
	}
	switch len(values) {
	case 1:
		return "• " + values[0]
	case 2:
		return "• " + values[0] + colon + values[1]
	}
	var parts []string
	for i, v := range values[1:] {
		if v == "" {
			continue
		}
		if n := name(i + 1); n != "" {
			v = n + colon + v
		}
		parts = append(parts, v)
	}
	return "• " + values[0] + " — " + strings.Join(parts, semicolon)
}

// wordy tells characters that a mark of emphasis must not touch on its outside: 2*3*4, snake_case.
func wordy(r rune) bool {
	return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
