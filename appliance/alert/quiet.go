package alert

import (
	"fmt"
	"strings"
	"time"
)

// Hours are the quiet hours: minutes of the local day, from the first to the one before the second. They may lie across
// midnight; the same minute twice is none at all. What counts is what a clock on the wall shows, also on days on which it is
// put forward or back.
type Hours struct{ From, To int }

// ParseHours reads "23:00-07:00"; "" is none.
func ParseHours(s string) (Hours, error) {
	if s == "" {
		return Hours{}, nil
	}
	from, to, _ := strings.Cut(s, "-")
	a, err1 := time.Parse("15:04", from)
	b, err2 := time.Parse("15:04", to)
	if err1 != nil || err2 != nil {
		return Hours{}, fmt.Errorf("reading quiet hours: expected hours such as 23:00-07:00, found %q", s)
	}
	return Hours{a.Hour()*60 + a.Minute(), b.Hour()*60 + b.Minute()}, nil
}

// Hold reports whether a moment, in the time zone that it carries, is within the hours.
func (h Hours) Hold(at time.Time) bool {
	minute := at.Hour()*60 + at.Minute()
	if h.From <= h.To {
		return h.From <= minute && minute < h.To
	}
	return minute >= h.From || minute < h.To
}

// Bounds of how much is told in an hour: strangers can cause alerts, and must not use up what the urgent ones need.
const (
	usualPerHour  = 20
	urgentPerHour = 20
	maxHeld       = 50 // notices that wait for the digest
)

// allowance is how many messages may still go out in the hour.
type allowance struct {
	most int
	sent []time.Time
}

// take reports whether another message may go out now, and counts it.
func (a *allowance) take(now time.Time) bool {
	for len(a.sent) > 0 && now.Sub(a.sent[0]) >= time.Hour {
		a.sent = a.sent[1:]
	}
	if len(a.sent) >= a.most {
		return false
	}
	a.sent = append(a.sent, now)
	return true
}

// post decides when a notice becomes a message: at once, or with others in a digest.
type post struct {
	usual, urgent allowance
	held          []Notice
	lost          int // of held, at its bound
}

func newPost() post {
	return post{usual: allowance{most: usualPerHour}, urgent: allowance{most: urgentPerHour}}
}

// settings of how messages are made.
type style struct {
	language string
	box      string // the name of the machine
	zone     *time.Location
}

// take gives the messages that are due now, with new notices.
func (p *post) take(now time.Time, quiet bool, notices []Notice, s style) []Message {
	var out []Message
	if len(p.held) > 0 && !quiet && p.usual.take(now) {
		out = append(out, s.digest(now, p.held, p.lost))
		p.held, p.lost = nil, 0
	}
	for _, n := range notices {
		a := &p.usual
		if n.Urgent {
			a = &p.urgent
		}
		if quiet || !a.take(now) {
			p.hold(n)
			continue
		}
		out = append(out, s.message(n))
	}
	return out
}

// hold keeps a notice for the digest. What began and ended while nobody was told becomes one line.
func (p *post) hold(n Notice) {
	if len(p.held) == maxHeld {
		p.held = append(p.held[:0], p.held[1:]...)
		p.lost++
	}
	p.held = append(p.held, n)
}

// message is one notice in words.
func (s style) message(n Notice) Message {
	body := n.More.In(s.language)
	if body != "" {
		body += "\n"
	}
	return Message{Title: n.Title.In(s.language), Body: body + s.foot(n.At), Event: n.Event, Subject: n.Subject, State: n.State, Urgent: n.Urgent, At: n.At}
}

// digest is several notices as one message: what is over is a line with both times.
func (s style) digest(now time.Time, list []Notice, lost int) Message {
	ended := make(map[int]time.Time) // of raised ones, by place
	skip := make(map[int]bool)
	for i, n := range list {
		if n.State != Recovered {
			continue
		}
		for j := i - 1; j >= 0; j-- {
			if b := list[j]; b.State == Raised && b.Event == n.Event && b.Subject == n.Subject && ended[j].IsZero() {
				ended[j], skip[i] = n.At, true
				break
			}
		}
	}
	var lines []string
	count := lost
	urgent := false
	for i, n := range list {
		if skip[i] {
			continue
		}
		count++
		when := s.clock(n.At)
		if !ended[i].IsZero() {
			when += "-" + s.clock(ended[i])
		} else {
			urgent = urgent || n.Urgent
		}
		lines = append(lines, when+" "+n.Title.In(s.language))
	}
	title := Text{EN: fmt.Sprintf("%d alerts were held back", count), ZH: fmt.Sprintf("有 %d 条推迟的告警", count)}
	if count == 1 {
		title.EN = "1 alert was held back"
	}
	if lost > 0 {
		more := Text{EN: fmt.Sprintf("and %d older ones", lost), ZH: fmt.Sprintf("以及更早的 %d 条", lost)}
		lines = append(lines, more.In(s.language))
	}
	return Message{Title: title.In(s.language), Body: strings.Join(lines, "\n") + "\n" + s.foot(now), Urgent: urgent, At: now}
}

func (s style) clock(at time.Time) string { return at.In(s.zone).Format("15:04") }

// foot says which box speaks, and when: a message may come late.
func (s style) foot(at time.Time) string {
	return "catflap @ " + s.box + ", " + at.In(s.zone).Format("2006-01-02 15:04:05")
}
