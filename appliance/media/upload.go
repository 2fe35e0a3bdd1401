package media

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// uploadIdle is how long an uploader may send nothing.
const uploadIdle = 30 * time.Second

// Uploaded is the answer to POST /media.
type Uploaded struct {
	Key    string `json:"key"`
	URL    string `json:"url"` // what segments and other apps may name it by
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Type   string `json:"type"` // as sniffed
	Name   string `json:"name,omitempty"`
}

// Upload takes a medium from an app: the body as it is, with ?name= for its name, or the first file of a
// multipart/form-data form. Whoever calls it has checked the app's token. Errors are answered as {"error": ...}.
func (c *Cache) Upload(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		refuseUpload(w, http.StatusMethodNotAllowed, "media are uploaded with POST")
		return
	}
	s := c.settings.Load()
	limit := s.Item
	if r.ContentLength > min(limit, s.Total/2)+formOverhead {
		above := errLarge
		if s.Total/2 < limit {
			above = errShare
		}
		refuseUpload(w, http.StatusRequestEntityTooLarge, above.Error())
		return
	}
	control := http.NewResponseController(w)
	body := &lively{r: r.Body, control: control}
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	content, name, err := fileOf(r, body)
	if err != nil {
		refuseUpload(w, http.StatusBadRequest, err.Error())
		return
	}
	info, err := c.Put(r.Context(), content, name, limit)
	switch {
	case err == nil:
	case errors.Is(err, ErrTooLarge):
		refuseUpload(w, http.StatusRequestEntityTooLarge, public(err))
		return
	case errors.Is(err, ErrUnavailable):
		later(w, 30*time.Second)
		status := http.StatusServiceUnavailable
		if errors.Is(err, errDisk) || errors.Is(err, errQuota) {
			status = http.StatusInsufficientStorage
		}
		refuseUpload(w, status, public(err))
		return
	case errors.Is(err, ErrEmpty):
		refuseUpload(w, http.StatusBadRequest, "the body has no bytes")
		return
	default:
		refuseUpload(w, http.StatusBadRequest, "the body did not come whole")
		return
	}
	answer(w, http.StatusCreated, Uploaded{
		Key: info.Key.String(), URL: c.URL(info.Key), Size: info.Size, SHA256: hex.EncodeToString(info.Sum[:]), Type: info.Type, Name: info.Name,
	})
}

// formOverhead is what a form may have around its file.
const formOverhead = 64 << 10

// errForm: a form that brings no file.
var errForm = errors.New("the form has no file: send the bytes as the body, or as a part with a filename")

// fileOf finds the file in a request, without reading it.
func fileOf(r *http.Request, body io.Reader) (content io.Reader, name string, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return body, r.URL.Query().Get("name"), nil
	}
	r.Body = io.NopCloser(body)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, "", errForm
	}
	for range 16 {
		part, err := form.NextPart()
		if err != nil {
			return nil, "", errForm
		}
		if name := part.FileName(); name != "" {
			return part, name, nil
		}
	}
	return nil, "", errForm
}

// lively moves the deadline of the socket on with each piece that comes.
type lively struct {
	r       io.Reader
	control *http.ResponseController
}

// Read reads one piece.
func (l *lively) Read(b []byte) (int, error) {
	_ = l.control.SetReadDeadline(time.Now().Add(uploadIdle))
	return l.r.Read(b)
}

func refuseUpload(w http.ResponseWriter, status int, why string) {
	answer(w, status, struct {
		Error string `json:"error"`
	}{why})
}

func answer(w http.ResponseWriter, status int, v any) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // plain structs
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, b.String()) // a peer that went away is no error of ours
}
