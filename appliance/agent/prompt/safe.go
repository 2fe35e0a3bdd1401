package prompt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe makes text of strangers harmless to a model's server: tokens of chat
// templates become a space, since llama.cpp, Ollama and others read them even
// in the middle of a message, and characters that nobody sees go. Line breaks
// and tabs stay. What it gives back goes through Safe unchanged.
func Safe(text string) string { return withoutTokens(visible(text)) }

// visible drops what is not UTF-8, control characters, direction marks,
// zero-width characters and the tag characters that smuggle text. The joiner
// inside emoji stays; no token of a template contains it.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for i, r := range text {
		switch {
		case r == '\r':
			if i+1 >= len(text) || text[i+1] != '\n' {
				out.WriteByte('\n')
			}
		case !hidden(r):
			out.WriteRune(r)
		}
	}
	return out.String()
}

func hidden(r rune) bool {
	switch {
	case r == '\n', r == '\t', r == '\u200d':
		return false
	case r == utf8.RuneError:
		return true
	case r >= 0xE0100 && r <= 0xE01EF, r == '\u3164', r == '\u115f', r == '\u1160', r == '\uffa0', r == '\u2028', r == '\u2029':
		return true // variation selectors that carry bytes, letters and breaks that look like nothing
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)
}

// longestToken bounds how far the end of a token is looked for.
const longestToken = 64

// withoutTokens replaces each token of a chat template by a space. No token
// contains a space, so the replacement cannot complete another one.
func withoutTokens(text string) string {
	if !strings.ContainsAny(text, "<[|◁▷｜]") {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	from := 0
	for i := 0; i < len(text); {
		n := token(text[i:])
		if n == 0 {
			i++
			continue
		}
		out.WriteString(text[from:i])
		out.WriteByte(' ')
		i += n
		from = i
	}
	out.WriteString(text[from:])
	return out.String()
}

// token is the length of the token that s begins with; 0 = none.
func token(s string) int {
	switch {
	case strings.HasPrefix(s, "<|"), strings.HasPrefix(s, "<｜"):
		// <|im_start|>, <|eot_id|>, <|channel|>, <｜User｜>, Gemma's <|turn> ... As far as it looks like one; the opening alone is enough
		// to be one of a template that is not known yet.
		n := strings.Index(s, "|") + 1
		if s[1] != '|' {
			n = len("<｜")
		}
		return n + tokenTail(s[n:])
	case strings.HasPrefix(s, "|>"):
		return len("|>")
	case strings.HasPrefix(s, "｜>"):
		return len("｜>")
	case strings.HasPrefix(s, "◁"), strings.HasPrefix(s, "▷"):
		return len("◁")
	case strings.HasPrefix(s, "]~"): // MiniMax: ]~b]user ... [e~[, ]!p~[
		return len("]~")
	case strings.HasPrefix(s, "["), strings.HasPrefix(s, "]!"):
		for _, mark := range []string{"[e~[", "]!p~[", "]!d~["} {
			if len(s) >= len(mark) && strings.EqualFold(s[:len(mark)], mark) {
				return len(mark)
			}
		}
		if s[0] == ']' {
			return 0
		}
	case s[0] != '<':
		return 0
	}
	end := strings.IndexAny(s[:min(len(s), longestToken)], ">]")
	if end < 0 {
		return 0
	}
	word := strings.ToLower(s[1:end])
	if s[0] == '[' {
		if s[end] == ']' && bracketed(word) {
			return end + 1
		}
		return 0
	}
	if s[end] != '>' {
		return 0
	}
	if strings.HasPrefix(s, "<<") { // <<SYS>>
		if strings.HasPrefix(s[end:], ">>") && (word == "<sys" || word == "</sys") {
			return end + 2
		}
		return 0
	}
	if angled(strings.TrimPrefix(word, "/")) {
		return end + 1
	}
	return 0
}

// tokenTail is how much of s belongs to a token that has begun: a name and its closing.
func tokenTail(s string) int {
	for i, r := range s {
		switch {
		case i > longestToken:
			return 0
		case r == '>':
			return i + 1
		case r == '|', r == '｜':
			n := i + utf8.RuneLen(r)
			if strings.HasPrefix(s[n:], ">") {
				return n + 1
			}
			return 0
		case r == '<', unicode.IsSpace(r):
			return 0
		}
	}
	return 0
}

// bracketed knows Llama 2's, Mistral's and GLM's tokens, in lower case.
func bracketed(word string) bool {
	switch strings.TrimPrefix(word, "/") {
	case "inst", "system_prompt", "available_tools", "tool_calls", "tool_results", "tool_content", "args", "call_id",
		"img", "img_break", "img_end", "audio", "begin_audio", "think", "model_settings", "prefix", "middle", "suffix", "gmask", "smask", "mask", "bos", "eos", "pad", "unk", "sep", "cls",
		"end_of_text":
		return true
	}
	return strings.HasPrefix(word, "control_") && digits(word[len("control_"):])
}

// angled knows the tokens between < and >, in lower case and without a slash:
// Gemma's, Llama's, Qwen's, InternLM's, Baichuan's, Command R's, and llama.cpp's
// mark for a picture, which would be counted against the pictures that came.
func angled(word string) bool {
	switch word {
	case "s", "bos", "eos", "pad", "unk", "mask", "sep", "cls", "sop", "eop", "eot", "eod", "eom", "eoh", "eoa", "bos_token", "eos_token", "end_of_text", "begin_of_text",
		"start_of_turn", "end_of_turn", "start_of_image", "end_of_image", "image_soft_token", "start_of_audio", "end_of_audio", "audio_soft_token",
		"think", "thinking", "tool_call", "tool_calls", "tool_response", "tools", "tool_code", "tool_outputs", "function_call", "function_calls",
		"system", "user", "assistant", "human", "bot", "image_placeholder", "image", "__media__", "__image__", "end_of_utterance", "fake_token_around_image", "global-img",
		"extra_id_0", "extra_id_1", "seed:bos", "seed:eos", "seed:think", "seed:tool_call", "end▁of▁sentence", "arg_key", "arg_value":
		return true
	}
	for _, prefix := range []string{"reserved_", "unused", "tokens_unused_", "reserved_token_", "sp_", "extra_id_", "special_"} {
		if rest, ok := strings.CutPrefix(word, prefix); ok && digits(rest) {
			return true
		}
	}
	return false
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Cut shortens text to at most max bytes between characters; the last one is then an ellipsis.
func Cut(text string, max int) string {
	const mark = "…"
	if len(text) <= max {
		return text
	}
	max -= len(mark)
	if max < 0 {
		return ""
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max] + mark
}

// oneLine joins the lines of a text with a sign that people use for it.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " ⏎ ")
}

// maxName is the longest name that is told, in bytes.
const maxName = 60

// name makes somebody's choice of a name short, and free of what the frame
// around it is made of.
func name(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\t', '"', '<', '>', '“', '”':
			return ' '
		case '(', '（':
			return '['
		case ')', '）':
			return ']'
		case ':', '：':
			return ' '
		}
		return r
	}, Safe(s))
	return Cut(strings.Join(strings.Fields(s), " "), maxName)
}
