package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironment(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"PORT": "3005", "TOKEN": "abc", "ON": "true", "STATE_DIRECTORY": "/run/one:/run/two"}[name]
		return v, ok
	}
	for _, text := range []string{
		"wsPort: ${PORT}\naccessToken: x-${TOKEN}\nmentionAll: ${ON}\n",
		`{"wsPort": "${PORT}", "accessToken": "x-${TOKEN}", "mentionAll": "${ON}"}`,
	} {
		c, err := Parse("catflap.yaml", []byte(text), env)
		if err != nil {
			t.Fatal(err)
		}
		if a := c.Accounts[0]; a.WSPort != 3005 || a.AccessToken != "x-abc" || !a.MentionAll || c.DataDir != "/run/one" {
			t.Errorf("got %+v, %s", a, c.DataDir)
		}
	}
}

func TestDataDir(t *testing.T) {
	env := func(values ...string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			for i := 0; i < len(values); i += 2 {
				if values[i] == name {
					return values[i+1], true
				}
			}
			return "", false
		}
	}
	for _, c := range []struct {
		path, text, want string
		env              func(string) (string, bool)
	}{
		{"/etc/catflap/catflap.yaml", "", "/var/lib/catflap", env("HOME", "/root")},
		{"/etc/catflap/catflap.yaml", "", "/run/state", env("STATE_DIRECTORY", "/run/state")},
		{"/home/me/catflap.yaml", "", "/home/me/data/catflap", env("XDG_DATA_HOME", "/home/me/data", "HOME", "/home/me")},
		{"/home/me/catflap.yaml", "", "/home/me/.local/share/catflap", env("HOME", "/home/me")},
		{"/home/me/catflap.yaml", "dataDir: there", "/home/me/there", env("HOME", "/home/me")},
		{"/home/me/catflap.yaml", "dataDir: /there", "/there", env("HOME", "/home/me")},
		{"/home/me/catflap.yaml", "", "/home/me/catflap-data", env()},
	} {
		got, err := Parse(c.path, []byte("accessToken: t\n"+c.text), c.env)
		if err != nil || got.DataDir != c.want {
			t.Errorf("%s %q: got %v %v, want %s", c.path, c.text, got, err, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"token for addresses", "accessToken: a+b/c=\n", "catflap.yaml:1:14: accessToken: the token has characters that change in addresses (?access_token=): use letters, digits, - . _ ~ only"},
		{"secret without post", "accessToken: t\napps: {a: {accessToken: x, secret: y}}\n", "catflap.yaml:2:36: apps.a.secret: secret signs what is posted, and this app has no post"},
		{"two apps dial one address", "accessToken: t\napps:\n  a: {connect: \"ws://h/\"}\n  b: {connect: \"ws://h/\"}\n", "catflap.yaml:4:16: apps.b.connect: app a dials the same address for the same account: frameworks refuse or drop the second connection"},
		{"too many links", "accessToken: t\nlimits: {links: 1}\napps: {a: {connect: \"ws://h/\"}}\n", "catflap.yaml:2:17: limits.links: the accounts and dialling apps need 2 links, and 1 are allowed: raise limits.links"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, w := range parse(t, c.in).Warnings {
				got = append(got, w.Head())
			}
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadSecretFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("token", " from-file\n", 0o600)
	write("open", "x\n", 0o604)
	write("catflap.yaml", "accessTokenFile: token\napps: {a: {accessTokenFile: open}}\n", 0o600)
	path := filepath.Join(dir, "catflap.yaml")
	c, err := Load(path, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if c.Accounts[0].AccessToken != "from-file" || c.Apps[0].AccessToken != "x" {
		t.Errorf("got %q and %q", c.Accounts[0].AccessToken, c.Apps[0].AccessToken)
	}
	open := filepath.Join(dir, "open")
	want := path + ":2:29: apps.a.accessTokenFile: " + open + " can be read by everybody on this machine: chmod o-r " + open
	if len(c.Warnings) != 1 || c.Warnings[0].Head() != want {
		t.Errorf("warnings %v, want %s", c.Warnings, want)
	}

	write("catflap.yaml", "accessToken: s3cret\n", 0o644)
	if c, err = Load(path, noEnv); err != nil {
		t.Fatal(err)
	}
	want = path + ": the file holds tokens and can be read by everybody on this machine: chmod o-r " + path
	if len(c.Warnings) != 1 || c.Warnings[0].Head() != want {
		t.Errorf("warnings %v, want %s", c.Warnings, want)
	}

	write("empty", "\n", 0o600)
	_, err = Parse(path, []byte("accessTokenFile: empty\n"), noEnv)
	if diff := cmp.Diff([]string{path + ":1:18: accessTokenFile: " + filepath.Join(dir, "empty") + " is empty: write the value into it"}, heads(t, err)); diff != "" {
		t.Errorf("issues (-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	named := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(named, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) (string, bool) { return named, name == "CATFLAP_CONFIG" }
	if got, err := Find("", env); got != named || err != nil {
		t.Errorf("by environment: %s, %v", got, err)
	}
	if _, err := Find("gone.yaml", env); err == nil || err.Error() != "cannot read gone.yaml, which --config names (no such file or directory)" {
		t.Errorf("by flag: %v", err)
	}
	if err := os.WriteFile("catflap.yaml", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find("", noEnv); got != "catflap.yaml" || err != nil {
		t.Errorf("here: %s, %v", got, err)
	}
}

func TestIssueCaret(t *testing.T) {
	_, err := Parse("catflap.yaml", []byte("apps: {猫: 1}\nname: 猫门 # x\naccessToken: t\ngroups: {'猫': {}}\n"), noEnv)
	const want = "catflap.yaml:1:8: apps: expected a name of up to 64 letters, digits, dots, - or _ that does not start with a dot or -, found \"猫\"\n" +
		"    apps: {猫: 1}\n" +
		"           ^\n" +
		"catflap.yaml:4:10: groups: expected a group number or \"*\" as key, found \"猫\"\n" +
		"    groups: {'猫': {}}\n" +
		"             ^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	wide := Issue{File: "f", Line: 1, Column: 4, Message: "m", Source: "猫门: x"}
	if got, want := wide.String(), "f:1:4: m\n    猫门: x\n         ^"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFolder: the data folder is known though the secrets are not, and only then.
func TestFolder(t *testing.T) {
	const sealed = "accessToken: ${SEALED}\napps: {a: {accessTokenFile: no-such-file}}\n"
	for _, tt := range []struct{ name, text, want string }{
		{"secrets elsewhere", sealed + "dataDir: /data\n", "/data"},
		{"nothing wrong", "accessToken: x\ndataDir: /data\n", "/data"},
		{"by default", sealed, "/state"},
		{"another mistake", sealed + "dataDir: /data\nwsPrt: 1\n", ""},
		{"the folder itself is elsewhere", "accessToken: x\ndataDir: ${SEALED}\n", ""},
		{"not YAML", "a: [\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "catflap.yaml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := Folder(path, func(name string) (string, bool) { return "/state", name == "STATE_DIRECTORY" })
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := Folder(filepath.Join(t.TempDir(), "none.yaml"), noEnv); got != "" {
		t.Errorf("a file that is not there gave %q", got)
	}
}
