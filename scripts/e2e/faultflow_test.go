package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/link"
)

// numbered is a group message as NapCat sends it; its number stands in the message id, the real_seq and the text.
func numbered(i int) []byte {
	return fmt.Appendf(nil, `{"self_id":10001,"user_id":20002,"time":%d,"message_id":%d,"message_seq":%d,"real_id":%d,"real_seq":"%d",`+
		`"message_type":"group","sender":{"user_id":20002,"nickname":"ann","card":"","role":"member"},"raw_message":"number %d","font":14,`+
		`"sub_type":"normal","message":[{"type":"text","data":{"text":"number %d"}}],"message_format":"array","post_type":"message","group_id":30003}`,
		time.Now().Unix(), i, i, i, i, i, i)
}

// counter is an application that keeps of each numbered message the number only.
type counter struct {
	conn *link.Conn
	done sync.WaitGroup

	mu      sync.Mutex
	numbers []int         // in the order of arrival
	news    chan struct{} // closed and replaced with every number
}

// dialCounter connects to the gateway as the application with the token.
func dialCounter(t *testing.T, b *box, token string) *counter {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	conn, err := link.Dial(ctx, link.Target{URL: fmt.Sprintf("ws://127.0.0.1:%d/", b.gateway),
		Header: http.Header{"Authorization": {"Bearer " + token}}}, linkOptions())
	if err != nil {
		t.Fatalf("dialling the gateway: %v", err)
	}
	c := &counter{conn: conn, news: make(chan struct{})}
	c.done.Go(func() { _ = conn.Serve(context.Background(), link.Handler{Frame: c.frame}) })
	t.Cleanup(c.close)
	return c
}

func (c *counter) close() {
	c.conn.Close(1000, "")
	c.done.Wait()
}

func (c *counter) frame(data []byte) error {
	_, rest, found := bytes.Cut(data, []byte(`"raw_message":"number `))
	if !found {
		return nil
	}
	digits, _, _ := bytes.Cut(rest, []byte(`"`))
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers = append(c.numbers, n)
	close(c.news)
	c.news = make(chan struct{})
	return nil
}

// until waits for a number at least as high.
func (c *counter) until(t *testing.T, n int) {
	t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		c.mu.Lock()
		last, count, news := 0, len(c.numbers), c.news
		if count > 0 {
			last = c.numbers[count-1]
		}
		c.mu.Unlock()
		if last >= n {
			return
		}
		select {
		case <-news:
		case <-c.conn.Done():
			t.Fatalf("the link ended at number %d, waiting for %d", last, n)
		case <-late.C:
			t.Fatalf("number %d did not come within %v, the last was %d", n, limit, last)
		}
	}
}

// got is what has come.
func (c *counter) got() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.numbers...)
}

// rises checks that numbers only grow: nothing twice, nothing late.
func rises(t *testing.T, name string, numbers []int) {
	t.Helper()
	for i := 1; i < len(numbers); i++ {
		if numbers[i] <= numbers[i-1] {
			t.Fatalf("%s received %d after %d", name, numbers[i], numbers[i-1])
		}
	}
}

// dropped is what status counts as lost for an app.
func (b *box) dropped(t *testing.T, name string) int {
	t.Helper()
	for _, a := range b.status(t).Apps {
		if a.Name == name {
			return int(a.Dropped)
		}
	}
	t.Fatalf("status does not know the app %s", name)
	return 0
}

const threeApps = `
groups: {"30003": {requireMention: false}}
historyLimit: 20
log: {level: info}
pacing: off
apps:
  first: {protocol: onebot11, accessToken: ` + probeToken + `}
  second: {protocol: onebot11, accessToken: ` + koishiToken + `}
  third: {protocol: onebot11, accessToken: ` + nonebotToken + `}
`

// floodApps is threeApps for floods in which an answer of NapCat's may wait for a minute: that is no reason to end its link.
const floodApps = "heartbeat: {enabled: false}" + threeApps

// A goroutine per message would lose the order. 100,000 messages at full speed through the binary: each app sees its
// messages in the order of NapCat, and what it does not see is counted.
func TestFault_T04_OrderThroughTheBinary(t *testing.T) {
	t.Parallel()
	const count = 100_000
	b := startBox(t, floodApps)
	n := dialNapCat(t, b)
	all := map[string]*counter{"first": dialCounter(t, b, probeToken), "second": dialCounter(t, b, koishiToken), "third": dialCounter(t, b, nonebotToken)}
	for name := range all {
		b.app(t, name, true)
	}
	for i := 1; i <= count; i++ {
		n.Emit(numbered(i))
	}
	for name, c := range all {
		c.until(t, count)
		numbers := c.got()
		rises(t, name, numbers)
		if lost := b.dropped(t, name); len(numbers)+lost != count {
			t.Errorf("%s received %d and status counts %d as dropped, which does not make %d", name, len(numbers), lost, count)
		}
	}
}

// One application stops reading. The others miss nothing and get all of it in order, its own events wait within its
// bounds, and what falls out is counted.
func TestFault_T08_AStalledAppDelaysNobody(t *testing.T) {
	t.Parallel()
	const count, ahead = 20_000, 500
	b := startPlainBox(t, floodApps)
	n := dialNapCat(t, b)
	first, second := dialCounter(t, b, probeToken), dialCounter(t, b, koishiToken)
	stalled := dialStalled(t, b, nonebotToken)
	defer stalled.Close()
	for _, name := range []string{"first", "second", "third"} {
		b.app(t, name, true)
	}
	for i := 1; i <= count; i++ {
		n.Emit(numbered(i))
		if i%ahead == 0 { // within the bounds of an app that reads
			first.until(t, i-ahead)
			second.until(t, i-ahead)
		}
	}
	for name, c := range map[string]*counter{"first": first, "second": second} {
		c.until(t, count)
		numbers := c.got()
		rises(t, name, numbers)
		if len(numbers) != count {
			t.Errorf("%s received %d of %d", name, len(numbers), count)
		}
	}
	if lost := b.dropped(t, "third"); lost == 0 {
		t.Error("nothing of the stalled app's backlog is counted as dropped")
	}
	if used := b.anonymous(t); used > 32<<20 {
		t.Errorf("catflap uses %d KiB of its own memory, at most 32 MiB are allowed", used>>10)
	}
}

// The cursor is acknowledged and stored: after a restart of catflap an app gets what it had not read, and nothing of
// what it had.
func TestFault_T26_RestartBetweenReadAndUnread(t *testing.T) {
	t.Parallel()
	b := startBox(t, threeApps)
	n := dialNapCat(t, b)
	c := dialCounter(t, b, probeToken)
	b.app(t, "first", true)
	for i := 1; i <= 5; i++ {
		n.Emit(numbered(i))
	}
	c.until(t, 5)
	b.backlog(t, "first", 0) // acknowledged
	c.close()
	b.app(t, "first", false)
	for i := 6; i <= 10; i++ {
		n.Emit(numbered(i))
	}
	b.backlog(t, "first", 5)

	b.restart(t)
	n.linked(t)
	c = dialCounter(t, b, probeToken)
	c.until(t, 10)
	if got := c.got(); len(got) != 5 || got[0] != 6 {
		t.Errorf("after the restart the app received %v, not 6 to 10", got)
	}
	b.backlog(t, "first", 0)

	b.restart(t)
	c = dialCounter(t, b, probeToken)
	b.app(t, "first", true)
	n.linked(t)
	b.account(t, "default", true)
	n.Emit(numbered(11))
	c.until(t, 11)
	if got := c.got(); len(got) != 1 {
		t.Errorf("after the second restart the app received %v, not 11 alone", got)
	}
}

// Age bounds what is delivered late: an app that comes back gets no stale messages, and they are counted.
func TestFault_T24_StaleMessagesStayAway(t *testing.T) {
	t.Parallel()
	b := startBox(t, `
groups: {"30003": {requireMention: false}}
apps:
  probe: {protocol: onebot11, accessToken: `+probeToken+`, queue: {maxAge: {message: 5s}}}
`)
	n := dialNapCat(t, b)
	c := dialCounter(t, b, probeToken)
	b.app(t, "probe", true)
	n.Emit(numbered(1))
	c.until(t, 1)
	b.backlog(t, "probe", 0) // acknowledged
	c.close()
	b.app(t, "probe", false)
	for i := 2; i <= 20; i++ {
		n.Emit(numbered(i))
	}
	b.backlog(t, "probe", 0) // once all are too old
	c = dialCounter(t, b, probeToken)
	b.app(t, "probe", true)
	n.Emit(numbered(21))
	c.until(t, 21)
	if got := c.got(); len(got) != 1 {
		t.Errorf("the app received %v, not 21 alone", got)
	}
	for _, a := range b.status(t).Apps {
		if a.Skipped != 19 {
			t.Errorf("status counts %d as skipped, not 19", a.Skipped)
		}
	}
}

// backlog waits until so many events wait for an app.
func (b *box) backlog(t *testing.T, name string, count int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d events wait for %s", count, name), func() (bool, string) {
		s := b.status(t)
		for _, a := range s.Apps {
			if a.Name == name {
				return a.Backlog == count, printed(s)
			}
		}
		return false, printed(s)
	})
}
