package media

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// sniffed is how many first bytes decide what a medium is.
const sniffed = 512

// octets is the type of what is nothing else.
const octets = "application/octet-stream"

// sniff says what a medium is by its first bytes, whatever name or type it came with. What a browser would run or draw
// with scripts is octets.
func sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x02#!SILK_V3")), bytes.HasPrefix(head, []byte("#!SILK_V3")):
		return "audio/silk"
	case bytes.HasPrefix(head, []byte("#!AMR")):
		return "audio/amr"
	case bytes.HasPrefix(head, []byte("fLaC")):
		return "audio/flac"
	case len(head) > 11 && string(head[4:8]) == "ftyp":
		switch string(head[8:12]) {
		case "avif", "avis":
			return "image/avif"
		case "heic", "heix", "mif1", "msf1", "hevc":
			return "image/heic"
		case "M4A ":
			return "audio/mp4"
		case "qt  ":
			return "video/quicktime"
		}
		return "video/mp4"
	}
	kind, _, _ := strings.Cut(http.DetectContentType(head), ";")
	switch {
	case strings.HasPrefix(kind, "image/"), strings.HasPrefix(kind, "audio/"), strings.HasPrefix(kind, "video/"):
		return kind
	case slices.Contains([]string{"application/pdf", "application/zip", "application/x-gzip", "application/x-rar-compressed", "application/ogg"}, kind):
		return kind
	}
	return octets // text too: what is HTML or SVG in it is a matter of taste among browsers
}

// shown reports whether browsers may show a type in the place of a page; all else they save.
func shown(kind string) bool {
	return strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "audio/") || strings.HasPrefix(kind, "video/")
}
