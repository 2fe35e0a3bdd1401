package simulator

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
)

// maxRecords bounds what Calls and Sent remember: the newest.
const maxRecords = 10000

// Sent is one message that somebody sent through the account.
type Sent struct {
	Seq       int64  // 1, 2, 3 ... in order of sending
	Action    string // as written by the caller
	Group     uint64 // 0 = private; with User the group of a temporary session
	User      uint64
	MessageID int64
	Segments  []Segment       // as the caller sent them; a CQ string is decoded
	Raw       json.RawMessage // the parameter message (or messages) as it came
	Text      string          // the text segments joined
	Link      int64
}

// record remembers what was asked of the account.
type record struct {
	mu    sync.Mutex
	calls []Call
	sent  []Sent
	nCall int64
	nSent int64
	news  bell
}

// called remembers a call and numbers it.
func (r *record) called(c *Call) {
	r.mu.Lock()
	r.nCall++
	c.Seq = r.nCall
	if len(r.calls) >= maxRecords {
		r.calls = append(r.calls[:0:0], r.calls[maxRecords/2:]...)
	}
	r.calls = append(r.calls, *c)
	r.mu.Unlock()
	r.news.ring()
}

func (r *record) wrote(s Sent) {
	r.mu.Lock()
	r.nSent++
	s.Seq = r.nSent
	if len(r.sent) >= maxRecords {
		r.sent = append(r.sent[:0:0], r.sent[maxRecords/2:]...)
	}
	r.sent = append(r.sent, s)
	r.mu.Unlock()
	r.news.ring()
}

// Calls is what was called, oldest first; the newest 5000 at least are kept. Treat Params as read-only.
func (n *NapCat) Calls() []Call {
	n.book.mu.Lock()
	defer n.book.mu.Unlock()
	return slices.Clone(n.book.calls)
}

// Sent is what was sent through the account, oldest first; the newest 5000 at least are kept.
func (n *NapCat) Sent() []Sent {
	n.book.mu.Lock()
	defer n.book.mu.Unlock()
	return slices.Clone(n.book.sent)
}

// WaitCall waits for a call that match accepts and returns the oldest such, also one made before. nil accepts all.
func (n *NapCat) WaitCall(ctx context.Context, match func(Call) bool) (Call, error) {
	return await(ctx, &n.book, func(r *record) []Call { return r.calls }, match)
}

// WaitSent waits for a sent message that match accepts and returns the oldest such, also one sent before. nil accepts
// all. To wait for something new compare Sent.Seq.
func (n *NapCat) WaitSent(ctx context.Context, match func(Sent) bool) (Sent, error) {
	return await(ctx, &n.book, func(r *record) []Sent { return r.sent }, match)
}

func await[T any](ctx context.Context, r *record, list func(*record) []T, match func(T) bool) (T, error) {
	for {
		news := r.news.listen()
		r.mu.Lock()
		now := slices.Clone(list(r))
		r.mu.Unlock()
		for _, v := range now {
			if match == nil || match(v) {
				return v, nil
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
	}
}
