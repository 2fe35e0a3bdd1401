package router

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a router with a real store, one account and the apps of a configuration, without any socket.
type house struct {
	t       testing.TB
	router  *Router
	lane    *Lane
	store   *store.Store
	cursors map[string]*store.Cursor

	dial, hangUp func()                  // of the simulated NapCat
	prepare      func(*simulator.NapCat) // before its first dial; may be nil
}

const quiet = `
accessToken: token-of-napcat
selfId: 10001
owners: [20002]
allowFrom: [20002]
groups: {"30003": {}, "30005": {requireMention: false}}
`

func newHouse(t testing.TB, yaml string) *house {
	t.Helper()
	cfg, err := config.Parse("catflap.yaml", []byte(yaml), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return openHouse(t, cfg, t.TempDir())
}

func openHouse(t testing.TB, cfg *config.Config, dir string, changes ...func(*store.Options)) *house {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	o := store.Options{Sync: time.Hour, QueueSync: time.Hour, MaxBytes: 64 << 20, Log: log}
	for _, change := range changes {
		change(&o)
	}
	st, err := store.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	h := &house{t: t, store: st, cursors: make(map[string]*store.Cursor)}
	h.router = New(Options{Store: st, Log: log, Now: time.Now, Rand: func() float64 { return 0 }})
	slots := make(map[string]uint8)
	for i, app := range cfg.Apps {
		slots[app.Name] = uint8(i)
		h.cursors[app.Name] = st.Journal().OpenCursor(store.CursorOptions{App: app.Name, Account: "default", Slot: uint8(i), Wake: func() {}})
	}
	plan, err := Compile(cfg, slots, func(string) []uint64 { return nil })
	if err != nil {
		t.Fatal(err)
	}
	h.router.SetPlan(plan)
	h.lane = h.router.Lane("default", 0)
	return h
}

// event passes one frame through the lane and returns the newest decision.
func (h *house) event(frame string) store.Decision {
	h.t.Helper()
	bytes := []byte(frame)
	var head onebot.Head
	if err := onebot.PeekHead(bytes, &head); err != nil {
		h.t.Fatalf("%v in %s", err, frame)
	}
	h.lane.Event(bytes, &head)
	clear(bytes) // they were the lane's during the call only
	last := h.store.Decisions().Last(1)
	if len(last) == 0 {
		return store.Decision{}
	}
	return last[0]
}

// got takes what waits for an app.
func (h *house) got(app string) []string {
	var out []string
	for _, e := range h.cursors[app].Next(nil, 100, 1<<20) {
		out = append(out, string(e.Raw))
	}
	return out
}

var nextID = 1000

func group(id, user uint64, message string) string {
	nextID++
	return fmt.Sprintf(`{"self_id":10001,"user_id":%d,"time":1767225600,"message_id":%d,"real_seq":"%d","message_type":"group","sender":{"user_id":%d,"nickname":"Ann","card":""},"raw_message":"x","font":14,"sub_type":"normal","message":%s,"message_format":"array","post_type":"message","group_id":%d}`,
		user, nextID, nextID, user, message, id)
}

func private(user uint64, message string) string {
	nextID++
	return fmt.Sprintf(`{"self_id":10001,"user_id":%d,"time":1767225600,"message_id":%d,"real_seq":"%d","message_type":"private","sender":{"user_id":%d,"nickname":"Ann"},"raw_message":"x","font":14,"sub_type":"friend","message":%s,"post_type":"message","target_id":%d}`,
		user, nextID, nextID, user, message, user)
}

const (
	hello = `[{"type":"text","data":{"text":"hello"}}]`
	atBot = `[{"type":"at","data":{"qq":"10001"}},{"type":"text","data":{"text":" hi"}}]`
	apps2 = "apps:\n  bot: {protocol: onebot11, accessToken: token-of-the-bot}\n  all: {protocol: onebot11, accessToken: token-of-all, requireMention: false}\n"
)

func TestEventReachesThoseWhoMayHaveIt(t *testing.T) {
	tests := []struct {
		name, frame, outcome, reason string
		bot, all, history            bool
	}{
		{"friend", private(20002, hello), "deliver", "delivered", true, true, true},
		{"stranger", private(20009, hello), "pair", "dm.pairing-required", false, false, false},
		{"mentioned in a listed group", group(30003, 20002, atBot), "deliver", "delivered", true, true, true},
		{"not mentioned", group(30003, 20002, hello), "context", "mention.required", false, true, true},
		{"no mention needed there", group(30005, 20009, hello), "deliver", "delivered", true, true, true},
		{"unlisted group", group(30004, 20002, atBot), "drop", "group.not-listed", false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, quiet+apps2)
			d := h.event(tt.frame)
			if d.Outcome != tt.outcome || d.Reason != tt.reason {
				t.Errorf("decided %s (%s), want %s (%s)", d.Outcome, d.Reason, tt.outcome, tt.reason)
			}
			for app, want := range map[string]bool{"bot": tt.bot, "all": tt.all} {
				got := h.got(app)
				if want && (len(got) != 1 || got[0] != tt.frame) {
					t.Errorf("%s got %q, want the frame byte for byte", app, got)
				}
				if !want && len(got) != 0 {
					t.Errorf("%s got %q, want nothing", app, got)
				}
			}
			if kept := len(h.store.History().List("default")) == 1; kept != tt.history {
				t.Errorf("in history: %v, want %v", kept, tt.history)
			}
		})
	}
}

func TestDuplicatesAreDropped(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	frame := private(20002, hello)
	h.event(frame)
	if d := h.event(frame); d.Outcome != "drop" || d.Reason != "duplicate" {
		t.Errorf("the second time: %s (%s)", d.Outcome, d.Reason)
	}
	if got := h.got("bot"); len(got) != 1 {
		t.Errorf("the app got it %d times", len(got))
	}
	// message_id is a hash and repeats: another real_seq is another message.
	if d := h.event(strings.Replace(frame, `"real_seq":"`, `"real_seq":"9`, 1)); d.Outcome != "deliver" {
		t.Errorf("the same id with another real_seq: %s (%s)", d.Outcome, d.Reason)
	}
	request := `{"time":1,"self_id":10001,"post_type":"request","request_type":"friend","user_id":20010,"comment":"hi","flag":"1767225600"}`
	h.event(request)
	if d := h.event(request); d.Reason != "duplicate" {
		t.Errorf("a request reported again: %s (%s)", d.Outcome, d.Reason)
	}
	if n, _ := h.router.Unheard("default"); n != 2 {
		t.Errorf("%d duplicates were counted, want 2", n)
	}
}

// Versions of NapCat report the recall of an own message twice, and a member that was invited.
func TestRepeatedNotices(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	for _, tt := range []struct {
		name, frame, again string
		duplicate          bool
	}{
		{"a recall", `"notice_type":"group_recall","group_id":30003,"user_id":10001,"operator_id":10001,"message_id":7,"time":100`, `"time":101`, true},
		{"a friend's recall", `"notice_type":"friend_recall","user_id":20002,"message_id":8,"time":100`, `"time":100`, true},
		{"another recall", `"notice_type":"friend_recall","user_id":20002,"message_id":9,"time":100`, `"message_id":10`, false},
		{"recalls without an id", `"notice_type":"friend_recall","user_id":20002,"time":100`, ``, false},
		{"an invitation", `"notice_type":"group_increase","sub_type":"invite","group_id":30003,"user_id":5,"operator_id":0,"time":100`, `"operator_id":6`, true},
		{"a member that comes back", `"notice_type":"group_increase","sub_type":"approve","group_id":30003,"user_id":6,"operator_id":0,"time":100`, `"time":103`, false},
		{"two pokes", `"notice_type":"notify","sub_type":"poke","group_id":30003,"user_id":20002,"target_id":10001,"time":100`, ``, false},
	} {
		frame := `{"self_id":10001,"post_type":"notice",` + tt.frame
		h.event(frame + "}")
		if tt.again != "" {
			frame += "," + tt.again
		}
		if d := h.event(frame + "}"); (d.Reason == "duplicate") != tt.duplicate {
			t.Errorf("%s, the second time: %s (%s)", tt.name, d.Outcome, d.Reason)
		}
	}
}

// Two messages that nothing tells apart are two.
func TestMessagesWithoutAnIDAreNoDuplicates(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	frame := `{"self_id":10001,"user_id":20002,"time":1767225600,"message_type":"private","sub_type":"friend","message":` + hello + `,"post_type":"message"}`
	for range 2 {
		if d := h.event(frame); d.Outcome != "deliver" {
			t.Errorf("%s (%s)", d.Outcome, d.Reason)
		}
	}
	if _, n := h.router.Unheard("default"); n != 0 {
		t.Errorf("%d unreadable events were counted", n)
	}
}

func TestDuplicatesAreKnownAfterARestart(t *testing.T) {
	cfg, err := config.Parse("catflap.yaml", []byte(quiet+apps2), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	h := openHouse(t, cfg, dir)
	frame := private(20002, hello)
	h.event(frame)
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	again := openHouse(t, cfg, dir)
	if d := again.event(frame); d.Reason != "duplicate" {
		t.Errorf("after a restart: %s (%s)", d.Outcome, d.Reason)
	}
}

func TestFault_T29_NoFrameThatKillsFrameworks(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.event(`{"self_id":10001,"user_id":20002,"time":1767225600,"message_id":5,"message_type":"private","sub_type":"friend","message":` + hello + `,"post_type":"message"}`)
	h.event(`{"self_id":10001,"user_id":20002,"time":1767225600,"echo":null,"post_type":"notice","notice_type":"notify"}`)
	got := h.got("bot")
	if len(got) == 0 {
		t.Fatal("nothing arrived")
	}
	for _, frame := range got {
		var head onebot.Head
		if err := onebot.PeekHead([]byte(frame), &head); err != nil {
			t.Fatal(err)
		}
		if head.Missing != 0 {
			t.Errorf("what apps get still lacks something (%b): %s", head.Missing, frame)
		}
	}
	for _, want := range []string{`"font":0`, `"raw_message":`, `"sender":{`} {
		if !strings.Contains(got[0], want) {
			t.Errorf("%s has no %s", got[0], want)
		}
	}
}

func TestStringFormBecomesSegments(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	frame := strings.Replace(private(20002, `"[CQ:at,qq=10001] hi"`), `"post_type"`, `"message_format":"string","post_type"`, 1)
	h.event(frame)
	got := h.got("bot")
	if len(got) != 1 || !strings.Contains(got[0], `"message":[{"type":"at"`) || !strings.Contains(got[0], `"message_format":"array"`) {
		t.Errorf("the app got %q", got)
	}
}

func TestQuoteOfTheBotIsAMention(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	reply := func(id int64) string { return fmt.Sprintf(`[{"type":"reply","data":{"id":"%d"}}]`, id) }
	if d := h.event(group(30003, 20002, reply(77))); d.Reason != "mention.reply-unknown" {
		t.Errorf("a quote of something unknown: %s (%s)", d.Outcome, d.Reason)
	}
	h.lane.sent.add(77)
	if d := h.event(group(30003, 20002, reply(77))); d.Outcome != "deliver" {
		t.Errorf("a quote of the bot: %s (%s)", d.Outcome, d.Reason)
	}
}

func TestOwnMessagesAreRememberedOnce(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	own := strings.Replace(strings.Replace(group(30003, 10001, hello), `"post_type":"message"`, `"post_type":"message_sent","message_sent_type":"self","target_id":30003`, 1), `"real_seq"`, `"rs"`, 1)
	h.event(own)
	h.event(own)
	records, err := h.store.History().Show("default", policy.Chat{Group: true, ID: 30003}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1 || records[0].Direction != store.Out {
		t.Errorf("history has %d records: %+v", len(records), records)
	}
	elsewhere := strings.Replace(private(10001, hello), `"target_id":10001`, `"target_id":20777`, 1)
	if d := h.event(strings.Replace(elsewhere, `"post_type":"message"`, `"post_type":"message_sent"`, 1)); d.Reason != "self.not-admitted" {
		t.Errorf("the owner's private chat: %s (%s)", d.Outcome, d.Reason)
	}
}

func TestRecallEmptiesHistory(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.event(group(30003, 20002, hello))
	h.event(fmt.Sprintf(`{"time":1,"self_id":10001,"post_type":"notice","group_id":30003,"user_id":20002,"notice_type":"group_recall","operator_id":20002,"message_id":%d}`, nextID))
	records, err := h.store.History().Show("default", policy.Chat{Group: true, ID: 30003}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1 || !records[0].Recalled || strings.Contains(string(records[0].Raw), "hello") {
		t.Errorf("history after a recall: %+v", records)
	}
}

func TestFault_T18_ABrokenFilterKeepsTheLastPlan(t *testing.T) {
	cfg, err := config.Parse("catflap.yaml", []byte(quiet+apps2), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	cfg.Apps[0].Only.Matches = "("
	if _, err := Compile(cfg, map[string]uint8{}, func(string) []uint64 { return nil }); err == nil {
		t.Fatal("a broken filter was compiled")
	}
	_, err = config.Parse("catflap.yaml", []byte(quiet+"apps:\n  bot: {protocol: onebot11, accessToken: token-of-the-bot, only: {matches: \"(\"}}\n"), func(string) (string, bool) { return "", false })
	if err == nil {
		t.Fatal("a broken filter was loaded")
	}
}

func TestDroppedTextIsNotKept(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.event(private(20009, `[{"type":"text","data":{"text":"a private matter"}}]`))
	if n := len(h.store.History().List("default")); n != 0 {
		t.Errorf("history has %d chats", n)
	}
	if strings.Contains(fmt.Sprintf("%+v", h.store.Decisions().Last(10)), "private matter") {
		t.Error("the decision holds the text")
	}
}

func TestEventAllocationsDoNotGrowWithApps(t *testing.T) {
	count := func(apps int) float64 {
		yaml := quiet + "apps:\n"
		for i := range apps {
			yaml += fmt.Sprintf("  bot%d: {protocol: onebot11, accessToken: token-of-bot-%d}\n", i, i)
		}
		h := newHouse(t, yaml)
		frames := make([][]byte, 400)
		for i := range frames {
			frames[i] = []byte(group(30003, 20002, atBot))
		}
		var head onebot.Head
		n := 0
		return testing.AllocsPerRun(300, func() {
			if err := onebot.PeekHead(frames[n], &head); err != nil {
				t.Fatal(err)
			}
			h.lane.Event(frames[n], &head)
			n++
		})
	}
	one, sixteen := count(1), count(16)
	if sixteen > one+1 {
		t.Errorf("an event allocates %.1f objects with one app and %.1f with sixteen", one, sixteen)
	}
	if one > 10 {
		t.Errorf("an event allocates %.1f objects", one)
	}
}
