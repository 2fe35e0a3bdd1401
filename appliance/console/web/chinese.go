package web

import "strings"

// maxInside is how deep a sentence may be made of others: "expected a, found b".
const maxInside = 4

// chinese is what catflap's own English sentences about mistakes are in Chinese; what is not known stays as it is.
func (d *drawing) chinese(text string) string { return d.inside(text, 0) }

func (d *drawing) inside(text string, depth int) string {
	if text == "" || depth == maxInside {
		return text
	}
	for _, one := range d.sentences {
		parts, ok := match(one.en, text)
		if !ok {
			continue
		}
		var places []string
		for i, part := range parts {
			places = append(places, "{"+string(rune('1'+i))+"}", d.inside(part, depth+1))
		}
		return strings.NewReplacer(places...).Replace(one.zh)
	}
	if first, last, ok := strings.Cut(text, " or "); ok && depth > 0 && text[0] != '"' && !strings.Contains(strings.ReplaceAll(first, ", ", "")+last, " ") {
		return strings.ReplaceAll(first, ", ", "、") + " 或 " + last // a choice of words
	}
	return text
}

// match gives what stands for each {} of a pattern; the first are as short as they can be.
func match(pattern, text string) ([]string, bool) {
	head, rest, more := strings.Cut(pattern, "{}")
	if !strings.HasPrefix(text, head) {
		return nil, false
	}
	text = text[len(head):]
	if !more {
		return nil, text == ""
	}
	next, _, _ := strings.Cut(rest, "{}")
	if text == "" {
		return nil, false
	}
	if rest == "" {
		return []string{text}, true
	}
	for at := 1; at <= len(text); at++ {
		i := strings.Index(text[at:], next)
		if i < 0 {
			return nil, false
		}
		at += i
		if others, ok := match(rest, text[at:]); ok {
			return append([]string{text[:at]}, others...), true
		}
		if next == "" {
			return nil, false // two {} side by side
		}
	}
	return nil, false
}
