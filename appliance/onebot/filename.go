package onebot

import (
	"net/url"
	"strings"
	"unicode"
)

// maxFileName bounds a file's name in bytes, as most file systems do.
const maxFileName = 255

// FileName is the name of the file that an app means by a path, a file: URL or
// an http(s) address; "" when none can be read from it. Percent signs of URLs
// are resolved. It has no separators and no control characters, so it stays in
// whatever folder somebody puts it.
func FileName(source string) string {
	source = strings.TrimFunc(source, isBlank)
	lower := strings.ToLower(source)
	switch {
	case strings.HasPrefix(lower, "base64:"), strings.HasPrefix(lower, "data:"):
		return ""
	case strings.HasPrefix(lower, "file:"), strings.HasPrefix(lower, "http://"), strings.HasPrefix(lower, "https://"):
		path := source[strings.IndexByte(source, ':')+1:]
		if i := strings.IndexAny(path, "?#"); i >= 0 {
			path = path[:i]
		}
		if lower[0] == 'h' {
			if path = strings.TrimPrefix(path, "//"); !strings.Contains(path, "/") {
				return "" // a host alone
			}
		}
		if plain, err := url.PathUnescape(path); err == nil {
			path = plain
		}
		source = path
	}
	if i := strings.LastIndexAny(source, `/\`); i >= 0 {
		source = source[i+1:]
	}
	name := strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(source, "")))
	if name == "." || name == ".." || len(name) > maxFileName {
		return ""
	}
	return name
}
