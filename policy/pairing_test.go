package policy

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var limits = PairingLimits{Expiry: time.Hour, MaxPending: 20, RepliesPerHour: 30}

func users(list []Pending) (ids []uint64) {
	for _, p := range list {
		ids = append(ids, p.User)
	}
	return ids
}

func TestBookSameSenderKeepsTheCodeAndGetsOneReply(t *testing.T) {
	b := NewBook(nil)
	first, replied := mustAsk(t, b, ann, time.Minute, limits)
	if !replied || first.User != ann || first.Created != time.Minute || first.Seen != time.Minute || !first.Replied {
		t.Fatalf("first message: %+v, reply %v", first, replied)
	}
	for i := time.Duration(2); i < 60; i++ {
		again, replied := mustAsk(t, b, ann, i*time.Minute, limits)
		if replied || again.Code != first.Code || again.Created != first.Created || again.Seen != i*time.Minute {
			t.Fatalf("message %d: %+v, reply %v", i, again, replied)
		}
	}
}

func TestBookExpiresOneHourAfterCreation(t *testing.T) {
	b := NewBook(nil)
	p, _ := mustAsk(t, b, ann, time.Minute, limits)
	mustAsk(t, b, ann, 50*time.Minute, limits) // seen again, which does not prolong it
	end := time.Minute + time.Hour
	if _, ok := b.Find(p.Code, end-1, limits); !ok || len(b.List(end-1, limits)) != 1 {
		t.Error("expired before its hour")
	}
	if _, ok := b.Find(p.Code, end, limits); ok {
		t.Error("found by code after its hour")
	}
	if _, ok := b.Find("20002", end, limits); ok {
		t.Error("found by number after its hour")
	}
	if len(b.List(end, limits)) != 0 {
		t.Error("listed after its hour")
	}
	again, reply, removed, err := b.Ask(ann, end, limits, rand.Reader)
	if err != nil || !reply || again.Code == p.Code || again.Created != end {
		t.Errorf("a new request: %+v, reply %v, %v", again, reply, err)
	}
	if diff := cmp.Diff([]uint64{ann}, users(removed)); diff != "" || removed[0].Code != p.Code {
		t.Errorf("removed: %v", removed)
	}
}

func TestBookEvictsTheLeastRecentlySeen(t *testing.T) {
	l := limits
	l.MaxPending = 3
	b := NewBook(nil)
	mustAsk(t, b, 1, 1, l)
	mustAsk(t, b, 2, 2, l)
	mustAsk(t, b, 3, 3, l)
	mustAsk(t, b, 1, 4, l) // the oldest, but seen just now
	_, _, removed, err := b.Ask(4, 5, l, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{2}, users(removed)); diff != "" {
		t.Errorf("evicted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uint64{1, 3, 4}, users(b.List(6, l))); diff != "" {
		t.Errorf("left, oldest first (-want +got):\n%s", diff)
	}
	// An expired request makes room before a living one does.
	mustAsk(t, b, 3, time.Hour, l)
	_, _, removed, err = b.Ask(5, time.Hour+1, l, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{1}, users(removed)); diff != "" {
		t.Errorf("expired (-want +got):\n%s", diff)
	}
	// A lowered limit is obeyed, and never at the cost of who is asking.
	l.MaxPending = 1
	_, _, removed, err = b.Ask(3, time.Hour+2, l, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{4, 5}, users(removed)); diff != "" {
		t.Errorf("limit lowered (-want +got):\n%s", diff)
	}
}

func TestBookNeverEvictsWhoIsAsking(t *testing.T) {
	l := limits
	b := NewBook(nil)
	mustAsk(t, b, 1, 5, l)
	mustAsk(t, b, 2, 5, l)
	l.MaxPending = 1
	mustAsk(t, b, 1, 5, l) // the oldest, and no later than the other
	if diff := cmp.Diff([]uint64{1}, users(b.List(5, l))); diff != "" {
		t.Error(diff)
	}
}

func TestBookRepliesPerSlidingHour(t *testing.T) {
	l := PairingLimits{Expiry: 10 * time.Hour, MaxPending: 1000, RepliesPerHour: 30}
	b := NewBook(nil)
	replies := 0
	var at []time.Duration
	for user := uint64(1); user <= 300; user++ {
		now := time.Duration(user) * time.Minute
		if _, replied := mustAsk(t, b, user, now, l); replied {
			replies++
			at = append(at, now)
		}
	}
	if replies != 150 { // five hours, 30 each
		t.Errorf("%d replies in five hours", replies)
	}
	for i := range at {
		if i >= 30 && at[i]-at[i-30] < time.Hour {
			t.Errorf("31 replies between %v and %v", at[i-30], at[i])
		}
	}
	// Removing requests gives no reply back.
	b = NewBook(nil)
	l.RepliesPerHour = 1
	mustAsk(t, b, 1, 0, l)
	b.Remove(1)
	if _, replied := mustAsk(t, b, 1, time.Minute, l); replied {
		t.Error("a refused stranger gets a second reply")
	}
	if _, replied := mustAsk(t, b, 1, time.Hour-1, l); replied {
		t.Error("a reply before the hour is over")
	}
	if p, replied := mustAsk(t, b, 1, time.Hour, l); !replied || !p.Replied {
		t.Error("no reply after the hour")
	}
	l.RepliesPerHour = 0
	if _, replied := mustAsk(t, b, 2, 5*time.Hour, l); replied {
		t.Error("a reply though none is allowed")
	}
}

func TestBookFind(t *testing.T) {
	b := NewBook([]Pending{{User: ann, Code: "ABCD2345"}, {User: 23456789, Code: "WXYZ6789"}})
	for text, want := range map[string]uint64{
		"ABCD2345": ann, " abcd2345\n": ann, "aBcD2345": ann, "20002": ann, " 20002 ": ann, "23456789": 23456789,
		"": 0, "ABCD234": 0, "ABCD23456": 0, "ABCD 2345": 0, "020002": 0, "20003": 0, "user:20002": 0, "abcd234ſ": 0,
	} {
		p, ok := b.Find(text, 1, limits)
		if ok != (want != 0) || p.User != want {
			t.Errorf("Find(%q) = %+v, %v", text, p, ok)
		}
	}
}

func TestBookRemoveAndList(t *testing.T) {
	b := NewBook(nil)
	mustAsk(t, b, ann, 1, limits)
	mustAsk(t, b, bob, 2, limits)
	list := b.List(3, limits)
	list[0].User = 0
	if !b.Remove(ann) || b.Remove(ann) {
		t.Error("Remove tells wrong")
	}
	if diff := cmp.Diff([]uint64{bob}, users(b.List(3, limits))); diff != "" {
		t.Error(diff)
	}
}

func TestNewBookTakesOverWhatWasKept(t *testing.T) {
	kept := []Pending{
		{User: bob, Code: "BBBBBBBB", Created: 20, Seen: 20, Replied: true},
		{User: ann, Code: "AAAAAAAA", Created: 10, Seen: 30, Replied: true},
		{User: ann, Code: "CCCCCCCC", Created: 5},  // an older one of ann's
		{User: 7, Code: "BBBBBBBB", Created: 1},    // bob's code
		{User: 0, Code: "DDDDDDDD", Created: 1},    // nobody
		{User: 8, Code: "23456789", Created: 1},    // would look like a QQ number
		{User: 9, Code: "EEEEEEE0", Created: 1},    // not of the alphabet
		{User: 11, Code: "EEE", Created: 1},        // too short
		{User: 12, Code: "FFFFFFFF", Created: 100}, // from the future
	}
	b := NewBook(kept)
	kept[0].User = 99
	want := []Pending{{User: ann, Code: "AAAAAAAA", Created: 10, Seen: 30, Replied: true}, {User: bob, Code: "BBBBBBBB", Created: 20, Seen: 20, Replied: true}}
	if diff := cmp.Diff(want, b.List(40, limits)); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	// No second reply after a restart, and the hour's replies still count.
	l := limits
	l.RepliesPerHour = 2
	if p, replied := mustAsk(t, b, ann, 50, l); replied || p.Code != "AAAAAAAA" {
		t.Error("a second reply after a restart")
	}
	if _, replied := mustAsk(t, b, 13, 50, l); replied {
		t.Error("a restart gives new replies")
	}
}

// A request from the future would be immortal (FAULTS S09: the store maps ages onto a steady clock, and may be handed damage).
func TestBookRequestFromTheFutureIsExpired(t *testing.T) {
	b := NewBook([]Pending{{User: ann, Code: "AAAAAAAA", Created: 365 * 24 * time.Hour}})
	if _, ok := b.Find("AAAAAAAA", time.Hour, limits); ok {
		t.Error("found")
	}
	_, _, removed, err := b.Ask(bob, time.Hour, limits, rand.Reader)
	if err != nil || len(removed) != 1 {
		t.Errorf("not removed: %v, %v", removed, err)
	}
}

func TestBookDefaults(t *testing.T) {
	b := NewBook(nil)
	for user := uint64(1); user <= 25; user++ {
		mustAsk(t, b, user, time.Duration(user), PairingLimits{})
	}
	if n := len(b.List(100, PairingLimits{})); n != 20 {
		t.Errorf("%d pending", n)
	}
	if n := len(b.List(25+time.Hour, PairingLimits{})); n != 0 {
		t.Errorf("%d pending after an hour", n)
	}
}

func TestBookErrorsChangeNothing(t *testing.T) {
	b := NewBook([]Pending{{User: 1, Code: "AAAAAAAA"}})
	_, reply, removed, err := b.Ask(ann, 2*time.Hour, limits, iotest.ErrReader(io.ErrClosedPipe))
	if !errors.Is(err, ErrRandom) || !errors.Is(err, io.ErrClosedPipe) || err.Error() != "noting the request of 20002: no pairing code could be made: io: read/write on closed pipe" {
		t.Errorf("error: %v", err)
	}
	if reply || removed != nil || len(b.List(0, limits)) != 1 {
		t.Error("something changed")
	}
	if _, _, _, err = b.Ask(ann, 0, limits, repeating{0}); err == nil || err.Error() != "noting the request of 20002: no pairing code could be made: the random source repeats itself" {
		t.Errorf("error: %v", err)
	}
	if _, _, _, err = b.Ask(0, 0, limits, rand.Reader); !errors.Is(err, ErrNoUser) {
		t.Errorf("error: %v", err)
	}
	if _, replied := mustAsk(t, b, 1, time.Minute, limits); !replied {
		t.Error("a known sender needs no randomness")
	}
}

func TestNewCode(t *testing.T) {
	seen := map[byte]int{}
	for range 4000 {
		code, err := NewCode(rand.Reader)
		if err != nil || !validCode(code) || len(code) != 8 || strings.Trim(code, "23456789") == "" {
			t.Fatalf("NewCode() = %q, %v", code, err)
		}
		for i := range len(code) {
			seen[code[i]]++
		}
	}
	for _, symbol := range []byte("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") {
		if seen[symbol] < 700 || seen[symbol] > 1300 { // 1,000 expected, 31 the standard deviation
			t.Errorf("%c: %d of 32,000", symbol, seen[symbol])
		}
		delete(seen, symbol)
	}
	if len(seen) != 0 {
		t.Errorf("foreign symbols: %v", seen)
	}
	// Every byte counts alike: the same symbol for the same rest by 32. A draw without a letter is thrown away whole.
	got, err := NewCode(bytes.NewReader([]byte{24, 25, 26, 27, 28, 29, 30, 31, 32, 65, 1, 2, 255, 254, 30, 31}))
	if err != nil || got != "ABBC9889" {
		t.Errorf("NewCode = %q, %v", got, err)
	}
	if _, err := NewCode(repeating{31}); !errors.Is(err, ErrRandom) || err.Error() != "no pairing code could be made: the random source repeats itself" {
		t.Errorf("only digits: %v", err)
	}
	if _, err := NewCode(bytes.NewReader(make([]byte, 7))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too little: %v", err)
	}
}

func TestBookCodesAreUnique(t *testing.T) {
	// The second request draws the first one's code twice before it gets another.
	script := append(bytes.Repeat([]byte{0}, 24), 1, 1, 1, 1, 1, 1, 1, 1)
	random := bytes.NewReader(script)
	b := NewBook(nil)
	if p, _, _, err := b.Ask(1, 0, limits, random); err != nil || p.Code != "AAAAAAAA" {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, _, _, err := b.Ask(2, 0, limits, random); err != nil || p.Code != "BBBBBBBB" {
		t.Fatalf("%+v, %v", p, err)
	}
}

func TestTexts(t *testing.T) {
	const command = "catflap pairing approve ABCD2345"
	pending := []Pending{{User: ann, Code: "ABCD2345", Created: time.Minute}}
	for i := range 21 {
		pending = append(pending, Pending{User: uint64(i + 1), Code: fmt.Sprintf("ABCDEF%02d", i)})
	}
	for _, c := range []struct{ got, want string }{
		{PairingReply(Chinese, ann, "ABCD2345", command), "你还没有使用这个机器人的权限。\n你的 QQ：20002\n配对码：\nABCD2345\n请机器人的主人执行：\n" + command},
		{PairingReply(English, ann, "ABCD2345", command), "You have no access to this bot yet.\nYour QQ: 20002\nPairing code:\nABCD2345\nAsk the bot's owner to run:\n" + command},
		{PairingReply("", ann, "ABCD2345", command), PairingReply(Chinese, ann, "ABCD2345", command)},
		{OwnerNotice(Chinese, "bot1", ann, "ABCD2345"), "QQ 20002 请求使用机器人 bot1。\n同意请回复：\n/pair ok ABCD2345\n拒绝：/pair deny ABCD2345\n永久屏蔽：/pair block ABCD2345"},
		{OwnerNotice(English, "bot1", ann, "ABCD2345"), "QQ 20002 asks for access to the bot bot1.\nTo approve, answer:\n/pair ok ABCD2345\nTo refuse: /pair deny ABCD2345\nTo refuse for good: /pair block ABCD2345"},
		{ApprovedNotice(Chinese), "已通过，现在可以和我聊天了。"},
		{ApprovedNotice(English), "You have been approved and can talk to me now."},
		{OwnerDone(English, VerbOK, ann), "QQ 20002 is approved."},
		{OwnerDone(English, VerbDeny, ann), "QQ 20002 is refused and may ask again."},
		{OwnerDone(English, VerbBlock, ann), "QQ 20002 is blocked."},
		{OwnerDone(Chinese, VerbOK, ann), "已同意 QQ 20002。"},
		{OwnerDone(Chinese, VerbDeny, ann), "已拒绝 QQ 20002，对方可以再次请求。"},
		{OwnerDone(Chinese, VerbBlock, ann), "已屏蔽 QQ 20002。"},
		{OwnerDone(English, "", ann), OwnerHelp(English)},
		{OwnerHelp(English), "Usage:\n/pair ok CODE\n/pair deny CODE\n/pair block CODE\n/pair list\nA QQ number may stand for the code."},
		{OwnerHelp(Chinese), "用法：\n/pair ok 配对码\n/pair deny 配对码\n/pair block 配对码\n/pair list\n也可以用 QQ 号代替配对码。"},
		{OwnerNoRequest(English), "There is no such request; it may have expired. See /pair list."},
		{OwnerNoRequest(Chinese), "没有这个配对请求，可能已过期。用 /pair list 查看。"},
		{OwnerOwnCode(English), "Nobody can approve his own request."},
		{OwnerOwnCode(Chinese), "不能批准自己的请求。"},
		{OwnerList(English, nil, 0), "No pairing request is waiting."},
		{OwnerList(Chinese, nil, 0), "没有待处理的配对请求。"},
		{OwnerList(English, pending[:1], 6*time.Minute), "Pairing requests waiting: 1\nABCD2345  QQ 20002  5 min ago"},
		{OwnerList(Chinese, pending[:1], 6*time.Minute), "待处理的配对请求：1\nABCD2345  QQ 20002  5 分钟前"},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("text (-want +got):\n%s", diff)
		}
	}
	long := OwnerList(English, pending, time.Hour)
	if lines := strings.Split(long, "\n"); len(lines) != 22 || lines[0] != "Pairing requests waiting: 22" || lines[21] != "..." {
		t.Errorf("a long list:\n%s", long)
	}
}

// What an owner is told to answer must be what is understood.
func TestOwnerNoticeCommandsAreUnderstood(t *testing.T) {
	for _, lang := range []Lang{Chinese, English} {
		var verbs []string
		for line := range strings.Lines(OwnerNotice(lang, "bot1", ann, "ABCD2345")) {
			if _, command, ok := strings.Cut(line, "/pair"); ok {
				c, ok := ParseOwnerCommand("/pair" + command)
				if !ok || c.Arg != "ABCD2345" {
					t.Errorf("%q is read as %+v", line, c)
				}
				verbs = append(verbs, c.Verb)
			}
		}
		if diff := cmp.Diff([]string{VerbOK, VerbDeny, VerbBlock}, verbs); diff != "" {
			t.Error(diff)
		}
	}
}
