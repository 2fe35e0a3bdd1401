package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Tokens are in no log, no answer of the command line, no error and no page, at the most talkative level and with everything
// going wrong. newBox looks at the logs, execute at what each command prints.
func TestFault_T19_NoOutputHoldsASecret(t *testing.T) {
	t.Parallel()
	b := startBox(t, bothApps)
	n := dialNapCat(t, b)
	p := dialProbe(t, b, "/?access_token="+koishiToken, "")
	p.first(t)
	n.tell(bob, "a stranger to be paired")
	n.code(t, bob)
	n.mention(ops, ann, "hello")
	p.text(t, "hello")
	p.call(t, "send_packet", map[string]any{"access_token": koishiToken})
	p.must(t, "send_group_msg", map[string]any{"group_id": ops, "message": "hi"})

	for _, token := range []string{wrongToken, nonebotToken, napcatToken} {
		if _, err := dialGateway(t, b, "/?access_token="+token, ""); err == nil {
			t.Errorf("the gateway let %s in", token)
		}
	}
	if _, err := dialAt(t, fmt.Sprintf("ws://127.0.0.1:%d/onebot/v11/ws", b.napcat), wrongToken, nil); err == nil {
		t.Error("NapCat's listener let a wrong token in")
	}
	for _, port := range []int{b.gateway, b.napcat, b.console} {
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/api/v1/status", "/get_status", "/?access_token=" + wrongToken} {
			r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
			if err != nil {
				t.Fatalf("GET %s of port %d: %v", path, port, err)
			}
			page, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range secrets {
				if strings.Contains(string(page), secret) {
					t.Errorf("GET %s of port %d answers with a secret:\n%s", path, port, page)
				}
			}
		}
	}
	for _, args := range [][]string{
		{"status"}, {"status", "--json"}, {"config", "show"}, {"config", "check"}, {"explain"}, {"explain", "--json"}, {"audit"}, {"audit", "--json"},
		{"app", "list", "--json"}, {"pairing", "list", "--json"}, {"history", "list", "--json"}, {"history", "export"}, {"account", "list"}, {"reload"},
	} {
		b.cli(t, args...)
	}
	// A mistake beside a token: the error shows the line.
	if err := os.WriteFile(filepath.Join(b.dir, "catflap.yaml"), []byte("accessToken: {a: "+napcatToken+"}\napps: {x: {protocol: onebot11, accessToken: "+probeToken+", colour: "+koishiToken+"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"reload"}, {"config", "check"}, {"run"}} {
		out, problems, err := b.execute(args...)
		if err == nil || strings.Contains(err.Error(), "printed a secret") {
			t.Errorf("catflap %s with a broken file: %v\n%s%s", strings.Join(args, " "), err, out, problems)
		}
	}
}
