package router

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/simulator"
	"github.com/catflap/catflap/policy"
)

const chunkApps = `textChunkLimit: 10
apps:
  cut: {protocol: onebot11, accessToken: token-of-cut, chunk: true}
  whole: {protocol: onebot11, accessToken: token-of-whole}
`

// texts are the messages that NapCat was given, raw.
func texts(sim *simulator.NapCat) (out []string) {
	for _, s := range sim.Sent() {
		out = append(out, string(s.Raw))
	}
	return out
}

func segment(text string) string { return `{"type":"text","data":{"text":"` + text + `"}}` }

// textChunkLimit was read and used nowhere.
func TestFault_P07_RepliesAreCutAtTextChunkLimit(t *testing.T) {
	const reply = `{"type":"reply","data":{"id":"7"}}`
	for _, c := range []struct {
		name, app, frame string
		want             []string
	}{
		{"array to a group", "cut", `{"action":"send_group_msg","params":{"group_id":30003,"message":[` + reply + `,` + segment("第一句话。第二句话。第三") + `]},"echo":"e"}`,
			[]string{`[` + reply + `,` + segment("第一句话。第二句话。") + `]`, `[` + segment("第三") + `]`}},
		{"CQ string to a friend", "cut", `{"action":"send_private_msg","params":{"user_id":20002,"message":"one two three[CQ:face,id=1]"},"echo":"e"}`,
			[]string{`[` + segment("one two") + `]`, `[` + segment("three") + `,{"type":"face","data":{"id":"1"}}]`}},
		{"send_msg, literally", "cut", `{"action":"send_msg","params":{"user_id":20002,"message":"[CQ:a] three","auto_escape":true},"echo":"e"}`,
			[]string{`[` + segment("[CQ:a]") + `]`, `[` + segment("three") + `]`}},
		{"short", "cut", `{"action":"send_msg","params":{"user_id":20002,"message":"short"},"echo":"e"}`, []string{`"short"`}},
		{"an app that does not want it", "whole", `{"action":"send_msg","params":{"user_id":20002,"message":"one two three"},"echo":"e"}`, []string{`"one two three"`}},
		{"quick operation", "cut", `{"action":".handle_quick_operation","params":{"context":{"post_type":"message","message_type":"private","user_id":20002},"operation":{"reply":"one two three"}},"echo":"e"}`,
			[]string{`[` + segment("one two") + `]`, `[` + segment("three") + `]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, quiet+"pacing: off\n"+chunkApps)
			sim := h.link(account(t), simulator.Options{})
			var answer struct {
				Status  string
				Retcode int
				Data    struct {
					MessageID int64   `json:"message_id"`
					All       []int64 `json:"catflap_message_ids"`
				}
				Echo string
			}
			got := h.answer(c.app, c.frame)
			if err := json.Unmarshal([]byte(got), &answer); err != nil {
				t.Fatal(err)
			}
			sent := sim.Sent()
			if all := texts(sim); strings.Join(all, "\n") != strings.Join(c.want, "\n") {
				t.Fatalf("NapCat was given\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(c.want, "\n"))
			}
			if answer.Status != "ok" || answer.Retcode != 0 || answer.Echo != "e" {
				t.Errorf("answered %s", got)
			}
			if c.name == "quick operation" {
				return // its answer has no data
			}
			if answer.Data.MessageID != sent[0].MessageID {
				t.Errorf("answered %s, the first message is %d", got, sent[0].MessageID)
			}
			var ids []int64
			for _, s := range sent {
				ids = append(ids, s.MessageID)
			}
			if len(ids) > 1 && !slices.Equal(answer.Data.All, ids) || len(ids) == 1 && answer.Data.All != nil {
				t.Errorf("answered %s, the messages are %v", got, ids)
			}
			until(t, "history has each message", func() bool {
				n := 0
				for _, chat := range []policy.Chat{{Group: true, ID: 30003}, {ID: 20002}} {
					records, _ := h.store.History().Show("default", chat, 10)
					n += len(records)
				}
				return n == len(ids)
			})
		})
	}
}

func TestFailedChunkStopsTheRest(t *testing.T) {
	const frame = `{"action":"send_group_msg","params":{"group_id":30003,"message":"one two three four five six"},"echo":5}`
	for _, c := range []struct {
		name   string
		fails  int // number of the send
		answer simulator.Answer
		want   string // ID = the id of what was sent
		sent   []string
	}{
		{"the second", 2, simulator.Answer{Retcode: 1200, Message: "no"},
			`{"status":"failed","retcode":1200,"data":{"catflap_message_ids":[ID]},"message":"no (message 2 of 3: what comes behind it was not sent)","wording":"no (message 2 of 3: what comes behind it was not sent)","echo":5}`, []string{`[` + segment("one two") + `]`}},
		{"the first", 1, simulator.Answer{Retcode: 1400, Message: "no"},
			`{"status":"failed","retcode":1400,"data":null,"message":"no (message 1 of 3: what comes behind it was not sent)","wording":"no (message 1 of 3: what comes behind it was not sent)","echo":5}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, quiet+"pacing: off\n"+chunkApps)
			sim := h.link(account(t), simulator.Options{})
			n := 0 // one send after the other
			sim.OnAction("send_group_msg", func(simulator.Call) simulator.Answer {
				if n++; n == c.fails {
					return c.answer
				}
				return simulator.Answer{}
			})
			got := h.answer("cut", frame)
			want := c.want
			for _, s := range sim.Sent() {
				id, _ := json.Marshal(s.MessageID)
				want = strings.ReplaceAll(want, "ID", string(id))
			}
			if got != want {
				t.Errorf("answered %s\nwant %s", got, want)
			}
			if all := texts(sim); strings.Join(all, "\n") != strings.Join(c.sent, "\n") {
				t.Errorf("NapCat was given %s", all)
			}
		})
	}
	t.Run("too long", func(t *testing.T) {
		h := newHouse(t, quiet+"pacing: off\n"+chunkApps)
		sim := h.link(account(t), simulator.Options{})
		got := h.answer("cut", `{"action":"send_group_msg","params":{"group_id":30003,"message":"`+strings.Repeat("x", 641)+`"},"echo":5}`)
		if want := "nothing was sent: the text makes more than 64 messages: raise textChunkLimit, or send it as a file or in a forwarded message"; !strings.Contains(got, want) || !strings.Contains(got, `"retcode":1400`) || len(sim.Sent()) != 0 {
			t.Errorf("answered %s", got)
		}
	})
}

// What another connection sends to the same chat meanwhile comes behind the last part.
func TestNothingComesBetweenChunks(t *testing.T) {
	h := newHouse(t, quiet+"pacing: off\n"+chunkApps)
	sim := h.link(account(t), simulator.Options{})
	arrived, goOn := make(chan struct{}, 8), make(chan struct{})
	sim.OnAction("send_group_msg", func(simulator.Call) simulator.Answer {
		arrived <- struct{}{}
		<-goOn
		return simulator.Answer{}
	})
	long := h.call("cut", `{"action":"send_group_msg","params":{"group_id":30003,"message":"one two three"},"echo":1}`)
	<-arrived
	short := h.call("whole", `{"action":"send_group_msg","params":{"group_id":30003,"message":"between"},"echo":2}`)
	goOn <- struct{}{}
	<-arrived
	goOn <- struct{}{}
	<-arrived
	goOn <- struct{}{}
	<-long
	<-short
	want := `[` + segment("one two") + `]` + "\n" + `[` + segment("three") + `]` + "\n" + `"between"`
	if got := strings.Join(texts(sim), "\n"); got != want {
		t.Errorf("NapCat was given\n%s\nwant\n%s", got, want)
	}
}

func TestEveryChunkIsPaced(t *testing.T) {
	h := newHouse(t, quiet+"pacing: {chat: 1/s, chatBurst: 2, account: 10/s, accountBurst: 10}\n"+chunkApps)
	sim := h.link(account(t), simulator.Options{})
	var late atomic.Bool
	start := time.Now()
	h.lane.pace.now = func() time.Time {
		if late.Load() {
			return start.Add(time.Hour)
		}
		return start
	}
	answers := h.call("cut", `{"action":"send_group_msg","params":{"group_id":30003,"message":"one two three four five six"},"echo":1}`)
	until(t, "a part waits for its time", func() bool {
		h.lane.pace.mu.Lock()
		defer h.lane.pace.mu.Unlock()
		return len(h.lane.pace.queue) == 1
	})
	if n := len(sim.Sent()); n != 2 {
		t.Errorf("%d messages were sent at once, chatBurst is 2", n)
	}
	late.Store(true)
	<-answers
	if n := len(sim.Sent()); n != 3 {
		t.Errorf("%d messages were sent", n)
	}
}

// What catflap composes itself is cut without being asked.
func TestPairingReplyIsCut(t *testing.T) {
	h := newHouse(t, quiet+"pacing: off\nlanguage: en\ntextChunkLimit: 60\n")
	sim := h.link(account(t), simulator.Options{})
	h.event(private(20003, hello))
	command := ""
	parts := func() (out []simulator.Sent) {
		for _, s := range sim.Sent() {
			if s.User == 20003 {
				out = append(out, s)
			}
		}
		return out
	}
	until(t, "the last part came", func() bool {
		all := parts()
		if list := h.store.Access().List("default"); len(list) == 1 {
			command = "catflap pairing approve " + list[0].Code
		}

		return len(all) > 1 && strings.Contains(all[len(all)-1].Text, command)
	})
	code := strings.TrimPrefix(command, "catflap pairing approve ")
	whole := "\n"
	for _, s := range parts() {
		var parts []struct{ Data struct{ Text string } }
		if err := json.Unmarshal(s.Raw, &parts); err != nil || len(parts) != 1 || len(parts[0].Data.Text) > 60 {
			t.Errorf("NapCat was given %s", s.Raw)
			continue
		}
		whole += parts[0].Data.Text + "\n"
	}
	if !strings.Contains(whole, "\n"+code+"\n") {
		t.Errorf("the code %s stands not on a line of its own in\n%s", code, whole)
	}
}

// The files of a part are handed to NapCat with that part; history keeps catflap's address of them.
func TestChunksHandOverTheirFiles(t *testing.T) {
	h := newHouse(t, quiet+"pacing: off\n"+chunkApps)
	var handed []string
	h.router.HandOver = func(_ context.Context, o Handover) ([]byte, error) {
		handed = append(handed, string(o.Params))
		return []byte(strings.Replace(string(o.Params), "http://127.0.0.1/media/k", "/shared/k.png", 1)), nil
	}
	sim := h.link(account(t), simulator.Options{})
	const picture = `{"type":"image","data":{"file":"http://127.0.0.1/media/k"}}`
	got := h.answer("cut", `{"action":"send_group_msg","params":{"group_id":30003,"message":[`+segment("one two three")+`,`+picture+`]},"echo":1}`)
	want := `[` + segment("one two") + `]` + "\n" + `[` + segment("three") + `,{"type":"image","data":{"file":"/shared/k.png"}}]`
	if all := strings.Join(texts(sim), "\n"); all != want {
		t.Errorf("answered %s\nNapCat was given\n%s\nwant\n%s", got, all, want)
	}
	if len(handed) != 1 || !strings.Contains(handed[0], "three") || strings.Contains(handed[0], "one two") {
		t.Errorf("handed over: %s", handed)
	}
	until(t, "history has both", func() bool {
		records, _ := h.store.History().Show("default", policy.Chat{Group: true, ID: 30003}, 10)
		return len(records) == 2
	})
	records, _ := h.store.History().Show("default", policy.Chat{Group: true, ID: 30003}, 10)
	if raw := string(records[0].Raw) + string(records[1].Raw); !strings.Contains(raw, "/media/k") || strings.Contains(raw, "/shared/") {
		t.Errorf("history has %s", raw)
	}
}

// A router that closes does not wait for the parts that are left.
func TestChunksEndWithTheRouter(t *testing.T) {
	h := newHouse(t, quiet+"pacing: {chat: 1/s, chatBurst: 1, account: 10/s, accountBurst: 10}\n"+chunkApps)
	h.link(account(t), simulator.Options{})
	answers := h.call("cut", `{"action":"send_group_msg","params":{"group_id":30003,"message":"one two three four five six"},"echo":1}`)
	until(t, "a part waits", func() bool { return h.router.Waiting("default") > 0 })
	h.router.Close()
	if got := <-answers; !strings.Contains(got, `"status":"failed"`) || !strings.Contains(got, `"retcode":1503`) {
		t.Errorf("answered %s", got)
	}
}
