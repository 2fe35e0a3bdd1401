package simulator

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestScenarioErrors(t *testing.T) {
	for _, test := range []struct{ name, yaml, want string }{
		{"empty", "", `x.yaml:1:1: empty; expected a mapping with the key timeline`},
		{"no timeline", "self: {id: 1}", `x.yaml:1:1: the key timeline is missing: a list of steps`},
		{"no mapping", "- say", `x.yaml:1:1: the scenario: expected a mapping with friends, groups, self, strangers, timeline, found a list`},
		{"syntax", "timeline:\n  - say: {", "x.yaml:2:1: did not find expected node content"},
		{"unknown key", "timeline: []\ngroup: []", `x.yaml:2:1: unknown key "group" in the scenario; did you mean "groups"?`},
		{"key twice", "timeline: []\ntimeline: []", `x.yaml:2:1: key "timeline" stands here and on line 1; remove one`},
		{"unknown step", "timeline:\n  - sya: {user: 1}", `x.yaml:2:5: unknown step "sya"; did you mean "say"?`},
		{"hopeless step", "timeline:\n  - xxxxxxxxxxx", `x.yaml:2:5: unknown step "xxxxxxxxxxx"; known: connected, drop, duplicate, expect, fault, mute, notice, offline, online, poke, print, quiet, raw, recall, repeat, request, say, silence, stall, wait`},
		{"two keys in a step", "timeline:\n  - wait: 1\n    drop:", `x.yaml:2:5: a step has one key, this has 2; put a - before each`},
		{"bad duration", "timeline:\n  - wait: soon", `x.yaml:2:11: wait: expected a duration from 0 to 24h like 2s or 500ms, found "soon"`},
		{"bad id", "timeline:\n  - say: {user: Ann, text: hi}", `x.yaml:2:17: user: expected a QQ number or "me", found "Ann"`},
		{"no user", "timeline:\n  - say: {text: hi}", `x.yaml:2:10: say: the key user is missing: who speaks`},
		{"nothing said", "timeline:\n  - say: {user: 1}", `x.yaml:2:10: say: nothing is said; add text, at, image, face, record, video, file, card, reply or segments`},
		{"value for drop", "timeline:\n  - drop: now", `x.yaml:2:11: drop takes no value, found "now"`},
		{"bad toggle", "timeline:\n  - mute: maybe", `x.yaml:2:11: mute: expected true or false, found "maybe"`},
		{"expect nothing", "timeline:\n  - expect: {within: 1s}", `x.yaml:2:13: expect: expected one of sent, call`},
		{"bad pattern", "timeline:\n  - expect: {sent: {matches: '['}}", "x.yaml:2:30: matches: error parsing regexp: missing closing ]: `[`"},
		{"bad role", "groups: [{id: 1, members: [{id: 2, role: boss}]}]\ntimeline: []", `x.yaml:1:42: role: expected one of member, admin, owner, found "boss"`},
		{"alias", "timeline:\n  - &a wait: 1\n  - *a", `x.yaml:3:5: expected a step, found an alias; write it out`},
		{"repeat without end", "timeline:\n  - repeat: {do: [drop]}", `x.yaml:2:13: repeat: expected one of times, forever: true`},
		{"repeat without steps", "timeline:\n  - repeat: {times: 2}", `x.yaml:2:13: repeat: the key do is missing: a list of steps`},
		{"repeat range", "timeline:\n  - repeat: {times: 0, do: [drop]}", "x.yaml:2:21: times: expected a number from 1 to 2147483647, found \"0\""},
		{"notice", "timeline:\n  - notice: {user_id: 1}", `x.yaml:2:13: notice: the key notice_type is missing`},
		{"request", "timeline:\n  - request: {type: group, user: 1}", `x.yaml:2:14: request: the key group is missing`},
		{"fault", "timeline:\n  - fault: {silent: true}", `x.yaml:2:12: fault: the key action is missing (an action's name, or "*")`},
		{"raw", "timeline:\n  - raw: [1]", `x.yaml:2:10: raw: expected a mapping or a text, found a list`},
		{"all at once", "timeline:\n  - wait: x\n  - pock: {}", "x.yaml:2:11: wait: expected a duration from 0 to 24h like 2s or 500ms, found \"x\"\nx.yaml:3:5: unknown step \"pock\"; did you mean \"poke\"?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseScenario("x.yaml", []byte(test.yaml))
			var problems *ScenarioError
			if !errors.As(err, &problems) {
				t.Fatalf("error %v", err)
			}
			if d := cmp.Diff(test.want, err.Error()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLoadScenarioNamesTheFile(t *testing.T) {
	if _, err := LoadScenario("testdata/none.yaml"); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "reading the scenario: ") {
		t.Errorf("error %v", err)
	}
}

func TestScenarioWorld(t *testing.T) {
	s, err := ParseScenario("x", []byte("self: {id: 77, nickname: Robo}\ngroups: [{id: 5, name: G, members: [{id: me, role: owner}]}]\ntimeline: []"))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultWorld()
	want.SelfID, want.Nickname = 77, "Robo"
	want.Groups = []Group{{ID: 5, Name: "G", Members: []Member{{ID: 77, Role: RoleOwner}}}}
	if d := cmp.Diff(want, s.World); d != "" {
		t.Error(d)
	}
}

// echo is the simplest of apps: it answers ping with pong, by way of the gateway's end of the link.
func echo(p *peer, stop <-chan struct{}) {
	for {
		select {
		case raw := <-p.frames:
			f := parseFrame(p.t, raw)
			if f.text("post_type") != "message" || !strings.Contains(f.text("raw_message"), "ping") {
				continue
			}
			text := "pong" + f.text("raw_message")[strings.Index(f.text("raw_message"), "ping")+4:]
			action, to := "send_private_msg", `"user_id":`+f.text("user_id")
			if f.text("message_type") == "group" {
				action, to = "send_group_msg", `"group_id":`+f.text("group_id")
			} else if f.keys["group_id"] != nil {
				to += `,"group_id":` + f.text("group_id")
			}
			_ = p.conn.Send([]byte(`{"action":"` + action + `","params":{` + to + `,"message":` + string(encode(text)) + `}}`)) // a cut link is part of the play
		case <-p.ended:
			return
		case <-stop:
			return
		}
	}
}

// play runs a scenario against the echo app.
func play(t *testing.T, s *Scenario) ([]Failure, string) {
	t.Helper()
	ctx := testContext(t)
	g := newGateway(t)
	n := New(Options{World: s.World, ReconnectInterval: time.Millisecond, HeartInterval: -1})
	g.dial(n)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case p := <-g.peers:
				echo(p, stop)
			case <-stop:
				return
			}
		}
	})
	var out strings.Builder
	failures, err := Run(ctx, n, s, &out)
	close(stop)
	wg.Wait()
	if err != nil {
		t.Fatalf("%v after\n%s", err, out.String())
	}
	return failures, out.String()
}

func TestSampleScenario(t *testing.T) {
	s, err := LoadScenario("testdata/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	failures, out := play(t, s)
	if len(failures) > 0 {
		t.Errorf("%v in\n%s", failures, out)
	}
	data, err := os.ReadFile("testdata/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range (&reading{}).stepReaders(0) {
		if !strings.Contains(string(data), "- "+name) {
			t.Errorf("the sample does not show %s", name)
		}
	}
}

func TestFailuresAreReported(t *testing.T) {
	s, err := ParseScenario("x.yaml", []byte(`
timeline:
  - connected
  - say: {user: 20002, text: ping}
  - expect: {sent: {user: 20002, equals: pong}}
  - expect: {sent: {user: 20002}, within: 1ms}
  - say: {user: 20002, reply: nobody}
  - say: {user: 20003, text: ping}
  - quiet: {sent: {user: 20003}, for: 10s}
  - expect: {call: {action: send_private_msg, params: {user_id: 20003, message: pong}}}
  - expect: {call: {action: send_private_msg, params: {user_id: 20004}}, within: 1ms}
`))
	if err != nil {
		t.Fatal(err)
	}
	failures, out := play(t, s)
	want := []Failure{
		{6, "expect", "nothing like that within 1ms"},
		{7, "say", "no message is called \"nobody\"; give it a name with `as`"},
		{9, "quiet", `unexpected: sent "pong"`},
		{11, "expect", "nothing like that within 1ms"},
	}
	if d := cmp.Diff(want, failures); d != "" {
		t.Error(d, out)
	}
	if !strings.Contains(out, "FAILED line 6: expect: nothing like that within 1ms\n") || !strings.HasSuffix(out, "x.yaml: 9 steps, 4 failed\n") {
		t.Errorf("printed\n%s", out)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s, err := ParseScenario("x", []byte("timeline:\n  - repeat: {forever: true, do: [{wait: 1h}]}"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if failures, err := Run(ctx, New(Options{}), s, &strings.Builder{}); !errors.Is(err, context.Canceled) || failures != nil {
		t.Errorf("%v, %v", failures, err)
	}
}
