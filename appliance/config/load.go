package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFile bounds a configuration file.
const maxFile = 1 << 20

// ErrNotFound is returned by Find when there is no file at any of the usual places.
var ErrNotFound = errors.New("no configuration found")

// Find returns the file to load: the explicit one, else $CATFLAP_CONFIG, else ./catflap.yaml, else
// /etc/catflap/catflap.yaml. A file that was named must exist; ErrNotFound says what was looked for.
func Find(explicit string, env func(string) (string, bool)) (string, error) {
	return find(explicit, env, func(name string) error { _, err := os.Stat(name); return err })
}

// find is Find with the look at a file passed in: root, who runs the tests, is refused nothing.
func find(explicit string, env func(string) (string, bool), look func(name string) error) (string, error) {
	named, by := explicit, "--config"
	if named == "" {
		if fromEnv, ok := env("CATFLAP_CONFIG"); ok && fromEnv != "" {
			named, by = fromEnv, "CATFLAP_CONFIG"
		}
	}
	if named != "" {
		if err := look(named); err != nil {
			return "", fmt.Errorf("cannot read %s, which %s names (%w)%s", named, by, cause(err), forMembers(err))
		}
		return named, nil
	}
	places := []string{"catflap.yaml", "/etc/catflap/catflap.yaml"}
	for i, place := range places {
		err := look(place)
		if err == nil {
			return place, nil
		}
		if i == 0 && errors.Is(err, fs.ErrPermission) { // somebody else's working directory
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("cannot read %s (%w)%s", place, cause(err), forMembers(err))
		}
	}
	return "", fmt.Errorf("%w: neither --config nor CATFLAP_CONFIG is given, and there is no %s: run `catflap init` to write one",
		ErrNotFound, strings.Join(places, " or "))
}

// forMembers is the remedy for those who may not look into the service's folder.
func forMembers(err error) string {
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	return ": use sudo, or join the group catflap (`sudo usermod -aG catflap $USER`) and log in again"
}

// Load reads and checks a file. What is wrong with its content is an *Errors; the file itself is not touched.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	data, open, err := readSmall(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, forMembers(err))
	}
	c, err := Parse(path, data, env)
	if err != nil {
		return nil, err
	}
	if open && holdsSecret(c) {
		c.Warnings = append(c.Warnings, Issue{
			File: path, Message: fmt.Sprintf("the file holds tokens and can be read by everybody on this machine: chmod o-r %s", path),
		})
	}
	return c, nil
}

func holdsSecret(c *Config) bool {
	for _, a := range c.Accounts {
		if a.AccessToken != "" {
			return true
		}
	}
	for _, a := range c.Apps {
		if a.AccessToken != "" || a.Secret != "" || a.Agent.APIKey != "" {
			return true
		}
	}
	return c.Console.Password != "" || len(c.Alerts.To) > 0
}

// Parse checks the content of a file called name; names of files in it are relative to name's folder. env looks up
// ${NAME}; nil means that no variable is set. All errors are reported at once as an *Errors.
func Parse(name string, data []byte, env func(string) (string, bool)) (*Config, error) {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	d := newDecoder(name, data, env)
	d.dir = filepath.Dir(name)
	c := &Config{Path: name}
	if root := d.tree(); root != nil {
		d.config(root, c)
	}
	if len(d.issues) > 0 {
		return nil, &Errors{Issues: d.sorted(d.issues)}
	}
	c.Warnings = d.sorted(d.warnings)
	return c, nil
}

// Folder is the data folder of a file whose only fault is that it takes secrets from an environment or from files that this
// process does not see: the service that does runs there. It is empty when anything else is wrong.
func Folder(path string, env func(string) (string, bool)) string {
	data, _, err := readSmall(path, maxFile)
	if err != nil {
		return ""
	}
	d := newDecoder(path, data, env)
	d.dir = filepath.Dir(path)
	root := d.tree()
	if root == nil {
		return ""
	}
	c := &Config{Path: path}
	d.config(root, c)
	if len(d.issues) != d.elsewhere || !d.sound("dataDir") {
		return ""
	}
	return c.DataDir
}

// dataDir is where data goes when the file does not say it.
func dataDir(c *Config, env func(string) (string, bool)) string {
	if c.DataDir != "" {
		if filepath.IsAbs(c.DataDir) {
			return c.DataDir
		}
		return filepath.Join(filepath.Dir(c.Path), c.DataDir)
	}
	// systemd separates several directories by colons; the first is ours.
	if state, ok := env("STATE_DIRECTORY"); ok && state != "" {
		return strings.SplitN(state, ":", 2)[0]
	}
	if full, err := filepath.Abs(c.Path); err == nil && strings.HasPrefix(filepath.ToSlash(full), "/etc/catflap/") {
		return "/var/lib/catflap"
	}
	for _, base := range []struct{ name, below string }{
		{"XDG_DATA_HOME", "catflap"}, {"LOCALAPPDATA", "catflap"}, {"HOME", ".local/share/catflap"},
	} {
		if dir, ok := env(base.name); ok && filepath.IsAbs(dir) {
			return filepath.Join(dir, filepath.FromSlash(base.below))
		}
	}
	return filepath.Join(filepath.Dir(c.Path), "catflap-data")
}

// MediaDir is the folder of the media cache.
func (c *Config) MediaDir() string {
	if filepath.IsAbs(c.Media.Dir) {
		return c.Media.Dir
	}
	return filepath.Join(c.DataDir, c.Media.Dir)
}

// Account finds an account by its name or its pinned QQ number; nil when there is none.
func (c *Config) Account(name string) *Account {
	for i := range c.Accounts {
		if c.Accounts[i].Name == name {
			return &c.Accounts[i]
		}
	}
	if id, ok := parseID(name); ok {
		for i := range c.Accounts {
			if c.Accounts[i].SelfID == id {
				return &c.Accounts[i]
			}
		}
	}
	return nil
}

// HistoryLimit is how many messages of each chat an account keeps; negative when there is no such account.
func (c *Config) HistoryLimit(account string) int {
	for i := range c.Accounts {
		if c.Accounts[i].Name == account {
			return c.Accounts[i].HistoryLimit
		}
	}
	return -1
}

// App finds an app by its name; nil when there is none.
func (c *Config) App(name string) *App {
	for i := range c.Apps {
		if c.Apps[i].Name == name {
			return &c.Apps[i]
		}
	}
	return nil
}

// AccountsOf is the names of the accounts that an app serves: its own list, or all.
func (c *Config) AccountsOf(app *App) []string {
	if app.Accounts != nil {
		return app.Accounts
	}
	names := make([]string, len(c.Accounts))
	for i := range c.Accounts {
		names[i] = c.Accounts[i].Name
	}
	return names
}
