package config

import (
	"bytes"
	"encoding/json"
)

// Schema is the JSON Schema (draft 2020-12) of the file, for editors. It accepts what Parse accepts apart from the
// checks between keys.
func Schema() []byte {
	s := objectSchema(rootFields())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "catflap.yaml"
	s["$defs"] = map[string]any{
		"environment": map[string]any{"type": "string", "pattern": `\$\{[A-Za-z_][A-Za-z0-9_]*\}`},
		"duration": map[string]any{
			"description": "a Go duration such as 5s, or a number of milliseconds",
			"anyOf": []any{
				map[string]any{"type": "number", "minimum": 0},
				map[string]any{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^[0-9.]+$`},
				map[string]any{"$ref": "#/$defs/environment"},
			},
		},
		"size": map[string]any{
			"description": "a size such as 48MiB or 512MB, or a number of bytes",
			"anyOf": []any{
				map[string]any{"type": "integer", "minimum": 0},
				map[string]any{"type": "string", "pattern": `^[0-9.]+ *(B|kB|KB|MB|GB|KiB|MiB|GiB)?$`},
				map[string]any{"$ref": "#/$defs/environment"},
			},
		},
		"rate": map[string]any{
			"description": "a rate such as 1/s, 30/m or 100/h",
			"anyOf": []any{
				map[string]any{"type": "string", "pattern": `^[0-9.]+/(s|m|min|h)$`},
				map[string]any{"$ref": "#/$defs/environment"},
			},
		},
		"id": map[string]any{
			"description": "a QQ number, as a number or as text",
			"anyOf": []any{
				map[string]any{"type": "integer", "minimum": 1},
				map[string]any{"type": "string", "pattern": `^[1-9][0-9]*$`},
				map[string]any{"$ref": "#/$defs/environment"},
			},
		},
		"entry": map[string]any{
			"description": `a QQ number, user:123, group:123 or "*"`,
			"anyOf": []any{
				map[string]any{"type": "integer", "minimum": 1},
				map[string]any{"type": "string", "pattern": `^(\*|((user|group):)?[1-9][0-9]*)$`},
				map[string]any{"$ref": "#/$defs/environment"},
			},
		},
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil // maps of strings, numbers and lists always encode
	}
	return b.Bytes()
}

func objectSchema(fields []field) map[string]any {
	properties := map[string]any{}
	for _, f := range fields {
		p := map[string]any{}
		for k, v := range f.codec.schema() {
			p[k] = v
		}
		p["description"] = f.en + " / " + f.zh
		if f.def != "" {
			p["default"] = defaultValue(f)
		}
		properties[f.key] = p
		if f.file {
			properties[f.key+"File"] = map[string]any{"type": "string", "description": "file that holds " + f.key}
		}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// defaultValue is a default as JSON: words stay words, numbers and booleans are such.
func defaultValue(f field) any {
	n := defaultNode(f.def)
	if n.Content != nil || f.def == "[]" {
		items := []any{}
		for _, item := range n.Content {
			items = append(items, item.Value)
		}
		return items
	}
	var v any
	if json.Unmarshal([]byte(f.def), &v) == nil {
		return v
	}
	return f.def
}
