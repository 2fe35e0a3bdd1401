package router

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/policy"
)

// Every event of NapCat's reaches an app that wants it, byte for byte but for messages in string form.
func TestEveryEventReachesAnApp(t *testing.T) {
	files, err := filepath.Glob("../onebot/testdata/events/*.json")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			h := newHouse(t, "accessToken: token-of-napcat\nselfId: 10001\nallowFrom: [20002, 20009]\ntempSessions: true\ngroups: {\"30003\": {}}\n"+
				"apps:\n  bot: {protocol: onebot11, accessToken: token-of-the-bot, requireMention: false, reportSelf: true}\n")
			frame, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			frame = bytes.TrimSpace(frame)
			d := h.event(string(frame))
			want := strings.Replace(string(frame), `"message":"hello","message_format":"string"`, `"message":[{"type":"text","data":{"text":"hello"}}],"message_format":"array"`, 1)
			if diff := cmp.Diff([]string{want}, h.got("bot")); diff != "" {
				t.Errorf("%s %s: %s", d.Outcome, d.Reason, diff)
			}
		})
	}
}

// With NapCat set to string form nothing is decided otherwise, and history has the same.
func TestStringFormIsDecidedLikeAnArray(t *testing.T) {
	const yaml = quiet + "botNames: [Mimi]\nmentionPatterns: [\"^hey cat\"]\nmentionAll: true\n" +
		"apps:\n  bot: {protocol: onebot11, accessToken: token-of-the-bot}\n" +
		"  weather: {protocol: onebot11, accessToken: token-of-weather, requireMention: false, only: {commands: [/weather]}}\n" +
		"  words: {protocol: onebot11, accessToken: token-of-words, requireMention: false, except: {matches: \"secret|\\\\[x\\\\]\"}}\n"
	for _, c := range []struct{ array, text string }{
		{`[{"type":"at","data":{"qq":"10001"}},{"type":"text","data":{"text":" hi"}}]`, `"[CQ:at,qq=10001] hi"`},
		{`[{"type":"at","data":{"qq":"10001"}},{"type":"text","data":{"text":" hi"}}]`, `"[CQ:at,name=A&#44;B,qq=10001] hi"`},
		{`[{"type":"at","data":{"qq":"20009"}}]`, `"[CQ:at,qq=20009]"`},
		{`[{"type":"at","data":{"qq":"all"}},{"type":"text","data":{"text":"x"}}]`, `"[CQ:at,qq=all]x"`},
		{`[{"type":"reply","data":{"id":"77"}},{"type":"text","data":{"text":"yes"}}]`, `"[CQ:reply,id=77]yes"`},
		{`[{"type":"reply","data":{"id":"78"}},{"type":"text","data":{"text":"yes"}}]`, `"[CQ:reply,id=78]yes"`},
		{`[{"type":"text","data":{"text":"[CQ:at,qq=10001] not really"}}]`, `"&#91;CQ:at,qq=10001&#93; not really"`},
		{`[{"type":"text","data":{"text":" /weather Berlin"}}]`, `" /weather Berlin"`},
		{`[{"type":"at","data":{"qq":"10001"}},{"type":"text","data":{"text":" /weather"}}]`, `"[CQ:at,qq=10001] /weather"`},
		{`[{"type":"text","data":{"text":"a secret"}}]`, `"a secret"`},
		{`[{"type":"text","data":{"text":"an [x]"}}]`, `"an &#91;x&#93;"`},
		{`[{"type":"text","data":{"text":"Mimi, come"}}]`, `"Mimi, come"`},
		{`[{"type":"text","data":{"text":"hey cat & dog"}}]`, `"hey cat &amp; dog"`},
		{`[{"type":"image","data":{"file":"A.png","url":"https://example.org/a?b=1&c=2","file_size":"70"}}]`, `"[CQ:image,file=A.png,url=https://example.org/a?b=1&amp;c=2,file_size=70]"`},
		{`[]`, `""`},
	} {
		see := func(message string) (decision, history string, media bool) {
			h := newHouse(t, yaml)
			h.lane.sent.add(77)
			var kept []string
			h.router.KeepMedium = func(m Medium) (string, string) {
				kept = append(kept, m.Type+" "+m.File+" "+m.URL)
				return "", ""
			}
			frame := group(30003, 20002, message)
			frame = strings.Replace(frame, `"message_format":"array"`, `"message_format":"`+map[bool]string{true: "string", false: "array"}[message[0] == '"']+`"`, 1)
			d := h.event(frame)
			decision = d.Outcome + " " + d.Reason
			for _, app := range d.Apps {
				decision += " " + app.App + "=" + app.Outcome + "/" + app.Reason
			}
			records, err := h.store.History().Show("default", policy.Chat{Group: true, ID: 30003}, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				history += string(r.Raw)
			}
			return decision + strings.Join(kept, ";"), history, len(kept) > 0
		}
		decided, kept, _ := see(c.array)
		text, textKept, media := see(c.text)
		if decided != text {
			t.Errorf("%s: %s\n%s: %s", c.array, decided, c.text, text)
		}
		if !strings.Contains(c.text, "name=") && kept != textKept {
			t.Errorf("history of %s is %s\nof %s it is %s", c.array, kept, c.text, textKept)
		}
		if media != strings.Contains(c.text, "CQ:image") {
			t.Errorf("%s: media offered: %t", c.text, media)
		}
	}
}
