package alert

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// well is a box with one account and one app on which nothing is wrong.
func well() Facts {
	return Facts{
		Accounts: []Account{{Name: "bot1", Title: "Cat", Linked: true, Online: true, Patience: 7 * time.Minute}},
		Apps:     []App{{Name: "koishi", Account: "bot1", Connected: true, Waiting: true}},
		Doors:    []Door{{Name: "gateway"}},
		DiskFree: 4 << 30, DiskTotal: 16 << 30,
	}
}

// span is a stretch of time during which facts stay as they are. The first look is at its beginning.
type span struct {
	lasts  time.Duration
	change func(*Facts)
}

// told plays spans after ten good minutes, looking every five seconds, and returns what is told as "seconds event state title".
func told(spans ...span) []string {
	w := NewWatch()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := began
	var out []string
	look := func(f Facts) {
		for _, n := range w.Look(now, f) {
			urgent := ""
			if n.Urgent {
				urgent = "!"
			}
			out = append(out, fmt.Sprintf("%v %s%s %s: %s", now.Sub(began)-10*time.Minute, n.Event, urgent, n.State, n.Title.EN))
			if n.Title.ZH == "" || (n.More.EN == "") != (n.More.ZH == "") {
				out = append(out, "without Chinese: "+n.Title.EN)
			}
		}
		now = now.Add(lookEvery)
	}
	for now.Sub(began) < 10*time.Minute {
		look(well())
	}
	for _, s := range spans {
		f := well()
		if s.change != nil {
			s.change(&f)
		}
		for end := now.Add(s.lasts); now.Before(end); {
			look(f)
		}
	}
	return out
}

func away(f *Facts)    { f.Accounts[0].Linked, f.Accounts[0].Online = false, false }
func deaf(f *Facts)    { f.Accounts[0].HalfDead = true }
func offline(f *Facts) { f.Accounts[0].Online = false }
func limited(f *Facts) { f.Accounts[0].Limited = true }
func behind(f *Facts)  { f.Apps[0].Connected, f.Apps[0].Backlog = false, 7 }
func full(f *Facts)    { f.DiskFree = 200 << 20 }
func spent(f *Facts)   { f.DiskFree = 20 << 20 }

func TestWatch(t *testing.T) {
	const s, m = time.Second, time.Minute
	var none func(*Facts)
	for _, tt := range []struct {
		name  string
		spans []span
		want  []string
	}{
		{"nothing", []span{{time.Hour, none}}, nil},
		{"link down and back", []span{{2 * m, away}, {2 * m, none}}, []string{
			"30s link.down raised: NapCat is not connected: Cat (bot1)", "2m30s link.down recovered: NapCat is back: Cat (bot1)"}},
		{"link back within 30 s", []span{{29 * s, away}, {10 * m, none}}, nil},
		{"link back, and away again before it is told", []span{{m, away}, {20 * s, none}, {m, away}, {5 * m, none}}, []string{
			"30s link.down raised: NapCat is not connected: Cat (bot1)", "2m50s link.down recovered: NapCat is back: Cat (bot1)"}},
		{"reconnect.maxRetries", []span{{20 * m, away}, {m, none}}, []string{
			"30s link.down raised: NapCat is not connected: Cat (bot1)", "7m0s link.down! raised: NapCat has not come back: Cat (bot1)",
			"20m30s link.down recovered: NapCat is back: Cat (bot1)"}},
		{"reconnect.maxRetries: 0", []span{{20 * m, func(f *Facts) { away(f); f.Accounts[0].Patience = 0 }}}, []string{
			"30s link.down raised: NapCat is not connected: Cat (bot1)"}},
		{"half-dead", []span{{m, deaf}, {m, none}}, []string{
			"30s link.down raised: NapCat is connected but does not answer: Cat (bot1)", "1m30s link.down recovered: NapCat is back: Cat (bot1)"}},
		{"offline", []span{{m, offline}, {m, none}}, []string{
			"30s account.offline! raised: QQ is offline: Cat (bot1)", "1m30s account.offline recovered: QQ is online again: Cat (bot1)"}},
		{"offline while the link goes", []span{{m, offline}, {25 * s, away}, {m, offline}, {m, none}}, []string{
			"30s account.offline! raised: QQ is offline: Cat (bot1)", "2m55s account.offline recovered: QQ is online again: Cat (bot1)"}},
		{"limited", []span{{5 * m, limited}, {2 * m, none}}, []string{
			"0s account.limited! raised: QQ refuses messages of Cat (bot1)", "6m0s account.limited recovered: QQ takes messages again: Cat (bot1)"}},
		{"limited on and off", []span{{m, limited}, {2 * m, none}, {m, limited}, {90 * s, none}, {m, limited}, {5 * m, none}}, []string{
			"0s account.limited! raised: QQ refuses messages of Cat (bot1)", "2m0s account.limited recovered: QQ takes messages again: Cat (bot1)",
			"3m0s account.limited! raised: QQ refuses messages of Cat (bot1)", "8m30s account.limited recovered: QQ takes messages again: Cat (bot1)"}},
		{"app down", []span{{10 * m, behind}, {m, none}}, []string{
			"2m0s app.down raised: App koishi (bot1) is away, 7 events wait for it", "10m30s app.down recovered: App koishi (bot1) is back"}},
		{"app restarted", []span{{time.Minute, behind}, {m, none}}, nil},
		{"app away, nothing waits", []span{{time.Hour, func(f *Facts) { f.Apps[0].Connected = false }}}, nil},
		{"app paused", []span{{time.Hour, func(f *Facts) { behind(f); f.Apps[0].Paused = true }}}, nil},
		{"app never seen", []span{{time.Hour, func(f *Facts) { behind(f); f.Apps[0].Waiting = false }}}, nil},
		{"app removed", []span{{10 * m, behind}, {10 * m, func(f *Facts) { f.Apps = nil }}}, []string{
			"2m0s app.down raised: App koishi (bot1) is away, 7 events wait for it"}},
		{"disk", []span{{m, full}, {5 * m, func(f *Facts) { f.DiskFree = 300 << 20 }}, {2 * m, func(f *Facts) { f.DiskFree = 400 << 20 }}}, []string{
			"0s disk.low raised: The disk is nearly full: 200 MiB free", "7m0s disk.low recovered: The disk has room again: 400 MiB free"}},
		{"disk at its end", []span{{m, spent}}, []string{"0s disk.low! raised: The disk is nearly full: 20 MiB free"}},
		{"small disk", []span{{m, func(f *Facts) { f.DiskFree, f.DiskTotal = 30<<20, 200<<20 }}}, nil},
		{"disk not known", []span{{m, func(f *Facts) { f.DiskFree, f.DiskTotal = 0, 0 }}}, nil},
		{"pairing", []span{{m, asks(10001)}, {m, asks(10001)}, {m, none}, {m, asks(10002, 10003, 10004, 10005, 10006, 10007)}}, []string{
			"0s pairing.request once: 10001 asks for access: bot1", "3m0s pairing.request once: 6 people ask for access: bot1"}},
		{"tokens", []span{{m, wrong(9)}, {m, wrong(12)}, {m, wrong(900)}}, []string{
			"1m0s token.failures once: Bad tokens: gateway has refused 12 connections"}},
		{"wrong passwords", []span{{m, guesses(9)}, {m, guesses(10)}, {m, guesses(90)}}, []string{
			"1m0s token.failures once: Wrong passwords: the console has refused 10 logins"}},
		{"a token now and then", []span{{11 * m, wrong(5)}, {11 * m, wrong(9)}, {11 * m, wrong(14)}}, nil},
		{"update", []span{{m, version("1.2.0")}, {m, version("1.2.0")}, {m, version("1.3.0")}}, []string{
			"0s update.available once: catflap 1.2.0 is available", "2m0s update.available once: catflap 1.3.0 is available"}},
		{"store", []span{{10 * s, failures(1, "no space left on device")}, {10 * s, failures(3, "no space left on device")}, {2 * m, failures(3, "")}}, []string{
			"0s store.errors! raised: Nothing can be written to the disk", "1m20s store.errors recovered: The disk can be written to again"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, told(tt.spans...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func asks(users ...uint64) func(*Facts) {
	return func(f *Facts) {
		for _, u := range users {
			f.Pairing = append(f.Pairing, Request{Account: "bot1", User: u, Code: "ABCD2345"})
		}
	}
}

func wrong(n uint64) func(*Facts) { return func(f *Facts) { f.Doors[0].Wrong = n } }
func guesses(n uint64) func(*Facts) {
	return func(f *Facts) { f.Doors[0] = Door{Name: "console", Wrong: n, Last: "192.0.2.7:4321", Logins: true} }
}
func version(v string) func(*Facts) { return func(f *Facts) { f.Update = v } }

func failures(n uint64, why string) func(*Facts) {
	return func(f *Facts) { f.Failures, f.StoreError = n, why }
}

// A half-dead link: NapCat is connected, does not answer two probes, is closed, comes back, looks well until the first probe
// has run out, and so on. It is told once, and its end once.
func TestFault_T16_HalfDeadIsAlertedOnce(t *testing.T) {
	var spans []span
	for range 20 {
		spans = append(spans, span{30 * time.Second, deaf}, span{5 * time.Second, away}, span{10 * time.Second, nil})
	}
	spans = append(spans, span{10 * time.Minute, nil})
	want := []string{
		"30s link.down raised: NapCat is connected but does not answer: Cat (bot1)",
		"10m15s link.down! raised: NapCat has not come back: Cat (bot1)",
		"15m20s link.down recovered: NapCat is back: Cat (bot1)",
	}
	if diff := cmp.Diff(want, told(spans...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A full disk: an alert is raised while commits fail, and its end is told once they succeed by themselves.
func TestFault_S08_FullDiskRaisesAnAlert(t *testing.T) {
	got := told(span{time.Minute, func(f *Facts) { f.DiskFree = 0; failures(4, "write journal.db: no space left on device")(f) }}, span{3 * time.Minute, failures(4, "")})
	want := []string{
		"0s disk.low! raised: The disk is nearly full: 0 MiB free", "0s store.errors! raised: Nothing can be written to the disk",
		"2m0s disk.low recovered: The disk has room again: 4096 MiB free", "2m0s store.errors recovered: The disk can be written to again",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A box boots catflap before NapCat and the frameworks: what is not there yet is given time.
func TestStartGrace(t *testing.T) {
	w := NewWatch()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	began := now
	f := well()
	away(&f)
	behind(&f)
	f.Pairing = []Request{{Account: "bot1", User: 1, Code: "OLD"}} // told by the process before
	var got []string
	for now.Sub(began) < 5*time.Minute {
		for _, n := range w.Look(now, f) {
			got = append(got, now.Sub(began).String()+" "+string(n.Event))
		}
		now = now.Add(lookEvery)
	}
	want := []string{"3m0s link.down", "3m0s app.down"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Both stages of a link at once are one message, and one line of what is active.
func TestBothStagesAtOnce(t *testing.T) {
	w := NewWatch()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := well()
	away(&f)
	f.Accounts[0].Patience = time.Second
	w.Look(now, f)
	got := w.Look(now.Add(startGrace), f)
	if len(got) != 1 || !got[0].Urgent || got[0].Title.EN != "NapCat has not come back: Cat (bot1)" {
		t.Errorf("told %+v", got)
	}
	if active := w.Active(); len(active) != 1 || !active[0].Urgent {
		t.Errorf("active %+v", active)
	}
	if got = append(w.Look(now.Add(startGrace+time.Second), well()), w.Look(now.Add(startGrace+time.Hour), well())...); len(got) != 1 || got[0].State != Recovered || len(w.Active()) != 0 {
		t.Errorf("then %+v", got)
	}
}

// What is remembered is bounded by the configuration and by a number.
func TestWatchIsBounded(t *testing.T) {
	w := NewWatch()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 3000 {
		f := Facts{Accounts: []Account{{Name: fmt.Sprint("a", i)}}, Doors: []Door{{Name: fmt.Sprint("d", i)}}}
		for j := range 1500 {
			f.Pairing = append(f.Pairing, Request{User: uint64(i*1500 + j)})
			if i > 2 && j > 10 {
				break
			}
		}
		w.Look(now, f)
		now = now.Add(time.Minute)
		if len(w.troubles) > 8 || len(w.doors) > 1 || len(w.asked) > maxAsked {
			t.Fatalf("%d troubles, %d doors, %d requests", len(w.troubles), len(w.doors), len(w.asked))
		}
	}
}
