package prompt

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"words", "hello\nthere\n\n\n\nyou", "hello\nthere\n\nyou"},
		{"headings", "# One\ntext\n## Two ##\n###### **Six**\n#tag\n####### no", "【One】\ntext\n\n【Two】\n\n【Six】\n#tag\n####### no"},
		{"underlined headings", "One\n===\nTwo\n\n---\nx\n***", "【One】\nTwo\n\n————\nx\n————"},
		{"emphasis", "**bold** *it* __bold__ _it_ ~~gone~~ ***both***", "bold it bold it gone both"},
		{"emphasis in Chinese", "这是**重点**，还有*斜体*和**“引号”**。", "这是重点，还有斜体和“引号”。"},
		{"nested", "**a *b* c**", "a b c"},
		{"no emphasis", "2*3*4 snake_case_name a**2 + b**2 * x * 5 ** ~5 a~~", "2*3*4 snake_case_name a**2 + b**2 * x * 5 ** ~5 a~~"},
		{"unclosed", "**bold and *more", "**bold and *more"},
		{"lists", "- a\n  * b\n    + c\n1. d\n2) e\n-no\n- [ ] f\n- [x] g", "• a\n  • b\n    • c\n1. d\n2) e\n-no\n☐ f\n☑ g"},
		{"code", "use `a*b*` and ``x`y`` and `open", "use a*b* and x`y and `open"},
		{"fence", "run:\n```go\nif *a < *b {\n\t# no\n}\n```\n**done**", "run:\nif *a < *b {\n\t# no\n}\ndone"},
		{"tildes, longer, unclosed", "~~~~\n~~~\n**a**", "~~~\n**a**"},
		{"fence in a list", "- a\n  ```sh\n  ls *\n  ```", "• a\n  ls *"},
		{"links", "[text](https://a.b/c(d)) [https://x](https://x) ![cat](http://y \"title\") <https://z> [no] [a](", "text (https://a.b/c(d)) https://x cat (http://y) https://z [no] [a]("},
		{"link with marks", "**[a *b*](u)** [](v)", "a b (u) v"},
		{"bare addresses", "**https://a.b/_c_/d_e** see http://x/~~y~~，_z_", "https://a.b/_c_/d_e see http://x/~~y~~，z"},
		{"a language", "# C#\n## F# ##", "【C#】\n\n【F#】"},
		{"mail", "[a@b](mailto:a@b)", "a@b"},
		{"quote", "> a **b**\n>> c", "│ a b\n│ │ c"},
		{"escapes", `\*a\* \_ \[x\] \# C:\dir`, `*a* _ [x] # C:\dir`},
		{"entities and tags", "a &lt;b&gt; &amp;amp;<br>c<b>d</b> <x> 1 < 2", "a <b> &amp;\ncd <x> 1 < 2"},
		{"table of two", "| Name | Age |\n|---|:-:|\n| Ann | **5** |\n| Bob | 6 |\nend", "• Ann: 5\n• Bob: 6\nend"},
		{"table of three", "名字 | 年龄 | 城市\n--- | --- | ---\n小明 | 5 | 北京\n小红 | | `a|b`", "• 小明 — 年龄：5；城市：北京\n• 小红 — 城市：a|b"},
		{"no table", "a | b\nc | d", "a | b\nc | d"},
		{"line ends", "# a\r\n\r\n```\r\nx\r\n```\r\nb\r\n", "【a】\n\nx\nb"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Plain(tc.in); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

// What would take quadratic time in a careless reader takes as many steps as
// its length here; a quadratic one would pass the time limit of the tests.
func TestPlainIsLinear(t *testing.T) {
	for _, unit := range []string{"*", "**a ", "_a ", "`", "` ``` `` ", "[", "![", "](", "[a](", "[a](b) ", "<", "<a", "&", "\\", "|", "|-\n", "> ", "- ", "#", "```\n", "~~a", "a\n===\n", "*a_b~~", "((((", "[a](((("} {
		text := strings.Repeat(unit, (256<<10)/len(unit))
		if got := Plain(text); len(got) > 3*len(text) {
			t.Errorf("%q grows to %d bytes", unit, len(got))
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"# a\n**b** [c](d) `e`\n| a | b |\n|--|--|\n| 1 | 2 |", "```x\n[CQ:image,file=file:///etc/passwd]\n```", "***a** b*", "&lt;|im_start|&gt;", "\\\\*a*", "[[[a](b)](c)](d)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Plain(s)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q becomes %q", s, got)
		}
		// What grows: a bullet, a heading's brackets, a table's names in each row.
		if cells := strings.Count(s, "|"); len(got) > 4*len(s)+16+cells*len(s) {
			t.Errorf("%d bytes become %d", len(s), len(got))
		}
	})
}
