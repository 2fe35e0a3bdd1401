package appliance

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/appliance/localfile"
	"github.com/catflap/catflap/appliance/media"
	"github.com/catflap/catflap/appliance/onebot12"
)

// heavyAnswers is how many answers with a file's bytes are made at once: each is in memory several times over.
const heavyAnswers = 1

// Return codes for files that came in pieces; the range is ours (OneBot 12, return codes).
const (
	codePiecesMissing = 32002
	codeOtherSum      = 32003
)

// fileRules are what an account lets apps of OneBot 12 do with files.
type fileRules struct {
	max   int64 // mediaMaxMb in bytes
	roots localfile.Roots
}

// setFileRules makes a configuration's rules the ones that file actions meet.
func (a *Appliance) setFileRules(c *config.Config) {
	rules := make(map[string]fileRules)
	for _, acc := range c.Accounts {
		rules[acc.Name] = fileRules{int64(acc.MediaMaxMB) << 20, acc.FileRoots}
	}
	a.fileRules.Store(&rules)
}

// filesOf are an account's; links' goroutines ask for them.
func (a *Appliance) filesOf(account string) fileRules { return (*a.fileRules.Load())[account] }

// lookups are what apps of OneBot 12 need of the rest.
func (a *Appliance) lookups() apps.Lookups {
	return apps.Lookups{
		Version: a.Version, Author: a.router.Author, Upstream: a.router.Upstream, Allowed: a.router.Allowed, Denied: a.router.Denied, FileID: a.fileID, Files: a.files,
	}
}

// fileID is the key of a medium in the cache. One that events name by QQ's own address is offered here.
func (a *Appliance) fileID(account string, m onebot12.Medium) string {
	if key, ok := a.ownMedium(m.URL); ok {
		return key.String()
	}
	key, _, ok := a.media.cache.Offer(media.Offered{
		Account: account, MessageID: m.MessageID, Group: m.Group != 0, Type: m.Type, File: m.File, FileID: m.FileID, URL: m.URL, Size: m.Size,
		Max: a.filesOf(account).max,
	})
	if !ok {
		return ""
	}
	return key.String()
}

// newFiles makes the files of apps of OneBot 12: their ids are the keys of the media cache.
func (a *Appliance) newFiles() *apps.Files {
	cache, pieces := a.media.cache, a.media.pieces
	stored := func(info media.Info, err error) (apps.StoredFile, *onebot12.Fault) {
		if err != nil {
			return apps.StoredFile{}, fileFault(err, onebot12.DiskFault)
		}
		return apps.StoredFile{ID: info.Key.String(), SHA256: hex.EncodeToString(info.Sum[:])}, nil
	}
	return &apps.Files{
		On:    cache.Keeps,
		Heavy: make(chan struct{}, heavyAnswers),
		Known: func(id string) (onebot12.File, bool) {
			key, ok := media.ParseKey(id)
			if !ok {
				return onebot12.File{}, false
			}
			name, ok := cache.Known(key)
			return onebot12.File{File: media.Path + id, Name: name}, ok
		},
		Put: func(ctx context.Context, account, name string, r io.Reader) (apps.StoredFile, *onebot12.Fault) {
			return stored(cache.Put(ctx, r, name, a.filesOf(account).max))
		},
		Fetch: func(ctx context.Context, account, name, url string, header http.Header) (apps.StoredFile, *onebot12.Fault) {
			info, err := a.fetchFile(ctx, account, name, url, header)
			if err != nil && !errors.Is(err, media.ErrUnavailable) { // nothing here is to blame
				return apps.StoredFile{}, fileFault(err, onebot12.DownloadFault)
			}
			return stored(info, err)
		},
		Copy: func(ctx context.Context, account, name, path string) (apps.StoredFile, *onebot12.Fault) {
			rules := a.filesOf(account)
			if len(rules.roots) == 0 {
				return apps.StoredFile{}, noPaths(account)
			}
			f, err := rules.roots.Open(path)
			if err != nil {
				return apps.StoredFile{}, &onebot12.Fault{Code: onebot12.BadParam, Message: fmt.Sprintf("params.path: %v (accounts.%s.files.roots)", err, account)}
			}
			defer f.Close()
			return stored(cache.Put(ctx, f, name, rules.max))
		},
		Prepare: func(account, name string, total int64) (string, *onebot12.Fault) {
			id, err := pieces.Prepare(name, total, a.filesOf(account).max)
			if err != nil {
				return "", fileFault(err, onebot12.DiskFault)
			}
			return id, nil
		},
		Write: func(id string, offset, size int64, r io.Reader) *onebot12.Fault {
			if err := pieces.Write(id, offset, size, r); err != nil {
				return fileFault(err, onebot12.DiskFault)
			}
			return nil
		},
		Finish: func(ctx context.Context, account, id, sum string) (apps.StoredFile, *onebot12.Fault) {
			return stored(pieces.Finish(ctx, id, sum, a.filesOf(account).max))
		},
		Address: func(id string) (string, *onebot12.Fault) {
			key, ok := media.ParseKey(id)
			if !ok {
				return "", fileFault(media.ErrUnknown, onebot12.DownloadFault)
			}
			url := cache.URL(key)
			if url == media.Path+id {
				return "", &onebot12.Fault{Code: onebot12.UnsupportedParam, Message: "files have no address here: set media.publicUrl, or use type data"}
			}
			return url, nil
		},
		Open: func(ctx context.Context, id string) (apps.OpenFile, *onebot12.Fault) {
			key, ok := media.ParseKey(id)
			if !ok {
				return apps.OpenFile{}, fileFault(media.ErrUnknown, onebot12.DownloadFault)
			}
			f, err := cache.Open(ctx, key)
			if err != nil {
				return apps.OpenFile{}, fileFault(err, onebot12.DownloadFault)
			}
			return apps.OpenFile{
				ReaderAt: f, Name: f.Name, SHA256: hex.EncodeToString(f.Sum[:]), Size: f.Size, Place: f.Rel(), Close: func() { _ = f.Close() },
			}, nil
		},
		PathOf: func(account string, o apps.OpenFile) (string, *onebot12.Fault) {
			path := filepath.Join(cache.Dir(), filepath.FromSlash(o.Place))
			if len(a.filesOf(account).roots) == 0 {
				return "", noPaths(account)
			}
			if err := a.filesOf(account).roots.Allows(path); err != nil {
				return "", &onebot12.Fault{Code: onebot12.UnsupportedParam, Message: fmt.Sprintf("the folder of media is not below accounts.%s.files.roots: use type url or data", account)}
			}
			return path, nil
		},
	}
}

// noPaths is the fault of type path where no folder of this box is open to apps.
func noPaths(account string) *onebot12.Fault {
	return &onebot12.Fault{Code: onebot12.UnsupportedParam, Message: fmt.Sprintf("paths of this box are not open to apps (accounts.%s.files.roots): use type url or data", account)}
}

// fetchFile takes a file from an address, which the guard of the inner network has to let pass. Nothing is in memory but a
// small buffer.
func (a *Appliance) fetchFile(ctx context.Context, account, name, url string, header http.Header) (media.Info, error) {
	max := a.filesOf(account).max
	in, out := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := a.media.fence.Load().FetchWith(ctx, url, header, max, out)
		_ = out.CloseWithError(err)
	}()
	info, err := a.media.cache.Put(ctx, in, name, max)
	_ = in.CloseWithError(errors.Join(err, context.Canceled)) // the fetch need not go on
	<-ended
	return info, err
}

// fileFault is what an app is told of an error of the cache; otherwise is the code where none fits better.
func fileFault(err error, otherwise int) *onebot12.Fault {
	code := otherwise
	switch {
	case errors.Is(err, media.ErrUnknown), errors.Is(err, media.ErrGone), errors.Is(err, media.ErrTransfer):
		code = onebot12.FileUnknown
	case errors.Is(err, media.ErrTooLarge), errors.Is(err, media.ErrEmpty), errors.Is(err, fence.ErrTooLarge), errors.Is(err, media.ErrPiece), errors.Is(err, fence.ErrURL), errors.Is(err, fence.ErrRefused):
		code = onebot12.BadParam
	case errors.Is(err, media.ErrMissing):
		code = codePiecesMissing
	case errors.Is(err, media.ErrSum):
		code = codeOtherSum
	case errors.Is(err, media.ErrTransfers):
		code = onebot12.Limited
	case errors.Is(err, media.ErrPending), errors.Is(err, context.DeadlineExceeded), isFetch(err):
		code = onebot12.DownloadFault
	}
	return &onebot12.Fault{Code: code, Message: err.Error()}
}

// isFetch reports whether the server of an address is to blame.
func isFetch(err error) bool {
	var status *fence.StatusError
	return errors.As(err, &status) || errors.Is(err, fence.ErrSlow) || errors.Is(err, fence.ErrAnswer)
}
