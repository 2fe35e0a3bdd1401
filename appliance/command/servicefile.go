package command

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/service"
)

// serviceFile is the configuration that a service is to run with, and what of it concerns the service.
type serviceFile struct {
	from, path         string // where it is, and where the service reads it
	content            []byte // nil = there is none yet
	data               string
	memory             int64
	writable, readable []string
	elsewhere          bool   // it needs an environment that is not here
	copied             bool   // from is copied to path
	newData            bool   // what `catflap run` has kept until now lies elsewhere
	ignored            string // a file that one could have meant
}

// serviceConfig finds and checks the configuration. A service of the system reads /etc/catflap/catflap.yaml; another file is
// copied there: the one that is named, or while there is none yet the one in the working directory, with which
// `catflap run` was tried.
func (s *Shell) serviceConfig(c *cli.Context, h *service.Host, userScope bool, t *serviceTexts) (serviceFile, error) {
	f := serviceFile{path: service.SystemConfig, data: service.SystemData}
	from, err := s.servedFile(c, h, userScope, &f)
	switch {
	case errors.Is(err, config.ErrNotFound) && userScope:
		return f, misuse(t.NoOwnConfigFix, "%s", t.NoOwnConfig)
	case errors.Is(err, config.ErrNotFound):
		return f, nil
	case err != nil:
		return f, misuse("", "%v", err)
	}
	if from, err = filepath.Abs(from); err != nil {
		return f, failed("", "%v", err)
	}
	f.from, f.copied = from, !userScope && from != h.At(service.SystemConfig)
	if userScope {
		f.path = from
	}
	info, err := os.Stat(from)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 4<<20 {
		return f, misuse("", "%s is no configuration", from)
	}
	if f.content, err = os.ReadFile(from); err != nil {
		return f, failed("", "%v", err)
	}
	here, err := config.Parse(from, f.content, s.Env)
	if err == nil {
		// Checked also as the file that it will be: where the data goes depends on the place.
		var there *config.Config
		if there, err = config.Parse(f.path, f.content, s.Env); err == nil {
			f.data, f.memory = there.DataDir, there.Memory.Limit
			f.newData = f.copied && here.DataDir != there.DataDir
			if !userScope {
				f.folders(there)
			}
			return f, nil
		}
	}
	if config.Folder(from, s.Env) == "" {
		return f, misuse("", "%v", err)
	}
	f.elsewhere = true
	return f, nil
}

// servedFile is the file that a service is to run with; config.ErrNotFound when there is none.
func (s *Shell) servedFile(c *cli.Context, h *service.Host, userScope bool, f *serviceFile) (string, error) {
	named := c.String("config")
	if named == "" {
		named, _ = s.Env("CATFLAP_CONFIG")
	}
	if named != "" {
		return config.Find(named, s.Env)
	}
	const here = "catflap.yaml"
	_, err := os.Stat(here)
	own := err == nil
	if userScope {
		if !own {
			return "", config.ErrNotFound // that of the system's service would be one instance too many
		}
		return here, nil
	}
	system := h.At(service.SystemConfig)
	if _, err := os.Lstat(system); err == nil {
		if own && !sameContent(here, system) {
			f.ignored = here
		}
		return system, nil
	}
	if !own {
		return "", config.ErrNotFound
	}
	return here, nil
}

// sameContent reports whether two small files say the same.
func sameContent(a, b string) bool {
	one, err := os.ReadFile(a)
	two, other := os.ReadFile(b)
	return err == nil && other == nil && string(one) == string(two)
}

// folders collects what the sandbox must let through.
func (f *serviceFile) folders(cfg *config.Config) {
	inside := func(path, dir string) bool {
		return path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
	}
	for _, path := range []string{cfg.DataDir, cfg.MediaDir(), cfg.Media.NapcatDir} {
		if path == "" || !filepath.IsAbs(path) || inside(path, service.SystemData) || inside(path, filepath.Dir(service.SystemConfig)) {
			continue
		}
		f.writable = append(f.writable, filepath.Clean(path))
	}
	for _, a := range cfg.Accounts {
		for _, root := range a.FileRoots {
			f.readable = append(f.readable, filepath.Clean(root))
		}
	}
}
