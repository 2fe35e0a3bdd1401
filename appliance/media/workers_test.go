package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/fence"
)

// hush never answers, whatever is asked of it.
type hush struct {
	mu    sync.Mutex
	asked int
	most  int // at once
	now   int
}

func (h *hush) ask(ctx context.Context, _, _ string, _ []byte, _ any) error {
	h.mu.Lock()
	h.asked++
	h.now++
	h.most = max(h.most, h.now)
	h.mu.Unlock()
	<-ctx.Done()
	h.mu.Lock()
	h.now--
	h.mu.Unlock()
	return errors.New("no answer")
}

func (h *hush) stream(ctx context.Context, account, action string, params []byte, _ func([]byte)) error {
	return h.ask(ctx, account, action, params, nil)
}

// Dead links whose NapCat says nothing keep no worker from live ones, and after two silent answers it is not asked for a
// while.
func TestFault_T08_SilentNapCat(t *testing.T) {
	q := newQQ(t)
	h := &hush{}
	b := newBox(t, "", func(o *Options) { o.Ask, o.Stream = h.ask, h.stream })
	dead := make(chan error, 40)
	for i := range cap(dead) {
		o := image(q, i, picture(i, 500))
		o.URL = q.link("dead", "k")
		key := b.offer(o)
		go func() {
			_, err := b.read(key)
			dead <- err
		}()
	}
	until(t, "NapCat is asked", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.now == askPerAccount })
	b.want(b.offer(image(q, 100, picture(100, 500))), picture(100, 500)) // while all those wait
	h.mu.Lock()
	if h.now != askPerAccount {
		t.Errorf("%d questions at once after the live link was read", h.now)
	}
	h.mu.Unlock()
	b.mu.Lock()
	b.askTime = 10 * time.Millisecond // of questions from now on
	b.mu.Unlock()
	for range cap(dead) {
		if err := <-dead; !errors.Is(err, ErrUnavailable) {
			t.Errorf("reading a dead link: %v", err)
		}
	}
	if h.asked > 2*silentMost+askPerAccount || h.most > askPerAccount {
		t.Errorf("%d questions, %d at once", h.asked, h.most)
	}

	// Later it is asked again.
	before := h.asked
	b.pass(silentTime + time.Second)
	o := image(q, 101, picture(101, 500))
	o.URL = q.link("dead", "k")
	if _, err := b.read(b.offer(o)); !errors.Is(err, ErrUnavailable) || h.asked == before {
		t.Errorf("%v after %d questions", err, h.asked-before)
	}
}

// An account whose NapCat is silent takes nothing from the others.
func TestSilentNapCatOfAnotherAccount(t *testing.T) {
	q := newQQ(t)
	h := &hush{}
	n := &napcat{answers: map[string]string{"get_image": `{"base64":"aGVsbG8="}`}}
	b := newBox(t, "", func(o *Options) {
		o.Ask = func(ctx context.Context, account, action string, params []byte, data any) error {
			if account == "silent" {
				return h.ask(ctx, account, action, params, data)
			}
			return n.ask(ctx, account, action, params, data)
		}
	})
	for i := range 20 {
		o := Offered{Account: "silent", MessageID: 1, Type: "image", File: fmt.Sprint("s", i), URL: q.link(fmt.Sprint("dead", i), "k"), Size: 500}
		b.offer(o)
	}
	until(t, "NapCat is asked", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.now == askPerAccount })
	b.want(b.offer(Offered{Account: "bot", Type: "image", File: "x", URL: q.link("dead", "k")}), []byte("hello"))
}

// Servers that say nothing give their workers up after a while, so that a live one is read.
func TestFault_T08_SilentOrigins(t *testing.T) {
	b := newBox(t, "", func(o *Options) {
		o.Fetch = func(ctx context.Context, address string, _ int64, w io.Writer) (fence.Fetched, error) {
			if strings.Contains(address, "silent") {
				<-ctx.Done()
				return fence.Fetched{}, ctx.Err()
			}
			n, err := w.Write(picture(1, 500))
			return fence.Fetched{Size: int64(n)}, err
		}
	})
	b.slowTime = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	for i := range slowPlaces + eagerWorkers + readerWorkers - 1 {
		key := b.offer(Offered{Account: "bot", Type: "video", URL: fmt.Sprint("http://silent/", i)})
		readers.Go(func() {
			if f, err := b.Open(ctx, key); err == nil {
				_ = f.Close()
				t.Error("a silent origin was read")
			}
		})
	}
	until(t, "the slow places are taken", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.slow == slowPlaces })
	b.want(b.offer(Offered{Account: "bot", Type: "video", URL: "http://live/1"}), picture(1, 500))
	cancel()
	readers.Wait()
	b.shut()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running != 0 || b.slow != 0 || len(b.late) != 0 || len(b.askers) != 0 {
		t.Errorf("places that are left: %d, %d, %d, %v", b.running, b.slow, len(b.late), b.askers)
	}
}

// What failed for a bound is tried again as soon as the bound is another one, and known media follow mediaMaxMb.
func TestNewSettingsForgetFailures(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", nil)
	s := roomy()
	s.Max = map[string]int64{"bot": 1000}
	b.Set(s)
	o := image(q, 1, picture(1, 5000))
	o.Size, o.Max = 0, 1000
	key := b.offer(o)
	if _, err := b.read(key); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("above mediaMaxMb: %v", err)
	}
	s.Max = map[string]int64{"bot": 10_000}
	b.Set(s)
	b.want(key, picture(1, 5000))
}

// While nothing may be written an event keeps its own address and says why, unless the medium is here.
func TestNothingIsPromisedThatCannotBeKept(t *testing.T) {
	q := newQQ(t)
	b := newBox(t, "", func(o *Options) { o.Settings.Daily = 100_000 })
	here := image(q, 1, picture(1, 95_000))
	b.want(b.offer(here), picture(1, 95_000))
	unknown := image(q, 2, picture(2, 10_000))
	unknown.Size = 0
	if _, note, ok := b.Offer(unknown); ok || note != noteBudget {
		t.Errorf("without a size: %q, %v", note, ok)
	}
	b.offer(here)
	b.settleDown()
	b.pass(24 * time.Hour)
	b.noRoom.Store(b.time().Add(time.Minute).UnixNano())
	if _, note, ok := b.Offer(unknown); ok || note != noteDisk {
		t.Errorf("with a full disk: %q, %v", note, ok)
	}
	b.offer(here)
	b.settleDown()
	b.pass(time.Hour)
	b.offer(unknown)
	b.settleDown()
}

// A burst of readers of this box waits for a place among those that wait.
func TestBurstsOfWaitersQueue(t *testing.T) {
	var g guests
	g.init(time.Now)
	const remote = "127.0.0.1:1"
	var places []func()
	for range maxPerGuest * loopbackMore * waitersMore {
		leave, err := g.await(t.Context(), remote)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, leave)
	}
	late := make(chan error, 1)
	go func() {
		leave, err := g.await(t.Context(), remote)
		if err == nil {
			leave()
		}
		late <- err
	}()
	until(t, "it queues", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.queued == 1 })
	for _, leave := range places {
		leave()
	}
	if err := <-late; err != nil {
		t.Error(err)
	}
}

func TestFileName(t *testing.T) {
	for in, want := range map[string]string{
		"a.png": "a.png", "猫.png": "猫.png", "../../.ssh/authorized_keys": "_.._.ssh_authorized_keys", `C:\x`: "C__x",
		"..": "", "a\x00\n": "a__", "\xff": "_", "": "",
	} {
		if got := FileName(in); got != want {
			t.Errorf("FileName(%q) = %q, want %q", in, got, want)
		}
	}
}
