package simulator

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// samples are the JSON samples of reference 4, by line.
func samples(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// shape replaces what a simulator makes up (ids, sequence numbers, uids) so that the rest compares byte by byte.
func shape(t *testing.T, raw string) string {
	t.Helper()
	f := parseFrame(t, []byte(raw))
	for _, key := range []string{"message_id", "message_seq", "real_id", "real_seq"} {
		if v := f.keys[key]; v != nil && strings.Contains(f.text("post_type"), "message") {
			raw = strings.Replace(raw, `"`+key+`":`+string(v), `"`+key+`":`+kind(v), 1)
		}
	}
	return raw
}

func kind(v json.RawMessage) string {
	if v[0] == '"' {
		return `"text"`
	}
	return "0"
}

// Every sample of reference 4 comes out of the right helper, keys in the same order.
func TestEventShapes(t *testing.T) {
	clock := time.Unix(1767225600, 0)
	world := DefaultWorld()
	world.group(30003).member(10001).Role = RoleMember
	world.Strangers[0].Nickname = "Bob"
	n := New(Options{ReportSelf: true, World: world, Now: func() time.Time { return clock }, Rand: rand.New(rand.NewPCG(1, 2))})
	s := &n.state
	say := func(at int64, format Format, from From, segments ...Segment) func() []byte {
		return func() []byte {
			clock = time.Unix(at, 0)
			n.opts.Format = format
			m := &message{sender: from.User, segments: segments, chat: chatKey{true, from.Group}}
			if from.Group == 0 || from.Temp {
				m.chat, m.viaGroup = chatKey{id: from.User}, from.Group
			}
			s.store(m)
			return s.push(m, format)
		}
	}
	notice := func(fields []Field) func() []byte {
		return func() []byte { clock = time.Unix(1, 0); return s.notice(fields...) }
	}
	request := func(r Request) func() []byte {
		return func() []byte { return s.request(r) }
	}
	recall := func(m *message, operator uint64) func() []byte {
		return func() []byte { return s.recall(m, operator)[0] }
	}
	makers := []func() []byte{
		say(1767225600, Array, InGroup(30003, 20002), At(10001), Text(" ping")),
		say(1767225601, String, Private(20002), Text("hello")),
		say(1767225602, Array, TempSession(30003, 20009), Text("psst")),
		say(1767225603, Array, InGroup(30003, 10001), Text("pong")),
		notice(GroupUpload(30003, 20002, "<token>", "a.zip", 1048576, 102)),
		notice(GroupAdmin(30003, 20002, true)),
		notice(GroupDecrease(30003, 20002, 20003, "kick")),
		notice(GroupIncrease(30003, 20002, 20003, "approve")),
		notice(GroupBan(30003, 20002, 20003, 600)),
		notice(GroupBan(30003, 0, 20003, -1)),
		notice(FriendAdd(20002)),
		recall(&message{id: 1840021873, sender: 20002, chat: chatKey{true, 30003}}, 0),
		recall(&message{id: 77210345, sender: 20002, chat: chatKey{id: 20002}}, 0),
		notice(GroupPoke(30003, 20002, 10001)),
		notice(FriendPoke(20002, 20002, 10001)),
		notice(GroupTitle(30003, 20002, "hero")),
		notice(GroupName(30003, 20002, "Ops 2")),
		notice(InputStatus(20002, "typing", 1)),
		notice(ProfileLike(20002, "Ann", 10)),
		notice(GrayTip(30003, 20002, 5, "2401", "{}")),
		notice(Essence(30003, 20002, 20003, 1840021873)),
		notice(GroupCard(30003, 20002, "ann2", "ann@ops")),
		notice(EmojiLike(30003, 20002, 1840021873, "76", 1, true)),
		notice([]Field{{"notice_type", "bot_offline"}, {"user_id", 10001}, {"tag", "offline notice"}, {"message", "login expired"}}),
		notice(OnlineFile("online_file_receive", "cancel", 20002)),
		notice(OnlineFile("online_file_send", "receive", 20002)),
		request(Request{Type: "friend", User: 20002, Comment: "hi", Flag: "1767225600"}),
		request(Request{Type: "group", SubType: "add", Group: 30003, User: 20002, Comment: "Q: a\nA: b", Flag: "1767225600123456"}),
		request(Request{Type: "group", SubType: "invite", Group: 30003, User: 20003, Flag: "1767225600654321"}),
		func() []byte { return n.lifecycle() },
		func() []byte { return n.heartbeat() },
	}
	want := samples(t)
	if len(want) != len(makers) {
		t.Fatalf("%d samples, %d helpers", len(want), len(makers))
	}
	for i, make := range makers {
		got := strings.Replace(string(make()), userUID(20002), "u_x", 1)
		if d := cmp.Diff(shape(t, want[i]), shape(t, got)); d != "" {
			t.Errorf("sample %d:\n%s", i+1, d)
		}
	}
}

func TestIdsAreAHashOfTheMessage(t *testing.T) {
	// The first four bytes of md5("7300000000000000001|2|30003"), computed elsewhere.
	if got := shortID(7300000000000000001, 2, "30003"); got != 338194584 {
		t.Errorf("short id %d", got)
	}
	n := New(Options{Rand: rand.New(rand.NewPCG(1, 2))})
	seen := make(map[int64]bool)
	last := uint64(0)
	for range 2000 {
		m := &message{sender: 20002, chat: chatKey{true, 30003}, segments: []Segment{Text("x")}}
		n.state.store(m)
		if m.id < 0 || m.id > 1<<31-1 || seen[m.id] || m.seq <= last || len(decimal(m.nt)) != 19 {
			t.Fatalf("message %+v", m)
		}
		seen[m.id], last = true, m.seq
	}
}

func TestBoundsOfTheWorld(t *testing.T) {
	n := New(Options{})
	for i := range uint64(maxChats + 5) {
		n.Say(Private(i+1), Text("x"))
	}
	for range maxPerChat + 5 {
		n.Say(Private(7), Text("x"))
	}
	for i := range maxRequests + 5 {
		n.Request(Request{Type: "friend", User: 1, Flag: jsonInt(int64(i))})
	}
	for i := range 40 {
		n.PutFile(jsonInt(int64(i)), "f", make([]byte, 1<<20))
	}
	s := &n.state
	if len(s.chats) != maxChats || len(s.order) != maxChats || len(s.chats[chatKey{id: 7}].messages) > maxPerChat ||
		len(s.requests) != maxRequests || s.files.bytes > maxFileBytes || len(s.files.files) != len(s.files.order) {
		t.Errorf("%d chats, %d requests, %d bytes of files", len(s.chats), len(s.requests), s.files.bytes)
	}
	m := &message{}
	for range maxShortIDs + 5 {
		m = &message{sender: 1, chat: chatKey{id: 1}}
		s.number(m)
		s.register(m)
	}
	if len(s.ids) > maxShortIDs || len(s.idOrder) > maxShortIDs || s.ids[m.id] != m {
		t.Errorf("%d short ids", len(s.ids))
	}
}

func TestDebugAddsRaw(t *testing.T) {
	n, p, ctx := connect(t, Options{Debug: true})
	n.Say(InGroup(30003, 20002), Text("x"))
	f := p.frame(ctx)
	if raw := parseFrame(t, f.keys["raw"]); raw.text("peerUid") != "30003" || raw.text("chatType") != "2" || raw.text("senderUin") != "20002" {
		t.Errorf("raw is %s", f.keys["raw"])
	}
}

func TestCQForm(t *testing.T) {
	for _, test := range []struct {
		segments []Segment
		want     string
	}{
		{[]Segment{Text("a,b [x] & y")}, "a,b &#91;x&#93; &amp; y"},
		{[]Segment{{Type: "image", Data: map[string]any{"file": "1,2.png"}}}, "[CQ:image,file=1&#44;2.png]"},
		{[]Segment{At(10001), Text(" ping ")}, "[CQ:at,qq=10001] ping"},
		{[]Segment{{Type: "face", Data: map[string]any{"id": "14", "raw": map[string]any{"a": 1}, "resultId": nil, "chainCount": ""}}}, `[CQ:face,id=14,raw={"a":1}]`},
		{[]Segment{{Type: "forward", Data: map[string]any{"id": "1", "content": []any{1, 2}}}}, "[CQ:forward,id=1,content=[object Object]&#44;[object Object]]"},
		{nil, ""},
	} {
		if got := encodeCQ(test.segments); got != strings.ReplaceAll(test.want, "[object Object]", "&#91;object Object&#93;") {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
