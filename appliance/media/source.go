package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/fence"
)

const (
	rkeyTime = 10 * time.Minute // how long rkeys are used before NapCat is asked for new ones
	// rkeyNew is how young rkeys are the newest: what does not open with them is gone.
	rkeyNew = time.Minute
	// askTime bounds one question to NapCat, askMost one that makes it download: it gets a second for each askBytes.
	askTime  = 10 * time.Second
	askMost  = time.Minute
	askBytes = 512 << 10
	// An account whose NapCat has left so many questions in a row without an answer is not asked for a while.
	silentMost = 2
	silentTime = 30 * time.Second
	// maxSpares bounds the files of media that wait for their turn at NapCat.
	maxSpares = 64
	// streamAhead bounds the frames of a stream that wait to be written, in bytes.
	streamAhead = 512 << 10
	streamChunk = 64 << 10
)

// travel gets an origin's bytes by the first road that still leads there: its address, the address with a fresh
// rkey, the address that the message has now, NapCat's streams, NapCat's own copy. The order follows what the roads cost
// NapCat. What contradicts its message is kept as a last resort (whole is false then). The part is the caller's to discard.
func (c *Cache) travel(ctx context.Context, f *flight, limit int64) (p *part, whole bool, err error) {
	t := f.trip
	if t == nil {
		t = &trip{c: c, o: &f.origin}
	} else if f.trip = nil; t.spare != nil {
		c.spares.Add(-1)
	}
	if t.p, err = c.newPart(limit, t.o.MD5 != ""); err == nil {
		whole, err = t.try(ctx)
	}
	if errors.Is(err, errAsk) {
		t.p.discard()
		if t.spare == nil || c.spares.Add(1) <= maxSpares {
			f.trip = t
			return nil, false, err
		}
		c.spares.Add(-1)
		p, t.spare = t.spare, nil
		return p, false, nil
	}
	if t.refused != nil && (err == nil || reasonOf(err) != reasonRefused) {
		c.count.failed(reasonRefused) // the medium may be here by another road, the hint is needed all the same
	}
	if t.spare != nil {
		t.spare.discard()
	}
	if err != nil {
		if t.p != nil {
			t.p.discard()
		}
		return nil, false, err
	}
	return t.p, whole, nil
}

// errAsk: the address does not give it, and NapCat is to be asked. Those that wait for that take no worker.
var errAsk = errors.New("NapCat is to be asked")

// try tries the roads that were not tried yet. Once the first has failed it ends with errAsk.
func (t *trip) try(ctx context.Context) (whole bool, err error) {
	roads := []func(context.Context) error{t.direct, t.freshKey, t.message, t.download, t.copy}
	if t.c.ask == nil || t.o.Account == "" {
		roads = roads[:1]
	}
	for ; t.road < len(roads); t.road++ {
		if t.road == 1 && !t.asking {
			t.asking = true
			return false, errAsk
		}
		t.short = false
		err := roads[t.road](ctx)
		switch {
		case err == nil && t.whole():
			return true, nil
		case err == nil && !t.isAnswer():
			if err := t.setAside(); err != nil {
				return false, err
			}
		case final(err) || ctx.Err() != nil:
			if t.spare == nil || ctx.Err() != nil || errors.Is(err, errWrite) {
				return false, err
			}
			t.useSpare()
			return false, nil
		}
		if err := t.p.reset(); err != nil {
			return false, err
		}
	}
	if t.spare != nil {
		t.useSpare()
		return false, nil
	}
	return false, t.verdict()
}

// whole reports whether nothing that is known of the medium contradicts the bytes that came. A sender may choose a name
// with another MD5, but then the size is the message's own.
func (t *trip) whole() bool {
	switch {
	case t.o.MD5 != "" && t.o.MD5 == t.p.md5():
		return true
	case t.isAnswer(), t.short:
		return false
	case t.o.Size > 0:
		return t.o.Size == t.p.size
	}
	return t.o.MD5 == ""
}

// isAnswer reports whether a server gave words for a picture, a record or a video: QQ has errors with status 200.
func (t *trip) isAnswer() bool {
	if t.o.Type == "file" {
		return false
	}
	head := bytes.TrimLeft(t.p.head, " \t\r\n\ufeff")
	return len(head) > 1 && (head[0] == '{' && bytes.IndexByte(head, '"') > 0 || head[0] == '<' && strings.HasPrefix(http.DetectContentType(head), "text/"))
}

// setAside keeps the larger of two that are not whole, and has an empty part for the next road.
func (t *trip) setAside() error {
	if t.spare == nil {
		p, err := t.c.newPart(t.p.max, t.o.MD5 != "")
		if err != nil {
			return err
		}
		t.p, t.spare = p, t.p
	} else if t.p.size > t.spare.size {
		t.p, t.spare = t.spare, t.p
	}
	return nil
}

// useSpare takes what was set aside.
func (t *trip) useSpare() { t.p, t.spare = t.spare, t.p }

// final reports whether no other road helps.
func final(err error) bool {
	return errors.Is(err, fence.ErrTooLarge) || errors.Is(err, errBudget) || errors.Is(err, errWrite)
}

// errWrite means that the bytes came and could not be kept.
var errWrite = errors.New("writing a medium")

// trip is one attempt to get an origin's bytes.
type trip struct {
	c     *Cache
	o     *origin
	p     *part
	tried []string // addresses
	// What the roads said, to tell what is gone from what may come back.
	away, network, refused, odd error
	spare                       *part // bytes that contradict the message: better than none
	short                       bool  // the road itself says that something is missing
	road                        int   // the next one
	asking                      bool  // the first has failed
	silent                      int   // questions of this trip that NapCat left without an answer
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
	switch {
	case err == nil, final(err), isDead(err):
	case errors.Is(err, fence.ErrRefused):
		// Behind a fake-IP proxy each name has such an address: NapCat may still have the bytes.
		t.refused = err
		t.c.suspect(err)
	case errors.Is(err, fence.ErrURL):
		t.odd = err
	default:
		t.network = err
	}
	return err
}

// isDead reports whether a server says that a link has died: QQ does with 400.
func isDead(err error) bool {
	var status *fence.StatusError
	return errors.As(err, &status) && status.Status >= 400 && status.Status < 500 &&
		status.Status != http.StatusTooManyRequests && status.Status != http.StatusRequestTimeout
}

// suspect looks whether a proxy's made-up address is why the guard refuses, and says once what to set then.
func (c *Cache) suspect(err error) {
	var address *fence.AddressError
	if !errors.As(err, &address) {
		return
	}
	network, fake := address.Fake()
	if !fake {
		return
	}
	c.mu.Lock()
	known := slices.Contains(c.fakes, network.String())
	if !known {
		c.fakes = append(c.fakes, network.String())
	}
	c.mu.Unlock()
	if !known {
		c.log.Warn("a proxy in fake-IP (TUN) mode gives the hosts of media addresses of its own, which the guard of the inner network refuses: write media.allowPrivate: ["+network.String()+"]", "err", err)
	}
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
	for {
		t.c.mu.Lock()
		known, ok := t.c.rkeys[t.o.Account]
		t.c.mu.Unlock()
		age := t.c.now().Sub(known.at).Abs()
		address := t.withKey(known)
		asked := false
		if tried := slices.Contains(t.tried, address); !ok || age > rkeyTime || tried && age >= rkeyNew {
			var err error
			if known, err = t.askKeys(ctx); err != nil {
				return err
			}
			t.c.mu.Lock()
			t.c.rkeys[t.o.Account] = known
			t.c.mu.Unlock()
			address, asked = t.withKey(known), true
		}
		err := t.get(ctx, address)
		if asked || !isDead(err) && (err != nil || !t.isAnswer()) || t.c.now().Sub(known.at).Abs() < rkeyNew {
			return err
		}
		// QQ has given the key up before its time. Another fetch may have brought a newer one by now.
		if err := t.p.reset(); err != nil {
			return err
		}
	}
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
	err := t.ask(ctx, t.c.askTime, "nc_get_rkey", nil, &list)
	if err != nil && !errors.Is(err, ErrAway) {
		err = t.ask(ctx, t.c.askTime, "get_rkey", nil, &list)
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
	if err := t.ask(ctx, t.c.askTime, "get_msg", params, &answer); err != nil {
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

// patience is how long NapCat may download the medium before it says something.
func (t *trip) patience() time.Duration {
	return min(t.c.askTime+time.Duration(t.o.Size/askBytes)*time.Second, askMost)
}

// ask makes a call and remembers what its failure means.
func (t *trip) ask(ctx context.Context, patience time.Duration, action string, params []byte, data any) error {
	if err := t.mayAsk(); err != nil {
		return t.said(action, err)
	}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := t.c.ask(asking, t.o.Account, action, params, data)
	t.answered(err == nil || asking.Err() == nil || ctx.Err() != nil)
	return t.said(action, err)
}

// errSilent is why NapCat is not asked.
var errSilent = fmt.Errorf("%w to the last questions, and is asked again in a while", ErrAway)

// silence counts the questions that an account's NapCat left without an answer, one after the other.
type silence struct {
	count int
	until time.Time // it is not asked before, if they are too many
}

// mayAsk returns why NapCat is not asked now; nil = it may be. Each silent answer costs a whole patience, so that few are
// waited for.
func (t *trip) mayAsk() error {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if s := t.c.silences[t.o.Account]; t.silent >= silentMost || s.count >= silentMost && t.c.now().Before(s.until) {
		return errSilent
	}
	return nil
}

// answered notes whether NapCat said anything.
func (t *trip) answered(yes bool) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if yes {
		delete(t.c.silences, t.o.Account)
		return
	}
	t.silent++
	t.c.silences[t.o.Account] = silence{t.c.silences[t.o.Account].count + 1, t.c.now().Add(silentTime)}
}

func (t *trip) said(action string, err error) error {
	switch {
	case err == nil:
	case errors.Is(err, ErrAway), errors.Is(err, errTube), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		t.away = fmt.Errorf("asking NapCat (%s): %w", action, err)
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
	case t.refused != nil:
		return t.refused
	case t.odd != nil:
		return fmt.Errorf("%w: %w", ErrGone, t.odd)
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
