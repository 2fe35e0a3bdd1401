package console

import (
	"context"
	"net/http"
	"net/netip"
)

// Caller is who makes a request. The zero value is the command line, which the socket's permissions have let in.
type Caller struct {
	Browser bool
	From    netip.Addr
	Fresh   bool // logged in by a link a moment ago: the old password need not be known
}

type callerKey struct{}

// WithCaller says who makes the request of a context.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// by is the caller's name in the audit log.
func by(r *http.Request) string { return callerOf(r.Context()).by() }

func (c Caller) by() string {
	if c.Browser && c.From.IsValid() {
		return "console " + c.From.String()
	}
	if c.Browser {
		return "console"
	}
	return "admin"
}
