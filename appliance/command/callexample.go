package command

import "strings"

// exampleOf is a whole command with what an action needs at least.
func exampleOf(action string, specs map[string]spec) string {
	words := []string{"catflap call", action}
	for _, name := range ordered(specs) {
		p := specs[name]
		needed := p.required || strings.HasPrefix(p.note, "one of") && name == "user_id"
		switch {
		case name == "file" && specs["out_format"].required: // a voice is named by what its segment says, not by a path of here
			words = append(words, "file=1A2B3C4D.amr")
		case needed && name == "name" && specs["file"].required:
			words = append(words, "name=report.pdf")
		case needed:
			words = append(words, exampleValue(name, p))
		}
	}
	return strings.Join(words, " ")
}

// exampleValue is one argument as somebody may type it.
func exampleValue(name string, p spec) string {
	if options := p.options(); options != nil {
		return name + "=" + options[0]
	}
	if node := `'[{"type":"node","data":{"content":"good morning"}}]'`; p.kinds == "array<node>" {
		return name + ":=" + node
	}
	value := map[string]string{
		"group_id": "30003", "user_id": "20002", "target_id": "20002", "message_id": "1840021873", "message": "'good morning'",
		"file": "./report.pdf", "image": "./picture.png", "duration": "600", "flag": "1767225600", "group_name": "'New name'", "url": "https://example.org/",
	}[name]
	switch {
	case strings.Contains(p.kinds, "array<number"):
		return name + ":='[20002]'"
	case strings.HasPrefix(p.kinds, "array"):
		return name + `:='["one"]'`
	case p.kinds == "object":
		return name + ":='{}'"
	case value != "":
		return name + "=" + value
	case p.has("boolean"):
		return name + "=true"
	case p.has("number") || strings.HasPrefix(p.kinds, "number"):
		return name + "=1"
	}
	return name + "=text"
}
