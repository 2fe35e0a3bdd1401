package update

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func FuzzCompare(f *testing.F) {
	for _, v := range []string{"1.2.3", "1.2.3-rc.1+build", "v0.0.0", "(devel)", "1.2", "1.2.3-", "99999999999.0.0"} {
		f.Add(v, "1.2.3")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if x, y := Compare(a, b), Compare(b, a); x > 0 != (y < 0) || x == 0 != (y == 0) {
			t.Errorf("%q against %q is %d, the other way %d", a, b, x, y)
		}
		if Compare(a, a) != 0 {
			t.Errorf("%q is not itself", a)
		}
	})
}

// Whatever an archive holds: nothing but the new program appears, and nothing outside of the folder changes.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("hello"))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3})
	f.Fuzz(func(t *testing.T, archive []byte) {
		dir := t.TempDir()
		p := &Prepared{Release: &Release{}, target: filepath.Join(dir, "catflap")}
		err := p.unpack(bytes.NewReader(archive))
		entries, reading := os.ReadDir(dir)
		if reading != nil {
			t.Fatal(reading)
		}
		if want := map[bool]int{true: 0, false: 1}[err != nil]; len(entries) != want {
			t.Errorf("%v left %d files", err, len(entries))
		}
	})
}
