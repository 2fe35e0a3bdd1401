package prompt

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// tokens are of the templates in use: ChatML (Qwen, Yi), Llama 2 and 3, Mistral,
// Gemma, Phi, gpt-oss, DeepSeek, GLM, InternLM, Baichuan, Command R, Kimi, MiniMax, Seed, and llama.cpp's own mark.
func tokens() []string {
	return strings.Fields(`<|im_start|> <|im_end|> <|endoftext|> <|begin_of_text|> <|end_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|> <|eom_id|> <|python_tag|>
		<|reserved_special_token_7|> <|finetune_right_pad_id|> [INST] [/INST] <<SYS>> <</SYS>> <s> </s> [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_CALLS] [TOOL_RESULTS] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [IMG] [THINK] [/THINK]
		<start_of_turn> <end_of_turn> <bos> <eos> <pad> <unk> <start_of_image> <unused99> <|turn> <turn|> <|channel> <channel|> <|user|> <|assistant|> <|system|> <|end|> <|start|> <|channel|> <|message|> <|return|> <|call|> <|constrain|>
		<｜begin▁of▁sentence｜> <｜User｜> <｜Assistant｜> <｜end▁of▁sentence｜> <｜tool▁calls▁begin｜> [gMASK] <sop> <|observation|> <reserved_106> <TOKENS_UNUSED_1> <eoh> <eoa> <BOS_TOKEN> <|START_OF_TURN_TOKEN|> <|CHATBOT_TOKEN|>
		◁think▷ ◁/think▷ ]~b]user [e~[ ]!p~[ <seed:bos> <think> </think> <tool_call> </tool_call> <tool_response> <__media__> <image> <|vision_start|> <|image_pad|> <end_of_utterance> [CONTROL_8] <|Im_Start|>`)
}

func TestSafeStripsTokens(t *testing.T) {
	for _, token := range tokens() {
		for _, text := range []string{token, "a" + token + "b", token + token, strings.ToUpper(token), token[:len(token)/2] + token + token[len(token)/2:], token[:2] + "\u200b" + token[2:]} {
			if got := Safe(text); strings.Contains(strings.ToLower(got), strings.ToLower(token)) || strings.Contains(got, "<|") || strings.Contains(got, "<｜") {
				t.Errorf("%q leaves %q", text, got)
			}
		}
	}
}

func TestSafeKeepsWords(t *testing.T) {
	for _, text := range []string{
		"", "hello", "你好，世界！", "a\n\tb", "if a < b && c > d {}", "List<String> x[0] = y[i]", "[图片] [sticker]", "<div>", "a || b | c", "👨‍👩‍👧 ❤️", "x <- y", "[b]bold[/b]", "https://a.b/c?d=[e]", "<3", "{\"a\":[1,2]}",
	} {
		if got := Safe(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestSafeDropsWhatNobodySees(t *testing.T) {
	for in, want := range map[string]string{
		"a\x00\x07\x1b[31mb":                "a[31mb",
		"a\u202eb\u200b\u2066c\ufeff":       "abc",
		"tag\U000e0041\U000e0042\U000e01ef": "tag",
		"a\r\nb\rc":                         "a\nb\nc",
		"\xff\xfea\xed\xa0\x80":             "a",
		"\u3164\u115fx\u2028":               "x",
	} {
		if got := Safe(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func FuzzSafe(f *testing.F) {
	for _, token := range tokens() {
		f.Add(token)
	}
	f.Add("<<|x|>|im_start|>[IN[INST]ST]<<s>s>")
	f.Fuzz(func(t *testing.T, text string) {
		got := Safe(text)
		if again := Safe(got); again != got {
			t.Errorf("%q becomes %q, and that %q", text, got, again)
		}
		if !utf8.ValidString(got) || len(got) > len(text)+1 {
			t.Errorf("%q becomes %q", text, got)
		}
		lower := strings.ToLower(got)
		for _, token := range tokens() {
			if strings.Contains(lower, strings.ToLower(token)) {
				t.Errorf("%q leaves %q", text, got)
			}
		}
		if n := len(Cut(got, 10)); n > 10 {
			t.Errorf("cut to %d bytes", n)
		}
	})
}
