package web

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// The start page says what alarms and since when, who wants in, and why messages were not answered.
func TestOverviewSaysWhatAlarms(t *testing.T) {
	r := newRig(t)
	r.furnish()
	raised := r.now().Add(-2 * time.Hour)
	r.mu.Lock()
	r.status.Alerts = console.AlertsStatus{
		Active:  []console.AlertNotice{{Time: raised, Event: "disk.low", Subject: "disk", State: "raised", Text: console.Text{EN: "The disk is nearly full", ZH: "磁盘空间不足"}}},
		Last:    []console.AlertNotice{{Time: raised, Event: "disk.low", Subject: "disk", State: "raised", Text: console.Text{EN: "The disk is nearly full", ZH: "磁盘空间不足"}}},
		Held:    3,
		Targets: []console.AlertTarget{{Target: "ntfy ntfy.sh", Sent: 4, Waiting: 1, LastError: "refused"}},
	}
	r.mu.Unlock()
	b := r.logIn()
	page := b.do("GET", "/", "").body
	for _, want := range []string{
		`class="head bad"`, "有 2 处需要处理", `<a href="#box">磁盘空间不足</a> <small>始于 <time`, `<a href="#alerts">ntfy ntfy.sh：收不到告警</a>`, "ntfy ntfy.sh：已发送 4 条，等待 1 条<br>refused", "推迟：3 条",
		`<strong>20009</strong>`, `<input type="hidden" name="back" value="/">`,
		"此群不在允许的列表中。 <small>1 次", "此人尚未获得批准。 <small>1 次",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

func TestTroublesAreNamedOnce(t *testing.T) {
	d, err := newDrawing()
	if err != nil {
		t.Fatal(err)
	}
	v := view{Lang: "en", drawing: d}
	hint := []console.Text{{EN: "do", ZH: "做"}}
	account := console.AccountStatus{Name: "a", Title: "Cat", Connected: true, Online: true}
	notice := func(subject string) console.AlertsStatus {
		return console.AlertsStatus{Active: []console.AlertNotice{{Subject: subject, Text: console.Text{EN: "told of " + subject}}}}
	}
	for _, tt := range []struct {
		name string
		st   console.Status
		want []string
	}{
		{"nothing", console.Status{Accounts: []console.AccountStatus{account}}, nil},
		{"an account that is away", console.Status{Accounts: []console.AccountStatus{{Name: "a", Title: "Cat"}}}, []string{"Cat: NapCat is away accounts"}},
		{"and its alert", console.Status{Accounts: []console.AccountStatus{{Name: "a"}}, Alerts: notice("account:a")}, []string{"told of account:a accounts"}},
		{"an app that is away", console.Status{Apps: []console.AppStatus{{Name: "x", Account: "a", Subscribed: true}}}, []string{"x: away apps"}},
		{"and its alert", console.Status{Apps: []console.AppStatus{{Name: "x", Account: "a", Subscribed: true}}, Alerts: notice("app:x@a")}, []string{"told of app:x@a apps"}},
		{"an app that never came", console.Status{Apps: []console.AppStatus{{Name: "x", Account: "a", Hint: hint}}}, []string{"x: never seen apps"}},
		{"one that only calls", console.Status{Apps: []console.AppStatus{{Name: "x", Account: "a"}}}, nil},
		{"an app with a hint", console.Status{Accounts: []console.AccountStatus{account, account}, Apps: []console.AppStatus{{Name: "x", Account: "a", Connected: true, Hint: hint}}}, []string{"x (a): has a hint apps"}},
		{"an alert alone", console.Status{Accounts: []console.AccountStatus{account}, Alerts: notice("disk")}, []string{"told of disk box"}},
		{"a gap of the past", console.Status{Accounts: []console.AccountStatus{{Name: "a", Connected: true, Online: true, CutShort: 2, Hint: hint}}}, nil},
		{"a gap and a hint", console.Status{Accounts: []console.AccountStatus{{Name: "a", Connected: true, Online: true, CutShort: 2, Hint: append(hint, hint...)}}}, []string{"a: has a hint accounts"}},
		{"an address that takes nothing", console.Status{Alerts: console.AlertsStatus{Targets: []console.AlertTarget{{Target: "ntfy x", LastError: "no"}}}}, []string{"ntfy x: takes no alerts alerts"}},
		{"the store", console.Status{Store: console.StoreStatus{DroppedUnflushed: 1}}, []string{"Something could not be written to the disk. box"}},
		{"and its alert", console.Status{Store: console.StoreStatus{CommitErrors: 1}, Alerts: notice("store")}, []string{"told of store box"}},
		{"a hint of the whole", console.Status{Hint: hint}, []string{"do "}},
	} {
		var got []string
		for _, one := range troubles(tt.st) {
			got = append(got, v.Trouble(one)+" "+one.Where)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// What is older than an hour, and what would be answered now, is not counted.
func TestSilence(t *testing.T) {
	r := newRig(t)
	r.site.API.Rehearse = func(req console.RehearseRequest) (console.Decision, error) {
		return console.Decision{Reason: map[uint64]string{0: "delivered", 3: "mention.required", 4: "group.not-listed"}[req.GroupID]}, nil
	}
	r.site.API.Accounts = func() []console.AccountInfo { return nil }
	add := func(ago time.Duration, chat, reason string) {
		r.store.Decisions().Add(store.Decision{Account: "bot1", Time: r.now().Add(-ago), User: 5, Chat: chat, Kind: "message.group.normal", Outcome: policy.Drop.String(), Reason: reason})
	}
	add(2*time.Hour, "group:4", "group.not-listed")
	add(3*time.Minute, "group:4", "group.not-listed")
	add(2*time.Minute, "group:3", "mention.required")
	add(time.Minute, "group:3", "mention.required")
	add(time.Second, "user:5", "dm.pairing-required")
	want := []silent{{"mention.required", 2, r.now().Add(-time.Minute)}, {"group.not-listed", 1, r.now().Add(-3 * time.Minute)}}
	if diff := cmp.Diff(want, r.site.silence(), cmp.AllowUnexported(silent{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The button follows what somebody else does to the app.
func TestPauseButtonLives(t *testing.T) {
	r := newRig(t)
	r.furnish()
	s := r.logIn().events("/live?page=apps")
	verb := regexp.MustCompile(`data-part="acts-app-koishi">[^§]*?name="verb" value="(\w+)"`)
	if m := verb.FindStringSubmatch(s.next()); m == nil || m[1] != "pause" {
		t.Errorf("at first the button is %q", m)
	}
	r.mu.Lock()
	r.status.Apps = []console.AppStatus{{Name: "koishi", Account: "bot1", Paused: true, Ack: "post"}}
	r.mu.Unlock()
	next := s.next()
	if m := verb.FindStringSubmatch(next); m == nil || m[1] != "resume" || !strings.Contains(next, "HTTP 应答") {
		t.Errorf("afterwards the button is %q in %s", m, next)
	}
}
