package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/appliance/console"
)

const mebi = 1 << 20

// overview is what the start page shows.
type overview struct {
	console.Status
	Errors   []logRow // the newest warnings and errors of the log
	Problems int      // how many things need a person
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

// AccountState and AppState give templates a class and a word.
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
	o.Errors = s.logRows("warn", 5)
	for _, a := range o.Accounts {
		if class, _ := accountState(a); class == "bad" || len(a.Hint) > 0 {
			o.Problems++
		}
	}
	for _, a := range o.Apps {
		if class, _ := appState(a); class == "bad" || len(a.Hint) > 0 {
			o.Problems++
		}
	}
	o.Problems += len(o.Hint)
	if o.Store.CommitErrors > 0 {
		o.Problems++
	}
	if o.Store.DroppedUnflushed > 0 {
		o.Problems++
	}
	return o
}

func (s *Site) overview(w http.ResponseWriter, r *http.Request) {
	s.draw(w, r, http.StatusOK, view{Name: "overview", Data: s.snapshot()})
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
