package apps

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/onebot12"
	"github.com/catflap/catflap/appliance/onebot12/msgpack"
)

// pack makes MessagePack of JSON.
func pack(t *testing.T, text string) []byte {
	t.Helper()
	out, err := msgpack.FromJSON(nil, []byte(text), msgpack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Binary in, binary out, on both roads; events stay text.
func TestTwelvePacked(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	answering(a, h, `{"status":"ok","retcode":0,"data":{"message_id":7}}`)
	g := open(t, a)
	packed := pack(t, `{"action":"send_message","params":{"detail_type":"group","group_id":"30003","message":"hi"},"echo":"p"}`)
	check := func(frame []byte) {
		t.Helper()
		if !isPacked(frame) {
			t.Fatalf("the answer is %q", frame)
		}
		text, err := msgpack.ToJSON(nil, frame, msgpack.Options{MaxBytes: 1 << 20})
		if want := `{"status":"ok","retcode":0,"data":{"message_id":"7","time":TIME},"message":"","echo":"p"}`; err != nil || still(string(text)) != want {
			t.Errorf("the answer is %s (%v), want %s", text, err, want)
		}
	}
	p := come(t, g, "/", token)
	p.still(connect12)
	p.still(online12)
	if err := p.conn.SendBinary(packed); err != nil {
		t.Fatal(err)
	}
	check([]byte(p.next()))
	h.say(b, "friend", "still text", 0)
	p.text("still text")
	p.send(`{"action":"send_message","params":{"detail_type":"group","group_id":"30003","message":"hi"},"echo":"t"}`)
	p.still(`{"status":"ok","retcode":0,"data":{"message_id":"7","time":TIME},"message":"","echo":"t"}`)
	if err := p.conn.SendBinary([]byte{0x81, 0xc1}); err != nil {
		t.Fatal(err)
	}
	if got := p.next(); !isPacked([]byte(got)) || !strings.Contains(got, "\xcd\x27\x11") { // 10001
		t.Errorf("what is no MessagePack is answered %q", got)
	}

	for _, c := range []struct{ frame, want string }{
		{"猫", `{"status":"failed","retcode":10001,"data":null,"message":"the frame is not valid JSON: byte 0"}`},
		{"\ufeff" + `{"action":"get_version","params":{}}`, `{"status":"ok","retcode":0,"data":{"impl":"catflap","version":"1.2.3","onebot_version":"12"},"message":""}`},
	} {
		p.send(c.frame)
		p.still(c.want)
	}

	for _, kind := range []string{"application/msgpack", "application/msgpack; x=1"} {
		resp, body := do(t, g, request{method: "POST", path: "/", contentType: kind, body: string(packed)})
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/msgpack" {
			t.Errorf("%s: %d %s", kind, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		check([]byte(body))
	}
}

// A stranger of a group, to whom an app of OneBot 12 answers by his number alone.
func TestTwelveTemporarySession(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	g := open(t, h.twelve(0, config.App{AccessToken: token}, b))
	p := come(t, g, "/", token)
	p.still(connect12)
	h.say(b, "group", "psst", 0)
	if e := p.text("psst"); e["sub_type"] != "qq.group_temp" || e["qq.group_id"] != "30003" {
		t.Errorf("the event is %v", e)
	}
	p.send(`{"action":"send_message","params":{"detail_type":"private","user_id":"20002","message":"hi"},"echo":"t"}`)
	if act := receive(t, "the action", h.actions); !strings.Contains(act.text, `"group_id":30003`) {
		t.Errorf("the router got %s", act.text)
	}
}

// A message that NapCat wants in parts goes as several calls, one after the other; the first that fails ends it.
func TestTwelveSeveralCalls(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	a.Lookups.Files = &Files{On: func() bool { return true }, Known: func(id string) (onebot12.File, bool) { return onebot12.File{File: "/media/" + id, Name: "a.txt"}, true }}
	g := open(t, a)
	p := come(t, g, "/", token)
	p.still(connect12)
	p.still(online12)
	const parts = `{"action":"send_message","params":{"detail_type":"group","group_id":"30003","message":[{"type":"text","data":{"text":"see"}},{"type":"file","data":{"file_id":"f1"}},{"type":"text","data":{"text":"end"}}]},"echo":"s"}`
	p.send(parts)
	for i := range 3 {
		act := receive(t, "a part", h.actions)
		select {
		case next := <-h.actions:
			t.Fatalf("%s came before the answer to %s", next.text, act.text)
		case <-time.After(10 * time.Millisecond):
		}
		act.Reply([]byte(fmt.Sprintf(`{"status":"ok","retcode":0,"data":{"message_id":%d}}`, 7+i)))
	}
	p.still(`{"status":"ok","retcode":0,"data":{"message_id":"7","time":TIME,"qq.message_ids":["7","8","9"]},"message":"","echo":"s"}`)

	p.send(parts)
	receive(t, "a part", h.actions).Reply([]byte(`{"status":"ok","retcode":0,"data":{"message_id":7}}`))
	receive(t, "a part", h.actions).Reply([]byte(failed(1503, "NapCat is away")))
	if got := p.next(); !strings.Contains(got, `"status":"failed","retcode":34`) || !strings.Contains(got, `"7"`) {
		t.Errorf("answered %s", got)
	}

	// So many at once and no more; the others hear it at once.
	for range maxJobs + 1 {
		p.send(parts)
	}
	if got := p.next(); !strings.Contains(got, `"retcode":36002`) {
		t.Errorf("answered %s", got)
	}
	for range maxJobs {
		receive(t, "a part", h.actions).Reply([]byte(failed(1400, "no")))
		p.next()
	}
}

// A request that is too large is answered, and the link stays.
func TestTwelveTooLarge(t *testing.T) {
	h, b := newHouse(t), newBot("bot1", 0, botQQ)
	a := h.twelve(0, config.App{AccessToken: token}, b)
	g := open(t, a)
	p := come(t, g, "/", token)
	p.still(connect12)
	p.still(online12)
	long := strings.Repeat("x", 2<<20)
	p.send(`{"action":"send_message","params":{"message":"` + long + `"},"echo":"l"}`)
	const want = `{"status":"failed","retcode":10001,"data":null,"message":"send_message of %d bytes is above the limit of 1048576 (limits.maxFrameMb: 1): send the file in pieces (upload_file_fragmented), or raise limits.maxFrameMb","echo":"l"}`
	p.expect(fmt.Sprintf(want, len(long)+60))
	if err := p.conn.SendBinary(append([]byte{0x81}, long...)); err != nil {
		t.Fatal(err)
	}
	if got := p.next(); !isPacked([]byte(got)) {
		t.Errorf("answered %q", got)
	}
	p.send(`{"action":"get_version","params":{}}`)
	p.still(`{"status":"ok","retcode":0,"data":{"impl":"catflap","version":"1.2.3","onebot_version":"12"},"message":""}`)
	resp, body := do(t, g, request{method: "POST", path: "/", contentType: "application/json", body: `{"action":"x","params":{"m":"` + long + `"}}`})
	if resp.StatusCode != 200 || !strings.Contains(body, `"retcode":10001`) || !strings.Contains(body, "limits.maxFrameMb") {
		t.Errorf("answered %d %s", resp.StatusCode, body)
	}
	if got := status(t, a, "bot1").TooLarge; got != 3 {
		t.Errorf("%d are counted", got)
	}
}
