package guard

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/catflap/catflap/appliance/config"
)

// docs/configuration.md comes from the same source as the decoder.
func TestConfigurationPageIsCurrent(t *testing.T) {
	want := config.Reference()
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs/configuration.md"), want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, "docs/configuration.md"), want) {
		t.Error("docs/configuration.md is not what the configuration says of itself: go test ./scripts/guard -update")
	}
}
