package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A group's prompt stands behind the app's and the account's; a group without one has that of "*".
func TestSeed_openclaw_groups_systemPrompt(t *testing.T) {
	t.Parallel()
	h := furnish(t, agents{lines: "systemPrompt: Prompt of the account.\ngroups: {\"31000\": {systemPrompt: Prompt of the group.}, \"31001\": {}, \"*\": {systemPrompt: Prompt of the others.}}",
		apps: map[string]string{"brain": "systemPrompt: Prompt of the app."}})
	for _, c := range []struct {
		p    *place
		want []string
	}{
		{h.in(circle, ann), []string{"Prompt of the app.", "Prompt of the account.", "Prompt of the group."}},
		{h.in(circle+1, ann), []string{"Prompt of the app.", "Prompt of the account.", "Prompt of the others."}},
		{h.with(person), []string{"Prompt of the app.", "Prompt of the account."}},
	} {
		h.say("brain", turn{text: "yes"})
		c.p.say("hello")
		prompt := h.question(t, "brain").text(0)
		if want := strings.Join(c.want, "\n\n") + "\n\nYou are QQ 10001"; !strings.HasPrefix(prompt, want) {
			t.Errorf("in group %d the prompt is %q and does not begin with %q", c.p.group, prompt, want)
		}
		c.p.hears(t, "yes")
	}
}

// A group's list of skills is final: none with [], all without one.
func TestSeed_openclaw_groups_skills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"code-review", "debugging"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "SKILL.md"), []byte("---\nname: "+name+"\ndescription: About "+name+"\n---\nSteps of "+name+"."), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := furnish(t, agents{lines: "groups: {\"31000\": {skills: [code-review]}, \"31001\": {skills: []}, \"31002\": {}}", apps: map[string]string{"brain": "skillsDir: " + dir}})
	for _, c := range []struct {
		p          *place
		has, hasNo []string
	}{
		{h.in(circle, ann), []string{"- code-review: About code-review"}, []string{"debugging"}},
		{h.in(circle+1, ann), nil, []string{"code-review", "debugging"}},
		{h.in(circle+2, ann), []string{"- code-review: ", "- debugging: "}, nil},
		{h.with(person), []string{"- code-review: ", "- debugging: "}, nil},
	} {
		h.say("brain", turn{text: "yes"})
		c.p.say("hello")
		q := h.question(t, "brain")
		holds(t, "the prompt", q.text(0), c.has...)
		lacks(t, "the prompt", q.raw, c.hasNo...)
		c.p.hears(t, "yes")
	}
	p := h.in(circle, ann)
	holds(t, "the skill", p.use(t, "brain", "skill_read", `{"name":"code-review"}`), "Steps of code-review.")
	holds(t, "another one", p.use(t, "brain", "skill_read", `{"name":"debugging"}`), "error: there is no skill called")
}

// A group's tools narrow those of the app, by sender where the group says so. What it denies is neither offered nor done.
func TestSeed_openclaw_groups_tools(t *testing.T) {
	t.Parallel()
	h := furnish(t, agents{
		lines: `groups: {"31000": {tools: {allow: [qq_send, qq_read], deny: [get_msg, "send_p*"]}}, "31001": {tools: {deny: ["*"], toolsBySender: {"user:20002": {allow: [send_message, set_group_ban]}}}}, "31002": {}, "*": {tools: {allow: [get_msg]}}}`,
		apps:  map[string]string{"brain": "tools: {allow: [qq_read, qq_send]}"},
	})
	const reading, sending = "get_group_info get_group_member_info get_group_member_list", "send_message"
	for _, c := range []struct {
		p    *place
		want string
	}{
		{h.in(circle, ann), reading + " " + sending + " upload_group_file upload_private_file"},
		{h.in(circle+1, ann), sending}, // set_group_ban is more than the app allows
		{h.in(circle+1, bob), ""},
		{h.in(circle+2, ann), "get_msg"},
		{h.with(person), reading + " get_msg " + sending + " send_poke upload_group_file upload_private_file"},
	} {
		h.say("brain", turn{text: "yes"})
		c.p.heard = newest(h.n)
		c.p.say("hello")
		if got := h.question(t, "brain").tools(); got != c.want {
			t.Errorf("%d in group %d: the model is offered %q and not %q", c.p.user, c.p.group, got, c.want)
		}
		c.p.hears(t, "yes")
	}
	p := h.in(circle+1, bob)
	holds(t, "what is denied", p.use(t, "brain", "send_poke", `{"user_id":"20002"}`), "no such tool")
	h.uncalled(t, "send_poke")
}
