package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/catflap/catflap/appliance/config/json5"
)

// Posts is what became of the events that were posted.
type Posts struct {
	Taken, Lost int64  // 2xx, and everything else: NapCat tries nothing twice
	Last        string // why the last lost one was lost
}

// posts counts them.
type posts struct {
	mu sync.Mutex
	Posts
}

// Posted says what became of the events that were posted since New.
func (n *NapCat) Posted() Posts {
	n.posts.mu.Lock()
	defer n.posts.mu.Unlock()
	return n.posts.Posts
}

// maxReply bounds the answer to a post.
const maxReply = 8 << 20

// Post plays NapCat's HTTP client (reference 2.6): every event is posted to the address, each on its own and without
// waiting for the one before, once. It returns when ctx ends, after everything it started has ended, or at once when the
// address can never work. The caller runs and awaits it.
func (n *NapCat) Post(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("posting to %q: the address must look like http://host:port/path", address)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16, TLSClientConfig: n.opts.TLS}
	p := &poster{nap: n, ctx: ctx, address: address, adapter: newAdapter(n, true), slots: make(chan struct{}, callSlots),
		client: http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	leave := n.join(&outlet{push: p.push})
	n.log.Info("posting", "self_id", n.opts.SelfID)
	<-ctx.Done()
	leave()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.posting.Wait()
	transport.CloseIdleConnections()
	return nil
}

// poster is an HTTP client adapter.
type poster struct {
	nap     *NapCat
	ctx     context.Context
	address string
	adapter *adapter // for quick operations
	client  http.Client
	slots   chan struct{}
	posting sync.WaitGroup

	mu     sync.Mutex
	closed bool // nothing more is posted
}

// push posts an event. NapCat's own number of requests at once has no bound.
func (p *poster) push(frame []byte) {
	select {
	case p.slots <- struct{}{}:
	case <-p.ctx.Done():
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		<-p.slots
		return
	}
	p.posting.Go(func() {
		defer func() { <-p.slots }()
		reply, err := p.post(frame)
		p.nap.posts.count(err)
		if err != nil {
			p.nap.log.Info("event lost", "self_id", p.nap.opts.SelfID, "err", err)
			return
		}
		p.operate(frame, reply)
	})
}

func (s *posts) count(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.Taken++
		return
	}
	s.Lost++
	s.Last = err.Error()
}

// post follows redirections by posting again, five times at most.
func (p *poster) post(frame []byte) ([]byte, error) {
	address := p.address
	for range 6 {
		r, err := http.NewRequestWithContext(p.ctx, http.MethodPost, address, io.NopCloser(bytes.NewReader(frame))) // chunked: no length
		if err != nil {
			return nil, err
		}
		r.Header = http.Header{"Content-Type": {"application/json"}, "x-self-id": {decimal(p.nap.opts.SelfID)}, "User-Agent": nil}
		if p.nap.opts.Token != "" {
			mac := hmac.New(sha1.New, []byte(p.nap.opts.Token))
			_, _ = mac.Write(frame) // it never fails
			r.Header["x-signature"] = []string{"sha1=" + hex.EncodeToString(mac.Sum(nil))}
		}
		resp, err := p.client.Do(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
		_ = resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			next, err := resp.Location()
			if err != nil {
				return nil, err
			}
			address = next.String()
			continue
		}
		if err == nil && resp.StatusCode/100 != 2 {
			err = fmt.Errorf("the answer's status is %d: %q", resp.StatusCode, body[:min(len(body), 512)])
		}
		return body, err
	}
	return nil, fmt.Errorf("too many redirections")
}

// operate does what the answer says: a quick operation in JSON5.
func (p *poster) operate(frame, reply []byte) {
	if len(reply) == 0 {
		return
	}
	value, err := json5.Parse(reply)
	if err != nil {
		p.nap.log.Info("the answer is no quick operation", "self_id", p.nap.opts.SelfID, "err", err)
		return
	}
	raw := new(object).add("context", json.RawMessage(frame)).add("operation", json.RawMessage(value.AppendJSON(nil))).bytes()
	c, problem := p.adapter.parse(p.ctx, nil, new(object).add("action", ".handle_quick_operation").add("params", json.RawMessage(raw)).bytes())
	if problem == nil {
		c.perform(Answer{})
	}
}
