package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestParseHours(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Hours
		err  string
	}{
		{"", Hours{}, ""}, {"23:00-07:00", Hours{1380, 420}, ""}, {"12:30-13:05", Hours{750, 785}, ""},
		{"23-7", Hours{}, `reading quiet hours: expected hours such as 23:00-07:00, found "23-7"`},
		{"24:00-07:00", Hours{}, `reading quiet hours: expected hours such as 23:00-07:00, found "24:00-07:00"`},
	} {
		got, err := ParseHours(tt.in)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("ParseHours(%q) = %v, %q", tt.in, got, text)
		}
	}
}

// Quiet hours are those of a clock on the wall: across midnight, and on days on which it is put forward or back.
func TestQuietHours(t *testing.T) {
	berlin, shanghai := zone(t, "Europe/Berlin"), zone(t, "Asia/Shanghai")
	for _, tt := range []struct {
		hours string
		at    time.Time
		want  bool
	}{
		{"", time.Date(2026, 3, 1, 3, 0, 0, 0, shanghai), false},
		{"23:00-07:00", time.Date(2026, 3, 1, 22, 59, 59, 0, shanghai), false},
		{"23:00-07:00", time.Date(2026, 3, 1, 23, 0, 0, 0, shanghai), true},
		{"23:00-07:00", time.Date(2026, 3, 2, 0, 0, 0, 0, shanghai), true},
		{"23:00-07:00", time.Date(2026, 3, 2, 6, 59, 59, 0, shanghai), true},
		{"23:00-07:00", time.Date(2026, 3, 2, 7, 0, 0, 0, shanghai), false},
		{"12:00-14:00", time.Date(2026, 3, 2, 13, 0, 0, 0, shanghai), true},
		{"12:00-14:00", time.Date(2026, 3, 2, 23, 0, 0, 0, shanghai), false},
		// On 29 March 2026 clocks in Berlin go from 02:00 to 03:00, at 01:00 UTC.
		{"01:30-02:30", time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC).In(berlin), true},
		{"01:30-02:30", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC).In(berlin), false},
		// On 25 October 2026 they go from 03:00 to 02:00, at 01:00 UTC.
		{"01:30-02:30", time.Date(2026, 10, 25, 0, 29, 0, 0, time.UTC).In(berlin), true},
		{"01:30-02:30", time.Date(2026, 10, 25, 0, 31, 0, 0, time.UTC).In(berlin), false},
		{"01:30-02:30", time.Date(2026, 10, 25, 1, 29, 0, 0, time.UTC).In(berlin), true},
		{"01:30-02:30", time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC).In(berlin), false},
	} {
		h, err := ParseHours(tt.hours)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Hold(tt.at); got != tt.want {
			t.Errorf("%s at %v: %v", tt.hours, tt.at, got)
		}
	}
}

func notice(e Event, state State, at time.Time, urgent bool) Notice {
	return Notice{Event: e, Subject: "account:bot1", State: state, At: at, Urgent: urgent, Title: Text{string(e) + " " + string(state), "中 " + string(e)}, More: Text{"do this", "这样做"}}
}

func TestMessage(t *testing.T) {
	at := time.Date(2026, 3, 2, 3, 4, 5, 0, time.UTC)
	n := notice(LinkDown, Raised, at, true)
	for language, want := range map[string]Message{
		"en": {Title: "link.down raised", Body: "do this\ncatflap @ pi, 2026-03-02 11:04:05", Event: LinkDown, Subject: "account:bot1", State: Raised, Urgent: true, At: at},
		"zh": {Title: "中 link.down", Body: "这样做\ncatflap @ pi, 2026-03-02 11:04:05", Event: LinkDown, Subject: "account:bot1", State: Raised, Urgent: true, At: at},
	} {
		if diff := cmp.Diff(want, (style{language, "pi", zone(t, "Asia/Shanghai")}).message(n)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// What happens in the quiet hours, urgent or not, comes as one message at their end.
func TestDigestAfterQuietHours(t *testing.T) {
	at := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	p, s := newPost(), style{"en", "pi", time.UTC}
	take := func(minutes int, quiet bool, list ...Notice) []Message {
		now := at.Add(time.Duration(minutes) * time.Minute)
		for i := range list {
			list[i].At = now
		}
		return p.take(now, quiet, list, s)
	}
	for _, quiet := range [][]Message{
		take(0, true, notice(LinkDown, Raised, at, false), notice(DiskLow, Raised, at, true)), take(5, true, notice(LinkDown, Recovered, at, false)),
		take(70, true, notice(AccountOffline, Raised, at, true)), take(71, true),
	} {
		if quiet != nil {
			t.Errorf("it is not quiet: %v", quiet)
		}
	}
	now := at.Add(5 * time.Hour)
	want := []Message{{Title: "3 alerts were held back", Body: "02:00-02:05 link.down raised\n02:00 disk.low raised\n03:10 account.offline raised\ncatflap @ pi, 2026-03-02 07:00:00", Urgent: true, At: now}}
	if diff := cmp.Diff(want, take(300, false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := take(301, false); again != nil {
		t.Errorf("again: %v", again)
	}
}

// Strangers can cause alerts. They are bounded by the hour, and urgent ones have an hour of their own.
func TestHourlyBound(t *testing.T) {
	at := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	p, s := newPost(), style{"zh", "pi", time.UTC}
	sent := 0
	for i := range 100 {
		now := at.Add(time.Duration(i) * time.Second)
		sent += len(p.take(now, false, []Notice{notice(PairingRequest, Once, now, false)}, s))
	}
	if sent != usualPerHour {
		t.Errorf("%d messages", sent)
	}
	if got := p.take(at.Add(2*time.Minute), false, []Notice{notice(DiskLow, Raised, at, true)}, s); len(got) != 1 {
		t.Errorf("the urgent one: %v", got)
	}
	if len(p.held) != maxHeld || p.lost != 30 {
		t.Errorf("%d held, %d lost", len(p.held), p.lost)
	}
	got := p.take(at.Add(time.Hour), false, nil, s)
	if len(got) != 1 || got[0].Title != "有 80 条推迟的告警" || !strings.Contains(got[0].Body, "\n以及更早的 30 条\n") || strings.Count(got[0].Body, "\n") != 51 {
		t.Errorf("the digest: %v", got)
	}
}

// What ended while it was held is one line, and each end belongs to one beginning.
func TestDigestPairs(t *testing.T) {
	at := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	var list []Notice
	for i, state := range []State{Recovered, Raised, Recovered, Raised, Recovered, Raised} {
		list = append(list, notice(LinkDown, state, at.Add(time.Duration(i)*time.Minute), false))
	}
	got := (style{"en", "pi", time.UTC}).digest(at, list, 0)
	want := "02:00 link.down recovered\n02:01-02:02 link.down raised\n02:03-02:04 link.down raised\n02:05 link.down raised\ncatflap @ pi, 2026-03-02 02:00:00"
	if got.Body != want || got.Title != "4 alerts were held back" {
		t.Error(cmp.Diff(want, got.Body), got.Title)
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{"a\r\nb\x00": "a  b", strings.Repeat("字", 300): strings.Repeat("字", 200) + "…", "\xff": "?", " x ": "x"} {
		if got := oneLine(in); got != want {
			t.Errorf("oneLine(%q) = %q", in, got)
		}
	}
}
