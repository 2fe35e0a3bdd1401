package alert

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/alert/address"
)

// letterBox is a web server that keeps the one request that it gets.
type letterBox struct {
	*httptest.Server
	status int
	answer string
	header http.Header

	method, uri, body string
	got               http.Header
	requests          int
}

func newLetterBox(t *testing.T, status int, answer string) *letterBox {
	b := &letterBox{status: status, answer: answer, header: make(http.Header)}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.method, b.uri, b.body, b.got = r.Method, r.RequestURI, string(body), r.Header
		b.requests++
		for k, v := range b.header {
			w.Header()[k] = v
		}
		w.WriteHeader(b.status)
		_, _ = io.WriteString(w, b.answer)
	}))
	t.Cleanup(b.Close)
	return b
}

// host is where the box listens.
func (b *letterBox) host() string { return strings.TrimPrefix(b.URL, "http://") }

func parse(t *testing.T, s string) *address.Target {
	t.Helper()
	target, err := address.Parse(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return target
}

var sample = Message{Title: "NapCat 未连接：bot1", Body: "第一行\ncatflap @ pi, 2026-03-02 11:04:05", Event: LinkDown, Subject: "account:bot1", State: Raised,
	At: time.Date(2026, 3, 2, 11, 4, 5, 0, time.UTC)}

func urgent(m Message) Message { m.Urgent = true; return m }

// What each service gets, byte by byte: docs.ntfy.sh/publish (as JSON), bark-server's API_V2.md, core.telegram.org/bots/api
// (sendMessage), and webhooks in the shapes of WeCom, Feishu, ServerChan and of the owner.
func TestWireForm(t *testing.T) {
	const title, body = `NapCat 未连接：bot1`, `第一行\ncatflap @ pi, 2026-03-02 11:04:05`
	for _, tt := range []struct {
		name, address string // HOST stands for the server
		message       Message
		method, uri   string
		header        map[string]string
		body          string
	}{
		{"ntfy", "ntfy://HOST/topic-1?disabletls=yes", sample, "POST", "/", map[string]string{"Authorization": "", "Content-Type": "application/json; charset=utf-8", "User-Agent": "catflap"},
			`{"topic":"topic-1","title":"` + title + `","message":"` + body + `"}`},
		{"ntfy urgent", "ntfy://me:s3cret@HOST/topic-1?scheme=http&tags=cat,warning", urgent(sample), "POST", "/", map[string]string{"Authorization": "Basic bWU6czNjcmV0"},
			`{"topic":"topic-1","title":"` + title + `","message":"` + body + `","priority":4,"tags":["cat","warning"]}`},
		{"ntfy token", "ntfy://:tk_s3cret@HOST/topic-1?scheme=http&priority=max&click=http://pi:6750/&icon=http://pi/i.png&email=a@b.c", sample, "POST", "/",
			map[string]string{"Authorization": "Bearer tk_s3cret"},
			`{"topic":"topic-1","title":"` + title + `","message":"` + body + `","priority":5,"click":"http://pi:6750/","icon":"http://pi/i.png","email":"a@b.c"}`},
		{"bark", "bark://:s3cretKey@HOST/?scheme=http", sample, "POST", "/push", map[string]string{"Content-Type": "application/json; charset=utf-8"},
			`{"device_key":"s3cretKey","title":"` + title + `","body":"` + body + `","group":"catflap"}`},
		{"bark urgent", "bark://:s3cretKey@HOST/base?scheme=http&sound=bell&group=box&url=http://pi&icon=http://pi/i.png", urgent(sample), "POST", "/base/push", nil,
			`{"device_key":"s3cretKey","title":"` + title + `","body":"` + body + `","level":"timeSensitive","group":"box","sound":"bell","icon":"http://pi/i.png","url":"http://pi"}`},
		{"bark short", "bark://HOST/s3cretKey?scheme=http&level=critical", sample, "POST", "/push", nil,
			`{"device_key":"s3cretKey","title":"` + title + `","body":"` + body + `","level":"critical","group":"catflap"}`},
		{"telegram", "telegram://123:AbC-d_e@HOST?chats=-100123:45&scheme=http&notification=no&preview=no", sample, "POST", "/bot123:AbC-d_e/sendMessage", nil,
			`{"chat_id":"-100123","message_thread_id":45,"text":"` + title + `\n` + body + `","disable_notification":true,"link_preview_options":{"is_disabled":true}}`},
		{"webhook", "generic+http://HOST/hook/a?x=1", urgent(sample), "POST", "/hook/a?x=1", map[string]string{"Content-Type": "application/json; charset=utf-8"},
			`{"event":"link.down","message":"` + body + `","state":"raised","subject":"account:bot1","time":"2026-03-02T11:04:05Z","title":"` + title + `","urgent":true}`},
		{"webhook with headers", "generic://me:pw@HOST/hook?disabletls=yes&@X-Key=s3cret&$priority=5&titlekey=head&messagekey=text&_method=x&method=PUT", sample, "PUT", "/hook?method=x",
			map[string]string{"X-Key": "s3cret", "Authorization": "Basic bWU6cHc="}, `{"head":"` + title + `","priority":"5","text":"` + body + `"}`},
		{"webhook of text", "generic+http://HOST/hook?template=text&contenttype=text/markdown", sample, "POST", "/hook", map[string]string{"Content-Type": "text/markdown"},
			strings.ReplaceAll(title+`\n`+body, `\n`, "\n")},
		{"webhook by GET", "generic+http://HOST/wake?method=GET", sample, "GET", "/wake", nil, ""},
		{"WeCom", "generic+http://HOST/cgi-bin/webhook/send?key=K&$msgtype=text&messagekey=text.content", sample, "POST", "/cgi-bin/webhook/send?key=K", nil,
			`{"msgtype":"text","text":{"content":"` + title + `\n` + body + `"}}`},
		{"Feishu", "generic+http://HOST/open-apis/bot/v2/hook/K?$msg_type=text&messagekey=content.text", sample, "POST", "/open-apis/bot/v2/hook/K", nil,
			`{"content":{"text":"` + title + `\n` + body + `"},"msg_type":"text"}`},
		{"ServerChan", "generic+http://HOST/K.send?messagekey=desp", sample, "POST", "/K.send", nil, `{"desp":"` + body + `","title":"` + title + `"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newLetterBox(t, 200, `{"ok":true,"code":200,"errcode":0}`)
			if err := Send(t.Context(), parse(t, strings.ReplaceAll(tt.address, "HOST", b.host())), tt.message); err != nil {
				t.Fatal(err)
			}
			if b.method != tt.method || b.uri != tt.uri {
				t.Errorf("%s %s", b.method, b.uri)
			}
			for name, want := range tt.header {
				if got := b.got.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if diff := cmp.Diff(tt.body, b.body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// A Telegram message goes to each chat, cut to what one may hold.
func TestTelegramChats(t *testing.T) {
	b := newLetterBox(t, 200, `{"ok":true}`)
	m := sample
	m.Body = strings.Repeat("长", 5000)
	if err := Send(t.Context(), parse(t, "telegram://1:a@"+b.host()+"?channels=@one,2&scheme=http"), m); err != nil {
		t.Fatal(err)
	}
	if b.requests != 2 || !strings.Contains(b.body, `{"chat_id":"2",`) || strings.Count(b.body, "长") != maxTelegram-len([]rune(m.Title))-2 {
		t.Errorf("%d requests, %d", b.requests, strings.Count(b.body, "长"))
	}
}

// Errors say whether trying again is of use, and hold nothing of the address but its host, whatever the server answers.
func TestFault_T19_SendErrors(t *testing.T) {
	for _, tt := range []struct {
		name, address, answer string
		status                int
		retryAfter            string
		want                  string
		final                 bool
		after                 time.Duration
	}{
		{"forbidden", "ntfy://:tk_s3cret@HOST/s3cretTopic?scheme=http", `{"code":40301,"http":403,"error":"forbidden for tk_s3cret on s3cretTopic"}`, 403, "",
			"HOST answered 403 Forbidden: forbidden for *** on ***", true, 0},
		{"too many", "ntfy://HOST/topic?scheme=http", `{"error":"limit reached"}`, 429, "30", "HOST answered 429 Too Many Requests: limit reached", false, 30 * time.Second},
		{"server error", "generic+http://HOST/s3cret", "<html>", 502, "", "HOST answered 502 Bad Gateway", false, 0},
		{"redirect", "generic+http://HOST/s3cret", "", 302, "", "HOST answered 302 Found, a redirect: write the address that it leads to", true, 0},
		{"telegram", "telegram://1:s3cret@HOST?chats=1&scheme=http", `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, 400, "",
			"HOST answered 400 Bad Request: Bad Request: chat not found", true, 0},
		{"telegram in 200", "telegram://1:s3cret@HOST?chats=1&scheme=http", `{"ok":false,"description":"later","parameters":{"retry_after":7}}`, 200, "", "HOST: later", false, 7 * time.Second},
		{"no telegram", "telegram://1:s3cret@HOST?chats=1&scheme=http", `{}`, 200, "", "HOST: the answer is not one of Telegram", true, 0},
		{"errcode in 200", "generic+http://HOST/send?key=s3cret", `{"errcode":93000,"errmsg":"invalid webhook url s3cret"}`, 200, "", "HOST answered code 93000: invalid webhook url ***", true, 0},
		{"bark in 200", "bark://:s3cret@HOST?scheme=http", `{"code":400,"message":"failed to get device token: s3cret"}`, 200, "", "HOST answered code 400: failed to get device token: ***", true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newLetterBox(t, tt.status, tt.answer)
			b.header.Set("Location", "http://elsewhere.example/")
			if tt.retryAfter != "" {
				b.header.Set("Retry-After", tt.retryAfter)
			}
			err := Send(t.Context(), parse(t, strings.ReplaceAll(tt.address, "HOST", b.host())), sample)
			var got *SendError
			if !errors.As(err, &got) {
				t.Fatalf("%v", err)
			}
			if text := strings.ReplaceAll(got.Error(), b.host(), "HOST"); text != tt.want || got.Final != tt.final || got.After != tt.after {
				t.Errorf("%q %v %v", text, got.Final, got.After)
			}
			if b.requests != 1 {
				t.Errorf("%d requests", b.requests)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		b := newLetterBox(t, 200, "")
		b.Close()
		for _, s := range []string{"telegram://1:s3cret@HOST?chats=1&scheme=http", "generic+http://s3cret:s3cret@HOST/s3cret?k=s3cret", "smtp://s3cret:s3cret@HOST/?to=a@b.c&from=a@b.c"} {
			err := Send(t.Context(), parse(t, strings.ReplaceAll(s, "HOST", b.host())), sample)
			var got *SendError
			if !errors.As(err, &got) || got.Final || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "refused") {
				t.Errorf("%v", err)
			}
		}
	})
}

// A server that takes the connection and says nothing is left when the time is over.
func TestSendEndsWithItsContext(t *testing.T) {
	silent := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer server.Close()
	defer close(silent)
	host := strings.TrimPrefix(server.URL, "http://")
	for _, s := range []string{"generic+http://" + host, "smtp://" + host + "/?to=a@b.c&from=a@b.c"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := Send(ctx, parse(t, s), sample); err == nil {
			t.Errorf("%s: sent", s)
		}
		cancel()
	}
}
