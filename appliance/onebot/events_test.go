package onebot

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// eventTable is every event that NapCat sends (napcat-onebot11.md, 4.1 to 4.4), and those of the standard and go-cqhttp
// that it never does: the fixture, what it is, and the keys that the standard gives it beside time, self_id and post_type.
// A key is an integer, with ' text, with [ a list, with { an object, with ? true or false.
var eventTable = []struct{ fixture, kind, keys string }{
	{"message_group", "message.group.normal", messageKeys + " group_id"},
	{"message_group_debug", "message.group.normal", messageKeys + " group_id"},
	{"message_group_empty", "message.group.normal", messageKeys + " group_id"},
	{"message_private", "message.private.friend", privateKeys},
	{"message_private_temporary", "message.private.group", messageKeys},
	{"message_sent_group", "message_sent.group.normal", messageKeys + " group_id"},
	{"message_sent_private", "message_sent.private.friend", messageKeys + " target_id"},
	{"group_upload", "notice.group_upload", "group_id user_id file{"},
	{"group_admin_set", "notice.group_admin.set", "group_id user_id sub_type'"},
	{"group_admin_unset", "notice.group_admin.unset", "group_id user_id sub_type'"},
	{"group_decrease_leave", "notice.group_decrease.leave", "group_id user_id operator_id sub_type'"},
	{"group_decrease_kick", "notice.group_decrease.kick", "group_id user_id operator_id sub_type'"},
	{"group_decrease_kick_me", "notice.group_decrease.kick_me", "group_id user_id operator_id sub_type'"},
	{"group_decrease_disband", "notice.group_decrease.disband", "group_id user_id operator_id sub_type'"},
	{"group_increase_approve", "notice.group_increase.approve", "group_id user_id operator_id sub_type'"},
	{"group_increase_invite", "notice.group_increase.invite", "group_id user_id operator_id sub_type'"},
	{"group_ban_ban", "notice.group_ban.ban", "group_id user_id operator_id duration sub_type'"},
	{"group_ban_lift_ban", "notice.group_ban.lift_ban", "group_id user_id operator_id duration sub_type'"},
	{"group_ban_all", "notice.group_ban.ban", "group_id user_id operator_id duration sub_type'"},
	{"group_ban_all_lift", "notice.group_ban.lift_ban", "group_id user_id operator_id duration sub_type'"},
	{"friend_add", "notice.friend_add", "user_id"},
	{"group_recall", "notice.group_recall", "group_id user_id operator_id message_id"},
	{"friend_recall", "notice.friend_recall", "user_id message_id"},
	{"notify_poke_group", "notice.notify.poke", "group_id user_id target_id sub_type'"},
	{"notify_poke_friend", "notice.notify.poke", "user_id target_id sender_id sub_type'"},
	{"notify_poke_own", "notice.notify.poke", "user_id target_id sender_id sub_type'"},
	{"notify_title", "notice.notify.title", "group_id user_id title' sub_type'"},
	{"notify_group_name", "notice.notify.group_name", "group_id user_id name_new' sub_type'"},
	{"notify_input_status", "notice.notify.input_status", "user_id group_id status_text' event_type sub_type'"},
	{"notify_input_status_stopped", "notice.notify.input_status", "user_id group_id status_text' event_type sub_type'"},
	{"notify_profile_like", "notice.notify.profile_like", "operator_id operator_nick' times sub_type'"},
	{"notify_gray_tip", "notice.notify.gray_tip", "group_id user_id message_id busi_id' content' sub_type'"},
	{"notify_lucky_king", "notice.notify.lucky_king", "group_id user_id target_id sub_type'"},
	{"notify_honor", "notice.notify.honor", "group_id user_id honor_type' sub_type'"},
	{"essence_add", "notice.essence.add", "group_id user_id message_id sender_id operator_id sub_type'"},
	{"essence_delete", "notice.essence.delete", "group_id user_id sender_id operator_id sub_type'"},
	{"group_card", "notice.group_card", "group_id user_id card_new' card_old'"},
	{"group_msg_emoji_like", "notice.group_msg_emoji_like", "group_id user_id message_id likes[ is_add?"},
	{"group_msg_emoji_like_removed", "notice.group_msg_emoji_like", "group_id user_id message_id likes[ is_add?"},
	{"bot_offline", "notice.bot_offline", "user_id tag' message'"},
	{"online_file_receive", "notice.online_file_receive.cancel", "peer_id sub_type'"},
	{"online_file_send_receive", "notice.online_file_send.receive", "peer_id sub_type'"},
	{"online_file_send_refuse", "notice.online_file_send.refuse", "peer_id sub_type'"},
	{"offline_file", "notice.offline_file", "user_id file{"},
	{"client_status", "notice.client_status", "client{ online?"},
	{"request_friend", "request.friend", "user_id comment' flag'"},
	{"request_group_add", "request.group.add", "group_id user_id comment' flag' sub_type'"},
	{"request_group_invite", "request.group.invite", "group_id user_id comment' flag' sub_type'"},
	{"lifecycle_connect", "meta_event.lifecycle.connect", "sub_type'"},
	{"lifecycle_enable", "meta_event.lifecycle.enable", "sub_type'"},
	{"lifecycle_disable", "meta_event.lifecycle.disable", "sub_type'"},
	{"heartbeat", "meta_event.heartbeat", "status{ interval"},
}

const (
	messageKeys = "message_id user_id message[ raw_message' font sender{ sub_type' message_type'"
	privateKeys = "message_id user_id message' raw_message' font sender{ sub_type' message_type'" // the sample has string form
)

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	frame, err := os.ReadFile("testdata/events/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(frame)
}

// kindOfEvent is post_type.detail.sub_type.
func kindOfEvent(h *Head) string {
	return strings.TrimSuffix(h.PostType+"."+h.Detail+"."+h.SubType, ".")
}

// lacks lists which of the keys an event does not have in the type that frameworks read.
func lacks(frame []byte, keys string) []string {
	all, _ := slowMembers(frame)
	var out []string
	for _, key := range strings.Fields(keys + " time self_id post_type'") {
		name := strings.TrimRight(key, "'[{?")
		v := all[name]
		var ok bool
		switch strings.TrimPrefix(key, name) {
		case "'":
			ok = bytes.HasPrefix(v, []byte{'"'})
		case "[":
			ok = bytes.HasPrefix(v, []byte{'['})
		case "{":
			ok = bytes.HasPrefix(v, []byte{'{'})
		case "?":
			ok = string(v) == "true" || string(v) == "false"
		default:
			_, ok = slowInt(v)
			ok = ok && v[0] != '"'
		}
		if !ok {
			out = append(out, key)
		}
	}
	return out
}

func TestEveryEventIsInStandardForm(t *testing.T) {
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var have, listed []string
	for _, f := range files {
		have = append(have, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	for _, e := range eventTable {
		listed = append(listed, e.fixture)
		frame := fixture(t, e.fixture)
		h := peekOf(t, string(frame))
		if kindOfEvent(&h) != e.kind {
			t.Errorf("%s is %s, want %s", e.fixture, kindOfEvent(&h), e.kind)
		}
		whole, err := Complete(frame, &h)
		if err != nil || !same(whole, frame) {
			t.Errorf("%s: a complete event was touched: %s, %v", e.fixture, whole, err)
		}
		if missing := lacks(whole, e.keys); missing != nil {
			t.Errorf("%s lacks %s", e.fixture, missing)
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(have, listed); diff != "" {
		t.Errorf("testdata/events and the table differ: %s", diff)
	}
}

// Every notice that the reference names has its fixture.
func TestEveryNoticeOfNapCatHasAFixture(t *testing.T) {
	for _, frame := range lines(t, "events.jsonl") {
		h := peekOf(t, string(frame))
		if !slices.ContainsFunc(eventTable, func(e struct{ fixture, kind, keys string }) bool { return e.kind == kindOfEvent(&h) }) {
			t.Errorf("no fixture for %s", kindOfEvent(&h))
		}
	}
}

// needed is what frameworks die without (frameworks.md, section 0, rule 13), of a kind of event.
func neededKeys(kind string) string {
	switch {
	case strings.HasPrefix(kind, "message"):
		keys := "message_id user_id raw_message' font sender{ sub_type' message_type'"
		if strings.Contains(kind, ".group") && !strings.HasSuffix(kind, "private.group") {
			keys += " group_id"
		}
		return keys
	case strings.HasPrefix(kind, "notice.notify.honor"):
		return "notice_type' sub_type' honor_type'"
	case strings.HasPrefix(kind, "notice.notify"):
		return "notice_type' sub_type'"
	case strings.HasPrefix(kind, "notice"):
		return "notice_type'"
	case strings.HasPrefix(kind, "request"):
		return "request_type' flag'"
	}
	return "meta_event_type'"
}

// Whatever key NapCat leaves out, sends as null or as a text: an app gets an event that no framework dies of, or none.
func TestFault_T29_NoKeyOfAnyEventIsDeadly(t *testing.T) {
	for _, e := range eventTable {
		members, _ := slowMembers(fixture(t, e.fixture))
		for key := range members {
			for how, value := range map[string]string{"missing": "", "null": "null", "as text": `"x"`, "as a list": `[]`, "as a fraction": `1.5`, "as a quoted number": `"1767225600"`} {
				broken := make(map[string]json.RawMessage)
				for k, v := range members {
					broken[k] = v
				}
				if delete(broken, key); value != "" {
					broken[key] = json.RawMessage(value)
				}
				frame, err := json.Marshal(broken)
				if err != nil {
					t.Fatal(err)
				}
				h := peekOf(t, string(frame))
				if h.Missing&MissingSelfID != 0 {
					h.SelfID = 10001
				}
				if h.Missing&MissingTime != 0 {
					h.Time = 1767225600
				}
				whole, err := Complete(frame, &h)
				if err != nil {
					if !errors.Is(err, ErrIncomplete) || !slices.Contains([]string{"post_type", "message_type", "notice_type", "request_type", "meta_event_type", "group_id", "flag"}, key) {
						t.Errorf("%s with %s %s: %v", e.fixture, key, how, err)
					}
					continue
				}
				after := peekOf(t, string(whole))
				if missing := lacks(whole, neededKeys(kindOfEvent(&after))); missing != nil || after.Missing != 0 {
					t.Errorf("%s with %s %s became %s, which lacks %s (%#x)", e.fixture, key, how, whole, missing, after.Missing)
				}
				ids := ""
				for _, id := range []string{"user_id", "group_id", "target_id", "operator_id", "sender_id", "message_id"} {
					if now, _ := slowMembers(whole); now[id] != nil {
						ids += " " + id
					}
				}
				if wrong := lacks(whole, ids); wrong != nil {
					t.Errorf("%s with %s %s became %s: %s are no numbers", e.fixture, key, how, whole, wrong)
				}
			}
		}
	}
}
