package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// span is the place of a secret: from column on in one line. Length 0 = to the end of the line.
type span struct {
	line, column, length int
}

// secretKey reports whether the value of a key of this name must not be shown.
// It is wide on purpose: a misspelt key still holds the secret.
func secretKey(key string) bool {
	k := strings.ToLower(key)
	if strings.HasSuffix(k, "file") || strings.HasPrefix(k, "allow") || strings.Contains(k, "tokens") {
		return false
	}
	for _, word := range []string{"token", "secret", "key", "passw", "authorization", "cookie", "headers"} {
		if strings.Contains(k, word) {
			return true
		}
	}
	return nearest(k, []string{"accesstoken", "token", "secret", "apikey", "password"}) != ""
}

// findSecrets walks a whole tree, known keys or not, and returns the places of secrets.
func findSecrets(n *yaml.Node, secret bool, spans []span) []span {
	switch n.Kind {
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, child := range n.Content {
			spans = findSecrets(child, secret, spans)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			spans = findSecrets(n.Content[i+1], secret || secretKey(key) || key == "to", spans)
		}
	case yaml.ScalarNode:
		if secret && n.Value != "" {
			length := 0
			if n.Style == 0 {
				length = len([]rune(n.Value))
			}
			spans = append(spans, span{n.Line, n.Column, length})
		}
	}
	return spans
}

// mask replaces what may be secret in one line by stars, one for one, so that columns stay.
func mask(line string, number int, spans []span) string {
	runes := []rune(line)
	for _, s := range spans {
		if s.line == number {
			stars(runes, s.column-1, s.length)
		}
	}
	maskPairs(runes)
	maskAddresses(runes)
	return string(runes)
}

// stars blanks runes from at on: length characters, or one quoted text, or to the end of the line.
func stars(runes []rune, at, length int) {
	if at < 0 || at >= len(runes) {
		return
	}
	end := len(runes)
	if length > 0 {
		end = min(at+length, len(runes))
	} else if quote := runes[at]; quote == '"' || quote == '\'' {
		at++
		for i := at; i < len(runes); i++ {
			if runes[i] == '\\' && quote == '"' {
				i++
			} else if runes[i] == quote {
				end = i
				break
			}
		}
	}
	for i := at; i < end; i++ {
		runes[i] = '*'
	}
}

// maskPairs hides what follows a key with a secret's name, for files that are not even YAML.
func maskPairs(runes []rune) {
	for i := 0; i < len(runes); {
		start := i
		for i < len(runes) && isNameRune(runes[i]) {
			i++
		}
		if i == start {
			i++
			continue
		}
		key := string(runes[start:i])
		if !secretKey(key) {
			continue
		}
		for i < len(runes) && strings.ContainsRune("\"'", runes[i]) {
			i++
		}
		separator := false
		for i < len(runes) && strings.ContainsRune(" \t:=", runes[i]) {
			separator = true
			i++
		}
		if !separator || i == len(runes) || strings.ContainsRune("{}[],#*", runes[i]) {
			continue
		}
		if runes[i] == '"' || runes[i] == '\'' {
			stars(runes, i, 0)
			continue
		}
		end := i
		for end < len(runes) && !strings.ContainsRune(",}]&", runes[end]) {
			end++
		}
		stars(runes, i, end-i)
		i = end
	}
}

func isNameRune(r rune) bool {
	return r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// maskAddresses hides the rest of an address of an alert service, and names and passwords in any address.
func maskAddresses(runes []rune) {
	for i := 0; i+2 < len(runes); i++ {
		if runes[i] != ':' || runes[i+1] != '/' || runes[i+2] != '/' {
			continue
		}
		start := i
		for start > 0 && (isNameRune(runes[start-1]) || runes[start-1] == '+') {
			start--
		}
		end := i + 3
		for end < len(runes) && !strings.ContainsRune(" \t\"'<>,", runes[end]) {
			end++
		}
		switch scheme := string(runes[start:i]); scheme {
		case "ws", "wss", "http", "https":
			authority := i + 3
			for at := authority; at < end && runes[at] != '/'; at++ {
				if runes[at] == '@' {
					stars(runes, authority, at-authority)
				}
			}
		default:
			stars(runes, i+3, max(end-i-3, 1))
		}
		i = end
	}
}
