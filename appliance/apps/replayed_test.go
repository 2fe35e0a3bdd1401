package apps

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/store"
)

// What waits on disk for an app over a restart comes with the bytes that NapCat sent, whatever they are.
func TestFault_T14_ReplayedBytesAreTheOriginals(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	b := newBot("bot1", 0, botQQ)
	open14 := func() (*store.Store, *App) {
		s, err := store.Open(dir, store.Options{QueueSync: 10 * time.Millisecond, Sync: 10 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		c := config.App{Name: "koishi", AccessToken: token, Enabled: true, Protocol: "onebot11", Ack: "ping",
			Queue: config.Queue{MaxEvents: 1000, MaxMB: 16, MaxAge: config.MaxAge{Message: time.Hour, Notice: time.Hour, Request: time.Hour}}}
		return s, New(Options{Config: c, Accounts: []Account{b.account()}, Journal: s.Journal(), Action: func(Action) {},
			MaxFrame: 1 << 20, Log: log, Now: time.Now, Rand: rand.Float64})
	}
	s, a := open14()
	a.Resume("bot1")
	want := []string{
		`{"time":1,"self_id":10001,"post_type":"notice","text":"<a&b> \u003c 🐱 \ud83d\ude00 中文\\\"","n":1.50}`,
		"{ \"post_type\" : \"notice\",\t\"spaced\" : [ 1 , 2 ] }",
		`{"post_type":"request","big":123456789012345678901234567890,"neg":-0.0e10}`,
	}
	for i, raw := range want {
		class := store.ClassNotice
		if i == 2 {
			class = store.ClassRequest
		}
		s.Journal().Append(store.Event{For: 1, Class: class, Raw: []byte(raw)})
	}
	a.Close(1012, false)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, a = open14()
	defer s.Close()
	defer a.Close(1012, false)
	for _, sub := range s.Journal().Subscribers() {
		a.Resume(sub.Account)
	}
	g := open(t, a)
	p := come(t, g, "/", token)
	p.greeting(botQQ)
	for i, w := range want {
		if got := p.next(); got != w {
			t.Errorf("event %d came back as %s, want %s", i, got, w)
		}
	}
}

// A peer that closes at every frame makes the app dial from the end of a link, while everything else that takes the same
// locks goes on.
func TestFault_T13_RedialHoldsNoLock(t *testing.T) {
	h, f, b := newHouse(t), newFramework(t), newBot("bot1", 0, botQQ)
	a := h.app(0, config.App{Name: "nonebot", Connect: f.url(), AccessToken: token}, b)
	a.Start()
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for i := range 4 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				switch i {
				case 0:
					a.Status()
				case 1:
					a.AccountChanged("bot1")
				case 2:
					a.Update(*a.settings())
				case 3:
					h.journal.Append(store.Event{For: 1, Class: store.ClassNotice, Raw: fmt.Appendf(nil, `{"post_type":"notice"}`)})
				}
				<-time.After(time.Millisecond)
			}
		})
	}
	for range 20 {
		p := f.next()
		p.greeting(botQQ)
		p.conn.Close(1011, "a bug in the app")
		p.closed()
	}
	close(stop)
	busy.Wait()
}
