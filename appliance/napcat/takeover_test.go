package napcat

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
)

func TestFault_T11_NewLinkTakesOverFromADeadOne(t *testing.T) {
	f := newFixture(t, setup(), botQQ)
	l := listen(t, f.account)
	dead := blackHole(t, l)
	until(t, "the first link", func() bool { return f.account.State().Links == 1 })
	p := dialPeer(t, l.url(), false)
	until(t, "the second link", func() bool { return f.account.State().Links == 2 })
	// The dead link has not been read from, nor closed: the new one works all the same.
	f.works(p)
	if st := f.account.State(); !st.Linked || st.Links != 2 {
		t.Errorf("state %+v", st)
	}
	// Its socket goes although its peer never says goodbye.
	if _, err := io.Copy(io.Discard, dead); err != nil {
		if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
			t.Fatal("the dead link's socket stays open")
		}
	}
	f.works(p)
}

func TestFault_T10_OldLinksLateEndDisturbsNothing(t *testing.T) {
	f, l, old := linked(t)
	fresh := dialPeer(t, l.url(), false)
	until(t, "the second link", func() bool { return f.account.State().Links == 2 })
	f.works(fresh)
	receive(t, "the old link's end", old.ended)
	receive(t, "the new link's questions are answered", f.joined)
	// The old link's own clean-up has run when Linked could have changed; calls and state stay with the new one.
	until(t, "the old session's goroutines are gone", func() bool {
		select {
		case <-old.conn.Done():
			return true
		default:
			return false
		}
	})
	f.works(fresh)
	if st := f.account.State(); !st.Linked || st.LastError != "" || st.Links != 2 {
		t.Errorf("state %+v", st)
	}
	if f.saw(func(s State) bool { return s.Links == 2 && !s.Linked }) {
		t.Error("the account was seen as away although a newer link was up")
	}
}

func TestFault_T10_TwoLinksAtOnce(t *testing.T) {
	f := newFixture(t, setup(), botQQ)
	l := listen(t, f.account)
	for round := range 25 {
		var peers [2]*peer
		var wg sync.WaitGroup
		for i := range peers {
			wg.Go(func() { peers[i] = dialPeer(t, l.url(), false) })
		}
		wg.Wait()
		want := uint64(2 * (round + 1))
		until(t, "both have been links", func() bool { return f.account.State().Links == want })
		until(t, "one has ended", func() bool { return len(peers[0].ended)+len(peers[1].ended) == 1 })
		current := peers[0]
		if len(peers[0].ended) == 1 {
			current = peers[1]
		}
		f.works(current)
	}
}

type gatedLog struct {
	slog.Handler
	at func(message string)
}

func (g gatedLog) Handle(ctx context.Context, r slog.Record) error {
	g.at(r.Message)
	return g.Handler.Handle(ctx, r)
}

func TestFault_T10_OvertakenTakeOver(t *testing.T) {
	held, goOn := make(chan struct{}), make(chan struct{})
	first := make(chan struct{}, 1)
	first <- struct{}{}
	o := setup()
	o.Log = slog.New(gatedLog{slog.NewTextHandler(io.Discard, nil), func(message string) {
		if !strings.Contains(message, "takes over") {
			return
		}
		select {
		case <-first:
			close(held)
			<-goOn
		default:
		}
	}})
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	dialPeer(t, l.url(), false)
	until(t, "the first link", func() bool { return f.account.State().Links == 1 })
	second := dialPeer(t, l.url(), false)
	receive(t, "the second link stands between", held)
	third := dialPeer(t, l.url(), false)
	receive(t, "the third link's questions are answered", f.joined)
	until(t, "the third link", func() bool { return f.account.State().Links == 3 })
	close(goOn)
	receive(t, "the second link's end", second.ended)
	f.works(third)
	if !f.account.State().Linked {
		t.Error("not linked")
	}
}

func TestTakeOverLeavesNoMark(t *testing.T) {
	o := setup()
	o.Config.Heartbeat.Enabled = true
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	old := dialPeer(t, l.url(), true)
	for range 2 {
		old.next() // get_login_info and get_status wait for ever
	}
	fresh := dialPeer(t, l.url(), false)
	receive(t, "the old link's end", old.ended)
	receive(t, "the new link's questions are answered", f.joined)
	f.works(fresh)
	f.account.Close()
	if f.saw(func(s State) bool { return s.HalfDead }) || strings.Contains(f.log.String(), "did not answer") {
		t.Errorf("the new link was taken for half-dead:\n%s", f.log)
	}
}

func TestFault_T15_EveryEventOnceOver100Reconnects(t *testing.T) {
	f := newFixture(t, setup(), botQQ)
	l := listen(t, f.account)
	nap := startNapCat(t, l.url(), simulator.Options{})
	ctx := testContext(t)
	const rounds = 100
	for i := range rounds {
		if err := nap.WaitConnected(ctx); err != nil {
			t.Fatal(err)
		}
		id := nap.Say(simulator.Private(friendQQ), simulator.Text("n"))
		want := `"message_id":` + itoa(id)
		if e := receive(t, "an event", f.events); !strings.Contains(e, want) {
			t.Fatalf("round %d: event %s", i, e)
		}
		next := nap.Links() + 1
		nap.Drop()
		if err := nap.WaitLinks(ctx, next); err != nil {
			t.Fatal(err)
		}
	}
	f.account.Close()
	if n := len(f.events); n != 0 {
		t.Errorf("%d events came more than once", n)
	}
}

func TestSpawnAndCloseDoNotMeet(t *testing.T) {
	for range 200 {
		f := newFixture(t, setup(), 0)
		var wg sync.WaitGroup
		wg.Go(func() { _ = f.account.adopt(botQQ) })
		wg.Go(f.account.Close)
		wg.Wait()
		if f.account.spawn(func() { t.Error("a closed account runs a task") }) {
			t.Fatal("a closed account takes a task")
		}
	}
}

func TestLinksThatComeWhileClosing(t *testing.T) {
	for range 20 {
		f := newFixture(t, setup(), botQQ)
		l := listen(t, f.account)
		ctx, cancel := context.WithCancel(context.Background())
		nap := simulator.New(simulator.Options{Token: token, ReconnectInterval: time.Millisecond})
		var wg sync.WaitGroup
		wg.Go(func() { _ = nap.Dial(ctx, l.url()) })
		until(t, "a link", func() bool { return nap.Links() > 0 })
		f.account.Close()
		l.Close()
		cancel()
		wg.Wait()
		if f.account.State().Linked {
			t.Fatal("linked after Close")
		}
	}
}

// Two clients for one account: the owner hears of it, and hears no more of it when it is over.
func TestFault_T10_LinksThatTakeOverForEver(t *testing.T) {
	f := newFixture(t, setup(), botQQ)
	l := listen(t, f.account)
	for n := range uint64(contestCount + 1) {
		if f.account.State().Contested {
			t.Fatalf("contested after %d links", n)
		}
		dialPeer(t, l.url(), false)
		until(t, "the next link", func() bool { return f.account.State().Links == n+1 })
	}
	if !f.account.State().Contested {
		t.Fatal("nobody is told")
	}
	if f.account.contest.on(time.Now().Add(contestTime)) {
		t.Error("still contested when it is long over")
	}
}
