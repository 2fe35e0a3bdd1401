package prompt

import (
	"strings"
	"time"
)

// tagAt reads a tag at the beginning of s: <name ...>, </name>, [NAME], ◁name▷.
// The name is in lower case, without the prefix that some models give it.
func tagAt(s string) (name string, closing bool, n int) {
	var end string
	switch {
	case strings.HasPrefix(s, "<"):
		n, end = 1, ">"
	case strings.HasPrefix(s, "["):
		n, end = 1, "]"
	case strings.HasPrefix(s, "◁"):
		n, end = len("◁"), "▷"
	default:
		return "", false, 0
	}
	head := s[n:min(len(s), n+longestToken)]
	at := strings.Index(head, end)
	if at < 0 {
		return "", false, 0
	}
	word := strings.TrimSpace(head[:at])
	word, closing = strings.CutPrefix(word, "/")
	word = strings.TrimSpace(word)
	if cut := strings.IndexAny(word, " \t\n"); cut >= 0 {
		word = word[:cut]
	}
	if s[0] == '[' && word != "THINK" { // [think] is a word in brackets
		return "", false, 0
	}
	word = strings.ToLower(word)
	for _, prefix := range []string{"antml:", "seed:", "mm:", "minimax:"} {
		word = strings.TrimPrefix(word, prefix)
	}
	return word, closing, n + at + len(end)
}

// thoughtful tells the tags that reasoning stands between.
func thoughtful(name string) bool {
	switch name {
	case "think", "thinking", "thought", "reasoning", "antthinking":
		return true
	}
	return false
}

// quoted tells that a tag is talked about, not used: a backtick stands before it.
func quoted(text string, i int) bool { return i > 0 && text[i-1] == '`' }

// withoutReasoning removes what stands between tags of reasoning, from an
// opening tag to the end when it is never closed, and from the beginning to a
// closing tag that was never opened: templates that open the tag themselves
// leave only that. gpt-oss's channels and Gemma's are read too.
func withoutReasoning(text string) string {
	text = finalChannel(text)
	if !strings.ContainsAny(text, "<[◁") {
		return text
	}
	var out strings.Builder
	from, open := 0, false
	for i := 0; i < len(text); {
		if text[i] != '<' && text[i] != '[' && !strings.HasPrefix(text[i:], "◁") {
			i++
			continue
		}
		name, closing, n := tagAt(text[i:])
		if n == 0 || !thoughtful(name) || quoted(text, i) {
			i++
			continue
		}
		switch {
		case closing && open:
			open = false
		case closing: // all before it was reasoning
			out.Reset()
		case !open:
			out.WriteString(text[from:i])
			open = true
		}
		i += n
		from = i
	}
	if !open {
		out.WriteString(text[from:])
	}
	return out.String()
}

// finalChannel reads gpt-oss's format where a server passes it on as it is:
// <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>answer,
// and Gemma's <|channel>thought ... <channel|>.
func finalChannel(text string) string {
	const channel, message = "<|channel|>", "<|message|>"
	if at := strings.LastIndex(text, channel+"final"); at >= 0 {
		text = text[at+len(channel+"final"):]
		if at := strings.Index(text, message); at >= 0 {
			text = text[at+len(message):]
		}
		return text
	}
	if at := strings.Index(text, channel); at >= 0 && !quoted(text, at) { // analysis or commentary, and no answer
		return text[:at]
	}
	if at := strings.LastIndex(text, "<channel|>"); at >= 0 {
		return text[at+len("<channel|>"):]
	}
	if at := strings.Index(text, "<|channel>"); at >= 0 {
		return text[:at]
	}
	return text
}

// endOfTurn cuts where the model's turn ended and it went on with a turn of its
// own invention, and removes the tokens of templates that are left.
func endOfTurn(text string) string {
	end := len(text)
	for _, mark := range []string{"<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|return|>", "<|start_header_id|>", "<end_of_turn>", "<start_of_turn>",
		"<｜end▁of▁sentence｜>", "<｜User｜>", "<|user|>", "<turn|>", "<|turn>"} {
		if at := strings.Index(text[:end], mark); at >= 0 && !quoted(text, at) && strings.TrimSpace(text[:at]) != "" {
			end = at
		}
	}
	text = strings.TrimSuffix(strings.TrimSpace(text[:end]), "</s>")
	for _, mark := range []string{"<|im_start|>assistant", "<|im_start|>", "<|im_end|>", "<start_of_turn>model", "<start_of_turn>", "<|assistant|>", "<｜Assistant｜>", "<|begin_of_text|>"} {
		text = strings.TrimPrefix(strings.TrimSpace(text), mark)
	}
	return text
}

// withoutMarks removes marks of blocks that a model repeats: <history abcdefgh>.
func withoutMarks(text string) string {
	if !strings.Contains(text, "<") {
		return text
	}
	var out strings.Builder
	from := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '<' {
			continue
		}
		end := strings.IndexByte(text[i:min(len(text), i+longestToken)], '>')
		if end < 0 {
			continue
		}
		kind, mark, found := strings.Cut(strings.TrimPrefix(text[i+1:i+end], "/"), " ")
		if len(mark) >= 8 {
			mark = mark[:8]
		}
		if !found || len(mark) != 8 || strings.Trim(mark, alphabet) != "" || !strings.Contains(" history quoted forwarded file ", " "+kind+" ") {
			continue
		}
		out.WriteString(text[from:i])
		i += end
		from = i + 1
	}
	out.WriteString(text[from:])
	return out.String()
}

// withoutStamp removes the time that stands before the current message, as Turn writes it: small models begin like that too.
func withoutStamp(text string) string {
	text = strings.TrimSpace(text)
	for {
		head, rest, found := strings.Cut(text, "]")
		if !found || !strings.HasPrefix(head, "[") {
			return text
		}
		if _, err := time.Parse("2006-01-02 Mon 15:04 -07:00", head[1:]); err != nil {
			return text
		}
		text = strings.TrimSpace(rest)
	}
}
