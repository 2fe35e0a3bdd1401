package config

import (
	"fmt"
	"strings"
)

// Reference is the page of all keys in Markdown: one table per mapping, from the fields that decode the file.
func Reference() []byte {
	var b strings.Builder
	b.WriteString("# Configuration reference\n\n" +
		"Durations are written like `5s`, `10m` or `24h`, or as a number of milliseconds. Sizes are written like `48MiB` or `512MB`.\n" +
		"`${NAME}` stands for an environment variable, `$${` for the characters `${`.\n\n" +
		"The agent's keys are explained in [agent.md](agent.md). 智能体见 [agent.zh-CN.md](agent.zh-CN.md)。\n")
	account, section := rootFields(), sectionFields()
	account = account[:len(account)-len(section)]
	writeTable(&b, "Top level and each account (`accounts.<name>`)", account[:len(account)-2])
	writeTable(&b, "Top level only", append(account[len(account)-2:len(account):len(account)], section...))
	writeNested(&b, "", account[:len(account)-2])
	writeTable(&b, "`apps.<name>`", appFields())
	writeNested(&b, "apps.<name>", appFields())
	writeNested(&b, "", section)
	return []byte(b.String())
}

// writeNested writes the tables of all mappings among fields, the deeper ones behind them.
func writeNested(b *strings.Builder, path string, fields []field) {
	for _, f := range fields {
		if f.codec.fields == nil {
			continue
		}
		below := join(path, f.key)
		if f.codec.keyed != "" {
			below = join(below, f.codec.keyed)
		}
		writeTable(b, "`"+below+"`", f.codec.fields())
		writeNested(b, below, f.codec.fields())
	}
}

func writeTable(b *strings.Builder, title string, fields []field) {
	fmt.Fprintf(b, "\n## %s\n\n| key | value | default | meaning | 说明 |\n| --- | --- | --- | --- | --- |\n", title)
	for _, f := range fields {
		def := ""
		if f.def != "" {
			def = "`" + f.def + "`"
		}
		key := "`" + f.key + "`"
		if f.file {
			key += " or `" + f.key + "File`"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", key, cell(f.codec.kind), def, cell(f.en), cell(f.zh))
	}
}

func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, `\|`, "|"), "|", `\|`)
}
