package command

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/onebot"
)

// carry gives the instance the files of this machine that an action sends, and returns the params that name what became of
// them. They are opened here, as the person who calls: catflap run may be another user, and NapCat elsewhere.
func (cl *client) carry(ctx context.Context, info onebot.ActionInfo, params []byte) ([]byte, error) {
	if info.Effect == "read" || info.Category == "system" {
		return params, nil
	}
	found := make(map[string]string) // value to path
	onebot.RewriteFiles(info.Name, params, func(value string) (string, bool) {
		if path := ownPath(value); path != "" {
			found[value] = path
		}
		return "", false
	})
	addresses := make(map[string]string, len(found))
	for value, path := range found {
		address, err := cl.upload(ctx, path)
		if err != nil {
			return nil, err
		}
		addresses[value] = address
	}
	return onebot.RewriteFiles(info.Name, params, func(value string) (string, bool) {
		return addresses[value], addresses[value] != ""
	}), nil
}

// ownPath is the path of this machine that a value means; "" for addresses, ids and names of NapCat's.
func ownPath(value string) string {
	if rest, ok := strings.CutPrefix(value, "file://"); ok {
		if u, err := url.Parse(value); err == nil && (u.Host == "" || u.Host == "localhost") && u.Path != "" {
			return filepath.FromSlash(u.Path)
		}
		return rest
	}
	if onebot.IsLocalPath(value) {
		return value
	}
	if strings.Contains(value, "://") || !strings.Contains(value, ".") {
		return ""
	}
	if st, err := os.Stat(value); err == nil && st.Mode().IsRegular() {
		return value // report.pdf in the folder that one is in
	}
	return ""
}

// upload sends a file into the media cache and returns the address that actions name it by.
func (cl *client) upload(ctx context.Context, path string) (string, error) {
	const remedy = "a path is one of this machine; --remote-files leaves paths to NapCat"
	f, err := os.Open(path)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return "", misuse(remedy, "the file %s cannot be read: %v", clean(path), err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return "", misuse(remedy, "%s is no file", clean(path))
	}
	address := url.URL{Scheme: "http", Host: "catflap", Path: "/api/v1/media", RawQuery: url.Values{"name": {filepath.Base(path)}}.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), f)
	if err != nil {
		return "", failed("", "sending %s: %v", clean(path), err)
	}
	req.ContentLength = st.Size()
	resp, err := (&http.Client{Transport: cl.transport}).Do(req)
	if err != nil {
		return "", failed("", "sending %s to the running instance: %v", clean(path), err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK {
		p := console.Problem{Message: resp.Status}
		_ = json.Unmarshal(body, &p)
		return "", failed(p.Remedy, "sending %s to the running instance: %s", clean(path), clean(p.Message))
	}
	var answer struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Key == "" {
		return "", failed("compare `catflap version` with the version that is running", "the answer to %s was not understood", clean(path))
	}
	return "http://127.0.0.1/media/" + answer.Key, nil // catflap knows its media by the key, whatever the host
}

// nameOf fills in the name that people will see of an uploaded file.
func nameOf(specs map[string]spec, values map[string]json.RawMessage) {
	if _, given := values["name"]; given || !specs["name"].required || specs["file"].kinds == "" {
		return
	}
	var file string
	if json.Unmarshal(values["file"], &file) != nil {
		return
	}
	name := onebot.FileName(file)
	if path := ownPath(file); path != "" {
		name = filepath.Base(path)
	}
	if name != "" {
		values["name"] = onebot.Quoted(name)
	}
}
