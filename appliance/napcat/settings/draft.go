package settings

import (
	"cmp"
	"slices"
	"strings"

	"github.com/catflap/catflap/appliance/config/json5"
)

// draft collects edits of a text. Each touches bytes that no other touches, so their order does not matter.
type draft struct {
	text    string
	newline string // of the file; "" = it is all in one line
	unit    string // one level of indentation
	edits   []edit
}

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

const terminators = "\n\r\u2028\u2029"

func newDraft(file []byte, root *json5.Value) *draft {
	d := &draft{text: string(file), unit: "  "}
	whole := d.text[root.Start:root.End]
	if !strings.ContainsAny(whole, terminators) {
		return d
	}
	d.newline = "\n"
	if strings.Contains(whole, "\r\n") {
		d.newline = "\r\n"
	}
	if len(root.Members) > 0 {
		if indent, first := d.indent(root.Members[0].Start); first && indent != "" {
			d.unit = indent
		}
	}
	return d
}

// indent is the white space that begins the line of a place; first reports whether nothing else stands before it.
func (d *draft) indent(at int) (indent string, first bool) {
	line := d.text[strings.LastIndexAny(d.text[:at], "\n\r")+1 : at]
	line = strings.TrimPrefix(line, "\ufeff")
	rest := strings.TrimLeft(line, " \t")
	return line[:len(line)-len(rest)], rest == ""
}

// replace puts a new value in the place of one.
func (d *draft) replace(old, v *json5.Value) {
	indent, _ := d.indent(old.Start)
	newline := d.newline
	if v.Kind != json5.Array && v.Kind != json5.Object {
		newline = ""
	}
	d.edits = append(d.edits, edit{old.Start, old.End, d.render(v, newline, indent)})
}

// items appends to a list.
func (d *draft) items(list *json5.Value, items []*json5.Value) {
	last, start := -1, -1
	if n := len(list.Items); n > 0 {
		last, start = list.Items[n-1].End, list.Items[n-1].Start
	}
	d.grow(list, last, start, len(items), func(i int, newline, indent string) string {
		return d.render(items[i], newline, indent)
	})
}

// members appends to an object.
func (d *draft) members(object *json5.Value, members []json5.Member) {
	last, start := -1, -1
	if n := len(object.Members); n > 0 {
		last, start = object.Members[n-1].Value.End, object.Members[n-1].Start
	}
	d.grow(object, last, start, len(members), func(i int, newline, indent string) string {
		return d.member(members[i], newline, indent)
	})
}

// grow writes n new parts in front of a closing bracket. start and last are the edges of the last part there is, -1
// without one. Comments stay where they are: the comma goes to the part that it follows, the new text behind all of them.
func (d *draft) grow(v *json5.Value, last, start, n int, part func(i int, newline, indent string) string) {
	closing := v.End - 1
	at := len(strings.TrimRight(d.text[:closing], " \t\r\n"))
	inside := d.text[v.Start+1 : closing]
	newline := d.newline
	outer, _ := d.indent(v.Start)
	indent := outer + d.unit
	if last >= 0 {
		if !strings.ContainsAny(inside, terminators) {
			newline = "" // as compact as what is there
		} else if own, first := d.indent(start); first {
			indent = own
		}
	}
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		if newline != "" {
			b.WriteString(newline + indent)
		} else if (i > 0 || last >= 0) && d.newline != "" {
			b.WriteByte(' ')
		}
		b.WriteString(part(i, newline, indent))
	}
	if newline != "" && !strings.ContainsAny(d.text[at:closing], terminators) {
		b.WriteString(newline + outer)
	}
	if last >= 0 && !v.Comma {
		if last == at {
			d.edits = append(d.edits, edit{at, at, "," + b.String()})
			return
		}
		d.edits = append(d.edits, edit{last, last, ","})
	}
	d.edits = append(d.edits, edit{at, at, b.String()})
}

func (d *draft) member(m json5.Member, newline, indent string) string {
	name := string((&json5.Value{Kind: json5.String, Text: m.Name}).AppendJSON(nil))
	colon := ":"
	if d.newline != "" {
		colon = ": "
	}
	return name + colon + d.render(m.Value, newline, indent)
}

// render writes a value whose first line is indented already; an empty newline keeps it in one line.
func (d *draft) render(v *json5.Value, newline, indent string) string {
	var parts []string
	brackets := "[]"
	switch v.Kind {
	case json5.Array:
		for _, item := range v.Items {
			parts = append(parts, d.render(item, newline, indent+d.unit))
		}
	case json5.Object:
		brackets = "{}"
		for _, m := range v.Members {
			parts = append(parts, d.member(m, newline, indent+d.unit))
		}
	default:
		return string(v.AppendJSON(nil))
	}
	if len(parts) == 0 {
		return brackets
	}
	separator, before, after := ",", "", ""
	if newline != "" {
		before, after = newline+indent+d.unit, newline+indent
		separator += before
	} else if d.newline != "" {
		separator = ", "
	}
	return brackets[:1] + before + strings.Join(parts, separator) + after + brackets[1:]
}

// apply makes the new text.
func (d *draft) apply() []byte {
	slices.SortStableFunc(d.edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	var out []byte
	done := 0
	for _, e := range d.edits {
		out = append(append(out, d.text[done:e.start]...), e.text...)
		done = e.end
	}
	return append(out, d.text[done:]...)
}
