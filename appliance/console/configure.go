package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/catflap/catflap/store"
)

// Configuration is what the console may do with the configuration file.
type Configuration struct {
	// Read gives the file.
	Read func() (ConfigFile, error)
	// Check says what is wrong with a text; it changes nothing.
	Check func(text string) ConfigCheck
	// Write replaces the file whose sum is base, keeps the old text as a version, and loads the new one. When it cannot be
	// loaded the old text is put back.
	Write func(ctx context.Context, text, base string) (ReloadResult, error)
	// Versions are the texts that were replaced, the newest first.
	Versions func() ([]ConfigVersion, error)
	// Version gives one of them.
	Version func(id string) (string, error)
}

// ConfigFile is the configuration file as it is on the disk.
type ConfigFile struct {
	Path string `json:"path"`
	Text string `json:"text"`
	Sum  string `json:"sum"` // of the text, to be sent back when it is replaced
}

// ConfigRequest is the body of POST config/check and POST config.
type ConfigRequest struct {
	Text string `json:"text"`
	Base string `json:"base,omitempty"` // POST config: the sum of the text that was edited
}

// ConfigCheck says what is wrong with a text.
type ConfigCheck struct {
	OK       bool          `json:"ok"`
	Issues   []ConfigIssue `json:"issues"`
	Warnings []ConfigIssue `json:"warnings"`
}

// ConfigIssue is one mistake, or one thing that deserves a look.
type ConfigIssue struct {
	Line    int    `json:"line"` // from 1; 0 = the whole file
	Column  int    `json:"column"`
	Path    string `json:"path"` // apps.koishi.heartbeat
	Message string `json:"message"`
	Source  string `json:"source"` // the line, with secrets masked
}

// ConfigVersion is a text that was replaced.
type ConfigVersion struct {
	ID    string    `json:"id"`
	Time  time.Time `json:"time"` // until when it was in use
	Bytes int64     `json:"bytes"`
}

// ConfigText is one version's text.
type ConfigText struct {
	Text string `json:"text"`
}

// ErrConfigChanged is returned by Write when the file is not the one that was edited.
var ErrConfigChanged = errors.New("the file has changed since it was opened here")

func (a *API) config(w http.ResponseWriter, _ *http.Request) error {
	if a.Configuration == nil {
		return notRunning()
	}
	file, err := a.Configuration.Read()
	if err != nil {
		return err
	}
	return writeJSON(w, file)
}

func (a *API) checkConfig(w http.ResponseWriter, r *http.Request) error {
	if a.Configuration == nil {
		return notRunning()
	}
	var req ConfigRequest
	if err := readBody(w, r, 4*maxBody, &req); err != nil {
		return err
	}
	return writeJSON(w, a.Configuration.Check(req.Text))
}

func (a *API) writeConfig(w http.ResponseWriter, r *http.Request) error {
	if a.Configuration == nil {
		return notRunning()
	}
	var req ConfigRequest
	if err := readBody(w, r, 4*maxBody, &req); err != nil {
		return err
	}
	result, err := a.Configuration.Write(r.Context(), req.Text, req.Base)
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	a.Store.Audit().Add(store.AuditEntry{Action: "config.write", Outcome: outcome, By: by(r)})
	if errors.Is(err, ErrConfigChanged) {
		return &Problem{Status: http.StatusConflict, Message: err.Error(), Remedy: "open it again and repeat the change", Cause: err}
	}
	if err != nil {
		return reloadProblem(err)
	}
	return writeJSON(w, whole(result))
}

func (a *API) configVersions(w http.ResponseWriter, _ *http.Request) error {
	if a.Configuration == nil {
		return notRunning()
	}
	list, err := a.Configuration.Versions()
	if err != nil {
		return err
	}
	if list == nil {
		list = []ConfigVersion{}
	}
	return writeJSON(w, list)
}

func (a *API) configVersion(w http.ResponseWriter, r *http.Request) error {
	if a.Configuration == nil {
		return notRunning()
	}
	text, err := a.Configuration.Version(r.URL.Query().Get("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, ConfigText{Text: text})
}

// LogRecord is one record of the log.
type LogRecord struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"` // INFO, WARN or ERROR
	Message string    `json:"message"`
	Details string    `json:"details"` // key=value
}

// logs gives the newest records, oldest first.
func (a *API) logs(w http.ResponseWriter, r *http.Request) error {
	if a.Logs == nil {
		return notRunning()
	}
	last, err := number(r, "last", 100, maxDecisions)
	if err != nil {
		return err
	}
	level := r.URL.Query().Get("level")
	switch level {
	case "", "info", "warn", "error":
	default:
		return wrongUse("level "+quote(level)+" is not known", "write info, warn or error")
	}
	list := a.Logs(level)
	if len(list) > last {
		list = list[len(list)-last:]
	}
	if list == nil {
		list = []LogRecord{}
	}
	return writeJSON(w, list)
}
