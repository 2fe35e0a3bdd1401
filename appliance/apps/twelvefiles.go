package apps

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/catflap/catflap/appliance/onebot12"
)

// Files are the files that apps of OneBot 12 hold by id. What blocks does so until its context ends.
type Files struct {
	// On reports whether files are kept at all; if not, there are no file actions.
	On func() bool
	// Known finds a file for a message, without waiting.
	Known func(fileID string) (onebot12.File, bool)
	// Put, Fetch and Copy take a file from a request, from an address and from a path of this box; account says which
	// bounds and rights hold.
	Put   func(ctx context.Context, account, name string, r io.Reader) (StoredFile, *onebot12.Fault)
	Fetch func(ctx context.Context, account, name, url string, header http.Header) (StoredFile, *onebot12.Fault)
	Copy  func(ctx context.Context, account, name, path string) (StoredFile, *onebot12.Fault)
	// Prepare, Write and Finish take one in pieces. The id of Prepare is that of the transfer alone.
	Prepare func(account, name string, total int64) (id string, f *onebot12.Fault)
	Write   func(id string, offset, size int64, r io.Reader) *onebot12.Fault
	Finish  func(ctx context.Context, account, id, sha256 string) (StoredFile, *onebot12.Fault)
	// Address is where the app can read a file, Open opens it.
	Address func(fileID string) (url string, f *onebot12.Fault)
	Open    func(ctx context.Context, fileID string) (OpenFile, *onebot12.Fault)
	// PathOf is where an open file lies on this box, if the account's rules let apps read there.
	PathOf func(account string, o OpenFile) (string, *onebot12.Fault)
	// Heavy has a place for each answer with a file's bytes that is being made, over all apps.
	Heavy chan struct{}
}

// StoredFile is a file that was taken.
type StoredFile struct{ ID, SHA256 string }

// OpenFile is a file that can be read until Close.
type OpenFile struct {
	io.ReaderAt
	Name, SHA256 string
	Size         int64
	Place        string // inside the cache's folder
	Close        func()
}

const (
	// maxPiece is the largest piece that get_file_fragmented gives, and inlineFile the largest file that get_file gives whole:
	// many apps close at frames above 1 MiB, and an answer is in memory several times over.
	maxPiece   = 1 << 20
	inlineFile = 3 << 20
	// openTime is how long a request waits for a file that has to be fetched first.
	openTime = 10 * time.Second
	// fetchTime bounds an upload by address.
	fetchTime = 60 * time.Second
)

// file answers the file actions. What comes within the request is written at once: so an app cannot send faster than the
// disk takes it, and no copy of the request waits.
func (r *demand) file() {
	files, p := r.d.app.Lookups.Files, r.plan
	if files == nil {
		r.fail(&onebot12.Fault{Code: onebot12.UnsupportedAction, Message: "there are no files here"})
		return
	}
	if denied := r.d.app.Lookups.Denied; denied != nil {
		if why := denied(r.d.app.Name(), r.Action); why != "" {
			r.fail(&onebot12.Fault{Code: onebot12.Blocked, Message: why})
			return
		}
	}
	account := r.feed.account.Name
	switch p.Kind {
	case onebot12.UploadFile:
		u := p.Upload
		switch u.Type {
		case "data":
			s, f := files.Put(r.feed.ctx, account, u.Name, onebot12.Decoder(u.Data))
			r.stored(s, u.SHA256, f)
		case "url":
			header := make(http.Header)
			for _, h := range u.Headers {
				header.Add(h[0], h[1])
			}
			r.later(fetchTime, func(ctx context.Context) {
				s, f := files.Fetch(ctx, account, u.Name, u.URL, header)
				r.stored(s, u.SHA256, f)
			})
		default:
			r.later(fetchTime, func(ctx context.Context) {
				s, f := files.Copy(ctx, account, u.Name, u.Path)
				r.stored(s, u.SHA256, f)
			})
		}
	case onebot12.UploadPrepare:
		id, f := files.Prepare(account, p.Piece.Name, p.Piece.Total)
		r.stored(StoredFile{ID: id}, "", f)
	case onebot12.UploadTransfer:
		if f := files.Write(p.Piece.FileID, p.Piece.Offset, onebot12.DecodedLen(p.Piece.Data), onebot12.Decoder(p.Piece.Data)); f != nil {
			r.fail(f)
			return
		}
		r.ok(nil)
	case onebot12.UploadFinish:
		r.later(fetchTime, func(ctx context.Context) {
			s, f := files.Finish(ctx, account, p.Piece.FileID, p.Piece.SHA256)
			r.stored(s, "", f)
		})
	case onebot12.GetFile:
		r.getFile(files, account)
	case onebot12.GetPrepare:
		r.opened(files, p.Piece.FileID, func(o OpenFile) {
			r.ok(onebot12.AppendFileInfo(nil, onebot12.FileInfo{Name: o.Name, Size: o.Size, SHA256: o.SHA256}))
		})
	case onebot12.GetTransfer:
		r.piece(files)
	default:
		r.fail(&onebot12.Fault{Code: onebot12.UnsupportedAction, Message: "this action is not served"})
	}
}

// later does what may take a while beside the link.
func (r *demand) later(limit time.Duration, work func(context.Context)) {
	if !r.d.job(r.feed, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		work(ctx)
	}) {
		r.fail(errBusy())
	}
}

// stored answers with the id of a file that was taken, if it is the one that the app meant.
func (r *demand) stored(s StoredFile, sha256 string, f *onebot12.Fault) {
	switch {
	case f != nil:
		r.fail(f)
	case sha256 != "" && s.SHA256 != sha256:
		r.fail(&onebot12.Fault{Code: onebot12.BadParam, Message: "params.sha256 is not that of the file, which is " + s.SHA256})
	default:
		r.ok(onebot12.AppendFileID(nil, s.ID))
	}
}

// opened does something with a file that may have to be fetched first.
func (r *demand) opened(files *Files, id string, with func(OpenFile)) {
	r.later(openTime, func(ctx context.Context) {
		o, f := files.Open(ctx, id)
		if f != nil {
			r.fail(f)
			return
		}
		defer o.Close()
		with(o)
	})
}

// heavy does something that has bytes of a file in memory.
func (r *demand) heavy(files *Files, work func()) {
	select {
	case files.Heavy <- struct{}{}:
		defer func() { <-files.Heavy }()
		work()
	case <-r.feed.ctx.Done():
		r.fail(&onebot12.Fault{Code: onebot12.DiskFault, Message: closing})
	}
}

// bytes reads a part of a file.
func (r *demand) bytes(o OpenFile, offset, size int64) []byte {
	b := make([]byte, size)
	if n, err := o.ReadAt(b, offset); int64(n) != size {
		r.fail(&onebot12.Fault{Code: onebot12.DiskFault, Message: fmt.Sprintf("reading the file: %v", err)})
		return nil
	}
	return b
}

func (r *demand) getFile(files *Files, account string) {
	get := r.plan.Get
	if get.Type == "url" {
		file, ok := files.Known(get.FileID)
		if !ok {
			r.fail(&onebot12.Fault{Code: onebot12.FileUnknown, Message: "no such file_id"})
			return
		}
		url, f := files.Address(get.FileID)
		if f != nil {
			r.fail(f)
			return
		}
		r.ok(onebot12.AppendFile(nil, get.Type, onebot12.FileInfo{Name: file.Name, URL: url}))
		return
	}
	r.opened(files, get.FileID, func(o OpenFile) {
		info := onebot12.FileInfo{Name: o.Name, Size: o.Size, SHA256: o.SHA256}
		if get.Type == "path" {
			path, f := files.PathOf(account, o)
			if f != nil {
				r.fail(f)
				return
			}
			info.Path = path
			r.ok(onebot12.AppendFile(nil, get.Type, info))
			return
		}
		if o.Size > inlineFile {
			r.fail(&onebot12.Fault{Code: onebot12.UnsupportedParam, Message: fmt.Sprintf("the file has %d bytes, and %d go into one answer: use get_file_fragmented, or type url", o.Size, inlineFile)})
			return
		}
		r.heavy(files, func() {
			if info.Data = r.bytes(o, 0, o.Size); info.Data != nil {
				r.ok(onebot12.AppendFile(make([]byte, 0, o.Size/3*4+1024), get.Type, info))
			}
		})
	})
}

func (r *demand) piece(files *Files) {
	p := r.plan.Piece
	if p.Size > maxPiece {
		r.fail(&onebot12.Fault{Code: onebot12.BadParam, Message: fmt.Sprintf("params.size is %d: a piece has at most %d bytes", p.Size, maxPiece)})
		return
	}
	r.opened(files, p.FileID, func(o OpenFile) {
		if p.Offset > o.Size || p.Size > o.Size-p.Offset {
			r.fail(&onebot12.Fault{Code: onebot12.BadParam, Message: fmt.Sprintf("the piece reaches beyond the end of the file, which has %d bytes", o.Size)})
			return
		}
		r.heavy(files, func() {
			if b := r.bytes(o, p.Offset, p.Size); b != nil {
				r.ok(onebot12.AppendFileData(make([]byte, 0, len(b)/3*4+64), b))
			}
		})
	})
}
