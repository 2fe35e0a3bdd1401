package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/policy"
)

var limits = policy.PairingLimits{Expiry: time.Hour, MaxPending: 3, RepliesPerHour: 30}

func ask(t testing.TB, s *Store, account string, user uint64) Ask {
	t.Helper()
	a, err := s.Access().Ask(account, user, limits)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPairingSurvives(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	s := opened(t, dir, c.options())
	first := ask(t, s, "bot", 42)
	if !first.Reply || first.Pending.User != 42 || first.Pending.Code == "" {
		t.Fatalf("Ask = %+v", first)
	}
	commits := s.Stats().Commits
	if again := ask(t, s, "bot", 42); again.Reply || again.Pending.Code != first.Pending.Code {
		t.Errorf("second message: %+v", again)
	}
	if got := s.Stats().Commits; got != commits {
		t.Error("a repeated message was written")
	}
	c.pass(10 * time.Minute)

	// The power goes. The request is there, with its age, and no second reply is due.
	s = opened(t, killed(t, s), c.options())
	if again := ask(t, s, "bot", 42); again.Reply || again.Pending.Code != first.Pending.Code {
		t.Errorf("after the restart: %+v", again)
	}
	list := s.Access().List("bot")
	wall := time.Unix(0, c.wall.Load())
	if len(list) != 1 || list[0].State != StatePending || !list[0].Created.Equal(wall.Add(-10*time.Minute)) || !list[0].Expires.Equal(wall.Add(50*time.Minute)) {
		t.Errorf("List = %+v", list)
	}
	got, err := s.Access().Approve("", " "+strings.ToLower(first.Pending.Code)+"\n", 0, false, limits)
	if err != nil || got != (Approval{Account: "bot", User: 42, Code: first.Pending.Code, Changed: true}) {
		t.Errorf("Approve = %+v, %v", got, err)
	}
	s = opened(t, killed(t, s), c.options())
	if !s.Access().Approved("bot", 42) || s.Access().Approved("other", 42) || s.Access().Blocked("bot", 42) {
		t.Error("the approval did not survive, or spread")
	}
	if list := s.Access().List(""); len(list) != 1 || list[0].State != StateApproved || list[0].Created.Unix() != wall.Unix() {
		t.Errorf("List = %+v", list)
	}
}

func TestFault_S09_ClockJumps(t *testing.T) {
	year := 365 * 24 * time.Hour
	var epoch0 = -time.Duration(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	for _, tc := range []struct {
		name string
		run  func(c *clock, restart func())
		live bool
	}{
		{"a minute", func(c *clock, _ func()) { c.pass(time.Minute) }, true},
		{"an hour", func(c *clock, _ func()) { c.pass(time.Hour) }, false},
		{"the wall clock jumps ahead by years", func(c *clock, _ func()) { c.wall.Add(int64(30 * year)); c.pass(time.Minute) }, true},
		{"the same with a restart after it", func(c *clock, restart func()) { c.wall.Add(int64(30 * year)); restart(); c.pass(time.Minute) }, true},
		{"the wall clock jumps back by years", func(c *clock, restart func()) { c.wall.Add(int64(-20 * year)); restart(); c.pass(59 * time.Minute) }, true},
		{"the same, and the hour passes", func(c *clock, restart func()) { c.wall.Add(int64(-20 * year)); restart(); c.pass(time.Hour) }, false},
		{"three restarts", func(c *clock, restart func()) {
			for range 3 {
				restart()
				c.pass(15 * time.Minute)
			}
		}, true},
		{"a reboot of two minutes", func(c *clock, restart func()) {
			c.wall.Add(int64(2 * time.Minute))
			c.reboot("boot-2", time.Second)
			restart()
		}, true},
		{"a reboot of two hours", func(c *clock, restart func()) {
			c.wall.Add(int64(2 * time.Hour))
			c.reboot("boot-2", time.Second)
			restart()
		}, false},
		{"a reboot into 1970", func(c *clock, restart func()) {
			c.wall.Add(int64(epoch0))
			c.reboot("boot-2", time.Second)
			restart()
			c.pass(30 * time.Minute)
		}, true},
		{"a reboot into 1970, and the hour passes", func(c *clock, restart func()) {
			c.wall.Add(int64(epoch0))
			c.reboot("boot-2", time.Second)
			restart()
			c.pass(time.Hour)
		}, false},
		{"restarts in 1970 do not make it immortal", func(c *clock, restart func()) {
			for i := range 4 {
				c.wall.Store(int64(i))
				c.reboot(fmt.Sprint("boot-", i+2), time.Second)
				restart()
				c.pass(16 * time.Minute)
				restart() // a start writes the age that was reached
			}
		}, false},
		{"made in 1970, then NTP, then a reboot", func(c *clock, restart func()) {
			c.pass(time.Minute)
			c.wall.Store(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).UnixNano())
			c.reboot("boot-2", time.Second)
			restart()
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClock()
			if strings.HasPrefix(tc.name, "made in 1970") {
				c.wall.Store(0)
			}
			dir := t.TempDir()
			s := opened(t, dir, c.options())
			code := ask(t, s, "bot", 42).Pending.Code
			tc.run(c, func() {
				dir = killed(t, s)
				closed(t, s)
				s = opened(t, dir, c.options())
			})
			if live := len(s.Access().List("bot")) == 1; live != tc.live {
				t.Errorf("the request is alive: %v, want %v", live, tc.live)
			}
			if _, err := s.Access().Approve("bot", code, 0, false, limits); (err == nil) != tc.live {
				t.Errorf("Approve = %v, want success %v", err, tc.live)
			}
		})
	}
}

func TestApprove(t *testing.T) {
	setup := func(t *testing.T) (*Access, string) {
		s := opened(t, t.TempDir(), newClock().options())
		ask(t, s, "bot", 1)
		ask(t, s, "bot", 2)
		ask(t, s, "spare", 2)
		return s.Access(), ask(t, s, "bot", 1).Pending.Code
	}
	for _, tc := range []struct {
		name, account, text string
		by                  uint64
		force               bool
		want                error
		text2               string
	}{
		{name: "number", account: "bot", text: "1"},
		{name: "number, account found", text: "1"},
		{name: "by an owner", text: "1", by: 99},
		{name: "by himself", text: "1", by: 1, want: ErrOwnCode, text2: "approving 1 at account bot: a pairing code is not accepted from its own sender: somebody else has to do it"},
		{name: "unknown code", text: "ABCDEFGH", want: ErrNoRequest, text2: "\"ABCDEFGH\": no such pairing request: `catflap pairing list` shows what waits"},
		{name: "forced code", text: "ABCDEFGH", force: true, want: ErrNoRequest},
		{name: "another account's", account: "spare", text: "1", want: ErrNoRequest},
		{name: "two accounts", text: "2", want: ErrAmbiguous, text2: `"2": several accounts match (bot, spare): name one with --account`},
		{name: "number without a request", account: "bot", text: "7", want: ErrNoRequest},
		{name: "forced", account: "bot", text: "7", force: true},
		{name: "forced anywhere", text: "7", force: true, want: ErrAmbiguous, text2: "7 has no request, so the account has to be named with --account: several accounts match"},
		{name: "zero", account: "bot", text: "0", force: true, want: ErrNoRequest},
		{name: "nothing", account: "bot", text: "", force: true, want: ErrNoRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, _ := setup(t)
			got, err := a.Approve(tc.account, tc.text, tc.by, tc.force, limits)
			if !errors.Is(err, tc.want) || tc.text2 != "" && err.Error() != tc.text2 {
				t.Fatalf("Approve = %v, want %v %s", err, tc.want, tc.text2)
			}
			if err == nil && (!got.Changed || !a.Approved(got.Account, got.User) || fmt.Sprint(got.User) != tc.text) {
				t.Errorf("Approve = %+v", got)
			}
			if err != nil && (a.Approved("bot", 1) || a.Approved("bot", 7)) {
				t.Error("somebody was let in")
			}
		})
	}
	t.Run("own code", func(t *testing.T) {
		a, code := setup(t)
		if _, err := a.Approve("", code, 1, true, limits); !errors.Is(err, ErrOwnCode) || a.Approved("bot", 1) {
			t.Errorf("Approve = %v", err)
		}
	})
}

func TestAccessChanges(t *testing.T) {
	c := newClock()
	s := opened(t, t.TempDir(), c.options())
	a := s.Access()
	must := func(changed bool) func(Approval, error) {
		t.Helper()
		return func(got Approval, err error) {
			t.Helper()
			if err != nil || got.Changed != changed {
				t.Fatalf("%+v, %v; want changed %v", got, err, changed)
			}
		}
	}
	code := ask(t, s, "bot", 1).Pending.Code
	must(true)(a.Deny("bot", code, limits))
	if again := ask(t, s, "bot", 1); !again.Reply || again.Pending.Code == code {
		t.Errorf("after deny: %+v", again)
	}
	must(true)(a.Block("bot", "1", limits))
	must(false)(a.Block("bot", "1", limits))
	if !a.Blocked("bot", 1) || len(a.List("bot")) != 1 || a.List("bot")[0].State != StateBlocked {
		t.Errorf("after block: %+v", a.List("bot"))
	}
	must(true)(a.Approve("bot", "1", 9, true, limits))
	if a.Blocked("bot", 1) || !a.Approved("bot", 1) || a.List("")[0].By != 9 {
		t.Errorf("after approve: %+v", a.List(""))
	}
	must(false)(a.Approve("bot", "1", 9, true, limits))
	must(true)(a.Revoke("", "1"))
	if _, err := a.Revoke("bot", "1"); !errors.Is(err, ErrNoRequest) {
		t.Errorf("second Revoke = %v", err)
	}
	if _, err := a.Revoke("bot", "x"); err == nil || err.Error() != "\"x\" is not a QQ number: `catflap pairing list` shows them" {
		t.Errorf("Revoke(x) = %v", err)
	}
	must(true)(a.Block("bot", "3", limits))
	must(true)(a.Unblock("bot", "3"))
	if list := a.List(""); len(list) != 0 {
		t.Errorf("List = %+v", list)
	}
	s = opened(t, killed(t, s), c.options())
	if list := s.Access().List(""); len(list) != 0 {
		t.Errorf("List after a restart = %+v", list)
	}
}

// What pushed another request out is remembered too.
func TestAskEvicts(t *testing.T) {
	c := newClock()
	s := opened(t, t.TempDir(), c.options())
	for user := uint64(1); user <= 5; user++ {
		ask(t, s, "bot", user)
		c.pass(time.Second)
	}
	s = opened(t, killed(t, s), c.options())
	var users []uint64
	for _, e := range s.Access().List("bot") {
		users = append(users, e.UserID)
	}
	if fmt.Sprint(users) != "[3 4 5]" {
		t.Errorf("waiting: %v", users)
	}
}

// A reply goes out only when the request is on the disk; a failed commit is tried again with the next message.
func TestAskUnwritable(t *testing.T) {
	s := opened(t, t.TempDir(), newClock().options())
	s.state.fault.Store(&noSpace)
	_, err := s.Access().Ask("bot", 42, limits)
	if err == nil || err.Error() != "saving the pairing request of 42 at account bot: no space left on device" {
		t.Errorf("Ask = %v", err)
	}
	if _, err := s.Access().Approve("bot", "42", 0, true, limits); err == nil || s.Access().Approved("bot", 42) {
		t.Errorf("Approve = %v, and it holds: %v", err, s.Access().Approved("bot", 42))
	}
	if st := s.Stats(); st.CommitErrors != 2 || st.LastError != "no space left on device" {
		t.Errorf("Stats = %+v", st)
	}
	s.state.fault.Store(nil)
	if a := ask(t, s, "bot", 42); !a.Reply {
		t.Errorf("Ask = %+v", a)
	}
}

// Lookups must not wait while a change waits for the disk.
func TestFault_T09_LookupsDuringCommit(t *testing.T) {
	s := opened(t, t.TempDir(), Options{})
	tx, err := s.state.db.Begin(true) // somebody holds the file
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := s.Access().Approve("bot", "1", 0, true, limits)
		done <- err
	}()
	for range 1000 {
		if s.Access().Approved("bot", 1) {
			t.Fatal("approved before it was written")
		}
		s.Access().Blocked("bot", 1)
		s.Accounts().Pinned("bot")
	}
	select {
	case err := <-done:
		t.Fatalf("Approve did not wait for the disk: %v", err)
	default:
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || !s.Access().Approved("bot", 1) {
		t.Fatalf("Approve = %v", err)
	}
}

// A row of state.db that cannot be read is damage: to forget a block silently would open a door.
func TestFault_S07_UnreadableRow(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Options{})
	if err := s.state.update(putRaw(bucketAccess, accessKey("bot", kindBlocked, 1), []byte("{"))); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open = %v, want ErrDamaged", err)
	}
	// The copy to fall back to is not replaced by what could not be read.
	setAsideByHand(t, dir, stateName)
	closed(t, opened(t, dir, Options{}))
}
