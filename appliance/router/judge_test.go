package router

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// called counts NapCat's calls of an action and keeps the params of the last one.
func called(sim *simulator.NapCat, action string) func() (int, string) {
	calls := make(chan string, 64)
	sim.OnAction(action, func(c simulator.Call) simulator.Answer {
		calls <- string(c.Raw)
		return simulator.Answer{Data: map[string]any{}}
	})
	n, last := 0, ""
	return func() (int, string) {
		for {
			select {
			case last = <-calls:
				n++
			default:
				return n, last
			}
		}
	}
}

func TestFault_S03_FilesOfThisBox(t *testing.T) {
	open, elsewhere := t.TempDir(), t.TempDir()
	good, secret := filepath.Join(open, "cat.png"), filepath.Join(elsewhere, "token")
	for _, name := range []string{good, secret} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, filepath.Join(open, "link.png")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(open, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, quiet+apps2+fmt.Sprintf("files: {roots: [%q]}\n", open))
	sim := h.link(account(t), simulator.Options{})
	called(sim, "send_online_folder")
	avatar := called(sim, "set_qq_avatar")
	image := func(file string) string {
		return fmt.Sprintf(`{"action":"send_group_msg","params":{"group_id":30003,"message":[{"type":"image","data":{"file":%q}}]},"echo":1}`, file)
	}
	const outside = "it is not below a folder of files.roots, symlinks resolved (files.roots)"
	for _, tt := range []struct{ name, frame, refused string }{
		{"below a root", image("file://" + good), ""},
		{"bare", image(good), ""},
		{"a payload", image("base64://AAAA"), ""},
		{"elsewhere", image(secret), fmt.Sprintf("the file %q may not be used: %s", secret, outside)},
		{"by a link", image(filepath.Join(open, "link.png")), outside},
		{"relative", image("config/webui.json"), "only a full path"},
		{"in a code", fmt.Sprintf(`{"action":"send_group_msg_async","params":{"group_id":30003,"message":"[CQ:image,file=file://%s]"},"echo":1}`, secret), outside},
		{"in a parameter", fmt.Sprintf(`{"action":"set_qq_avatar","params":{"file":%q},"echo":1}`, secret), outside},
		{"a folder", image(filepath.Join(open, "sub")), "it is a folder, and this action takes files (files.roots)"},
		{"a folder to upload", fmt.Sprintf(`{"action":"upload_group_file","params":{"group_id":30003,"file":"file://%s","name":"x"},"echo":1}`, filepath.Join(open, "sub")), fmt.Sprintf("the file %q may not be used: it is a folder", "file://"+filepath.Join(open, "sub"))},
		{"a folder for what takes one", fmt.Sprintf(`{"action":"send_online_folder","params":{"user_id":20002,"folder_path":%q},"echo":1}`, filepath.Join(open, "sub")), ""},
		{"in a good parameter", fmt.Sprintf(`{"action":"set_qq_avatar","params":{"file":%q},"echo":1}`, good), ""},
		{"too many", image(good + `"}},{"type":"image","data":{"file":"` + strings.Repeat(good+`"}},{"type":"image","data":{"file":"`, maxFiles)), ""},
	} {
		if tt.name == "too many" {
			tt.frame = strings.ReplaceAll(tt.frame, `\"`, `"`)
			tt.refused = "files of this box, more than 64"
		}
		got := strings.ReplaceAll(h.answer("bot", tt.frame), `\"`, `"`)
		if tt.refused == "" != strings.Contains(got, `"status":"ok"`) || !strings.Contains(got, tt.refused) {
			t.Errorf("%s: got %s, want %q", tt.name, got, tt.refused)
		}
		if tt.refused != "" && !strings.Contains(got, `"retcode":1403`) {
			t.Errorf("%s: got %s, want retcode 1403", tt.name, got)
		}
	}
	if n, params := avatar(); n != 1 || params != fmt.Sprintf(`{"file":%q}`, good) {
		t.Errorf("NapCat changed the avatar %d times, with %s", n, params)
	}
	log, err := h.store.Audit().Last(100)
	if err != nil {
		t.Fatal(err)
	}
	if len(log) == 0 || !strings.Contains(fmt.Sprintf("%+v", log), outside) {
		t.Errorf("the audit log: %+v", log)
	}
}

func TestWithoutRootsNoFileIsOpen(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.link(account(t), simulator.Options{})
	got := h.answer("bot", `{"action":"upload_group_file","params":{"group_id":30003,"file":"/etc/hostname","name":"x"},"echo":1}`)
	if !strings.Contains(got, "files.roots lists no folder (files.roots)") {
		t.Errorf("got %s", got)
	}
}

const limited = "apps:\n  bot: {protocol: onebot11, accessToken: token-of-the-bot, targets: policy, actions: {deny: [friend_poke]}}\n  all: {protocol: onebot11, accessToken: token-of-all}\n"

func TestActionsOnMessagesGoByTheirChat(t *testing.T) {
	h := newHouse(t, quiet+"catchUp: false\n"+limited) // which would hold the events for a moment
	sim := h.link(account(t), simulator.Options{})
	for _, action := range []string{"delete_msg", "set_msg_emoji_like", "set_essence_msg", "get_msg", "forward_group_single_msg"} {
		called(sim, action)
	}
	h.event(group(30003, 20002, hello))
	listed := nextID
	h.event(group(30004, 20002, hello))
	unlisted := nextID
	h.event(private(20009, hello))
	stranger := nextID
	for _, tt := range []struct{ frame, refused string }{
		{fmt.Sprintf(`{"action":"delete_msg","params":{"message_id":%d}}`, listed), ""},
		{fmt.Sprintf(`{"action":"set_essence_msg","params":{"message_id":"%d"}}`, listed), ""},
		{fmt.Sprintf(`{"action":"delete_msg","params":{"message_id":%d}}`, unlisted), fmt.Sprintf("message %d is in the chat group:30004, which the policy does not admit (apps.bot.targets: policy)", unlisted)},
		{fmt.Sprintf(`{"action":"set_msg_emoji_like_async","params":{"message_id":%d,"emoji_id":1}}`, stranger), "is in the chat user:20009, which"},
		{fmt.Sprintf(`{"action":"forward_group_single_msg","params":{"message_id":%d,"group_id":30003}}`, unlisted), "is in the chat group:30004, which"},
		{fmt.Sprintf(`{"action":"forward_group_single_msg","params":{"message_id":%d,"group_id":30003}}`, listed), ""},
		{`{"action":"delete_msg","params":{"message_id":424242}}`, "message 424242 is not among the last 5000 that catflap saw of this account, so the chat that it is in cannot be judged (apps.bot.targets: policy)"},
		{`{"action":"delete_msg","params":{"message_id":["1"]}}`, "message 0 is not among the last 5000"},
		{`{"action":"get_msg","params":{"message_id":424242}}`, ""},
	} {
		got := h.answer("bot", tt.frame)
		if tt.refused == "" != strings.Contains(got, `"status":"ok"`) || !strings.Contains(got, tt.refused) {
			t.Errorf("%s: got %s, want %q", tt.frame, got, tt.refused)
		}
	}
	if got := h.answer("all", `{"action":"delete_msg","params":{"message_id":424242}}`); !strings.Contains(got, `"status":"ok"`) {
		t.Errorf("an app without targets: policy: %s", got)
	}
	sent := h.answer("bot", `{"action":"send_group_msg","params":{"group_id":30003,"message":[{"type":"text","data":{"text":"x"}}]}}`)
	_, id, _ := strings.Cut(sent, `"message_id":`)
	id = id[:strings.IndexAny(id, ",}")]
	if got := h.answer("bot", `{"action":"delete_msg","params":{"message_id":`+id+`}}`); !strings.Contains(got, `"status":"ok"`) {
		t.Errorf("recalling what was sent: %s", got)
	}
}

func TestChatsOfMessagesAreKnownAfterARestart(t *testing.T) {
	cfg, err := config.Parse("catflap.yaml", []byte(quiet+limited), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	h := openHouse(t, cfg, dir)
	h.event(group(30003, 20002, hello))
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	again := openHouse(t, cfg, dir)
	got := again.answer("bot", fmt.Sprintf(`{"action":"delete_msg","params":{"message_id":%d}}`, nextID))
	if !strings.Contains(got, `"retcode":1503`) {
		t.Errorf("got %s, want it refused only because NapCat is away", got)
	}
}

func TestChatMemoryIsBounded(t *testing.T) {
	var m chatMemory
	m.limit = 3
	chat := func(n uint64) policy.Chat { return policy.Chat{Group: true, ID: n} }
	for id := int64(1); id <= 4; id++ {
		m.note(id, chat(uint64(id)))
	}
	m.note(4, chat(9)) // the id of another message now
	m.note(0, chat(1))
	m.note(5, policy.Chat{})
	for id, want := range map[int64]policy.Chat{0: {}, 1: {}, 2: chat(2), 3: chat(3), 4: chat(9), 5: {}} {
		if got, known := m.of(id); got != want || known != (want.ID != 0) {
			t.Errorf("message %d is in %v", id, got)
		}
	}
	if len(m.chats) != 3 || len(m.order) != 3 {
		t.Errorf("%d chats", len(m.chats))
	}
}

func TestDenyingOneNameDeniesItsSynonyms(t *testing.T) {
	h := newHouse(t, quiet+`apps:
  bot: {protocol: onebot11, accessToken: token-of-the-bot, actions: {deny: [friend_poke, "Ark*"]}}
  only: {protocol: onebot11, accessToken: token-of-only, actions: {allow: [send_poke]}}
`)
	sim := h.link(account(t), simulator.Options{})
	called(sim, "send_poke")
	called(sim, "ocr_image")
	for _, tt := range []struct{ app, action, refused string }{
		{"bot", "friend_poke", "friend_poke is denied: actions.deny lists friend_poke (apps.bot.actions)"},
		{"bot", "send_poke", "send_poke does the same as friend_poke, and friend_poke is denied: actions.deny lists friend_poke (apps.bot.actions)"},
		{"bot", "group_poke_rate_limited", "group_poke does the same as friend_poke"},
		{"bot", "send_ark_share", "send_ark_share does the same as ArkSharePeer"},
		{"bot", "send_group_ark_share", "send_group_ark_share does the same as ArkShareGroup"},
		{"bot", "ocr_image", ""},
		{"only", "send_poke", ""},
		{"only", "friend_poke", "friend_poke is not allowed"},
	} {
		got := h.answer(tt.app, fmt.Sprintf(`{"action":%q,"params":{"user_id":20002,"image":"https://example.org/x"}}`, tt.action))
		if tt.refused == "" != strings.Contains(got, `"status":"ok"`) || !strings.Contains(got, tt.refused) {
			t.Errorf("%s: got %s, want %q", tt.action, got, tt.refused)
		}
	}
}

func TestTheStandardsDefaultsReachNapCat(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	sim := h.link(account(t), simulator.Options{})
	ban, admin := called(sim, "set_group_ban"), called(sim, "set_group_admin")
	h.answer("bot", `{"action":"set_group_ban","params":{"group_id":30003, "user_id":"20002","x":null}}`)
	if _, params := ban(); params != `{"group_id":30003, "user_id":"20002","duration":1800}` {
		t.Errorf("set_group_ban with %s", params)
	}
	if _, err := h.router.Call(t.Context(), "default", "set_group_admin", []byte(`{"group_id":30003,"user_id":20002}`)); err != nil {
		t.Fatal(err)
	}
	if _, params := admin(); params != `{"group_id":30003,"user_id":20002,"enable":true}` {
		t.Errorf("set_group_admin with %s", params)
	}
}

func TestHistoryHasNoPayloadsOfOthers(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	frame := private(20002, `[{"type":"image","data":{"file":"base64://AAAA"}},{"type":"text","data":{"text":"hi"}}]`)
	h.event(frame)
	if got := h.got("bot"); len(got) != 1 || got[0] != frame {
		t.Errorf("the app got %q", got)
	}
	records, err := h.store.History().Show("default", policy.Chat{ID: 20002}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1 || records[0].Direction != store.In || string(records[0].Raw) != `[{"type":"image","data":{"file":"base64:stripped:13"}},{"type":"text","data":{"text":"hi"}}]` {
		t.Errorf("history: %+v", records)
	}
}

func TestFault_T29_SegmentsAreWhole(t *testing.T) {
	h := newHouse(t, quiet+apps2)
	h.event(private(20002, `[{"type":"shake"},{"data":{}},{"type":"text","data":{"text":"hi"}}]`))
	h.event(`{"time":1,"self_id":10001,"post_type":"request","request_type":"friend","user_id":20010,"comment":"hi"}`)
	got := h.got("bot")
	if len(got) != 1 || !strings.Contains(got[0], `"message":[{"type":"shake","data":{}},{"type":"text","data":{"text":"hi"}}]`) {
		t.Fatalf("the app got %q", got)
	}
	var head onebot.Head
	if err := onebot.PeekHead([]byte(got[0]), &head); err != nil || head.Missing != 0 {
		t.Errorf("still lacks %b: %v", head.Missing, err)
	}
}
