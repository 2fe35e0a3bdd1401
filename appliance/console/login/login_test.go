package login

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/catflap/catflap/store"
)

// The link of an installation works for a day, until there is a password.
func TestFirstLink(t *testing.T) {
	d := newDesk(t)
	from := netip.MustParseAddr("127.0.0.1")
	link := func(want time.Duration) string {
		key, within, err := d.NewFirstLink("test")
		if err != nil || within != want {
			t.Fatalf("%v %v", within, err)
		}
		return key
	}
	old, late, ordinary := link(FirstLinkTime), link(FirstLinkTime), ""
	var err error
	if ordinary, err = d.NewLink("test"); err != nil {
		t.Fatal(err)
	}
	d.clock = d.clock.Add(FirstLinkTime)
	if _, err := d.Redeem(from, ordinary); !errors.Is(err, ErrLink) {
		t.Errorf("an ordinary link after a day: %v", err)
	}
	if _, err := d.Redeem(from, late); err != nil {
		t.Errorf("within the day: %v", err)
	}
	if _, err := d.Redeem(from, late); !errors.Is(err, ErrLink) {
		t.Errorf("a second time: %v", err)
	}
	d.clock = d.clock.Add(time.Second)
	if _, err := d.Redeem(from, old); !errors.Is(err, ErrLink) {
		t.Errorf("after the day: %v", err)
	}
	if err := d.SetPassword(good, "test"); err != nil {
		t.Fatal(err)
	}
	link(LinkTime)
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = "correct horse 电池"

// desk is a keeper on a real store, with a clock of its own.
type desk struct {
	*testing.T
	*Keeper
	dir   string
	store *store.Store
	clock time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, dir: filepath.Join(t.TempDir(), "data"), clock: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	d.open()
	t.Cleanup(func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *desk) open() {
	d.Helper()
	var err error
	if d.store, err = store.Open(d.dir, store.Options{}); err != nil {
		d.Fatal(err)
	}
	d.Keeper = New(d.store, Options{Now: func() time.Time { return d.clock }, Cost: bcrypt.MinCost})
}

// restart is what a new process finds.
func (d *desk) restart() {
	d.Helper()
	if err := d.store.Close(); err != nil {
		d.Fatal(err)
	}
	d.open()
}

func (d *desk) set(password string) {
	d.Helper()
	if err := d.SetPassword(password, "test"); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) enter() string {
	d.Helper()
	token, err := d.Enter(context.Background(), addr("192.0.2.1"), good)
	if err != nil {
		d.Fatal(err)
	}
	return token
}

func (d *desk) in(token string) bool {
	_, ok := d.Session(token)
	return ok
}

func (d *desk) audited() string {
	d.Helper()
	list, err := d.store.Audit().Last(100)
	if err != nil {
		d.Fatal(err)
	}
	var out []string
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		out = append(out, strings.Join(strings.Fields(e.Action+" "+e.Target+" "+e.Outcome+" "+e.Reason+" by "+e.By), " "))
	}
	return strings.Join(out, "\n")
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

func TestPassword(t *testing.T) {
	d := newDesk(t)
	if _, err := d.Enter(t.Context(), addr("192.0.2.1"), ""); !errors.Is(err, ErrNoPassword) || d.HasPassword() {
		t.Errorf("without a password: %v", err)
	}
	for _, c := range []struct{ password, problem string }{
		{"", "the password needs at least 8 characters"},
		{"七个字符的密码", "the password needs at least 8 characters"},
		{strings.Repeat("x", maxPassword+1), "the password may have at most 1024 bytes, in UTF-8"},
		{"abcdefgh\xff", "the password may have at most 1024 bytes, in UTF-8"},
		{"八个字符的密码呀", ""},
		{strings.Repeat("x", maxPassword), ""},
		{good, ""},
	} {
		err := d.SetPassword(c.password, "test")
		if got := fmt.Sprint(err); c.problem == "" && err != nil || c.problem != "" && got != c.problem {
			t.Errorf("setting %.20q: %v, want %q", c.password, err, c.problem)
		}
	}
	token := d.enter()
	d.restart()
	if !d.in(token) || !d.HasPassword() {
		t.Error("a restart forgot the session or the password")
	}
	for _, wrong := range []string{"", "correct horse", good + " ", strings.Repeat("x", 2000)} {
		d.clock = d.clock.Add(time.Hour)
		if _, err := d.Enter(t.Context(), addr("192.0.2.1"), wrong); !errors.Is(err, ErrWrong) {
			t.Errorf("%.20q: %v", wrong, err)
		}
	}
	// Only the first 72 bytes of a password would count for bcrypt by itself.
	long := strings.Repeat("x", 100)
	d.set(long)
	if _, err := d.Enter(t.Context(), addr("192.0.2.9"), long[:99]+"y"); !errors.Is(err, ErrWrong) {
		t.Errorf("another end of a long password: %v", err)
	}
}

func TestPasswordChangeEndsEverything(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	token := d.enter()
	key, err := d.NewLink("test")
	if err != nil {
		t.Fatal(err)
	}
	changed := d.Changed()
	d.set("another password")
	select {
	case <-changed:
	default:
		t.Error("streams were not told")
	}
	if _, err := d.Redeem(addr("192.0.2.1"), key); !errors.Is(err, ErrLink) || d.in(token) || d.Sessions() != 0 {
		t.Errorf("after the change: link %v, session %v, %d sessions", err, d.in(token), d.Sessions())
	}
}

func TestAdopt(t *testing.T) {
	d := newDesk(t)
	if err := d.Adopt(""); err != nil || d.HasPassword() {
		t.Errorf("nothing was adopted: %v", err)
	}
	if err := d.Adopt("short"); err == nil {
		t.Error("a short password was adopted")
	}
	if err := d.Adopt(good); err != nil {
		t.Fatal(err)
	}
	token := d.enter()
	if err := d.Adopt("another password"); err != nil || !d.in(token) {
		t.Errorf("a second adoption: %v, session %v", err, d.in(token))
	}
}

func TestLinks(t *testing.T) {
	d := newDesk(t)
	var keys []string
	for range maxLinks + 1 {
		key, err := d.NewLink("test")
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	redeem := func(key string) error {
		_, err := d.Redeem(addr("192.0.2.1"), key)
		return err
	}
	if err := redeem(keys[0]); !errors.Is(err, ErrLink) {
		t.Errorf("the oldest of too many: %v", err)
	}
	d.restart()
	if err := redeem(keys[1]); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	for _, key := range []string{keys[1], "", "guess"} {
		if err := redeem(key); !errors.Is(err, ErrLink) {
			t.Errorf("%.10q: %v", key, err)
		}
	}
	d.clock = d.clock.Add(LinkTime)
	if err := redeem(keys[2]); err != nil {
		t.Errorf("at the last moment: %v", err)
	}
	d.clock = d.clock.Add(time.Second)
	if err := redeem(keys[3]); !errors.Is(err, ErrLink) {
		t.Errorf("too late: %v", err)
	}
	key, err := d.NewLink("test")
	if err != nil {
		t.Fatal(err)
	}
	d.clock = d.clock.Add(-time.Hour)
	if err := redeem(key); !errors.Is(err, ErrLink) {
		t.Errorf("after a jump back of the clock: %v", err)
	}
}

func TestFreshAfterALink(t *testing.T) {
	d := newDesk(t)
	key, err := d.NewLink("test")
	if err != nil {
		t.Fatal(err)
	}
	token, err := d.Redeem(addr("192.0.2.1"), key)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := d.Session(token); !ok || !s.Fresh || s.CSRF == "" {
		t.Errorf("right after: %+v, %v", s, ok)
	}
	d.clock = d.clock.Add(LinkTime)
	if s, ok := d.Session(token); !ok || s.Fresh {
		t.Errorf("later: %+v, %v", s, ok)
	}
	d.set(good)
	if s, _ := d.Session(d.enter()); s.Fresh {
		t.Error("a login by password is fresh")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	first := d.enter()
	second := d.enter()
	for range maxSessions - 1 {
		d.enter()
	}
	if d.in(first) || !d.in(second) || d.Sessions() != maxSessions {
		t.Errorf("first %v, second %v, %d sessions", d.in(first), d.in(second), d.Sessions())
	}
	// Use keeps a session from being the oldest.
	d.clock = d.clock.Add(seenEvery + time.Second)
	if !d.in(second) {
		t.Fatal("the second is gone")
	}
	d.enter()
	if !d.in(second) {
		t.Error("a session in use made room")
	}
	if err := d.End(second); err != nil || d.in(second) || d.Sessions() != maxSessions-1 {
		t.Errorf("after logging out: %v, %v, %d sessions", err, d.in(second), d.Sessions())
	}
	if err := d.EndAll("test"); err != nil || d.Sessions() != 0 {
		t.Errorf("after logging all out: %v, %d sessions", err, d.Sessions())
	}
}

func TestSessionsEndByAge(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	idle, busy := d.enter(), d.enter()
	begin := d.clock
	for d.clock.Sub(begin) <= IdleTime {
		d.clock = d.clock.Add(2 * 24 * time.Hour)
		if !d.in(busy) {
			t.Fatalf("a session in use ended after %v", d.clock.Sub(begin))
		}
	}
	if d.in(idle) {
		t.Error("an idle session lives on")
	}
	d.restart()
	for d.clock.Sub(begin) < WholeTime {
		if !d.in(busy) {
			t.Fatalf("a session in use ended after %v", d.clock.Sub(begin))
		}
		d.clock = d.clock.Add(24 * time.Hour)
	}
	d.clock = d.clock.Add(time.Second)
	if d.in(busy) {
		t.Error("a session outlives 90 days")
	}
}

func TestFault_S09_SessionsHoldWhenTheClockJumps(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	right := d.clock
	token := d.enter()
	d.clock = time.Unix(60, 0) // a boot without a clock battery
	if !d.in(token) {
		t.Error("a boot in 1970 ended a session")
	}
	early := d.enter()
	d.clock = right.Add(time.Hour) // the time server has answered
	if !d.in(token) || !d.in(early) {
		t.Errorf("the first look at a time server ended a session: %v, %v", d.in(token), d.in(early))
	}
	d.clock = right.Add(-48 * time.Hour)
	if !d.in(token) {
		t.Error("a jump back ended a session")
	}
	d.clock = right.Add(time.Hour + WholeTime + time.Hour)
	if d.in(early) {
		t.Error("a session that began in 1970 never ends")
	}
}

func TestFault_T20_GuessingIsDelayed(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	try := func(from, password string) error {
		_, err := d.Enter(t.Context(), addr(from), password)
		return err
	}
	var waits []time.Duration
	for range freeGuesses + 12 {
		if err := try("192.0.2.1", "wrong one"); !errors.Is(err, ErrWrong) {
			t.Fatalf("a guess: %v", err)
		}
		var wait *WaitError
		if err := try("192.0.2.1", good); errors.As(err, &wait) {
			waits = append(waits, wait.For)
			d.clock = d.clock.Add(wait.For)
		} else if err != nil {
			t.Fatal(err)
		} else if len(waits) > 0 {
			t.Fatal("the delay was forgotten")
		} else {
			// The right password before there was a delay: start again.
			for range freeGuesses - 1 {
				if err := try("192.0.2.1", "wrong one"); !errors.Is(err, ErrWrong) {
					t.Fatal(err)
				}
			}
		}
	}
	if len(waits) < 10 || waits[0] != firstWait || waits[len(waits)-1] != maxWait {
		t.Errorf("the waits were %v", waits)
	}
	for i := 1; i < len(waits); i++ {
		if waits[i] < waits[i-1] || waits[i] > maxWait {
			t.Errorf("the waits do not grow: %v", waits)
		}
	}
	if err := try("192.0.2.2", good); err != nil {
		t.Errorf("another address: %v", err)
	}
	if err := try("::ffff:192.0.2.1", good); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if err := try("192.0.2.1", "wrong one"); !errors.Is(err, ErrWrong) {
		t.Error(err)
	}
	if err := try("192.0.2.1", good); err != nil {
		t.Errorf("one mistake after a right password: %v", err)
	}
}

// A whole IPv6 network is one guesser, and loopback is no exception: behind a proxy everybody comes from there.
func TestFault_T20_ANetworkIsOneGuesser(t *testing.T) {
	for _, c := range []struct{ guesser, other string }{
		{"2001:db8::%d", "2001:db8:0:1::1"},
		{"127.0.0.1", "127.0.0.2"},
		{"::1", "::2"},
	} {
		d := newDesk(t)
		d.set(good)
		for i := range freeGuesses {
			from := strings.ReplaceAll(c.guesser, "%d", fmt.Sprint(i+1))
			if _, err := d.Enter(t.Context(), addr(from), "wrong one"); !errors.Is(err, ErrWrong) {
				t.Fatal(err)
			}
		}
		var wait *WaitError
		if _, err := d.Enter(t.Context(), addr(strings.ReplaceAll(c.guesser, "%d", "ffff")), good); !errors.As(err, &wait) {
			t.Errorf("%s was not delayed: %v", c.guesser, err)
		}
		if _, err := d.Enter(t.Context(), addr(c.other), good); err != nil {
			t.Errorf("%s was delayed: %v", c.other, err)
		}
	}
}

func TestFault_T20_OnePasswordIsComparedAtATime(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	leave, err := d.guesses.enter(t.Context(), addr("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	for i := range maxQueue {
		go func() {
			_, err := d.Enter(ctx, addr(fmt.Sprintf("192.0.2.%d", i+2)), good)
			left <- err
		}()
	}
	for d.guesses.queue.Load() < maxQueue {
		runtime.Gosched()
	}
	if _, err := d.Enter(t.Context(), addr("192.0.2.99"), good); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	for range maxQueue {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("one who left: %v", err)
		}
	}
	leave(false)
	d.enter()
}

// Guesses that were made at the same time count like those that were made one after the other.
func TestFault_T20_ParallelGuessesGainNothing(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	outcomes := make(chan error)
	for range maxQueue - 1 {
		go func() {
			_, err := d.Enter(t.Context(), addr("192.0.2.1"), "wrong one")
			outcomes <- err
		}()
	}
	compared := 0
	for range maxQueue - 1 {
		if err := <-outcomes; errors.Is(err, ErrWrong) {
			compared++
		}
	}
	if compared != freeGuesses {
		t.Errorf("%d guesses were compared, want %d", compared, freeGuesses)
	}
}

func TestFault_T20_GuessersAreBounded(t *testing.T) {
	d := newDesk(t)
	for i := range 3 * maxAddresses {
		d.clock = d.clock.Add(time.Millisecond)
		d.guesses.count(addr(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)), true)
	}
	if n := len(d.guesses.seen); n != maxAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
	if _, ok := d.guesses.seen[addr("10.0.11.255")]; !ok {
		t.Error("the newest was forgotten")
	}
}

func TestAudited(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	d.enter()
	key, err := d.NewLink("admin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Redeem(addr("192.0.2.7"), key); err != nil {
		t.Fatal(err)
	}
	for i := range 50 { // a guesser, and many who help
		_, _ = d.Enter(t.Context(), addr("192.0.2.66"), "wrong one")
		_, _ = d.Enter(t.Context(), addr(fmt.Sprintf("192.0.2.%d", 100+i)), "wrong one")
		d.clock = d.clock.Add(time.Second)
	}
	if err := d.EndAll("admin"); err != nil {
		t.Fatal(err)
	}
	const want = `console.password done by test
console.login 192.0.2.1 done by password
console.link done by admin
console.login 192.0.2.7 done by link
console.login 192.0.2.66 refused 5 wrong passwords by password
console.logout all done by admin`
	if got := d.audited(); got != want {
		t.Errorf("the audit log is\n%s\nwant\n%s", got, want)
	}
}

func TestScrapeToken(t *testing.T) {
	d := newDesk(t)
	if d.Scrapes("") || d.Scrapes("x") {
		t.Error("no token lets somebody in")
	}
	first, err := d.NewScrapeToken("admin")
	if err != nil {
		t.Fatal(err)
	}
	d.restart()
	if !d.Scrapes(first) || d.Scrapes(first+"x") || d.Scrapes("") {
		t.Error("the token does not work, or another does")
	}
	second, err := d.NewScrapeToken("admin")
	if err != nil {
		t.Fatal(err)
	}
	if d.Scrapes(first) || !d.Scrapes(second) {
		t.Error("the older token is not void")
	}
}

// What lies on the disk lets nobody in.
func TestFault_T19_TheStoreHoldsHashesOnly(t *testing.T) {
	d := newDesk(t)
	d.set(good)
	secrets := []string{good, d.enter()}
	for _, more := range []func(string) (string, error){d.NewLink, d.NewScrapeToken} {
		secret, err := more("test")
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	data, err := os.ReadFile(filepath.Join(d.dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte("console.sessions")) {
		t.Error("the test looks at the wrong file")
	}
	for _, secret := range secrets {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("state.db holds %.5s...", secret)
		}
	}
}
