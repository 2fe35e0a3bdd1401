package napcat

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/link"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/simulator"
)

// probing is an account that looks often whether NapCat is alive.
func probing() Options {
	o := setup()
	o.Config.Heartbeat.Enabled = true
	o.Config.Heartbeat.Interval, o.Config.Heartbeat.Timeout = 20*time.Millisecond, 100*time.Millisecond
	return o
}

func TestEventsGoOnInOrder(t *testing.T) {
	f, _, p := linked(t)
	frames := []string{
		`{"time":1,"self_id":10001,"post_type":"message","message_type":"private","sub_type":"friend","user_id":20002,"message_id":1,"message":[]}`,
		`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"friend_add","user_id":20002}`,
		`{"time":1,"self_id":10002,"post_type":"message","message_type":"private","user_id":20002,"message_id":2,"message":[]}`,
	}
	p.send(frames[0])
	p.send(`{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"lifecycle","sub_type":"connect"}`)
	p.send(frames[1])
	p.send(`{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":true,"good":true},"interval":1}`)
	p.send(`{"neither":"event nor answer"}`)
	p.send(frames[2])
	var got []string
	for range frames {
		got = append(got, receive(t, "an event", f.events))
	}
	if diff := cmp.Diff(frames, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestBadFramesAreCounted(t *testing.T) {
	f, _, p := linked(t)
	p.send("not json")
	p.send("null")
	p.send(`{"post_type":`)
	until(t, "three bad frames", func() bool { return f.account.State().BadFrames == 3 })
	f.works(p)
	if n := strings.Count(f.log.String(), "not OneBot"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, f.log)
	}
}

func TestLearnsWhoAndWhere(t *testing.T) {
	f := newFixture(t, setup(), 0)
	l := listen(t, f.account)
	dialPeer(t, l.url(), false)
	if groups := receive(t, "the list of groups", f.joined); !slices.Equal(groups, []uint64{30003, 30004}) {
		t.Errorf("groups %v", groups)
	}
	if st := f.account.State(); st.Nickname != "Bot" || st.Self != botQQ {
		t.Errorf("state %+v", st)
	}
}

// NapCat may be busy when it has just come.
func TestAsksAgainWhoAndWhere(t *testing.T) {
	o := setup()
	o.Config.Heartbeat.Interval = time.Millisecond
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	p := dialPeer(t, l.url(), true)
	for range 3 {
		for _, want := range []string{"get_login_info", "get_group_list"} {
			c := p.next()
			if c.Action != want {
				t.Fatalf("asked %s, want %s", c.Action, want)
			}
			p.send(`{"status":"failed","retcode":1200,"data":null,"message":"busy","wording":"busy","echo":"` + c.Echo + `"}`)
		}
	}
	for range 2 {
		c := p.next()
		p.answer(c, asked()[c.Action])
	}
	receive(t, "the list of groups", f.joined)
	if st := f.account.State(); st.Nickname != "Bot" {
		t.Errorf("state %+v", st)
	}
}

func TestLinkToAnotherAccountIsClosed(t *testing.T) {
	f := newFixture(t, setup(), 10009)
	l := listen(t, f.account)
	// Whoever dials says that it is 10009, but NapCat is logged in as 10001.
	startNapCat(t, l.url(), simulator.Options{SelfID: 10009}, func(nap *simulator.NapCat) {
		nap.OnAction("get_login_info", func(simulator.Call) simulator.Answer {
			return simulator.Answer{Data: map[string]any{"user_id": 10001, "nickname": "Other"}}
		})
	})
	until(t, "the reason is shown", func() bool {
		return f.saw(func(s State) bool {
			return !s.Linked && s.LastError == "self id 10001 is not this account's 10009; run `catflap account unpin default` if the account was given another QQ number"
		})
	})
}

func TestFault_T16_SilentNapCatIsClosed(t *testing.T) {
	f := newFixture(t, probing(), botQQ)
	l := listen(t, f.account)
	nap := startNapCat(t, l.url(), simulator.Options{})
	nap.Silence(true)
	until(t, "it is shown", func() bool {
		return f.saw(func(s State) bool { return s.Linked && s.HalfDead }) &&
			f.saw(func(s State) bool {
				return !s.Linked && strings.Contains(s.LastError, "did not answer get_status")
			})
	})
	links := nap.Links()
	if err := nap.WaitLinks(testContext(t), links+1); err != nil {
		t.Fatal(err)
	}
	nap.Silence(false)
	until(t, "it is well again", func() bool {
		st := f.account.State()
		return st.Linked && st.Online && !st.HalfDead && st.LastError == ""
	})
}

func TestFault_T16_OneMissIsForgiven(t *testing.T) {
	o := probing()
	o.Config.Heartbeat.Timeout = 2 * time.Second // on a busy machine an answer takes its time
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	nap := startNapCat(t, l.url(), simulator.Options{})
	first := make(chan struct{}, 1)
	first <- struct{}{}
	nap.OnAction("get_status", func(simulator.Call) simulator.Answer {
		select {
		case <-first:
			return simulator.Answer{Silent: true}
		default:
			return simulator.Answer{Retcode: 1200, Message: "busy"} // a failure is a sign of life, too
		}
	})
	until(t, "the miss", func() bool { return f.saw(func(s State) bool { return s.HalfDead }) })
	until(t, "it is forgiven", func() bool { st := f.account.State(); return st.Linked && !st.HalfDead })
	if n := nap.Links(); n != 1 {
		t.Errorf("%d links were made", n)
	}
}

func TestOnlineFromStatus(t *testing.T) {
	o := probing()
	o.Config.Heartbeat.Timeout = limit // no link is given up here
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	nap := startNapCat(t, l.url(), simulator.Options{}) // no heartbeats of NapCat's own
	if err := nap.WaitConnected(testContext(t)); err != nil {
		t.Fatal(err)
	}
	until(t, "online", func() bool { return f.account.State().Online })
	nap.SetOnline(false)
	if e := receive(t, "the notice", f.events); !strings.Contains(e, `"bot_offline"`) {
		t.Errorf("event %s", e)
	}
	until(t, "offline", func() bool { st := f.account.State(); return st.Linked && !st.Online })
	nap.SetOnline(true)
	until(t, "online again", func() bool { return f.account.State().Online })
}

// The link may come up while QQ is logged out already: the first probe does not wait for an interval.
func TestOfflineFromTheStart(t *testing.T) {
	o := probing()
	o.Config.Heartbeat.Interval, o.Config.Heartbeat.Timeout = time.Hour, limit
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	p := dialPeer(t, l.url(), true)
	for c := p.next(); ; c = p.next() {
		if c.Action == "get_status" {
			p.answer(c, `{"online":false,"good":true}`)
			break
		}
	}
	until(t, "offline", func() bool { st := f.account.State(); return st.Linked && !st.Online })
}

func TestOnlineFromBotOfflineAndHeartbeats(t *testing.T) {
	f, _, p := linked(t)
	p.send(`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"bot_offline","user_id":10001,"tag":"x","message":"kicked"}`)
	until(t, "offline", func() bool { return !f.account.State().Online })
	receive(t, "the notice", f.events)
	beat := func(online string) {
		p.send(`{"time":1,"self_id":10001,"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":` + online + `,"good":true},"interval":1}`)
	}
	beat("true")
	until(t, "online", func() bool { return f.account.State().Online })
	beat("false")
	until(t, "offline", func() bool { return !f.account.State().Online })
	if !f.account.State().Linked {
		t.Error("not linked")
	}
	if len(f.events) != 0 {
		t.Errorf("a heartbeat of NapCat's went on: %s", <-f.events)
	}
}

func TestHeartbeatDisabled(t *testing.T) {
	o := probing()
	o.Config.Heartbeat.Enabled = false
	o.Config.Heartbeat.Interval = time.Millisecond
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	nap := startNapCat(t, l.url(), simulator.Options{HeartInterval: 5 * time.Millisecond})
	receive(t, "the list of groups", f.joined)
	nap.SetOnline(false)
	until(t, "NapCat's heartbeat is read", func() bool { return !f.account.State().Online })
	nap.SetOnline(true)
	until(t, "NapCat's heartbeat is read", func() bool { return f.account.State().Online })
	for _, c := range nap.Calls() {
		if c.Name == "get_status" {
			t.Fatal("get_status was called although heartbeat.enabled is false")
		}
	}
}

func TestOldLinkHasNoSay(t *testing.T) {
	f, l, _ := linked(t)
	f.account.mu.Lock()
	old := f.account.link
	f.account.mu.Unlock()
	dialPeer(t, l.url(), false)
	until(t, "the second link", func() bool { return f.account.State().Links == 2 })
	f.account.setOnline(old, false)
	f.account.setHalfDead(old, ErrTimeout)
	if st := f.account.State(); !st.Online || st.HalfDead {
		t.Errorf("state %+v", st)
	}
}

// plainFrame is one masked text frame; the key is zero.
func plainFrame(text string) []byte {
	head := []byte{0x81, 0x80 | 126, byte(len(text) >> 8), byte(len(text)), 0, 0, 0, 0}
	return append(head, text...)
}

// A NapCat that talks but does not read is closed, which takes a second: what it still says is not lost.
func TestFault_T16_HalfDeadLinkIsHeardOut(t *testing.T) {
	o := probing()
	goOn, held := make(chan struct{}), make(chan struct{}, 1)
	o.Event = func([]byte, *onebot.Head) {
		select {
		case held <- struct{}{}:
			<-goOn
		default:
		}
	}
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	deaf := blackHole(t, l)
	var all []byte
	const n = 20
	for i := range n {
		all = append(all, plainFrame(`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"friend_add","user_id":`+itoa(int64(20000+i))+`}`)...)
	}
	if _, err := deaf.Write(all); err != nil {
		t.Fatal(err)
	}
	until(t, "it is given up", func() bool { return strings.Contains(f.log.String(), "misses=2") })
	f.account.mu.Lock()
	conn := f.account.link.road.(socket).conn
	f.account.mu.Unlock()
	until(t, "it is closing", func() bool { return conn.Ping(nil) == link.ErrClosed })
	close(goOn)
	for i := range n {
		if e := receive(t, "an event of a link that is being closed", f.events); !strings.Contains(e, itoa(int64(20000+i))) {
			t.Fatalf("event %d is %s", i, e)
		}
	}
	until(t, "it is away", func() bool {
		st := f.account.State()
		return !st.Linked && strings.Contains(st.LastError, "did not answer")
	})
}

// A link that was given up because it is somebody else's is not heard out.
func TestForgottenLinkIsNotHeardOut(t *testing.T) {
	goOn, held := make(chan struct{}), make(chan struct{}, 1)
	o := setup()
	o.Event = func([]byte, *onebot.Head) {
		select {
		case held <- struct{}{}:
			<-goOn
		default:
		}
	}
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	deaf := blackHole(t, l)
	frame := plainFrame(`{"time":1,"self_id":10001,"post_type":"notice","notice_type":"friend_add","user_id":20002}`)
	if _, err := deaf.Write(append(frame, frame...)); err != nil {
		t.Fatal(err)
	}
	until(t, "the first event", func() bool { return len(held) == 1 })
	f.account.Forget()
	close(goOn)
	until(t, "it is away", func() bool { return !f.account.State().Linked })
	if n := len(f.events); n != 1 {
		t.Errorf("%d events came through", n)
	}
	if self := f.account.Self(); self != 0 {
		t.Errorf("the forgotten number %d is back", self)
	}
}

// Without an interval in the configuration nothing spins.
func TestIntroductionsAreSpaced(t *testing.T) {
	o := setup()
	o.Config.Heartbeat.Interval = 0
	f := newFixture(t, o, botQQ)
	l := listen(t, f.account)
	p := dialPeer(t, l.url(), true)
	for _, want := range []string{"get_login_info", "get_group_list"} {
		c := p.next()
		if c.Action != want {
			t.Fatalf("asked %s, want %s", c.Action, want)
		}
		p.send(`{"status":"failed","retcode":1200,"data":null,"message":"busy","wording":"busy","echo":"` + c.Echo + `"}`)
	}
	f.works(p) // a round trip later it has not asked again
	if d := f.account.interval(); d != 30*time.Second {
		t.Errorf("asks again after %v", d)
	}
}
