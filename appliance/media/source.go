package media

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/fence"
)

const (
	rkeyTime = 10 * time.Minute // how long rkeys are used before NapCat is asked for new ones
	// askTime bounds one call to NapCat: get_image makes it download, and that may hang.
	askTime = 30 * time.Second
	// streamIdle is how long NapCat may send nothing of a file that it streams.
	streamIdle = 30 * time.Second
	// streamAhead bounds the frames of a stream that wait to be written, in bytes.
	streamAhead = 512 << 10
	streamChunk = 64 << 10
)

// travel writes an origin's bytes to p, by the first road that still leads there: its address, the address with a fresh
// rkey, the address that the message has now, NapCat's streams, NapCat's own copy.
// The order follows what the roads cost NapCat.
func (c *Cache) travel(ctx context.Context, o *origin, p *part) error {
	trip := trip{c: c, o: o, p: p}
	roads := []func(context.Context) error{trip.direct, trip.freshKey, trip.message, trip.download, trip.copy}
	if c.ask == nil || o.Account == "" {
		roads = roads[:1]
	}
	for _, road := range roads {
		err := road(ctx)
		if err == nil {
			return nil
		}
		if final(err) || ctx.Err() != nil {
			return tooLarge(err)
		}
		if err := p.reset(); err != nil {
			return err
		}
	}
	return trip.verdict()
}

// final reports whether no other road helps.
func final(err error) bool {
	return errors.Is(err, fence.ErrTooLarge) || errors.Is(err, fence.ErrRefused) || errors.Is(err, errBudget) || errors.Is(err, errWrite)
}

// errWrite means that the bytes came and could not be kept.
var errWrite = errors.New("writing a medium")

// tooLarge gives the guard's error the meaning that readers know. The guard's stays in the chain.
func tooLarge(err error) error {
	if errors.Is(err, fence.ErrTooLarge) {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return err
}

// trip is one attempt to get an origin's bytes.
type trip struct {
	c     *Cache
	o     *origin
	p     *part
	tried []string // addresses
	// What the roads said, to tell what is gone from what may come back.
	away, network error
	denied        bool // NapCat answered that it does not have it
}

// errRoad: this road does not lead there.
var errRoad = errors.New("not by this road")

// get fetches an address, unless that was tried already.
func (t *trip) get(ctx context.Context, address string) error {
	if !isWeb(address) || slices.Contains(t.tried, address) {
		return errRoad
	}
	t.tried = append(t.tried, address)
	_, err := t.c.fetch(ctx, address, t.p.max, t.p)
	var status *fence.StatusError
	switch {
	case err == nil, final(err):
		return err
	case errors.As(err, &status) && status.Status >= 400 && status.Status < 500 && status.Status != http.StatusTooManyRequests && status.Status != http.StatusRequestTimeout:
		return err // QQ answers 400 to a link that has died
	}
	t.network = err
	return err
}

func (t *trip) direct(ctx context.Context) error { return t.get(ctx, t.o.URL) }

// rkeys are the keys that QQ gave an account for addresses of private and group media.
type rkeys struct {
	private, group string
	at             time.Time
}

// freshKey tries the address with a new rkey: the fileid outlives it.
func (t *trip) freshKey(ctx context.Context) error {
	if query(t.o.URL, "rkey") == "" {
		return errRoad
	}
	t.c.mu.Lock()
	known, ok := t.c.rkeys[t.o.Account]
	t.c.mu.Unlock()
	if !ok || t.c.now().Sub(known.at).Abs() > rkeyTime || slices.Contains(t.tried, t.withKey(known)) {
		var err error
		if known, err = t.askKeys(ctx); err != nil {
			return err
		}
		t.c.mu.Lock()
		t.c.rkeys[t.o.Account] = known
		t.c.mu.Unlock()
	}
	return t.get(ctx, t.withKey(known))
}

// withKey puts an rkey into the origin's address: appid 1407 is a group's, 1406 a private one's.
func (t *trip) withKey(k rkeys) string {
	u, err := url.Parse(t.o.URL)
	if err != nil {
		return ""
	}
	q := u.Query()
	key := k.private
	if appid := q.Get("appid"); appid == "1407" || appid != "1406" && t.o.Group {
		key = k.group
	}
	if key == "" {
		return ""
	}
	q.Set("rkey", key)
	u.RawQuery = q.Encode()
	return u.String()
}

// askKeys asks NapCat for rkeys. nc_get_rkey numbers the types 10 (private) and 20 (group), get_rkey names them.
func (t *trip) askKeys(ctx context.Context) (rkeys, error) {
	var list []struct {
		RKey string          `json:"rkey"`
		Type json.RawMessage `json:"type"`
	}
	err := t.ask(ctx, "nc_get_rkey", nil, &list)
	if err != nil && !errors.Is(err, ErrAway) {
		err = t.ask(ctx, "get_rkey", nil, &list)
	}
	if err != nil {
		return rkeys{}, err
	}
	out := rkeys{at: t.c.now()}
	for _, k := range list {
		key := strings.TrimPrefix(strings.TrimPrefix(k.RKey, "&"), "rkey=")
		if unescaped, err := url.QueryUnescape(key); err == nil {
			key = unescaped
		}
		switch strings.Trim(string(k.Type), `"`) {
		case "10", "private":
			out.private = key
		case "20", "group":
			out.group = key
		}
	}
	return out, nil
}

// message asks for the message again: NapCat makes its addresses anew.
func (t *trip) message(ctx context.Context) error {
	if t.o.MessageID == 0 {
		return errRoad
	}
	params, err := json.Marshal(map[string]int64{"message_id": t.o.MessageID})
	if err != nil {
		return err
	}
	var answer struct {
		Message json.RawMessage `json:"message"`
	}
	if err := t.ask(ctx, "get_msg", params, &answer); err != nil {
		return err
	}
	var segments []struct {
		Type string `json:"type"`
		Data struct {
			File   string `json:"file"`
			FileID string `json:"file_id"`
			URL    string `json:"url"`
		} `json:"data"`
	}
	if json.Unmarshal(answer.Message, &segments) != nil {
		return errRoad // CQ text, or nothing
	}
	for _, s := range segments {
		if s.Type == t.o.Type && (s.Data.File == t.o.File || s.Data.FileID != "" && s.Data.FileID == t.o.FileID) {
			return t.get(ctx, s.Data.URL)
		}
	}
	return errRoad
}

// lookup is how NapCat finds a medium of its own.
func (t *trip) lookup(more map[string]any) ([]byte, bool) {
	params := more
	switch {
	case t.o.FileID != "":
		params["file_id"] = t.o.FileID
	case t.o.File != "":
		params["file"] = t.o.File
	default:
		return nil, false
	}
	b, err := json.Marshal(params)
	return b, err == nil
}

// packet is a frame of NapCat's download streams.
type packet struct {
	Status  string `json:"status"`
	Retcode int64  `json:"retcode"`
	Wording string `json:"wording"`
	Data    struct {
		Kind string `json:"data_type"`
		Size int64  `json:"file_size"`
		Data text   `json:"data"`
	} `json:"data"`
}

// text is a JSON string in memory that is used again for the next one.
type text []byte

// UnmarshalJSON takes a string, or null for none.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = (*t)[:0]
	if len(b) < 2 || b[0] != '"' {
		return nil
	}
	if bytes.IndexByte(b, '\\') < 0 {
		*t = append(*t, b[1:len(b)-1]...)
		return nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	*t = append(*t, s...)
	return err
}

// download has NapCat stream the file: it may live on another machine, where its paths mean nothing.
func (t *trip) download(ctx context.Context) error {
	if t.c.stream == nil {
		return errRoad
	}
	params, ok := t.lookup(map[string]any{"chunk_size": streamChunk})
	if !ok {
		return errRoad
	}
	action := "download_file_stream"
	if t.o.Type == "image" {
		action = "download_file_image_stream"
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tube := newTube()
	watch := time.AfterFunc(streamIdle, func() { cancel(ErrAway) })
	defer watch.Stop()
	var asking sync.WaitGroup
	asking.Go(func() {
		err := t.c.stream(ctx, t.o.Account, action, params, func(frame []byte) {
			watch.Reset(streamIdle)
			if !tube.put(frame) {
				cancel(errTube)
			}
		})
		tube.end(err)
	})
	defer asking.Wait()
	defer cancel(nil)   // before the wait,
	defer tube.end(nil) // and so that no frame waits for us
	var pk packet
	for {
		frame, err := tube.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = fmt.Errorf("%w: %w", cause, err)
			}
			return t.said(action, err)
		}
		keep := pk.Data.Data[:0]
		pk = packet{}
		pk.Data.Data = keep
		if err := json.Unmarshal(frame, &pk); err != nil {
			return fmt.Errorf("reading an answer of %s: %w", action, err)
		}
		tube.free(frame)
		if pk.Retcode != 0 || pk.Status == "failed" {
			return t.said(action, fmt.Errorf("%s failed with retcode %d: %s", action, pk.Retcode, pk.Wording))
		}
		switch pk.Data.Kind {
		case "file_info":
			if pk.Data.Size > t.p.max {
				return fmt.Errorf("%d bytes: %w", pk.Data.Size, fence.ErrTooLarge)
			}
		case "file_chunk":
			if err := t.write(bytes.NewReader(pk.Data.Data)); err != nil {
				return err
			}
		case "file_complete":
			if t.p.size == 0 {
				return t.said(action, errRoad)
			}
			return nil
		}
	}
	return t.said(action, fmt.Errorf("%s ended before the file did", action))
}

// copy asks NapCat for its own copy. A path in the answer is never opened: whoever can choose it reads this box.
func (t *trip) copy(ctx context.Context) error {
	params, ok := t.lookup(map[string]any{})
	if !ok {
		return errRoad
	}
	action := "get_file"
	if t.o.Type == "image" {
		action = "get_image"
	}
	var answer struct {
		URL    string `json:"url"`
		Base64 string `json:"base64"`
	}
	if err := t.ask(ctx, action, params, &answer); err != nil {
		return err
	}
	if answer.Base64 != "" {
		return t.write(strings.NewReader(strings.TrimPrefix(answer.Base64, "base64://")))
	}
	return t.get(ctx, answer.URL)
}

// write decodes base64 into the part, piece by piece.
func (t *trip) write(text io.Reader) error {
	if _, err := io.Copy(struct{ io.Writer }{t.p}, base64.NewDecoder(base64.StdEncoding, text)); err != nil {
		if final(err) {
			return err
		}
		return fmt.Errorf("reading base64 from NapCat: %w", err)
	}
	return nil
}

// ask makes a call and remembers what its failure means.
func (t *trip) ask(ctx context.Context, action string, params []byte, data any) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return t.said(action, t.c.ask(ctx, t.o.Account, action, params, data))
}

func (t *trip) said(action string, err error) error {
	switch {
	case err == nil:
	case errors.Is(err, ErrAway), errors.Is(err, errTube), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		t.away = fmt.Errorf("asking NapCat (%s): %w", action, err)
	default:
		t.denied = true
	}
	return err
}

// verdict is what all roads together mean: only when nobody may still have it, it is gone.
func (t *trip) verdict() error {
	switch {
	case t.away != nil && errors.Is(t.away, ErrAway):
		return fmt.Errorf("%w: %w", ErrUnavailable, t.away)
	case t.away != nil:
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrAway, t.away)
	case t.network != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, t.network)
	}
	return ErrGone
}

// query is one value of an address's query, "" if it has none or cannot be read.
func query(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}
