package config

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

// Which file is taken, and what is said of one that this person may not see: that it is missing would be wrong.
func TestFindPlaces(t *testing.T) {
	denied := &fs.PathError{Op: "stat", Path: "x", Err: fs.ErrPermission}
	const remedy = ": use sudo, or join the group catflap (`sudo usermod -aG catflap $USER`) and log in again"
	for _, tt := range []struct {
		name, explicit string
		looks          map[string]error // what is not in it is not there
		want, err      string
	}{
		{"here", "", map[string]error{"catflap.yaml": nil, "/etc/catflap/catflap.yaml": nil}, "catflap.yaml", ""},
		{"the service's", "", map[string]error{"/etc/catflap/catflap.yaml": nil}, "/etc/catflap/catflap.yaml", ""},
		{"the service's, closed", "", map[string]error{"/etc/catflap/catflap.yaml": denied}, "",
			"cannot read /etc/catflap/catflap.yaml (permission denied)" + remedy},
		{"a closed working directory", "", map[string]error{"catflap.yaml": denied, "/etc/catflap/catflap.yaml": nil}, "/etc/catflap/catflap.yaml", ""},
		{"named and closed", "/etc/catflap/catflap.yaml", map[string]error{"/etc/catflap/catflap.yaml": denied}, "",
			"cannot read /etc/catflap/catflap.yaml, which --config names (permission denied)" + remedy},
		{"none", "", nil, "", "no configuration found: neither --config nor CATFLAP_CONFIG is given, and there is no catflap.yaml or /etc/catflap/catflap.yaml: run `catflap init` to write one"},
	} {
		got, err := find(tt.explicit, func(string) (string, bool) { return "", false }, func(name string) error {
			if err, there := tt.looks[name]; there {
				return err
			}
			return &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
		})
		if got != tt.want || fmt.Sprint(err) != tt.err && (err != nil || tt.err != "") {
			t.Errorf("%s: got %q, %v", tt.name, got, err)
		}
		if tt.name != "none" && errors.Is(err, ErrNotFound) {
			t.Errorf("%s: it is said to be missing", tt.name)
		}
	}
}
