package e2e

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/simulator"
)

// startNoneBot12 starts bots/echo_nonebot12.py with NoneBot's own settings.
func startNoneBot12(t *testing.T, settings map[string]any) *process {
	t.Helper()
	return launch(t, "nonebot12", []string{"PYTHONUNBUFFERED=1"}, filepath.Join(cache(t), "python", "bin", "python"), "bots/echo_nonebot12.py", encode(t, settings))
}

// reverseNoneBot12 listens; catflap dials it, or posts to it.
func reverseNoneBot12(t *testing.T, b *box, more map[string]any) *process {
	t.Helper()
	settings := map[string]any{"driver": "~fastapi+~httpx", "port": b.nonebot, "onebot_v12_access_token": nonebotToken}
	for key, value := range more {
		settings[key] = value
	}
	return startNoneBot12(t, settings)
}

// dialsNoneBot12 starts a NoneBot and a catflap that dials it at a path.
func dialsNoneBot12(t *testing.T, path string) {
	t.Helper()
	t.Parallel()
	b := startBox(t, everybody+"apps: {nonebot: {protocol: onebot12, connect: \"ws://127.0.0.1:NONEBOT"+path+"\", accessToken: "+nonebotToken+"}}")
	n := joinNapCat(t, b)
	reverseNoneBot12(t, b, nil).wait(t, "CONNECTED 10001")
	chats(t, n, "path")
}

func TestSeed_nonebot_v12_reverse_root(t *testing.T) { dialsNoneBot12(t, "/onebot/v12/") }

func TestSeed_nonebot_v12_reverse_ws(t *testing.T) { dialsNoneBot12(t, "/onebot/v12/ws") }

func TestSeed_nonebot_v12_reverse_wsSlash(t *testing.T) { dialsNoneBot12(t, "/onebot/v12/ws/") }

// postsToNoneBot12 starts a NoneBot and a catflap that posts to it at a path; it calls a port of its own, whose address is
// that of the setting on NoneBot's page.
func postsToNoneBot12(t *testing.T, path string) {
	t.Helper()
	t.Parallel()
	b := startBox(t, everybody+"apps: {nonebot: {protocol: onebot12, post: \"http://127.0.0.1:NONEBOT"+path+"\", accessToken: "+nonebotToken+"}}")
	n := joinNapCat(t, b)
	postNoneBot12(t, b, nil).wait(t, "CONNECTED 10001")
	chats(t, n, "path")
}

// postNoneBot12 takes posts and calls the gateway.
func postNoneBot12(t *testing.T, b *box, more map[string]any) *process {
	t.Helper()
	settings := map[string]any{"onebot_v12_api_roots": map[string]string{"10001": b.api("/")}}
	for key, value := range more {
		settings[key] = value
	}
	return reverseNoneBot12(t, b, settings)
}

func TestSeed_nonebot_v12_webhook_root(t *testing.T) { postsToNoneBot12(t, "/onebot/v12/") }

func TestSeed_nonebot_v12_webhook_http(t *testing.T) { postsToNoneBot12(t, "/onebot/v12/http") }

func TestSeed_nonebot_v12_webhook_httpSlash(t *testing.T) { postsToNoneBot12(t, "/onebot/v12/http/") }

// The page's line as it stands there, save for number and port: the root of the gateway.
func TestSeed_nonebot_v12_apiRoots(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"/", "/onebot/v12", "/qq/default/onebot/v12"} {
		t.Run(root, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, everybody+"apps: {nonebot: {protocol: onebot12, post: \"http://127.0.0.1:NONEBOT/onebot/v12/http\", accessToken: "+nonebotToken+"}}")
			n := joinNapCat(t, b)
			env := fmt.Sprintf("DRIVER=~fastapi+~httpx\nPORT=%d\nONEBOT_V12_ACCESS_TOKEN=%s\nONEBOT_V12_API_ROOTS={\"10001\": \"http://127.0.0.1:%d%s\"}\n", b.nonebot, nonebotToken, b.gateway, root)
			startNoneBot12(t, map[string]any{"env_file": file(t, ".env", env)}).wait(t, "CONNECTED 10001")
			chats(t, n, "root")
		})
	}
}

// The page's line as it stands there, save for the port: no path at all.
func TestSeed_nonebot_v12_forward(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"websockets", "aiohttp"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			b := startBox(t, everybody+"apps: {nonebot: {protocol: onebot12, accessToken: "+nonebotToken+"}}")
			n := joinNapCat(t, b)
			env := fmt.Sprintf("DRIVER=~%s\nONEBOT_V12_ACCESS_TOKEN=%s\nONEBOT_V12_WS_URLS=[\"ws://127.0.0.1:%d\"]\n", driver, nonebotToken, b.gateway)
			startNoneBot12(t, map[string]any{"env_file": file(t, ".env", env)}).wait(t, "CONNECTED 10001")
			chats(t, n, "forward")
		})
	}
}

// forwardNoneBot12 dials the gateway.
func forwardNoneBot12(t *testing.T, b *box, more map[string]any) *process {
	t.Helper()
	settings := map[string]any{"driver": "~websockets", "onebot_v12_access_token": nonebotToken, "onebot_v12_ws_urls": []string{fmt.Sprintf("ws://127.0.0.1:%d", b.gateway)}}
	for key, value := range more {
		settings[key] = value
	}
	return startNoneBot12(t, settings)
}

// roads12 are the ways on which NoneBot V12 hears and speaks.
var roads12 = []struct {
	name, keys string
	start      func(*testing.T, *box, map[string]any) *process
}{
	{"reverse", `connect: "ws://127.0.0.1:NONEBOT/onebot/v12/ws", `, reverseNoneBot12},
	{"forward", "", forwardNoneBot12},
	{"post", `post: "http://127.0.0.1:NONEBOT/onebot/v12/http", `, postNoneBot12},
}

// A whole conversation on every road, in JSON and in MessagePack: text, a mention, a reply and a picture, in a group and in
// private.
func TestNoneBot12(t *testing.T) {
	t.Parallel()
	for _, road := range roads12 {
		for _, packed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", road.name, packed), func(t *testing.T) {
				t.Parallel()
				b := startBox(t, everybody+"media: {allowPrivate: [127.0.0.1]}\napps: {nonebot: {protocol: onebot12, "+road.keys+"accessToken: "+nonebotToken+"}}")
				n := joinNapCat(t, b)
				p := road.start(t, b, map[string]any{"onebot_v12_use_msgpack": packed})
				p.wait(t, "CONNECTED 10001")
				chats(t, n, "text")
				for _, chat := range []simulator.From{simulator.InGroup(ops, ann), simulator.Private(ann)} {
					converse12(t, n, p, chat)
				}
				pictures12(t, n, p)
				n.tell(ann, "supported")
				p.wait(t, "SUPPORTED delete_message get_file get_file_fragmented get_friend_list")
				p.alive(t)
			})
		}
	}
}

// converse12 checks what a bot does in one chat: it mentions, replies, and knows whose message is replied to.
func converse12(t *testing.T, n *napcat, p *process, from simulator.From) {
	t.Helper()
	where := fmt.Sprintf("in-%d", from.Group)
	says := func(segments ...simulator.Segment) int64 {
		if from.Group != 0 {
			segments = append([]simulator.Segment{simulator.At(bot), simulator.Text(" ")}, segments...)
		}
		return n.Say(from, segments...)
	}
	here := func(s simulator.Sent) bool {
		return s.Group == from.Group && (from.Group != 0 || s.User == from.User)
	}
	says(simulator.Text("at me " + where))
	n.sends(t, "a mention "+where, func(s simulator.Sent) bool {
		if !here(s) || s.Segments[len(s.Segments)-1].Data["text"] != where {
			return false
		}
		mentions := s.Segments[0].Type == "at" && fmt.Sprint(s.Segments[0].Data["qq"]) == fmt.Sprint(from.User)
		if mentions != (from.Group != 0) { // the adapter leaves it out in private chats
			t.Errorf("sent %+v", s.Segments)
		}
		return true
	})
	id := says(simulator.Text("quote q" + where))
	quote := n.sends(t, "a reply "+where, func(s simulator.Sent) bool {
		return here(s) && s.Segments[0].Type == "reply" && fmt.Sprint(s.Segments[0].Data["id"]) == fmt.Sprint(id) && s.Text == "q"+where
	})
	mark := p.mark()
	n.Say(from, simulator.Reply(quote.MessageID), simulator.Text("to your words"))
	p.after(t, mark, fmt.Sprintf("REPLY %d %d", bot, quote.MessageID))
	p.after(t, mark, "TO ME to your words")
	if from.Group == 0 {
		n.Say(from, simulator.Reply(id), simulator.Text("to my own"))
		p.after(t, mark, fmt.Sprintf("REPLY %d %d", from.User, id))
	}
}

// pictures12 sends a picture, which comes back three times: as it is, by its bytes, and by its address.
func pictures12(t *testing.T, n *napcat, p *process) {
	t.Helper()
	picture := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("a picture of a cat "), 9000)...)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture) }))
	defer origin.Close()
	image := simulator.Image(fmt.Sprintf("%X.png", md5.Sum(picture)), origin.URL+"/download?fileid=x&rkey=y")
	image.Data["file_size"] = fmt.Sprint(len(picture))
	n.Say(simulator.Private(ann), image, simulator.Text("and back"))
	sum := sha256.Sum256(picture)
	p.wait(t, fmt.Sprintf("FETCHED %d %x %x", len(picture), sum, sum))
	n.sends(t, "the picture, three times", func(simulator.Sent) bool {
		same := 0
		for _, s := range n.Sent() {
			for _, segment := range s.Segments {
				value, _ := segment.Data["file"].(string)
				if segment.Type != "image" {
					continue
				}
				if _, got := received(t, value); bytes.Equal(got, picture) {
					same++
				} else {
					t.Errorf("NapCat gets %d bytes by %.80s", len(got), value)
				}
			}
		}
		return same == 3
	})
}

// A bot of OneBot 11 and one of OneBot 12 serve one account at once, the latter on a port of its own.
func TestNoneBot11And12(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"dmPolicy: open\ntempSessions: true\napps:\n  v11: {protocol: onebot11, connect: \"ws://127.0.0.1:NONEBOT/onebot/v11/ws\", accessToken: "+nonebotToken+"}\n"+
		"  v12: {protocol: onebot12, listen: 127.0.0.1:KOISHI, accessToken: "+probeToken+"}\n")
	n := joinNapCat(t, b)
	v11 := reverseNoneBot(t, b)
	v12 := startNoneBot12(t, map[string]any{"driver": "~aiohttp", "onebot_v12_access_token": probeToken, "onebot_v12_ws_urls": []string{fmt.Sprintf("ws://127.0.0.1:%d", b.koishi)}})
	v11.wait(t, "CONNECTED 10001")
	v12.wait(t, "CONNECTED 10001")
	round(t, n, "both", v11, v12)

	// A stranger of a group, who is answered through the group.
	n.Say(simulator.TempSession(ops, eve), simulator.Text("ping psst"))
	n.sends(t, "an answer in the temporary session", func(s simulator.Sent) bool { return s.Group == ops && s.User == eve && s.Text == "pong psst" })

	if a := ask(t, "POST", fmt.Sprintf("http://127.0.0.1:%d/", b.koishi), probeToken, `{"action":"get_self_info","params":{}}`); a.status != http.StatusOK || !strings.Contains(a.body, `"user_id":"10001"`) {
		t.Errorf("answered %+v", a)
	}
	n.Recall(n.mention(ops, ann, "ping gone"), ann)
	v12.wait(t, "NOTICE notice.group_message_delete.recall recall")
}

// NapCat is away for a moment, and the bot stays; NapCat is away for long, and the bot goes until it is back.
func TestNoneBot12Away(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {nonebot: {protocol: onebot12, connect: \"ws://127.0.0.1:NONEBOT/onebot/v12/ws\", accessToken: "+nonebotToken+"}}")
	n := joinNapCat(t, b)
	p := reverseNoneBot12(t, b, nil)
	p.wait(t, "CONNECTED 10001")
	n.Drop()
	n.linked(t)
	chats(t, n, "dropped")
	if p.since(0, "GONE") {
		t.Error("the bot went because of a moment without NapCat")
	}
	n.stop()
	p.wait(t, "GONE 10001")
	mark := p.mark()
	n = joinNapCat(t, b)
	p.after(t, mark, "CONNECTED 10001")
	chats(t, n, "back")
}

// waits waits until so many events wait for the first app.
func waits(t *testing.T, b *box, backlog int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d events wait", backlog), func() (bool, string) {
		s := b.status(t)
		return len(s.Apps) > 0 && s.Apps[0].Backlog == backlog, printed(s)
	})
}

// get_latest_events by plain HTTP: the queue survives a restart of catflap, and what was read does not come again.
func TestLatestEvents(t *testing.T) {
	t.Parallel()
	b := startBox(t, everybody+"apps: {poll: {protocol: onebot12, accessToken: "+probeToken+"}}")
	n := joinNapCat(t, b)
	poll := func(params string) string {
		t.Helper()
		a := ask(t, "POST", b.api("/onebot/v12"), probeToken, `{"action":"get_latest_events","params":{`+params+`}}`)
		if a.status != http.StatusOK || !strings.Contains(a.body, `"retcode":0`) {
			t.Fatalf("answered %+v", a)
		}
		return a.body
	}
	poll("")
	n.tell(ann, "before the restart")
	waits(t, b, 1)
	if body := poll(`"limit":1,"timeout":60`); !strings.Contains(body, "before the restart") {
		t.Errorf("answered %s", body)
	}
	n.tell(ann, "kept")
	waits(t, b, 1)
	b.restart(t)
	n.linked(t)
	if body := poll(`"timeout":60`); !strings.Contains(body, "kept") || strings.Contains(body, "before the restart") {
		t.Errorf("after the restart: %s", body)
	}
	go n.tell(ann, "woken up")
	if body := poll(`"timeout":60`); !strings.Contains(body, "woken up") {
		t.Errorf("answered %s", body)
	}
}

// The V12 part of NoneBot's page, as it is written there.
func TestNoneBot12Page(t *testing.T) {
	t.Parallel()
	p := readPage(t, "nonebot.md")
	for _, heading := range []string{"OneBot V12: catflap dials NoneBot", "OneBot V12: NoneBot dials catflap", "OneBot V12: webhook"} {
		t.Run(heading, func(t *testing.T) {
			t.Parallel()
			at := freePort(t)
			b, n := startPage(t, p, heading, at)
			env := strings.NewReplacer("a-random-word", probeToken, "PORT=8080", fmt.Sprintf("PORT=%d", at), "127.0.0.1:6700", fmt.Sprintf("127.0.0.1:%d", b.gateway)).Replace(p.snippet(t, heading, "dotenv", 0))
			startNoneBot12(t, map[string]any{"env_file": file(t, ".env", env)}).wait(t, "CONNECTED 10001")
			chats(t, n, "page")
		})
	}
}
