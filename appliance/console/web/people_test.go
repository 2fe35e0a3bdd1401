package web

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// Who wants in is named, though nothing of what strangers say is kept: NapCat is asked, once, and not by every tab.
func TestNamesOfStrangers(t *testing.T) {
	r := newRig(t)
	r.furnish()
	var asked atomic.Int64
	r.site.API.Call = func(_ context.Context, account, action string, params []byte) ([]byte, error) {
		asked.Add(1)
		if got := account + " " + action + " " + string(params); got == `bot1 get_stranger_info {"user_id":20009}` {
			return []byte(`{"status":"ok","retcode":0,"data":{"user_id":20009,"nickname":"小红<b>"}}`), nil
		}
		return []byte(`{"status":"failed","retcode":1200,"data":null}`), nil
	}
	b := r.logIn()
	want := `<strong><bdi>小红&lt;b&gt;</bdi></strong> 20009`
	for range 3 {
		if a := b.do("GET", "/access", ""); !strings.Contains(a.body, want) || !strings.Contains(a.body, "<strong>20010</strong>") {
			t.Fatalf("no name: %s", a.body)
		}
	}
	if n := asked.Load(); n != 4 { // one of them has a name
		t.Errorf("asked %d times for four people", n)
	}
	for _, page := range []string{"access", "overview"} {
		if text := b.events("/live?page=" + page).next(); !strings.Contains(text, want) {
			t.Errorf("the stream of %s has no name: %s", page, text)
		}
	}
	r.pass(nameRetry + time.Second)
	b.do("GET", "/access", "")
	if n := asked.Load(); n != 7 {
		t.Errorf("asked %d times, want three more", n)
	}
}

// A page is not held up by a NapCat that says nothing.
func TestNamesAreNotWaitedFor(t *testing.T) {
	r := newRig(t)
	r.furnish()
	called := make(chan struct{}, 10)
	r.site.API.Call = func(ctx context.Context, _, _ string, _ []byte) ([]byte, error) {
		called <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	b := r.logIn()
	if a := b.do("GET", "/access", ""); a.StatusCode != 200 || !strings.Contains(a.body, "<strong>20009</strong>") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if len(called) == 0 {
		t.Error("nobody was asked for")
	}
}

func TestPeopleAreBounded(t *testing.T) {
	var p people
	now := time.Unix(0, 0)
	for id := range uint64(2 * maxPeople) {
		p.learn(id, strings.Repeat("长", 100), now)
		p.want("bot1", id+10_000, now.Add(time.Hour))
	}
	if len(p.known) != maxPeople || len(p.wanted) != maxWanted {
		t.Errorf("%d known, %d wanted", len(p.known), len(p.wanted))
	}
	if got := []rune(p.name(2*maxPeople - 1)); len(got) != maxNickname {
		t.Errorf("a name of %d characters", len(got))
	}
	p.learn(2*maxPeople-1, "999", now) // its own number
	p.learn(2*maxPeople-1, "", now)
	if p.name(2*maxPeople-1) == "" {
		t.Error("a name that was known is lost")
	}
}

// Private chats have the name of who is on the other side, without asking anybody.
func TestPrivateChatsHaveNames(t *testing.T) {
	r := newRig(t)
	r.furnish()
	for i, m := range []store.Record{{User: 20002, Sender: "Ann"}, {User: 10001, Direction: store.Out, Sender: "Bot"}} {
		m.Account, m.Chat, m.Time, m.MessageID = "bot1", policy.Chat{ID: 20002}, r.now().Unix(), int64(i+50)
		m.Raw = []byte(`[{"type":"text","data":{"text":"hi"}}]`)
		r.store.History().Add("bot1", 100, m)
	}
	b := r.logIn()
	for _, path := range []string{"/chats", "/chats/talk?account=bot1&chat=user:20002", "/chats?q=hi"} {
		if a := b.do("GET", path, ""); !strings.Contains(a.body, "<bdi>Ann</bdi>") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if a := b.do("GET", "/chats", ""); !strings.Contains(a.body, fmt.Sprintf("<strong><bdi>Ann</bdi></strong> %d</a>", 20002)) {
		t.Errorf("the list: %s", a.body)
	}
}
