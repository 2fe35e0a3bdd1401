package appliance

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A port that is taken is no mistake in the file: the old configuration serves on, and the file may be right.
func TestReloadWithABusyPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "catflap.yaml")
	parse := func(gateway, links string) (*config.Config, error) {
		return config.Parse(file, []byte("accessToken: t0ken-of-napcat\nwsPort: 0\ndataDir: data\nlimits: {links: "+links+"}\nconsole: {listen: \"127.0.0.1:0\"}\n"+
			"gateway: {listen: \""+gateway+"\"}\napps: {bot: {protocol: onebot11, accessToken: t0ken-of-bot}}\n"), nil)
	}
	cfg, err := parse("127.0.0.1:0", "7")
	if err != nil {
		t.Fatal(err)
	}
	next := taken.Addr().String()
	a, err := Open(cfg, Options{Log: slog.New(slog.DiscardHandler), Reload: func() (*config.Config, error) { return parse(next, "8") }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	before := a.Addresses()["gateway"]

	_, err = a.Reload(t.Context())
	var p *console.Problem
	if !errors.As(err, &p) || p.Status != http.StatusConflict || !strings.HasPrefix(p.Message, "gateway.listen: listening on "+next+": the port is taken by ") {
		t.Errorf("a busy port: %v", err)
	}
	if now := a.Addresses()["gateway"]; now != before || before == "" {
		t.Errorf("the gateway moved from %s to %s", before, now)
	}
	next = "nowhere"
	if _, err = a.Reload(t.Context()); err == nil || errors.As(err, &p) {
		t.Errorf("a mistake in the file: %v", err)
	}
	if links := a.Status().Links; links != (console.LinksStatus{Limit: 7}) {
		t.Errorf("links %+v", links)
	}
}
