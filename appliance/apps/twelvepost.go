package apps

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/catflap/catflap/appliance/onebot12"
	"github.com/catflap/catflap/store"
)

// maxReplied bounds the requests in the answer to one event.
const maxReplied = 64

// answered does what the answer to an event asks for: a list of requests, one after the other, whose answers nobody waits
// for. Some apps send a single request, others words of their own such as {"status":"ok"}, which mean nothing.
func (d *twelve) answered(p *poster, _ *store.Event, a answer) {
	list, err := replied(a.body, d.app.MaxFrame)
	switch {
	case err != nil:
		p.carriedOut(err)
	case len(list) == 0:
	case !d.job(p.feed, func(context.Context) { p.carriedOut(d.carryOut(p.feed, list)) }):
		p.carriedOut(errBusy())
	}
}

// replied finds the requests in the body of an answer.
func replied(body []byte, max int) (list []json.RawMessage, err error) {
	if isPacked(body) {
		unpacked, f := onebot12.Unpack(body, max)
		if f != nil {
			return nil, f
		}
		body = unpacked
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) == 0 {
		return nil, nil
	}
	if body[0] != '[' {
		list = []json.RawMessage{body}
	} else if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("the list of requests is not JSON: %w", err)
	}
	asked := list[:0]
	for _, one := range list {
		var named struct {
			Action *string `json:"action"`
		}
		if json.Unmarshal(one, &named) == nil && named.Action != nil {
			asked = append(asked, one)
		}
	}
	if len(asked) > maxReplied {
		return nil, fmt.Errorf("%d requests are more than %d", len(asked), maxReplied)
	}
	return asked, nil
}

// carryOut makes requests in order.
func (d *twelve) carryOut(f *feed, list []json.RawMessage) error {
	var faults []error
	for _, one := range list {
		answered := make(chan error, 1)
		d.request(caller{feed: f, reply: func(frame []byte, _ bool) {
			var err error
			if onebot12.Failed(frame) {
				err = errors.New(faultText(frame))
			}
			select {
			case answered <- err:
			default:
			}
		}}, one, false)
		select {
		case err := <-answered:
			faults = append(faults, err)
		case <-f.ctx.Done():
			return errors.Join(faults...)
		}
	}
	return errors.Join(faults...)
}

// faultText is what a failed answer says.
func faultText(frame []byte) string {
	var said struct {
		Retcode int    `json:"retcode"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(frame, &said); err != nil {
		return "the request failed"
	}
	return fmt.Sprintf("retcode %d: %s", said.Retcode, said.Message)
}
