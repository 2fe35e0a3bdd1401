package onebot

import (
	"bytes"
	"cmp"
	"slices"
)

// RewriteFiles gives the files that an action names other names: with sees each value that NapCat would read as a file's
// address, path or name, decoded, and says what stands there instead. It looks where LocalPaths looks, in segments of all
// forms, CQ codes and nested nodes; of a segment's url, file and path it sees the one that counts. Inline payloads are
// not shown. All other bytes stay as they are, but for a CQ string of which a part changes: that is quoted anew.
//
// The params themselves are returned when nothing changes.
func RewriteFiles(name string, params []byte, with func(value string) (instead string, ok bool)) []byte {
	base, _ := Normalise(name)
	i := space(params, 0)
	if i >= len(params) || params[i] != '{' || base == "check_url_safely" {
		return params
	}
	type swap struct {
		at, end int
		text    string
	}
	var swaps []swap
	w := pathWalk{src: params, base: base}
	w.visit = func(at, end int, text []byte, key pathKey) {
		if key == keyMessage {
			if out := recode(&w, text, 0, with); out != nil {
				swaps = append(swaps, swap{at, end, string(out)})
			}
			return
		}
		if inline(text) || blank(text, false) {
			return
		}
		if instead, ok := with(string(text)); ok {
			swaps = append(swaps, swap{at, end, instead})
		}
	}
	w.walk(i)
	if len(swaps) == 0 {
		return params
	}
	slices.SortFunc(swaps, func(a, b swap) int { return cmp.Compare(a.at, b.at) })
	size := len(params)
	for _, s := range swaps {
		size += len(s.text)
	}
	out, copied := make([]byte, 0, size), 0
	for _, s := range swaps {
		out = appendQuoted(append(out, params[copied:s.at]...), s.text)
		copied = s.end
	}
	return append(out, params[copied:]...)
}

// inline reports whether a value carries the file's bytes itself.
func inline(text []byte) bool {
	text = bytes.TrimLeftFunc(text, isBlank)
	return foldPrefix(text, "base64:") || foldPrefix(text, "data:")
}

// recode changes the files that the CQ codes of a text name; nil when none changes.
func recode(w *pathWalk, text []byte, level int, with func(string) (string, bool)) []byte {
	var out []byte
	copied := 0
	for i := 0; ; {
		c, ok := nextCode(text, i)
		if !ok {
			break
		}
		i = c.end
		type param struct {
			key        pathKey
			start, end int
		}
		var params []param
		var media [3]int // 1 + place in params of url, file and path
		at := c.start + len("[CQ:") + len(c.kind)
		for rest := c.params; ; {
			key, value, more, ok := pair(rest)
			if !ok {
				break
			}
			at += len(rest) - len(more)
			rest = more
			k := w.keyOf(key)
			if k == keyOther || k == keyData {
				continue
			}
			params = append(params, param{k, at - len(value), at})
			if k <= keyPath {
				media[k-keyURL] = len(params)
			}
		}
		counts := 0 // of url, file and path, 1 + its place
		for _, n := range media {
			if n != 0 && !blank(appendUnescaped(nil, text[params[n-1].start:params[n-1].end]), false) {
				counts = n
				break
			}
		}
		for n, p := range params {
			if p.key <= keyPath && n+1 != counts {
				continue
			}
			value := appendUnescaped(nil, text[p.start:p.end])
			instead, ok := "", false
			switch {
			case p.key == keyMessage:
				if level < maxNestedCodes {
					if inner := recode(w, value, level+1, with); inner != nil {
						instead, ok = string(inner), true
					}
				}
			case !inline(value):
				instead, ok = with(string(value))
			}
			if ok {
				out = appendEscaped(append(out, text[copied:p.start]...), instead, true)
				copied = p.end
			}
		}
	}
	if copied == 0 {
		return nil
	}
	return append(out, text[copied:]...)
}

// IsLocalPath reports whether NapCat could read a file parameter's value as a path on disk, a file: URL included.
func IsLocalPath(value string) bool { return isLocalPath([]byte(value)) }
