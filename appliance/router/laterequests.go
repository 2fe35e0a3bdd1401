package router

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/catflap/catflap/appliance/napcat"
)

// missedRequests asks for join requests that nobody has decided.
func (l *Lane) missedRequests(ctx context.Context, a *napcat.Account) (int, error) {
	if !pause(ctx, catchUpEvery) {
		return 0, ctx.Err()
	}
	type entry struct {
		RequestID json.Number `json:"request_id"`
		User      uint64      `json:"invitor_uin"`
		Group     uint64      `json:"group_id"`
		Message   string      `json:"message"`
		Checked   bool        `json:"checked"`
	}
	var pending struct {
		Invited []entry `json:"invited_requests"`
		Joining []entry `json:"join_requests"`
	}
	if err := ask(ctx, a, "get_group_system_msg", nil, &pending); err != nil {
		return 0, err
	}
	type request struct {
		Time    int64  `json:"time"`
		Self    uint64 `json:"self_id"`
		Post    string `json:"post_type"`
		Type    string `json:"request_type"`
		Sub     string `json:"sub_type"`
		Group   uint64 `json:"group_id"`
		User    uint64 `json:"user_id"`
		Comment string `json:"comment"`
		Flag    string `json:"flag"`
	}
	n := 0
	for sub, list := range map[string][]entry{"invite": pending.Invited, "add": pending.Joining} {
		for _, e := range list {
			flag := e.RequestID.String()
			if e.Checked || e.User == 0 || flag == "" {
				continue
			}
			frame, err := json.Marshal(request{l.router.Now().Unix(), l.Self(), "request", "group", sub, e.Group, e.User, e.Message, flag})
			if err != nil {
				return n, fmt.Errorf("making a request event: %w", err)
			}
			if l.late(frame) {
				n++
			}
		}
	}
	return n, nil
}

// saveRequests keeps which requests were seen. It writes to disk.
func (l *Lane) saveRequests() {
	l.mu.Lock()
	text := l.requests.text()
	l.mu.Unlock()
	if err := l.router.Store.Settings().Set(requestsKey+l.name, text); err != nil {
		l.log.Warn("remembering which requests were seen failed", "account", l.name, "err", err)
	}
}

// requestsKey is where the store keeps an account's requests.
const requestsKey = "requests."
