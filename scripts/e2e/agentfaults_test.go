package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// Who was let in privately is not let in in groups.
func TestFault_P11_AgentHearsFriendsInGroupsNot(t *testing.T) {
	t.Parallel()
	h := furnish(t, agents{lines: "dmPolicy: pairing\ngroupPolicy: allowlist\nallowFrom: [20002]\ngroups: {\"31000\": {allowFrom: [20003]}}", apps: map[string]string{"brain": "requireMention: false"}})
	h.with(bob).say("let me in")
	h.cli(t, "pairing", "approve", h.n.code(t, bob))
	h.in(circle, ann).say("I am in allowFrom")
	h.in(circle+1, bob).say("I am approved")
	h.say("brain", turn{text: "welcome"})
	p := h.in(circle, bob)
	p.say("I am listed")
	holds(t, "the question", h.question(t, "brain").text(-1), "I am listed")
	p.hears(t, "welcome")
	h.unasked(t, "brain")
}

// An empty list lets nobody in.
func TestFault_P12_AgentOfEmptyLists(t *testing.T) {
	t.Parallel()
	h := furnish(t, agents{lines: "dmPolicy: allowlist\ngroupPolicy: allowlist\nallowFrom: [20002]\ngroups: {\"31000\": {allowFrom: []}}", apps: map[string]string{"brain": "requireMention: false"}})
	h.in(circle, ann).say("nobody may")
	h.in(circle+1, ann).say("not listed")
	h.with(bob).say("not listed either")
	h.say("brain", turn{text: "welcome"})
	p := h.with(ann)
	p.say("I am listed")
	holds(t, "the question", h.question(t, "brain").text(-1), "I am listed")
	p.hears(t, "welcome")
	h.unasked(t, "brain")
}

// Pictures and forwarded messages of those who are not let in are not fetched.
func TestFault_P13_AgentFetchesAfterTheGates(t *testing.T) {
	t.Parallel()
	h := furnish(t, agents{lines: "groupPolicy: allowlist\ngroups: {\"31000\": {allowFrom: [20002]}}", apps: map[string]string{"brain": "vision: on"}})
	var fetched atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_, _ = w.Write([]byte("\x89PNG\r\n\x1a\npicture"))
	}))
	t.Cleanup(origin.Close)
	shown := []simulator.Segment{simulator.Image("a.png", origin.URL+"/a.png"), simulator.Forward("7000000000000000002"), simulator.Text("look")}
	h.in(circle, eve).show(shown...)
	h.in(circle+1, ann).show(shown...)
	h.say("brain", turn{text: "yes"})
	p := h.in(circle, ann)
	p.say("only words")
	h.question(t, "brain")
	p.hears(t, "yes")
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d pictures were fetched", n)
	}
	h.uncalled(t, "get_forward_msg", "get_image", "get_file", "download_file_stream")
	h.unasked(t, "brain")
}

// @everyone is no mention of the bot.
func TestFault_P14_AgentIsNotEverybody(t *testing.T) {
	t.Parallel()
	h := furnish(t, agents{apps: map[string]string{"brain": ""}})
	h.n.Say(simulator.InGroup(circle, ann), simulator.AtAll(), simulator.Text(" dinner!"))
	h.say("brain", turn{text: "you called?"})
	p := h.in(circle, ann)
	p.say("and you?")
	q := h.question(t, "brain")
	holds(t, "the question", q.text(-1), "and you?", "dinner!")
	p.hears(t, "you called?")
	h.unasked(t, "brain")
}

// Addresses of this network and paths of this machine in messages are not opened for the model.
func TestFault_S02_AgentOpensNoInnerAddresses(t *testing.T) {
	t.Parallel()
	h := furnish(t, agents{lines: "media: {maxDailyMb: 100}", apps: map[string]string{"brain": "vision: on"}})
	var fetched atomic.Int64
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	t.Cleanup(inner.Close)
	for _, address := range []string{inner.URL + "/a.png", "http://169.254.169.254/latest/meta-data", "file:///etc/hostname"} {
		h.say("brain", turn{text: "no"})
		p := h.with(person)
		p.heard = newest(h.n)
		file := simulator.File("passwd.txt", "/unknown", 100)
		file.Data["url"] = address
		h.n.OnAction("*", func(c simulator.Call) simulator.Answer {
			if strings.HasPrefix(c.Name, "get_image") || strings.HasPrefix(c.Name, "get_file") || strings.HasPrefix(c.Name, "download_file") || strings.Contains(c.Name, "file_url") {
				return simulator.Answer{Retcode: 1200, Message: "no"}
			}
			return simulator.Answer{}
		})
		p.show(simulator.Image("a.png", address), file, simulator.Text("look"))
		q := h.question(t, "brain")
		lacks(t, "the question", q.raw, "image_url", "root:", "<file ")
		holds(t, "the question", q.text(-1), "[image]", "[file passwd.txt 100 B]")
		p.hears(t, "no")
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("an inner address was asked %d times", n)
	}
}
