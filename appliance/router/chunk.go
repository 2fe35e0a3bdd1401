package router

import (
	"fmt"
	"slices"

	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/onebot"
)

// chunks cuts the message of a call, if its text is too long and the app has that done for it; so it is with what catflap
// itself composes. Nil is a call that goes as it is.
func (l *Lane) chunks(c *call) ([][]byte, error) {
	plan := l.router.plan.Load()
	rules := plan.accounts[l.name]
	if app := plan.apps[c.app]; rules == nil || !c.own && (app == nil || !app.chunk) {
		return nil, nil
	}
	return onebot.Chunks(c.base, c.params, rules.chunkLimit)
}

// sendChunks sends the parts of a message, each when NapCat has answered for the one before, and tells the caller the end:
// that of the last part, or that of the first which fails. It holds the chat's line meanwhile, so nothing else that catflap
// sends there comes between.
func (l *Lane) sendChunks(c call, parts [][]byte) {
	var first []byte // data of the first answer
	var ids []int64
	for n, params := range parts {
		end := l.sendChunk(c, params)
		if end.code != 0 {
			wording := fmt.Sprintf("%s (message %d of %d: what comes behind it was not sent)", end.wording, n+1, len(parts))
			finish(c, onebot.AppendBroken(nil, end.code, wording, ids))
			return
		}
		if n == 0 {
			first = end.data
		}
		if end.sent {
			ids = append(ids, end.id)
		}
	}
	finish(c, onebot.AppendChunked(nil, first, ids))
}

// finish gives the caller an answer that is catflap's own.
func finish(c call, frame []byte) {
	var h onebot.Head
	if err := onebot.PeekHead(frame, &h); err != nil {
		c.done(napcat.Answer{Final: true, Err: fmt.Errorf("joining the answers of %s: %w", c.base, err)})
		return
	}
	c.done(napcat.Answer{Frame: frame, Head: &h, Final: true})
}

// chunkEnd is how a part ended.
type chunkEnd struct {
	code    int // 0 = it was sent
	wording string
	data    []byte
	id      int64
	sent    bool // id is known
}

// sendChunk sends one part and waits for its end.
func (l *Lane) sendChunk(c call, params []byte) chunkEnd {
	ended := make(chan chunkEnd, 1)
	c.params = params
	c.done = func(a napcat.Answer) {
		if !a.Final {
			return
		}
		var end chunkEnd
		switch {
		case a.Err != nil:
			end.code, end.wording = failure(a.Err)
		case a.Head.Retcode != 0:
			end.code, end.wording = int(a.Head.Retcode), wordingOf(a.Head)
		default:
			end.data = slices.Clone(a.Head.Data)
			end.id, end.sent = onebot.SentID(a.Head)
		}
		ended <- end
	}
	l.handOver(handover{call: c, files: l.router.HandOver != nil && l.namesFiles(&c)})
	select {
	case end := <-ended:
		return end
	case <-l.router.ctx.Done():
		code, wording := failure(napcat.ErrDropped)
		return chunkEnd{code: code, wording: wording}
	}
}
