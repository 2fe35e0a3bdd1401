package e2e

import (
	"fmt"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

const admitted = "allowFrom: [20002]\ngroups: {\"30003\": {}}"

// notices lets something happen and waits for the notice that the app gets of it.
func notices(t *testing.T, kind, sub string, happen func(*napcat)) frame {
	t.Helper()
	_, n, p := setUp(t, admitted)
	happen(n)
	return p.wait(t, "notice "+kind+" "+sub, func(f frame) bool {
		return f.is("post_type", "notice") && f.is("notice_type", kind) && (sub == "" || f.is("sub_type", sub))
	})
}

func field(key string, value any) simulator.Field { return simulator.Field{Key: key, Value: value} }

func TestSeed_openclaw_notice_group_increase_approve(t *testing.T) {
	f := notices(t, "group_increase", "approve", func(n *napcat) { n.Notice(simulator.GroupIncrease(ops, nobody, bob, "approve")...) })
	if !f.is("user_id", fmt.Sprint(nobody)) || !f.is("group_id", fmt.Sprint(ops)) {
		t.Errorf("received %+v", f)
	}
}

func TestSeed_openclaw_notice_group_increase_invite(t *testing.T) {
	notices(t, "group_increase", "invite", func(n *napcat) { n.Notice(simulator.GroupIncrease(ops, nobody, bob, "invite")...) })
}

func TestSeed_openclaw_notice_group_decrease_leave(t *testing.T) {
	notices(t, "group_decrease", "leave", func(n *napcat) { n.Notice(simulator.GroupDecrease(ops, eve, 0, "leave")...) })
}

func TestSeed_openclaw_notice_group_decrease_kick(t *testing.T) {
	notices(t, "group_decrease", "kick", func(n *napcat) { n.Notice(simulator.GroupDecrease(ops, eve, bob, "kick")...) })
}

func TestSeed_openclaw_notice_group_decrease_kick_me(t *testing.T) {
	notices(t, "group_decrease", "kick_me", func(n *napcat) { n.Notice(simulator.GroupDecrease(ops, bot, bob, "kick_me")...) })
}

func TestSeed_openclaw_notice_group_admin_set(t *testing.T) {
	notices(t, "group_admin", "set", func(n *napcat) { n.Notice(simulator.GroupAdmin(ops, eve, true)...) })
}

func TestSeed_openclaw_notice_group_admin_unset(t *testing.T) {
	notices(t, "group_admin", "unset", func(n *napcat) { n.Notice(simulator.GroupAdmin(ops, ann, false)...) })
}

func TestSeed_openclaw_notice_group_recall(t *testing.T) {
	var id int64
	f := notices(t, "group_recall", "", func(n *napcat) {
		id = n.mention(ops, ann, "soon gone")
		n.Recall(id, 0)
	})
	if !f.is("message_id", fmt.Sprint(id)) {
		t.Errorf("received %+v, want message_id %d", f, id)
	}
}

func TestSeed_openclaw_notice_friend_recall(t *testing.T) {
	b, n, p := setUp(t, admitted)
	id := n.tell(ann, "soon gone")
	p.text(t, "soon gone")
	n.Recall(id, 0)
	p.wait(t, "notice friend_recall", func(f frame) bool {
		return f.is("notice_type", "friend_recall") && f.is("message_id", fmt.Sprint(id))
	})
	eventually(t, "the history forgets the recalled text", func() (bool, string) {
		list := b.history(t, "user:20002")
		return len(list) == 1 && list[0].Recalled && list[0].Text == "", printed(list)
	})
}

func TestSeed_openclaw_notice_friend_add(t *testing.T) {
	notices(t, "friend_add", "", func(n *napcat) { n.Notice(simulator.FriendAdd(nobody)...) })
}

func TestSeed_openclaw_notice_group_ban(t *testing.T) {
	_, n, p := setUp(t, admitted)
	n.Notice(simulator.GroupBan(ops, eve, bob, 600)...)
	n.Notice(simulator.GroupBan(ops, eve, bob, 0)...)
	p.wait(t, "ban", func(f frame) bool {
		return f.is("notice_type", "group_ban") && f.is("sub_type", "ban") && f.is("duration", "600")
	})
	p.wait(t, "lift_ban", func(f frame) bool { return f.is("notice_type", "group_ban") && f.is("sub_type", "lift_ban") })
}

func TestSeed_openclaw_notice_notify_poke(t *testing.T) {
	f := notices(t, "notify", "poke", func(n *napcat) { n.Notice(simulator.GroupPoke(ops, ann, bot)...) })
	if !f.is("target_id", fmt.Sprint(bot)) {
		t.Errorf("received %+v", f)
	}
}

func TestSeed_openclaw_notice_notify_lucky_king(t *testing.T) {
	notices(t, "notify", "lucky_king", func(n *napcat) {
		n.Notice(field("group_id", ops), field("user_id", ann), field("notice_type", "notify"), field("sub_type", "lucky_king"), field("target_id", bob))
	})
}

func TestSeed_openclaw_notice_notify_honor(t *testing.T) {
	notices(t, "notify", "honor", func(n *napcat) {
		n.Notice(field("group_id", ops), field("user_id", ann), field("notice_type", "notify"), field("sub_type", "honor"), field("honor_type", "talkative"))
	})
}

// requests lets somebody ask and checks that the app can answer with the flag it got.
func requests(t *testing.T, r simulator.Request, action string) {
	t.Helper()
	_, n, p := setUp(t, admitted)
	flag := n.Request(r)
	f := p.wait(t, "the request", func(f frame) bool {
		return f.is("post_type", "request") && f.is("request_type", r.Type) && (r.SubType == "" || f.is("sub_type", r.SubType))
	})
	if !f.is("flag", flag) || !f.is("user_id", fmt.Sprint(r.User)) {
		t.Errorf("received %+v, want flag %s of user %d", f, flag, r.User)
	}
	p.must(t, action, map[string]any{"flag": flag, "sub_type": r.SubType, "approve": true})
}

func TestSeed_openclaw_request_friend(t *testing.T) {
	requests(t, simulator.Request{Type: "friend", User: nobody, Comment: "hi"}, "set_friend_add_request")
}

func TestSeed_openclaw_request_group_add(t *testing.T) {
	requests(t, simulator.Request{Type: "group", SubType: "add", Group: ops, User: nobody}, "set_group_add_request")
}

func TestSeed_openclaw_request_group_invite(t *testing.T) {
	requests(t, simulator.Request{Type: "group", SubType: "invite", Group: ops, User: ann}, "set_group_add_request")
}

func TestSeed_openclaw_meta_lifecycle_connect(t *testing.T) {
	_, _, p := setUp(t, admitted)
	f := p.first(t)
	if !f.is("post_type", "meta_event") || !f.is("meta_event_type", "lifecycle") || !f.is("sub_type", "connect") || !f.is("self_id", fmt.Sprint(bot)) {
		t.Errorf("the first frame is %+v, want lifecycle connect of %d", f, bot)
	}
}

// Heartbeats go on while NapCat is away, and tell the truth about it.
func TestSeed_openclaw_meta_heartbeat(t *testing.T) {
	t.Parallel()
	b := startBox(t, "apps: {probe: {protocol: onebot11, heartbeat: 1000, accessToken: "+probeToken+"}}")
	n := dialNapCat(t, b)
	p := dialProbe(t, b, "/", probeToken)
	online := func(f frame) any {
		if !f.is("meta_event_type", "heartbeat") {
			return nil
		}
		s, _ := f["status"].(map[string]any)
		return s["online"]
	}
	p.wait(t, "a heartbeat that says online", func(f frame) bool { return online(f) == true && f.is("interval", "1000") })
	n.stop()
	p.wait(t, "a heartbeat that says offline", func(f frame) bool { return online(f) == false })
}

// acts calls one of the page's API functions by its OneBot name and checks that NapCat was asked for it.
func acts(t *testing.T, action string, params map[string]any) frame {
	t.Helper()
	_, n, p := setUp(t, admitted)
	answer := p.must(t, action, params)
	ctx, cancel := deadline(t)
	defer cancel()
	if _, err := n.WaitCall(ctx, func(c simulator.Call) bool { return c.Action == action }); err != nil {
		t.Errorf("NapCat was never asked for %s: %v", action, err)
	}
	return answer
}

func TestSeed_openclaw_setGroupAdmin(t *testing.T) {
	t.Parallel()
	b := startBox(t, admitted+apps)
	world := simulator.DefaultWorld()
	world.Groups[0].Members[2].Role = simulator.RoleOwner // only a group's owner makes admins
	world.Groups[0].Members[0].Role = simulator.RoleMember
	n := callNapCat(t, simulator.Options{Token: napcatToken, World: world}, b.napcatAddress("/onebot/v11/ws"))
	n.linked(t)
	p := dialProbe(t, b, "/", probeToken)
	p.first(t)
	p.must(t, "set_group_admin", map[string]any{"group_id": ops, "user_id": eve, "enable": true})
	p.wait(t, "the notice of it", func(f frame) bool { return f.is("notice_type", "group_admin") && f.is("user_id", fmt.Sprint(eve)) })
}

func TestSeed_openclaw_setGroupMute(t *testing.T) {
	acts(t, "set_group_ban", map[string]any{"group_id": ops, "user_id": eve, "duration": 600})
}

func TestSeed_openclaw_kickGroupMember(t *testing.T) {
	acts(t, "set_group_kick", map[string]any{"group_id": ops, "user_id": eve, "reject_add_request": false})
}

func TestSeed_openclaw_setGroupWholeMute(t *testing.T) {
	acts(t, "set_group_whole_ban", map[string]any{"group_id": ops, "enable": true})
}

func TestSeed_openclaw_setGroupName(t *testing.T) {
	acts(t, "set_group_name", map[string]any{"group_id": ops, "group_name": "New Group Name"})
}

func TestSeed_openclaw_getGroupMemberInfo(t *testing.T) {
	f := acts(t, "get_group_member_info", map[string]any{"group_id": ops, "user_id": ann, "no_cache": false})
	if !f.data().is("card", "ann@ops") {
		t.Errorf("answered %+v", f)
	}
}

func TestSeed_openclaw_getFriendList(t *testing.T) {
	f := acts(t, "get_friend_list", map[string]any{})
	if list, _ := f["data"].([]any); len(list) != 2 {
		t.Errorf("answered %+v, want two friends", f)
	}
}

func TestSeed_openclaw_deleteFriend(t *testing.T) {
	acts(t, "delete_friend", map[string]any{"user_id": bob})
}

func TestSeed_openclaw_setFriendRemark(t *testing.T) {
	acts(t, "set_friend_remark", map[string]any{"user_id": ann, "remark": "New Remark"})
}

// At log.level: debug each event is one line, with its kind and ids and no text of a message that was not admitted.
func TestSeed_openclaw_eventsLogged(t *testing.T) {
	t.Parallel()
	b := startBox(t, "log: {level: debug}\n"+admitted)
	n := dialNapCat(t, b)
	n.Notice(simulator.GroupBan(ops, eve, bob, 600)...)
	n.mention(fun, ann, "not admitted")
	n.Request(simulator.Request{Type: "friend", User: nobody, Comment: "hi"})
	n.mention(ops, ann, "admitted")
	for _, kind := range []string{"group_ban", "group.not-listed", "request", "group:30003"} {
		b.wait(t, kind)
	}
	if b.since(0, "not admitted") {
		t.Error("the log holds the text of a message that was not admitted")
	}
}
