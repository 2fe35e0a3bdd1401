package media

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/fence"
)

// packet is a frame of NapCat's download streams.
type packet struct {
	Status  string `json:"status"`
	Retcode int64  `json:"retcode"`
	Wording string `json:"wording"`
	Data    struct {
		Kind string `json:"data_type"`
		Size int64  `json:"file_size"`
		Data text   `json:"data"`
		// Of the last frame.
		Chunks int64 `json:"total_chunks"`
		Bytes  int64 `json:"total_bytes"`
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
	if err := t.mayAsk(); err != nil {
		return t.said(action, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tube := newTube()
	patience := t.patience()
	watch := time.AfterFunc(patience, func() {
		t.answered(false)
		cancel(ErrAway)
	})
	defer watch.Stop()
	var asking sync.WaitGroup
	asking.Go(func() {
		err := t.c.stream(ctx, t.o.Account, action, params, func(frame []byte) {
			watch.Reset(patience)
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
	var size, chunks int64
	var piece []byte
	said := false
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
		if !said {
			said = true
			t.answered(true)
		}
		if pk.Retcode != 0 || pk.Status == "failed" {
			return t.said(action, fmt.Errorf("%s failed with retcode %d: %s", action, pk.Retcode, pk.Wording))
		}
		switch pk.Data.Kind {
		case "file_info":
			size = pk.Data.Size
			if size > t.p.max {
				return fmt.Errorf("%d bytes: %w", pk.Data.Size, fence.ErrTooLarge)
			}
		case "file_chunk":
			chunks++
			if piece, err = appendBase64(piece[:0], pk.Data.Data); err != nil {
				return err
			}
			if _, err := t.p.Write(piece); err != nil {
				return err
			}
		case "file_complete":
			if t.p.size == 0 {
				return t.said(action, errRoad)
			}
			contradicts := func(said, came int64) bool { return said > 0 && said != came }
			t.short = contradicts(size, t.p.size) || contradicts(pk.Data.Bytes, t.p.size) || contradicts(pk.Data.Chunks, chunks)
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
	if err := t.ask(ctx, t.patience(), action, params, &answer); err != nil {
		return err
	}
	if answer.Base64 != "" {
		return t.write(strings.NewReader(strings.TrimPrefix(answer.Base64, "base64://")))
	}
	return t.get(ctx, answer.URL)
}

// appendBase64 decodes a piece of a stream into memory that is used again for the next one: a decoder for each would be
// garbage of half the file's size.
func appendBase64(dst, text []byte) ([]byte, error) {
	dst, err := base64.StdEncoding.AppendDecode(dst, text)
	if err != nil {
		return dst, fmt.Errorf("reading base64 from NapCat: %w", err)
	}
	return dst, nil
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
