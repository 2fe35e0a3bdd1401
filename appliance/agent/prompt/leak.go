package prompt

import (
	"encoding/json"
	"strings"
)

// withoutCalls removes tool calls that a model wrote as text, in the dialects
// that small models know: Qwen's and Hermes' <tool_call>, Llama's
// <function=name> and <|python_tag|>, Mistral's [TOOL_CALLS], DeepSeek's
// <｜tool▁calls▁begin｜>, Anthropic's <function_calls>, Gemma's tool_code, bare or
// fenced JSON of a call.
func withoutCalls(text string) (string, bool) {
	before := text
	text = withoutCallTags(text)
	text = withoutCallFences(text)
	if isCall(strings.TrimSpace(text)) {
		text = ""
	}
	return text, text != before
}

// callTag tells the tags that a call stands between.
func callTag(name string) bool {
	switch name {
	case "tool_call", "tool_calls", "function_call", "function_calls", "tool_code", "tool_use", "invoke", "tool_response", "tool_result", "function_response", "function_results":
		return true
	}
	return strings.HasPrefix(name, "function=")
}

// openings of calls that last to their closing, or to the end of the text.
func callOpening(s string) (opening, closing string) {
	for _, pair := range [][2]string{
		{"<|python_tag|>", ""}, {"<|tool_call|>", "<|/tool_call|>"}, {"<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"}, {"<|tool_call_begin|>", "<|tool_call_end|>"},
		{"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"}, {"<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"}, {"<｜DSML｜function_calls>", "</｜DSML｜function_calls>"},
		{"<|tool_call>", "<tool_call|>"}, {"[TOOL_CALLS]", ""}, {"functools[", "]"},
	} {
		if strings.HasPrefix(s, pair[0]) {
			return pair[0], pair[1]
		}
	}
	return "", ""
}

func withoutCallTags(text string) string {
	if !strings.ContainsAny(text, "<[") {
		return text
	}
	var out strings.Builder
	from := 0
	skip := func(i, n int, closing string) int {
		out.WriteString(text[from:i])
		from = len(text) // what is never closed lasts to the end
		if at := strings.Index(text[i+n:], closing); at >= 0 && closing != "" {
			from = i + n + at + len(closing)
		}
		return from
	}
	for i := 0; i < len(text); {
		if c := text[i]; c != '<' && c != '[' && c != 'f' || quoted(text, i) {
			i++
			continue
		}
		if opening, closing := callOpening(text[i:]); opening != "" {
			i = skip(i, len(opening), closing)
			continue
		}
		name, closing, n := tagAt(text[i:])
		switch {
		case !callTag(name):
			i++
		case closing: // of nothing
			out.WriteString(text[from:i])
			i += n
			from = i
		default: // <function=f> ends with </function>
			written := text[i+1 : i+n]
			i = skip(i, n, "</"+written[:strings.IndexAny(written, " \t\n=>")]+">")
		}
	}
	out.WriteString(text[from:])
	return out.String()
}

// withoutCallFences removes fenced blocks that hold nothing but a call.
func withoutCallFences(text string) string {
	if !strings.Contains(text, "```") {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	var out strings.Builder
	for i := 0; i < len(lines); i++ {
		if mark := fence(strings.TrimSpace(lines[i])); mark != "" {
			end := i + 1
			for end < len(lines) && !closes(lines[end], mark) {
				end++
			}
			info := strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(lines[i]), "`~"))
			if info == "tool_code" || info == "tool_call" || isCall(strings.TrimSpace(strings.Join(lines[i+1:end], ""))) {
				i = end
				continue
			}
			for ; i < end; i++ {
				out.WriteString(lines[i])
			}
			if i == len(lines) {
				break
			}
		}
		out.WriteString(lines[i])
	}
	return out.String()
}

// isCall tells JSON that is a tool call, or several: a name and arguments, with nothing that a call does not have.
func isCall(text string) bool {
	if len(text) < 2 || len(text) > 64<<10 || text[0] != '{' && text[0] != '[' {
		return false
	}
	var one map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &one) == nil {
		return isCallObject(one)
	}
	var many []map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &many) != nil || len(many) == 0 {
		return false
	}
	for _, object := range many {
		if !isCallObject(object) {
			return false
		}
	}
	return true
}

func isCallObject(object map[string]json.RawMessage) bool {
	if inner := object["function"]; len(inner) > 0 && inner[0] == '{' {
		var function map[string]json.RawMessage
		return json.Unmarshal(inner, &function) == nil && isCallObject(function)
	}
	if inner := object["tool_calls"]; len(inner) > 0 && len(object) == 1 {
		return isCall(string(inner))
	}
	named, given := false, false
	for key := range object {
		switch key {
		case "name", "function", "tool", "tool_name", "function_name", "action":
			named = true
		case "arguments", "parameters", "args", "action_input", "input", "params":
			given = true
		case "id", "type", "call_id", "thought":
		default:
			return false
		}
	}
	return named && given
}
