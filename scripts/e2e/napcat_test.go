package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

// The people of the simulator's default world.
const (
	bot      = 10001
	ann      = 20002 // a friend
	bob      = 20003 // a friend
	eve      = 20009 // a stranger, member of ops
	ops      = 30003
	fun      = 30004
	nobody   = 20999 // in no list at all
	otherBot = 10002
)

// napcat is a simulated NapCat that runs for a test.
type napcat struct {
	*simulator.NapCat
	end  context.CancelFunc
	ctx  context.Context // ended by end; set where more of it is started later
	done sync.WaitGroup
}

// dialNapCat lets a NapCat dial the box's NapCat listener and waits until it is linked.
func dialNapCat(t *testing.T, b *box) *napcat {
	t.Helper()
	n := callNapCat(t, simulator.Options{Token: napcatToken, ReportSelf: true}, fmt.Sprintf("ws://127.0.0.1:%d/onebot/v11/ws", b.napcat))
	n.linked(t)
	return n
}

// callNapCat lets a NapCat dial an address over and over until the test or stop ends it.
func callNapCat(t *testing.T, o simulator.Options, address string) *napcat {
	t.Helper()
	if o.ReconnectInterval == 0 {
		o.ReconnectInterval = 200 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &napcat{NapCat: simulator.New(o), end: cancel}
	n.done.Go(func() { _ = n.Dial(ctx, address) })
	t.Cleanup(n.stop)
	return n
}

// serveNapCat runs a NapCat that is a WebSocket server on the port.
func serveNapCat(t *testing.T, o simulator.Options, port int) *napcat {
	t.Helper()
	l := relisten(t, port)
	ctx, cancel := context.WithCancel(context.Background())
	n := &napcat{NapCat: simulator.New(o), end: cancel}
	n.done.Go(func() { _ = n.Serve(ctx, l) })
	t.Cleanup(n.stop)
	return n
}

// stop ends the NapCat as if its process ended.
func (n *napcat) stop() {
	n.end()
	n.done.Wait()
}

// linked waits until a link to catflap is up.
func (n *napcat) linked(t *testing.T) {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	if err := n.WaitConnected(ctx); err != nil {
		t.Fatalf("NapCat was not linked: %v", err)
	}
}

// saying lists what was sent to a chat; group 0 means the private chat with the user.
func (n *napcat) saying(group, user uint64, text string) []simulator.Sent {
	var found []simulator.Sent
	for _, s := range n.Sent() {
		if s.Group == group && (group != 0 || s.User == user) && s.Text == text {
			found = append(found, s)
		}
	}
	return found
}

// hears waits until a text was sent to a chat so many times.
func (n *napcat) hears(t *testing.T, group, user uint64, text string, times int) {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	_, err := n.WaitSent(ctx, func(simulator.Sent) bool { return len(n.saying(group, user, text)) >= times })
	if err != nil {
		t.Fatalf("%q was sent to group %d user %d %d times, want %d; all that was sent:\n%+v",
			text, group, user, len(n.saying(group, user, text)), times, n.Sent())
	}
}

// sends waits for a message to a chat that match accepts.
func (n *napcat) sends(t *testing.T, what string, match func(simulator.Sent) bool) simulator.Sent {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	s, err := n.WaitSent(ctx, match)
	if err != nil {
		t.Fatalf("%s was not sent; all that was sent:\n%+v", what, n.Sent())
	}
	return s
}

// mention says something to the bot in a group.
func (n *napcat) mention(group, user uint64, text string) int64 {
	return n.Say(simulator.InGroup(group, user), simulator.At(n.SelfID()), simulator.Text(" "+text))
}

// tell says something in a private chat.
func (n *napcat) tell(user uint64, text string) int64 {
	return n.Say(simulator.Private(user), simulator.Text(text))
}
