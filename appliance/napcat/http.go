package napcat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/catflap/catflap/appliance/gate"
	"github.com/catflap/catflap/appliance/onebot"
)

// Bounds of a post.
const (
	bodyTime  = 10 * time.Second // for the whole body
	rouseTime = 5 * time.Second  // for a link to come up when something was posted
)

// dialPosts waits for a sign of NapCat: its HTTP server answers, or it has posted something.
func (a *Account) dialPosts() (serve func() error, err error) {
	w, err := a.openWeb(false)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(w.ctx, dialTimeout)
	asked := make(chan error, 1)
	var asking sync.WaitGroup
	asking.Go(func() { asked <- w.knock(ctx) })
	select {
	case err = <-asked:
	case <-a.wake:
	}
	cancel()
	asking.Wait()
	if err != nil {
		w.end()
		return nil, err
	}
	return func() error {
		defer w.end()
		s := &session{account: a, road: w, patient: true}
		return a.run(s, w.api.base, func(ctx context.Context) error {
			select {
			case <-ctx.Done():
			case <-w.ctx.Done():
			}
			return context.Cause(w.ctx)
		})
	}, nil
}

// knock finds out whether NapCat's HTTP server is there.
func (w *web) knock(ctx context.Context) error {
	resp, err := w.api.call(ctx, "get_login_info", "", []byte("{}"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	frame, release, err := w.gulps.read(ctx, resp.Body, w.account.MaxFrame)
	defer release()
	if err != nil {
		return err
	}
	var head onebot.Head
	if onebot.PeekHead(frame, &head) != nil || !head.IsResponse() {
		return &answerError{status: resp.StatusCode, body: string(frame[:min(len(frame), 256)])}
	}
	return nil
}

// post takes one event from NapCat's HTTP client. NapCat tries nothing twice: what is answered with an error is lost.
func (l *Listener) post(k *gate.Knock, a *Account) {
	sum, refusal := a.checkPost(k.Request)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	if !a.enter() {
		k.Plain().WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer a.tasks.Done()
	place := a.posts.enter()
	defer a.posts.leave(place)

	var body []byte
	var size uint64
	release := func() {}
	err := k.Read(l.body, func(r io.Reader) (err error) {
		body, release, err = l.gulps.read(k.Context(), r, a.MaxFrame)
		sum.Write(body)
		size = uint64(len(body))
		if errors.Is(err, errTooLarge) {
			rest, failed := io.Copy(sum, io.LimitReader(r, swallowUpTo)) // whose it is says the signature
			if size += uint64(rest); failed != nil {
				err = failed
			}
		}
		return err
	})
	defer release()
	switch {
	case err != nil && !errors.Is(err, errTooLarge):
		k.Refuse(&gate.Refusal{Status: http.StatusRequestTimeout, Reason: fmt.Sprintf("reading the body: it did not come whole within %v", l.body)})
		return
	case !sum.Right():
		k.Refuse(&gate.Refusal{Status: http.StatusForbidden, Reason: "X-Signature does not match accessToken"})
		return
	}
	k.Trust()
	if err != nil {
		a.countTooLarge(size)
		k.Plain().WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	self, refusal := a.selfID(k.Request)
	if refusal != nil {
		k.Refuse(refusal)
		return
	}
	if self != 0 {
		if err := a.adopt(self); err != nil { // another request was quicker
			k.Refuse(&gate.Refusal{Status: http.StatusForbidden, Reason: err.Error()})
			return
		}
	}
	s := a.rise(k.Context())
	if s == nil {
		k.Plain().WriteHeader(http.StatusServiceUnavailable)
		return
	}
	a.posts.deliver(place, func() { err = s.frame(body) })
	if err != nil {
		k.Refuse(&gate.Refusal{Status: http.StatusForbidden, Reason: err.Error()})
		return
	}
	// An empty answer: what stands in it NapCat would do at once, past policy and pacing.
	k.Plain().WriteHeader(http.StatusNoContent)
}

// checkPost returns what the post's body is to be checked against, or why the post is refused before its body is read.
func (a *Account) checkPost(r *http.Request) (*signature, *gate.Refusal) {
	if refusal := gate.CheckOrigin(r, nil); refusal != nil {
		return nil, refusal
	}
	sum, refusal := checkSignature(r, a.Config.AccessToken)
	if refusal != nil {
		return nil, refusal
	}
	if r.Method != http.MethodPost {
		return nil, &gate.Refusal{Status: http.StatusMethodNotAllowed, Reason: "not a POST; NapCat needs an HTTP client here (httpClients)"}
	}
	return sum, nil
}

// enter counts something that Close waits for until tasks.Done. It is false once the account is closing.
func (a *Account) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return false
	}
	a.tasks.Add(1)
	return true
}

// rise returns the account's link, and makes it come if there is none. It is nil if none comes.
func (a *Account) rise(ctx context.Context) *session {
	limit := time.NewTimer(rouseTime)
	defer limit.Stop()
	for {
		a.mu.Lock()
		s, came := a.link, a.came
		a.mu.Unlock()
		select {
		case <-came:
			if s != nil {
				return s
			}
			continue // it came this moment
		default:
		}
		if s == nil {
			a.rouse()
		}
		select {
		case <-came:
		case <-limit.C:
			return nil
		case <-ctx.Done():
			return nil
		case <-a.ctx.Done():
			return nil
		}
	}
}
