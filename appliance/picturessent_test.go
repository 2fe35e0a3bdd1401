package appliance

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/policy"
)

// said is the newest message of a chat as history has it.
func (g *gallery) said(chat policy.Chat, messages int) string {
	g.t.Helper()
	raw := ""
	await(g.t, "the history has the message", func() bool {
		records, err := g.a.store.History().Show(config.DefaultAccount, chat, 100)
		if err != nil {
			g.t.Fatal(err)
		}
		if len(records) > 0 {
			raw = string(records[len(records)-1].Raw)
		}
		return len(records) == messages
	})
	return raw
}

// A picture that an app sends as base64 goes to NapCat as it is, and history has a key by which it can be seen.
func TestPicturesThatAreSentInlineHaveAKey(t *testing.T) {
	g := openGallery(t, newNapCat(), "allowFrom: [20002]\n", [2]string{"hook", ""}).dials()
	text := base64.StdEncoding.EncodeToString(g.picture)
	for i, message := range []string{
		`[{"type":"text","data":{"text":"look"}},{"type":"image","data":{"file":"base64://` + text + `"}}]`,
		`"look[CQ:image,file=base64://` + strings.TrimRight(text, "=") + `]"`,
		`[{"type":"image","data":{"file":"data:image/png;base64,` + text + `"}}]`,
	} {
		if answer := g.call("send_private_msg", `{"user_id":20002,"message":`+message+`}`); !strings.Contains(answer, `"retcode":0`) {
			t.Fatalf("answer %s", answer)
		}
		if call := g.nap.Calls()[len(g.nap.Calls())-1]; !bytes.Contains(call.Raw, []byte(strings.TrimRight(text, "="))) {
			t.Errorf("NapCat gets %.200s", call.Raw)
		}
		raw := g.said(policy.Chat{ID: 20002}, i+1)
		_, rest, ok := strings.Cut(raw, "/media/")
		if !ok || strings.Contains(raw, "base64") || len(rest) < 32 {
			t.Fatalf("the history has %.300s", raw)
		}
		if status, got := get(t, g.gateway()+"/media/"+rest[:32]); status != http.StatusOK || !bytes.Equal(got, g.picture) {
			t.Errorf("the key of message %d leads to %d, %d bytes", i, status, len(got))
		}
	}
	if s := g.a.mediaStats(); s.Items != 1 {
		t.Errorf("%d files for one picture", s.Items)
	}
}

// Nothing is promised that the quota has no room for, and without a history nothing is kept.
func TestFault_S06_InlinePicturesKeepToTheQuota(t *testing.T) {
	for _, lines := range []string{"media: {maxDailyMb: 0}\n", "media: {maxTotalMb: 0}\n", "historyLimit: 0\n", "media: {maxTotalMb: 1}\n"} {
		g := openGallery(t, newNapCat(), "allowFrom: [20002]\n"+lines, [2]string{"hook", ""}).dials()
		text := base64.StdEncoding.EncodeToString(bytes.Repeat(g.picture, 8))
		g.call("send_private_msg", `{"user_id":20002,"message":[{"type":"image","data":{"file":"base64://`+text+`"}}]}`)
		if lines != "historyLimit: 0\n" {
			if raw := g.said(policy.Chat{ID: 20002}, 1); !strings.Contains(raw, "base64:stripped:") {
				t.Errorf("%s: the history has %.200s", lines, raw)
			}
		}
		if s := g.a.mediaStats(); s.Items != 0 {
			t.Errorf("%s: %d files", lines, s.Items)
		}
	}
}

// An app that catflap dials uploads by its own token, if no other app has that.
func TestDialledAppUploads(t *testing.T) {
	lines := "  far: {protocol: onebot11, connect: \"ws://127.0.0.1:1/\", accessToken: t0ken-of-far}\n" +
		"  off: {protocol: onebot11, enabled: false, connect: \"ws://127.0.0.1:1/\", accessToken: t0ken-of-off}\n"
	x := openAdapter(t, newNapCat(), "gateway: {listen: \"127.0.0.1:0\"}\napps:\n"+lines)
	for token, want := range map[string]int{"t0ken-of-far": http.StatusCreated, "t0ken-of-off": http.StatusForbidden, "else": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http"+strings.TrimPrefix(x.a.Addresses()["gateway"], "ws")+"/media", strings.NewReader("bytes"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", token, resp.StatusCode, want)
		}
	}
}
