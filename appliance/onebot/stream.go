package onebot

import "strings"

// Streams reports whether an action is answered by several frames. upload_file_stream is not: each of its calls has
// exactly one answer although that says "stream" (napcat-onebot11.md, 3.7). The suffix may still be on the name.
func Streams(name string) bool {
	base, _ := Normalise(name)
	return base == "test_download_stream" || strings.HasPrefix(base, "download_") && strings.HasSuffix(base, "_stream")
}
