package update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Source is a folder with a release in it, here or behind a URL.
type Source struct {
	dir    string
	base   *url.URL
	client *http.Client
}

// maxRedirects of one request; all of them on the same host.
const maxRedirects = 5

// NewSource reads "https://host/folder", "http://host/folder" or the name of a folder.
func NewSource(from string) (Source, error) {
	scheme, _, hasScheme := strings.Cut(from, "://")
	if !hasScheme {
		info, err := os.Stat(from)
		if err != nil {
			return Source{}, fmt.Errorf("looking for releases: %w", err)
		}
		if !info.IsDir() {
			return Source{}, fmt.Errorf("looking for releases: %s is no folder", from)
		}
		return Source{dir: from}, nil
	}
	base, err := url.Parse(from)
	if err != nil || scheme != "http" && scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return Source{}, fmt.Errorf("%q is neither a folder nor an http or https URL of one", from)
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		DisableCompression:    true, // the bounds are those of the bytes that come
		DisableKeepAlives:     true,
	}
	return Source{base: base, client: &http.Client{Transport: transport, CheckRedirect: sameHost}}, nil
}

// sameHost keeps redirects where the person has sent catflap to: another host learns nothing, and https stays https.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return fmt.Errorf("it redirects to %s://%s: download the files yourself and give the folder to --from", req.URL.Scheme, req.URL.Host)
	}
	if len(via) > maxRedirects {
		return errors.New("it redirects too often")
	}
	return nil
}

// open gives the content of one file; the caller closes it.
func (s Source) open(ctx context.Context, name string) (io.ReadCloser, error) {
	if s.base == nil {
		f, err := os.Open(filepath.Join(s.dir, name))
		if err != nil {
			return nil, fmt.Errorf("fetching %s: %w", name, err)
		}
		return f, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base.JoinPath(name).String(), nil)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", name, err)
	}
	req.Header.Set("User-Agent", "catflap")
	resp, err := s.client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // its text repeats the URL, which may hold a password
		}
		return nil, fmt.Errorf("fetching %s from %s: %w", name, s.base.Host, err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("fetching %s from %s: the server answered %s", name, s.base.Host, resp.Status)
	}
	return resp.Body, nil
}

// read gives a small file as a whole.
func (s Source) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	body, err := s.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d KiB", name, limit>>10)
	}
	return data, nil
}
