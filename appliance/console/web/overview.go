package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/console"
)

const mebi = 1 << 20

// overview is what the start page shows.
type overview struct {
	console.Status
	Errors   []logRow // the newest warnings and errors of the log
	Troubles []trouble
	Waiting  access   // who wants in
	Silence  []silent // why messages of the last hour were not answered, the most frequent reason first
}

// silent is one reason for which messages were not answered.
type silent struct {
	Reason string
	Count  int
	Last   time.Time
}

// accountState is the word for an account, and how it looks.
func accountState(a console.AccountStatus) (class, key string) {
	switch {
	case !a.Connected:
		return "bad", "account.away"
	case !a.Online:
		return "bad", "account.offline"
	}
	return "good", "account.online"
}

func appState(a console.AppStatus) (class, key string) {
	switch {
	case a.Paused:
		return "warn", "app.paused"
	case a.Connected:
		return "good", "app.connected"
	case a.Subscribed:
		return "bad", "app.away"
	}
	return "warn", "app.never"
}

// AccountState and AppState give pages a class and a word.
func (v view) AccountState(a console.AccountStatus) badge { return v.badge(accountState(a)) }

// AppState is AccountState for apps.
func (v view) AppState(a console.AppStatus) badge { return v.badge(appState(a)) }

// badge is a word with a colour.
type badge struct{ Class, Word string }

func (v view) badge(class, key string) badge { return badge{class, v.T(key)} }

// QQ is a number, or that it is not known.
func (v view) QQ(id uint64) string {
	if id == 0 {
		return v.T("overview.noqq")
	}
	return strconv.FormatUint(id, 10)
}

func (s *Site) snapshot() overview {
	o := overview{Status: s.API.Status()}
	// As fine as people look: a live page is drawn again only when what it shows has changed.
	o.UptimeS -= o.UptimeS % 60
	o.Memory.RSS, o.Memory.Go = (o.Memory.RSS+mebi/2)/mebi*mebi, (o.Memory.Go+mebi/2)/mebi*mebi
	o.Disk.Free, o.Disk.Total = o.Disk.Free/(16*mebi)*(16*mebi), o.Disk.Total/(16*mebi)*(16*mebi)
	for _, row := range s.logRows("warn", 20) {
		if row.Message != "alert" && len(o.Errors) < 5 { // those have a list of their own
			o.Errors = append(o.Errors, row)
		}
	}
	o.Waiting = s.waiting()
	o.Waiting.Back = "/"
	o.Silence = s.silence()
	o.Troubles = troubles(o.Status)
	return o
}

// trouble is one thing that needs a person.
type trouble struct {
	Text  console.Text // of what has words of its own
	Key   string       // of the catalogue, for what has not; "" with Text
	Name  string       // what Key is said of
	Since time.Time    // zero = not known
	Where string       // the part of the page that says more; "" = nothing does
}

// troubles are what needs a person. What an alert has told is one thing with what its account or app shows.
func troubles(st console.Status) []trouble {
	var out []trouble
	told := make(map[string]bool)
	for _, n := range st.Alerts.Active {
		kind, _, _ := strings.Cut(n.Subject, ":")
		told[n.Subject] = true
		out = append(out, trouble{Text: n.Text, Since: n.Time, Where: map[string]string{"account": "accounts", "app": "apps", "disk": "box", "store": "box"}[kind]})
	}
	for _, a := range st.Accounts {
		hints := len(a.Hint)
		if a.CutShort > 0 {
			hints-- // gone by: nobody can do anything about it
		}
		name := a.Name
		if a.Title != "" {
			name = a.Title
		}
		if class, key := accountState(a); told["account:"+a.Name] || class != "bad" && hints <= 0 {
			continue
		} else if class == "bad" {
			out = append(out, trouble{Key: key, Name: name, Where: "accounts"})
		} else {
			out = append(out, trouble{Key: "overview.hint", Name: name, Where: "accounts"})
		}
	}
	for _, a := range st.Apps {
		name := a.Name
		if len(st.Accounts) > 1 {
			name += " (" + a.Account + ")"
		}
		if class, key := appState(a); told["app:"+a.Name+"@"+a.Account] || class != "bad" && len(a.Hint) == 0 {
			continue
		} else if class == "bad" || key == "app.never" {
			out = append(out, trouble{Key: key, Name: name, Where: "apps"})
		} else {
			out = append(out, trouble{Key: "overview.hint", Name: name, Where: "apps"})
		}
	}
	for _, t := range st.Alerts.Targets {
		if t.LastError != "" {
			out = append(out, trouble{Key: "overview.unsent", Name: t.Target, Where: "alerts"})
		}
	}
	if (st.Store.CommitErrors > 0 || st.Store.DroppedUnflushed > 0) && !told["store"] {
		out = append(out, trouble{Key: "overview.unwritten", Where: "box"})
	}
	for _, hint := range st.Hint {
		out = append(out, trouble{Text: hint})
	}
	return out
}

// silence counts why messages were not answered within an hour. Only those are counted that would not be answered now either.
func (s *Site) silence() []silent {
	since := s.Now().Add(-time.Hour)
	var out []silent
	for _, row := range s.decisions(true).Rows {
		if row.Time.Before(since) || row.Allow == "settled" {
			continue
		}
		i := slices.IndexFunc(out, func(one silent) bool { return one.Reason == row.Reason })
		if i < 0 {
			i = len(out)
			out = append(out, silent{Reason: row.Reason, Last: row.Time})
		}
		out[i].Count++
	}
	slices.SortStableFunc(out, func(x, y silent) int { return cmp.Compare(y.Count, x.Count) })
	return out
}

func (s *Site) overview(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusOK, view{Name: "overview", Data: s.snapshot()})
}

// Trouble says what is wrong.
func (v view) Trouble(t trouble) string {
	switch {
	case t.Key == "":
		return v.Say(t.Text)
	case t.Name == "":
		return v.T(t.Key)
	}
	return v.T("overview.of", t.Name, v.T(t.Key))
}

// Notices are the newest alerts.
func (o overview) Notices() []console.AlertNotice { return o.Alerts.Last[:min(len(o.Alerts.Last), 5)] }

// Notice is a word with a colour for what an alert is about.
func (v view) Notice(n console.AlertNotice) badge {
	switch n.State {
	case "recovered":
		return v.badge("good", "notice.recovered")
	case "raised":
		return v.badge("bad", "notice.raised")
	}
	return v.badge("warn", "notice.once")
}

// Written is what went to the disk since the start, in bytes.
func (o overview) Written() int64 { return int64(o.Store.WrittenBytes) }

// Last is how many messages came in the last minute that is over.
func (o overview) Last() uint32 {
	if len(o.Messages) < 2 {
		return 0
	}
	return o.Messages[len(o.Messages)-2]
}

// Sum is how many came in the last hour.
func (o overview) Sum() (sum uint32) {
	for _, n := range o.Messages {
		sum += n
	}
	return sum
}

// Peak is the busiest minute.
func (o overview) Peak() uint32 {
	if len(o.Messages) == 0 {
		return 0
	}
	return slices.Max(o.Messages)
}

// Line is the messages by the minute as points of a line in a box of 236 by 40.
func (o overview) Line() string {
	var b strings.Builder
	top := max(o.Peak(), 1)
	for i, n := range o.Messages {
		fmt.Fprintf(&b, "%d,%.1f ", i*4, 40-38*float64(n)/float64(top))
	}
	return strings.TrimSuffix(b.String(), " ")
}
