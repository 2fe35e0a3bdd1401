package prompt

import (
	"encoding/json"
	"strings"
)

// Answer is what is left of a model's text for the chat.
type Answer struct {
	Text     string // readable plain text; "" = nothing to send
	Markdown string // the same as the model wrote it
	Silent   bool   // the model chose to say nothing: NO_REPLY and its kin
	Leaked   bool   // a tool call was written as text, and taken out
}

// Read filters a model's whole text for the chat: reasoning, tool calls that
// leaked into it, tokens of templates and the marks of this package go,
// Markdown becomes plain text. QQ cannot edit what was sent, so nothing is sent
// before the end, and the filter sees the text whole: it makes no difference how
// it was cut when it streamed. The time is linear.
func Read(text string) Answer {
	var a Answer
	text = withoutReasoning(strings.ToValidUTF8(text, ""))
	text = endOfTurn(text)
	text, a.Leaked = withoutCalls(text)
	text = withoutStamp(withoutMarks(text))
	text, a.Silent = silent(strings.TrimSpace(text))
	text = visible(text)
	a.Text, a.Markdown = strings.TrimSpace(Plain(text)), strings.TrimSpace(text)
	return a
}

// silentWords are answers that say that there is none: OpenClaw's tokens, and
// what its gateway answers in place of them.
func silentWord(word string) bool {
	switch word {
	case "NO_REPLY", "HEARTBEAT_OK", "No response from OpenClaw.", "No response from OpenClaw", "[SILENT]", "<NO_REPLY>":
		return true
	}
	return false
}

// silent tells whether an answer is nothing but such a word, also quoted,
// repeated, or as JSON; behind an answer the word goes.
func silent(text string) (string, bool) {
	if strings.HasPrefix(text, "{") && len(text) < 200 {
		var object map[string]any
		if json.Unmarshal([]byte(text), &object) == nil && len(object) == 1 && silentWord(value(object["action"])) {
			return "", true
		}
	}
	const edges = "\"'`*_.!。“”‘’「」() \n\t"
	for _, word := range []string{text, strings.Trim(text, edges)} {
		if silentWord(word) {
			return "", true
		}
	}
	found := false
	for {
		bare := strings.TrimRight(text, edges)
		rest, ok := strings.CutSuffix(bare, "NO_REPLY")
		if !ok {
			rest, ok = strings.CutSuffix(bare, "HEARTBEAT_OK")
		}
		// Only as a word of its own at the end of a line of its own or behind white space.
		if !ok || rest != "" && !strings.ContainsAny(rest[len(rest)-1:], " \n\t*`\"") {
			break
		}
		found = true
		text = strings.TrimRight(rest, " \n\t*`\"")
	}
	return text, found && text == ""
}
