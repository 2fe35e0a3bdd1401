package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/catflap/catflap/appliance"
	"github.com/catflap/catflap/appliance/backup"
	"github.com/catflap/catflap/appliance/command/cli"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/console/login"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// need says what a command can do without a running instance.
type need uint8

const (
	needLive  need = iota // nothing
	needRead              // read the store
	needWrite             // change the store
)

// client talks to the API: of the running instance over its socket, or of the store opened here.
type client struct {
	transport http.RoundTripper
	close     func() error
}

// load reads the configuration that --config or the search order names.
func (s *Shell) load(c *cli.Context) (*config.Config, error) {
	path, err := config.Find(c.String("config"), s.Env)
	if err != nil {
		return nil, misuse("", "%v", err)
	}
	cfg, err := config.Load(path, s.Env)
	if err != nil {
		return nil, misuse("", "%v", err)
	}
	return cfg, nil
}

// connect finds the instance of the configuration, or opens its store. The caller closes the client.
func (s *Shell) connect(c *cli.Context, n need) (*client, error) {
	cfg, err := s.load(c)
	if err != nil {
		if live := s.running(c); live != nil {
			return live, nil
		}
		return nil, err
	}
	path := filepath.Join(cfg.DataDir, appliance.AdminSocket)
	live, err := dialSocket(c.Context, path)
	if err == nil {
		return live, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		w := s.texts(c)
		return nil, failed(w.BarredFix, w.Barred, path)
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return nil, failed("", "talking to the running instance at %s: %v", path, err)
	}
	if n == needLive {
		w := s.texts(c)
		return nil, failed(w.NotRunningFix, w.NotRunning, path)
	}
	return s.openStore(cfg, n)
}

// running finds the instance of a file that cannot be loaded here because its tokens are in an environment or in files that
// only the service sees. Nil if there is none.
func (s *Shell) running(c *cli.Context) *client {
	path, err := config.Find(c.String("config"), s.Env)
	if err != nil {
		return nil
	}
	dir := config.Folder(path, s.Env)
	if dir == "" {
		return nil
	}
	live, err := dialSocket(c.Context, filepath.Join(dir, appliance.AdminSocket))
	if err != nil {
		return nil
	}
	return live
}

// dialSocket checks that somebody answers before the first request, so that a missing instance is told from a failing one.
func dialSocket(ctx context.Context, path string) (*client, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	first, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	first.Close()
	t := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) },
		DisableKeepAlives: true,
	}
	return &client{transport: t, close: func() error { t.CloseIdleConnections(); return nil }}, nil
}

// openStore serves the same API from the store of an instance that is not running.
func (s *Shell) openStore(cfg *config.Config, n need) (*client, error) {
	o := store.Options{ReadOnly: n == needRead, Sync: cfg.Store.Sync, QueueSync: cfg.Store.QueueSync, MaxBytes: int64(cfg.Store.MaxMB) << 20}
	st, err := store.Open(cfg.DataDir, o)
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, failed("stop the other catflap, or ask it with the --config that it runs with", "the store in %s is open in another process", cfg.DataDir)
	case n == needRead && errors.Is(err, fs.ErrNotExist):
		accounts, err := json.Marshal(accountInfos(cfg, nil))
		if err != nil {
			return nil, fmt.Errorf("listing the accounts: %w", err)
		}
		planned, err := json.Marshal(plannedConsole(cfg))
		if err != nil {
			return nil, fmt.Errorf("describing the console: %w", err)
		}
		return &client{transport: nothingYet{accounts, planned}, close: func() error { return nil }}, nil
	case err != nil:
		return nil, failed("", "%v", err)
	}
	api := &console.API{
		Version:      s.Version,
		Store:        st,
		Accounts:     func() []console.AccountInfo { return accountInfos(cfg, st) },
		HistoryLimit: cfg.HistoryLimit,
		Logins:       login.New(st, login.Options{}),
		Console:      func() console.ConsoleStatus { return plannedConsole(cfg) },
		Backup: &backup.Source{Store: st, Version: s.Version, Now: time.Now, Where: func() (string, string, string) {
			return cfg.Path, cfg.DataDir, cfg.MediaDir()
		}},
		MediaGC: restingMedia(cfg, st),
		Limits: func(account string) policy.PairingLimits {
			for _, a := range cfg.Accounts {
				if a.Name == account {
					return policy.PairingLimits{Expiry: a.Pairing.Expiry, MaxPending: a.Pairing.MaxPending, RepliesPerHour: a.Pairing.RepliesPerHour}
				}
			}
			return policy.PairingLimits{}
		},
	}
	t := &inProcess{handler: api.Handler()}
	return &client{transport: t, close: func() error { t.running.Wait(); return st.Close() }}, nil
}

// plannedConsole is where the console will be once catflap runs.
func plannedConsole(cfg *config.Config) console.ConsoleStatus {
	st := console.ConsoleStatus{Listen: cfg.Console.Listen}
	if st.Listen != config.Off {
		st.URL = console.URL(st.Listen, cfg.Console.TLS.Cert != "", cfg.Console.Hosts)
	}
	return st
}

// accountInfos lists the accounts of the configuration, with what the store (nil = there is none) knows of them.
func accountInfos(cfg *config.Config, st *store.Store) []console.AccountInfo {
	out := make([]console.AccountInfo, len(cfg.Accounts))
	for i, a := range cfg.Accounts {
		out[i] = console.AccountInfo{Name: a.Name, Title: a.Title, Enabled: a.Enabled, Link: a.Link, SelfID: a.SelfID, Blocked: a.Blocked}
		if st != nil {
			out[i].Pinned = st.Accounts().Pinned(a.Name)
		}
		if out[i].SelfID == 0 {
			out[i].SelfID = out[i].Pinned
		}
	}
	return out
}

// get asks and decodes into out; a []byte pointer takes the answer as it is.
func (c *client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.do(ctx, http.MethodGet, path, query, nil, out)
}

// post sends body as JSON and decodes the answer into out.
func (c *client) post(ctx context.Context, path string, body, out any) error {
	return c.do(ctx, http.MethodPost, path, nil, body, out)
}

func (c *client) do(ctx context.Context, method, path string, query url.Values, body, out any) error {
	stream, err := c.stream(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer stream.Close()
	answer, err := io.ReadAll(stream)
	if err != nil {
		return failed("", "reading the answer: %v", err)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = answer
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return failed("compare `catflap version` with the version that is running", "the answer was not understood: %v", err)
	}
	return nil
}

// stream asks and hands over the body of a good answer; the caller closes it.
func (c *client) stream(ctx context.Context, method, path string, query url.Values, body any) (io.ReadCloser, error) {
	var content io.Reader
	if body != nil {
		encoded, err := encode(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		content = bytes.NewReader(encoded)
	}
	address := url.URL{Scheme: "http", Host: "catflap", Path: "/api/v1/" + path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, address.String(), content)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	resp, err := (&http.Client{Transport: c.transport}).Do(req)
	if err != nil {
		return nil, failed("", "talking to the running instance: %v", errors.Unwrap(err))
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	var p console.Problem
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if json.Unmarshal(answer, &p) != nil || p.Message == "" {
		return nil, failed("", "the running instance answered %s", resp.Status)
	}
	code := exitFailed
	if resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusUnprocessableEntity {
		code = exitUsage
	}
	return nil, &failure{code: code, message: p.Message, remedy: p.Remedy}
}

// inProcess answers requests by a handler in this process, streaming the body.
type inProcess struct {
	handler http.Handler
	running sync.WaitGroup
}

func (t *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	reader, writer := io.Pipe()
	w := &pipedResponse{header: make(http.Header), body: writer, started: make(chan struct{})}
	t.running.Go(func() { // ends with the handler, whose writes fail once the reader is closed
		defer func() {
			// What a server does when a handler breaks its answer off: the reader must not take it for whole.
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				w.WriteHeader(http.StatusInternalServerError)
				writer.CloseWithError(io.ErrUnexpectedEOF)
			default:
				panic(cause)
			}
		}()
		t.handler.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		writer.Close()
	})
	<-w.started
	return &http.Response{StatusCode: w.status, Status: http.StatusText(w.status), Header: w.header, Body: reader,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1, Request: r}, nil
}

// pipedResponse is the http.ResponseWriter of inProcess; only the handler's goroutine uses it until started is closed.
type pipedResponse struct {
	header  http.Header
	status  int
	body    *io.PipeWriter
	started chan struct{}
}

func (w *pipedResponse) Header() http.Header { return w.header }
func (w *pipedResponse) Flush()              {}

func (w *pipedResponse) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		close(w.started)
	}
}

func (w *pipedResponse) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// nothingYet answers for a store that has never been written: accounts and console are known, all other lists are empty.
type nothingYet struct{ accounts, console []byte }

func (n nothingYet) RoundTrip(r *http.Request) (*http.Response, error) {
	body := []byte("[]\n")
	switch r.URL.Path {
	case "/api/v1/backup":
		body = []byte(`{"error":"there is nothing to back up: catflap has not run with this data folder yet"}`)
		return &http.Response{StatusCode: http.StatusNotFound, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
	case "/api/v1/accounts":
		body = n.accounts
	case "/api/v1/console":
		body = n.console
	case "/api/v1/history/export":
		body = nil
	case "/api/v1/media", "/api/v1/media/gc":
		body = []byte("{}")
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}
