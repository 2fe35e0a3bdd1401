package router

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// Whoever sends, and on whatever way: the message that NapCat gets has been composed by that app's settings.
func TestMessagesAreComposed(t *testing.T) {
	h := newHouse(t, quiet+`pacing: off
mediaMaxMb: 1
apps:
  bot: {protocol: onebot11, accessToken: token-of-the-bot, targets: policy}
  old: {protocol: onebot11, accessToken: token-of-old, unsupported: text, markdown: refuse, messageFormat: string}
`)
	sim := h.link(account(t), simulator.Options{})
	until(t, "NapCat has said the bot's name", func() bool { return h.lane.account.Load().State().Nickname != "" })
	const dice, face = `[{"type":"dice","data":{"result":6}}]`, `[{"type":"face","data":{"id":"358","resultId":"6"}}]`
	sent := func(want string) {
		t.Helper()
		all := sim.Sent()
		if len(all) == 0 || string(all[len(all)-1].Raw) != want {
			t.Errorf("NapCat got %+v, want %s last", all, want)
		}
	}
	ok := func(answer string) {
		t.Helper()
		if !strings.Contains(answer, `"retcode":0`) {
			t.Errorf("answered %s", answer)
		}
	}
	ok(h.answer("bot", `{"action":"send_group_msg","params":{"group_id":30003,"message":`+dice+`},"echo":1}`))
	sent(face)
	ok(h.answer("bot", `{"action":"send_msg","params":{"user_id":20002,"message":"[CQ:image,file=/etc/passwd]","auto_escape":true},"echo":2}`))
	sent(`[{"type":"text","data":{"text":"[CQ:image,file=/etc/passwd]"}}]`)
	ok(h.answer("bot", `{"action":".handle_quick_operation","params":{"context":{"post_type":"message","message_type":"private","user_id":20002},"operation":{"reply":"[CQ:dice,result=6]"}},"echo":3}`))
	sent(face)
	ok(h.answer("old", `{"action":"send_group_msg","params":{"group_id":30003,"message":[{"type":"location","data":{"lat":1,"lon":2}}]},"echo":4}`))
	sent(`[{"type":"text","data":{"text":"[位置] 1, 2"}}]`)
	ok(h.answer("bot", `{"action":"send_group_msg","params":{"group_id":30003,"message":[{"type":"markdown","data":{"content":"# T"}}]},"echo":5}`))
	sent(`[{"type":"node","data":{"user_id":"10001","nickname":"Bot","content":[{"type":"node","data":{"user_id":"10001","nickname":"Bot","content":[{"type":"markdown","data":{"content":"# T"}}]}}]}}]`)
	answer, err := h.router.Call(context.Background(), "default", "send_group_msg", []byte(`{"group_id":30003,"message":`+dice+`}`))
	if ok(string(answer)); err != nil {
		t.Error(err)
	}
	sent(face)

	before := len(sim.Sent())
	for _, c := range []struct{ app, params, want string }{
		{"bot", `"message":[{"type":"location","data":{"lat":1,"lon":2}}]`, "send_group_msg: params.message[0] (location): NapCat cannot send it (apps.bot.unsupported: refuse; text sends it as text)"},
		{"old", `"message":[{"type":"markdown","data":{"content":"# T"}}]`, "send_group_msg: params.message[0] (markdown): refused by apps.old.markdown: refuse; forward sends it inside a forwarded message, where QQ shows it"},
		{"bot", `"message":[{"type":"image","data":{"file":"base64://` + strings.Repeat("QUFB", 1<<19) + `"}}]`, "send_group_msg: params.message[0] (image): data.file holds 1.5 MiB, mediaMaxMb allows 1"},
		{"bot", `"message":"[CQ:rps,result=4]"`, `send_group_msg: params.message[0] (rps): data.result is \"4\": give a number from 1 to 3, or leave it out for a random one`},
	} {
		got := h.answer(c.app, `{"action":"send_group_msg","params":{"group_id":30003,`+c.params+`},"echo":"e"}`)
		if !strings.Contains(got, c.want) || !strings.Contains(got, `"retcode":1400`) || !strings.Contains(got, `"echo":"e"`) {
			t.Errorf("answered %s, want %s", got, c.want)
		}
	}
	answer, err = h.router.Call(context.Background(), "default", "send_group_msg", []byte(`{"group_id":30003,"message":[{"type":"xml","data":{"data":"<x/>"}}]}`))
	if want := "send_group_msg: params.message[0] (xml): NapCat cannot send it (unsupported: refuse; text sends it as text)"; err != nil || !strings.Contains(string(answer), `"retcode":1400,"data":null,"message":"`+want+`"`) {
		t.Errorf("the owner was told %s %v, want %s", answer, err, want)
	}
	if n := len(sim.Sent()); n != before {
		t.Errorf("%d messages were sent, though all were refused", n-before)
	}
}

// The messages in answers have the form that the app asked for, whichever NapCat has.
func TestAnswersHaveTheFormOfTheApp(t *testing.T) {
	for _, form := range []simulator.Format{simulator.Array, simulator.String} {
		t.Run(string(form), func(t *testing.T) {
			h := newHouse(t, quiet+`apps:
  array: {protocol: onebot11, accessToken: token-of-array}
  text: {protocol: onebot11, accessToken: token-of-text, messageFormat: string}
`)
			sim := h.link(account(t), simulator.Options{Format: form})
			id := sim.Say(simulator.Private(20002), simulator.At(10001), simulator.Text(" a [b]"))
			for app, want := range map[string]string{
				"array": `"message":[{"type":"at","data":{"qq":"10001"}},{"type":"text","data":{"text":" a [b]"}}],"message_format":"array"`,
				"text":  `"message":"[CQ:at,qq=10001] a &#91;b&#93;","message_format":"string"`,
			} {
				for _, call := range []string{
					`{"action":"get_msg","params":{"message_id":` + strconv.FormatInt(id, 10) + `},"echo":"e"}`,
					`{"action":"get_friend_msg_history","params":{"user_id":20002},"echo":"e"}`,
				} {
					if got := h.answer(app, call); !strings.Contains(got, want) || !strings.Contains(got, `"echo":"e"`) {
						t.Errorf("%s got %s\nwant %s in it", app, got, want)
					}
				}
			}
		})
	}
}
