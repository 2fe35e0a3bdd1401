//go:build !unix

package localfile

import "os"

// Plain changes a file.
func Plain(path string, change func(*os.File) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return change(f)
}
