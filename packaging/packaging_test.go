package packaging

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"
)

// The default configuration is a conffile, and `catflap init` rewrites it on nearly every box: any other byte in it makes
// dpkg ask a question in the middle of an upgrade, where nobody may be there to answer. It stays as it was first shipped.
func TestConffileIsFrozen(t *testing.T) {
	text, err := os.ReadFile("conf/catflap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const shipped = "28c3bebdfbb4e26824257c19a82caa1b8424490280c32b6ca33f12e2ebaf8c00"
	sum := sha256.Sum256(text)
	if got := hex.EncodeToString(sum[:]); got != shipped {
		t.Errorf("conf/catflap.yaml was changed (%s): an unattended upgrade would stop at it. Put what is new into the documentation", got)
	}
}
