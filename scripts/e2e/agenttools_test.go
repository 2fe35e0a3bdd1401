package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// confirmCode finds the code that an owner has to send.
var confirmCode = regexp.MustCompile(`/confirm (\d{6})$`)

// called waits for a call of an action whose params have these values, as text.
func (h *house) called(t *testing.T, action string, params map[string]string) {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	if _, err := h.n.WaitCall(ctx, func(c simulator.Call) bool {
		for key, want := range params {
			if fmt.Sprint(c.Params[key]) != want {
				return false
			}
		}
		return c.Name == action
	}); err != nil {
		t.Errorf("%s %v was not called; all calls:\n%s", action, params, allCalls(h.n))
	}
}

// allCalls are all that were made, a line each.
func allCalls(n *napcat) string {
	var b strings.Builder
	for _, c := range n.Calls() {
		fmt.Fprintf(&b, "%s %s\n", c.Action, c.Raw)
	}
	return b.String()
}

// uncalled checks that none of the actions was called.
func (h *house) uncalled(t *testing.T, actions ...string) {
	t.Helper()
	for _, c := range h.n.Calls() {
		for _, a := range actions {
			if c.Name == a {
				t.Errorf("%s was called: %s", a, c.Raw)
			}
		}
	}
}

// use lets the model call a tool in a place and returns what it was told of it.
func (p *place) use(t *testing.T, model, tool string, arguments any) string {
	t.Helper()
	text, ok := arguments.(string)
	if !ok {
		text = encoded(arguments)
	}
	p.h.say(model, turn{calls: []toolCall{{tool, text}}}, turn{text: "NO_REPLY"})
	p.say("use " + tool)
	p.h.question(t, model)
	q := p.h.question(t, model)
	if last := q.Messages[len(q.Messages)-1]; last.Role != "tool" {
		t.Fatalf("the model was told nothing of %s: %s", tool, q.raw)
	}
	return q.text(-1)
}

func TestAgentTools(t *testing.T) {
	t.Parallel()
	user := func(i uint64) uint64 { return person + i }
	dir := t.TempDir()
	for name, text := range map[string]string{
		"feeding": "---\nname: feeding\ndescription: How to feed the cat\n---\nTwice a day, 50 g.",
		"washing": "---\nname: washing\ndescription: How to wash the cat\n---\nDo not.",
	} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "SKILL.md"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := furnish(t, agents{
		lines: `groups: {"31001": {tools: {deny: ["send_*"], toolsBySender: {"user:20001": {}}}}, "31002": {tools: {allow: [get_msg]}}, "31003": {skills: [washing]}, "31004": {skills: []}, "*": {}}`,
		apps: map[string]string{
			"able":    "tools: {allow: [qq_read, qq_send, qq_moderate, qq_account], deny: [set_group_card]}, " + serves(circle, circle+1, circle+2, user(0), user(1)),
			"bare":    serves(user(2)),
			"skilled": "skillsDir: " + dir + ", " + serves(circle+3, circle+4, circle+5),
		},
	})
	g := h.in(circle, ann)

	t.Run("rights", func(t *testing.T) {
		for _, c := range []struct {
			p    *place
			want string
		}{
			{g, "get_group_info get_group_member_info get_group_member_list get_msg send_message send_poke upload_group_file upload_private_file set_group_ban set_group_kick set_group_whole_ban set_group_admin set_group_name delete_msg get_friend_list set_friend_remark delete_friend"},
			{h.in(circle+1, ann), "get_group_info get_group_member_info get_group_member_list get_msg upload_group_file upload_private_file set_group_ban set_group_kick set_group_whole_ban set_group_admin set_group_name delete_msg get_friend_list set_friend_remark delete_friend"},
			{h.in(circle+1, boss), "get_group_info get_group_member_info get_group_member_list get_msg send_message send_poke upload_group_file upload_private_file set_group_ban set_group_kick set_group_whole_ban set_group_admin set_group_name delete_msg get_friend_list set_friend_remark delete_friend"},
			{h.in(circle+2, ann), "get_msg"},
		} {
			h.say("able", turn{text: "NO_REPLY"})
			c.p.say("what can you do?")
			if got := h.question(t, "able").tools(); got != c.want {
				t.Errorf("%d in group %d is offered\n%s\nnot\n%s", c.p.user, c.p.group, got, c.want)
			}
		}
		h.say("bare", turn{text: "NO_REPLY"})
		h.with(user(2)).say("what can you do?")
		if got := h.question(t, "bare").tools(); got != "" {
			t.Errorf("by default a model is offered %s", got)
		}
		// A tool that was not offered is not carried out.
		holds(t, "the result", h.in(circle+2, ann).use(t, "able", "send_message", `{"message":[{"type":"text","text":"hi"}]}`), "no such tool")
		holds(t, "the result", g.use(t, "able", "set_group_card", `{"user_id":"20002","card":"x"}`), "no such tool")
		holds(t, "the result", g.use(t, "able", "exec", `{"command":"id"}`), "no such tool")
	})

	// Each function of the OpenClaw page is a tool. Those that change the group wait for an owner.
	t.Run("functions", func(t *testing.T) {
		holds(t, "the member", g.use(t, "able", "get_group_member_info", `{"user_id":20002}`), "ann@circle", "20002")
		holds(t, "the group", g.use(t, "able", "get_group_info", `{}`), "Circle 0")
		holds(t, "the members", g.use(t, "able", "get_group_member_list", ``), "ann@circle", "20009")
		holds(t, "the friends", g.use(t, "able", "get_friend_list", `{}`), "Boss")
		g.use(t, "able", "set_friend_remark", `{"user_id":"20002","remark":"the one with the cat"}`)
		h.called(t, "set_friend_remark", map[string]string{"user_id": "20002", "remark": "the one with the cat"})
		g.use(t, "able", "send_poke", `{"user_id":"20002"}`)
		h.called(t, "send_poke", map[string]string{"user_id": "20002", "group_id": "31000"})
		id := h.n.Say(simulator.InGroup(circle, bob), simulator.Text("words to look up"))
		holds(t, "the message", g.use(t, "able", "get_msg", fmt.Sprintf(`{"message_id":"%d"}`, id)), "words to look up")
		other := h.n.Say(simulator.InGroup(circle+1, bob), simulator.Text("none of your business"))
		lacks(t, "a message of another chat", g.use(t, "able", "get_msg", fmt.Sprintf(`{"message_id":"%d"}`, other)), "none of your business")
		own := fmt.Sprint(circle)
		for _, c := range []struct {
			tool, arguments, action string
			params                  map[string]string
		}{
			{"set_group_ban", `{"user_id":"20009","duration":600}`, "set_group_ban", map[string]string{"group_id": own, "user_id": "20009", "duration": "600"}},
			{"set_group_whole_ban", `{"enable":true}`, "set_group_whole_ban", map[string]string{"group_id": own, "enable": "true"}},
			{"set_group_admin", `{"user_id":"20003","enable":true}`, "set_group_admin", map[string]string{"group_id": own, "user_id": "20003", "enable": "true"}},
			{"set_group_name", `{"group_name":"Cats only"}`, "set_group_name", map[string]string{"group_id": own, "group_name": "Cats only"}},
			{"delete_msg", fmt.Sprintf(`{"message_id":"%d"}`, id), "delete_msg", map[string]string{"message_id": fmt.Sprint(id)}},
			{"delete_friend", `{"user_id":"21050"}`, "delete_friend", map[string]string{"user_id": "21050"}},
			{"set_group_kick", `{"user_id":"20009"}`, "set_group_kick", map[string]string{"group_id": own, "user_id": "20009", "reject_add_request": "false"}},
		} {
			t.Run(c.tool, func(t *testing.T) {
				g.heard = newest(h.n)
				holds(t, "the result", g.use(t, "able", c.tool, c.arguments), "Not done yet")
				s := g.next(t)
				m := confirmCode.FindStringSubmatch(s.Text)
				if m == nil {
					t.Fatalf("no code: %q", s.Text)
				}
				holds(t, "what the owner is shown", s.Text, c.action, "ann@circle(20002)")
				// Neither who asked nor an owner elsewhere can confirm it.
				g.say("/confirm " + m[1])
				g.hears(t, "Only an owner can confirm that.")
				elsewhere := h.in(circle+1, boss)
				elsewhere.heard = g.heard
				elsewhere.say("/confirm " + m[1])
				elsewhere.hears(t, "There is no such code, or it is too old.")
				h.uncalled(t, c.action)
				owner := g.as(boss)
				owner.heard = newest(h.n)
				owner.say("/确认 " + m[1])
				owner.hears(t, "Done.")
				h.called(t, c.action, c.params)
				owner.say("/confirm " + m[1]) // once
				owner.hears(t, "There is no such code, or it is too old.")
			})
		}
	})

	// What is sent by a tool goes out as segments, of media only what catflap has kept.
	t.Run("sending", func(t *testing.T) {
		g.heard = newest(h.n)
		origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("\x89PNG\r\n\x1a\nnot much of a picture"))
		}))
		t.Cleanup(origin.Close)
		p := h.with(user(0))
		h.say("able", turn{text: "NO_REPLY"})
		p.show(simulator.Image("0123.png", origin.URL+"/0123.png"), simulator.Text("keep this"))
		q := h.question(t, "able")
		address := regexp.MustCompile(`\[image file=(\S+)\]`).FindStringSubmatch(q.text(-1))
		if address == nil {
			t.Fatalf("the picture has no address: %s", q.text(-1))
		}
		send := func(p *place, segments ...map[string]any) simulator.Sent {
			t.Helper()
			result := p.use(t, "able", "send_message", map[string]any{"message": segments})
			if !strings.Contains(result, "done") {
				t.Errorf("the model was told %q of %v", result, segments)
			}
			return p.next(t)
		}
		kinds := func(s simulator.Sent) string {
			var list []string
			for _, segment := range s.Segments {
				list = append(list, segment.Type)
			}
			return strings.Join(list, " ")
		}
		is := func(s simulator.Sent, want string) {
			t.Helper()
			if got := kinds(s); got != want {
				t.Errorf("sent as %q, not %q: %s", got, want, s.Raw)
			}
		}
		is(send(p, map[string]any{"type": "text", "text": "[CQ:at,qq=all]"}, map[string]any{"type": "face", "id": "14"}, map[string]any{"type": "image", "file": address[1]}), "text face image")
		is(send(p, map[string]any{"type": "record", "file": address[1]}), "record")
		is(send(p, map[string]any{"type": "video", "file": address[1]}), "video")
		is(send(p, map[string]any{"type": "file", "file": address[1], "name": "cat.png"}), "file")
		is(send(p, map[string]any{"type": "dice"}), "dice")
		is(send(p, map[string]any{"type": "rps"}), "rps")
		is(send(p, map[string]any{"type": "mface", "emoji_package_id": "1", "emoji_id": "2", "key": "3", "summary": "[赞]"}), "mface")
		is(send(p, map[string]any{"type": "json", "data": map[string]any{"app": "com.example"}}), "json")
		is(send(p, map[string]any{"type": "music", "platform": "163", "id": "5"}), "music")
		is(send(p, map[string]any{"type": "contact", "kind": "qq", "id": "20002"}), "contact")
		is(send(p, map[string]any{"type": "node", "user_id": "20002", "nickname": "Ann", "text": "one"}, map[string]any{"type": "node", "user_id": "20003", "nickname": "Bob", "text": "two"}), "node node")
		is(send(g, map[string]any{"type": "at", "user_id": "20002"}, map[string]any{"type": "text", "text": " psst"}), "at text")
		for _, evil := range []map[string]any{
			{"type": "image", "file": "/etc/passwd"}, {"type": "image", "file": "file:///etc/passwd"}, {"type": "file", "file": "../../etc/passwd", "name": "x"},
			{"type": "image", "file": origin.URL + "/other.png"}, {"type": "image", "file": "base64://aGk="}, {"type": "record", "file": "http://169.254.169.254/"},
			{"type": "at", "user_id": "all"}, {"type": "shell", "data": "id"},
		} {
			if result := p.use(t, "able", "send_message", map[string]any{"message": []any{evil}}); !strings.Contains(result, "error:") {
				t.Errorf("the model was told %q of %v", result, evil)
			}
		}
		holds(t, "the result", p.use(t, "able", "upload_private_file", map[string]any{"file": "/etc/passwd", "name": "x"}), "error:")
		p.use(t, "able", "upload_private_file", map[string]any{"file": address[1], "name": "cat.png"})
		h.called(t, "upload_private_file", map[string]string{"user_id": fmt.Sprint(p.user), "name": "cat.png"})
		g.use(t, "able", "upload_group_file", map[string]any{"file": address[1], "name": "cat.png"})
		h.called(t, "upload_group_file", map[string]string{"group_id": fmt.Sprint(circle), "name": "cat.png"})
	})

	t.Run("skills", func(t *testing.T) {
		for group, want := range map[uint64]string{circle + 3: "washing", circle + 4: "", circle + 5: "feeding washing"} {
			h.say("skilled", turn{text: "NO_REPLY"})
			h.in(group, ann).say("hello")
			q := h.question(t, "skilled")
			var listed []string
			for _, name := range []string{"feeding", "washing"} {
				if strings.Contains(q.text(0), "- "+name+": How to ") {
					listed = append(listed, name)
				}
			}
			if got := strings.Join(listed, " "); got != want || (q.tools() == "skill_read") != (want != "") {
				t.Errorf("group %d has the skills %q and the tools %q", group, got, q.tools())
			}
		}
		p := h.in(circle+3, ann)
		holds(t, "the skill", p.use(t, "skilled", "skill_read", `{"name":"washing"}`), "Do not.")
		lacks(t, "a skill of other groups", p.use(t, "skilled", "skill_read", `{"name":"feeding"}`), "50 g")
		lacks(t, "no skill", p.use(t, "skilled", "skill_read", `{"name":"../../../etc/passwd"}`), "root:")
	})

	// The answer comes after the tools, and what they cost is counted with it.
	t.Run("rounds", func(t *testing.T) {
		p := h.with(user(1))
		h.say("able", turn{calls: []toolCall{{"get_friend_list", "{}"}, {"send_message", `{"message":"by the way"}`}}}, turn{calls: []toolCall{{"get_friend_list", "{}"}}}, turn{text: "that is all"})
		p.say("do it")
		h.question(t, "able")
		q := h.question(t, "able")
		var ids []string
		for _, m := range q.Messages {
			if m.Role == "tool" {
				ids = append(ids, m.ToolCallID)
			}
		}
		if fmt.Sprint(ids) != "[call_0 call_1]" {
			t.Errorf("the results are for %v: %s", ids, q.raw)
		}
		h.question(t, "able")
		p.hears(t, "by the way")
		p.hears(t, "that is all")
		// A model that never comes to an end is asked once without tools.
		endless := make([]turn, 6)
		for i := range endless {
			endless[i] = turn{calls: []toolCall{{"get_friend_list", "{}"}}}
		}
		h.say("able", append(endless, turn{text: "well then"})...)
		p.say("go round and round")
		for range 6 {
			h.question(t, "able")
		}
		if q := h.question(t, "able"); q.tools() != "" {
			t.Errorf("after six rounds it is offered %s", q.tools())
		}
		p.hears(t, "well then")
	})
}

// newest is the number of the newest message that the account has sent.
func newest(n *napcat) (seq int64) {
	for _, s := range n.Sent() {
		seq = max(seq, s.Seq)
	}
	return seq
}
