package prompt

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	text := func(s string) Answer { return Answer{Text: s} }
	leak := func(s string) Answer { return Answer{Text: s, Leaked: true} }
	none := Answer{}
	quiet := Answer{Silent: true}
	for _, tc := range []struct {
		name, in string
		want     Answer
	}{
		{"words", " hello\n", text("hello")},
		{"markdown", "**hi**", text("hi")},

		{"think", "<think>\nhm\n</think>\n\nhello", text("hello")},
		{"think twice", "<think>a</think>hello <thinking>b</thinking>you", text("hello you")},
		{"think, unclosed", "hello <think>and then", text("hello")},
		{"think until the end", "<think>hm", none},
		{"think, only closed", "hm, so\n</think>\nhello", text("hello")},
		{"think, closed twice", "<think>a</think>b</think>hello", text("hello")},
		{"think, closed twice, late", "a<think>b</think>c</think>hello", text("hello")},
		{"think within think", "<think>a<think>b</think>hello", text("hello")},
		{"other tags", "<THOUGHT>a</THOUGHT><reasoning x=\"1\">b</reasoning><thinking>c</thinking><seed:think>d</seed:think>◁think▷e◁/think▷[THINK]f[/THINK]hello", text("hello")},
		{"talked about", "The `<think>` tag ends with `</think>`.", text("The <think> tag ends with </think>.")},
		{"gpt-oss", "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>hello<|return|>", text("hello")},
		{"gpt-oss without an answer", "<|channel|>analysis<|message|>hm", none},
		{"Gemma", "<|channel>thought\nhm\n<channel|>hello", text("hello")},
		{"Gemma without an answer", "<|channel>thought\nhm", none},

		{"end of turn", "hello<|im_end|>\n<|im_start|>user\nand?", text("hello")},
		{"end of turn of Gemma", "hello<end_of_turn>\n<start_of_turn>user", text("hello")},
		{"end of turn of Llama 2", "hello</s>", text("hello")},
		{"begin of turn", "<|im_start|>assistant\nhello<|im_end|>", text("hello")},

		{"Qwen's call", "I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\ndone", leak("I look.\n\ndone")},
		{"unclosed call", "I look.<tool_call>{\"name\":", leak("I look.")},
		{"Llama's call", "<function=f>{\"a\":1}</function>hello", leak("hello")},
		{"python tag", "<|python_tag|>f.call()", leak("")},
		{"Mistral's call", `[TOOL_CALLS][{"name":"f","arguments":{}}]`, leak("")},
		{"DeepSeek's call", "a<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>b", leak("ab")},
		{"Anthropic's call", "a<function_calls>\n<invoke name=\"f\">\n<parameter name=\"x\">1</parameter>\n</invoke>\n</function_calls>b", leak("ab")},
		{"a prefix", "a<function_calls>x</function_calls>b", leak("ab")},
		{"a result", "<tool_response>x</tool_response>b", leak("b")},
		{"stray closing", "a</tool_call>b", leak("ab")},
		{"fenced call", "Sure:\n```json\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n```\nok", leak("Sure:\nok")},
		{"fenced call, unclosed", "```json\n{\"name\": \"f\", \"parameters\": {}}", leak("")},
		{"Gemma's call", "```tool_code\nf()\n```", leak("")},
		{"bare call", `{"name":"f","arguments":{"a":1}}`, leak("")},
		{"bare calls", `[{"type":"function","id":"1","function":{"name":"f","arguments":"{}"}}]`, leak("")},
		{"wrapped calls", `{"tool_calls":[{"name":"f","arguments":{}}]}`, leak("")},
		{"JSON that was asked for", "```json\n{\"name\": \"Ann\", \"age\": 5}\n```", text(`{"name": "Ann", "age": 5}`)},
		{"bare JSON that was asked for", `{"name":"Ann"}`, text(`{"name":"Ann"}`)},
		{"call talked about", "Write `<tool_call>` first.", text("Write <tool_call> first.")},
		{"functions", "f(x) = functools.partial(f)", text("f(x) = functools.partial(f)")},

		{"silent", "NO_REPLY", quiet},
		{"silent in marks", " **`NO_REPLY`**. ", quiet},
		{"silent twice", "NO_REPLY\nNO_REPLY", quiet},
		{"silent as JSON", `"NO_REPLY"`, quiet},
		{"silent as an object", `{"action":"NO_REPLY"}`, quiet},
		{"silent after thinking", "<think>not for me</think>\nNO_REPLY", quiet},
		{"heartbeat", "HEARTBEAT_OK", quiet},
		{"OpenClaw's gateway", "No response from OpenClaw.", quiet},
		{"not quite silent", "hello\nNO_REPLY", text("hello")},
		{"talked about silence", "Answer with NO_REPLY to stay silent, or XNO_REPLY", text("Answer with NO_REPLY to stay silent, or XNO_REPLY")},

		{"our own marks", "<history abcdefgh>\nhello\n</history abcdefgh>", text("hello")},
		{"a mark with a name", `<file abcdefgh "a.txt">hello`, text("hello")},
		{"no mark of ours", "<history of rome>", text("<history of rome>")},
		{"our own time", "[2026-11-22 Sun 16:31 +00:00] hello", text("hello")},
		{"a time of its own", "[2026-11-22] hello", text("[2026-11-22] hello")},
		{"hidden", "a\u202eb\x1b[0m\x00", text("ab[0m")},
		{"CQ code", "[CQ:image,file=file:///etc/passwd]", text("[CQ:image,file=file:///etc/passwd]")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Read(tc.in)
			got.Markdown = ""
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Markdown is filtered like the text, and stays Markdown.
func TestReadKeepsMarkdown(t *testing.T) {
	const want = "## Cats\n\n**soft** and `quick`"
	if got := Read("<think>hm</think>\n" + want + "\u202e<|im_end|>").Markdown; got != want {
		t.Errorf("Markdown is %q", got)
	}
}

func TestReadIsLinear(t *testing.T) {
	for _, unit := range []string{"<think>", "</think>", "<think></think>", "<tool_call>", "<function=f>", "<invoke x>", "</tool_call>", "```json\n", "```json\n{}\n```\n", "<|im_end|>", "<|tool_call|>", "functools[", "[TOOL_CALLS]", "<", "[", "◁", "`<think>", "NO_REPLY ", "<history abcdefgh>", "<|channel|>", "{", "[{"} {
		Read(strings.Repeat(unit, (256<<10)/len(unit)))
		Read("a " + strings.Repeat(unit, (256<<10)/len(unit)))
	}
}

// Neither reasoning nor calls come through, and what comes through is text that the filter would not change the meaning of.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"<think>a</think>b", "a</think>b", "<think>a", "<tool_call>{}</tool_call>", "```json\n{\"name\":\"f\",\"arguments\":{}}\n```", "NO_REPLY", "<|channel|>final<|message|>x<|end|>", "[TOOL_CALLS][{}]", "<history abcdefgh>", "<function=f>{}</function>"} {
		f.Add(s, "SECRET")
	}
	f.Fuzz(func(t *testing.T, s, secret string) {
		if secret = strings.Trim(visible(secret), " \n\t<>[]◁▷/`|"); secret == "" || strings.ContainsAny(secret, "<[◁`|") || strings.Contains(s, secret) {
			return
		}
		s = strings.ToValidUTF8(s, "")
		for _, around := range []string{
			"<think>" + secret + "</think>" + s,
			"<think>" + secret,
			secret + "</think>" + s,
			s + "\n<think>" + secret,
		} {
			if got := Read(around); strings.Contains(got.Text, secret) && !strings.Contains(Read(strings.ReplaceAll(around, secret, "")).Text, secret) {
				t.Errorf("%q lets %q through: %q", around, secret, got.Text)
			}
		}
		got := Read(s)
		if got.Silent && got.Text != "" {
			t.Errorf("silent, with the text %q", got.Text)
		}
	})
}
