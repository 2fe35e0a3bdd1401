package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/catflap/catflap/appliance/apps"
	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/fence"
	"github.com/catflap/catflap/appliance/media"
	"github.com/catflap/catflap/appliance/napcat"
	"github.com/catflap/catflap/appliance/router"
)

// pictures is the media cache and what is around it.
type pictures struct {
	cache   *media.Cache
	fence   atomic.Pointer[fence.Fence]
	rewrite atomic.Bool // events get the cache's addresses
	sender  *media.Sender
	pieces  *media.Fragments // of apps of OneBot 12
	road    atomic.Pointer[road]
	dialled atomic.Pointer[[]*apps.App] // whose tokens take uploads, though they come to no gateway
}

// rewrites reports whether any app gets the cache's addresses.
func rewrites(c *config.Config) bool {
	if !c.Media.Rewrite || c.Media.MaxTotalMB == 0 || c.Media.MaxDailyMB == 0 {
		return false
	}
	for _, app := range c.Apps {
		if app.Enabled && app.RewriteMedia {
			return true
		}
	}
	return false
}

// openMedia opens the cache. It needs the store.
func (a *Appliance) openMedia(cfg *config.Config) error {
	if err := a.setFence(cfg); err != nil {
		return err
	}
	var err error
	a.media.cache, err = media.Open(media.Options{
		Dir: cfg.MediaDir(), Store: a.store, Settings: a.mediaSettings(cfg), Log: a.Log, Now: a.now,
		Fetch: func(ctx context.Context, address string, max int64, w io.Writer) (fence.Fetched, error) {
			return a.media.fence.Load().Fetch(ctx, address, max, w)
		},
		Ask: a.askNapCat, Stream: a.streamNapCat,
	})
	if err != nil {
		return err
	}
	a.media.sender = media.NewSender(a.media.cache)
	a.media.pieces = media.NewFragments(a.media.cache)
	a.files = a.newFiles()
	if cfg.Media.NapcatDir != "" {
		a.media.sender.Clean(cfg.Media.NapcatDir)
	}
	a.media.road.Store(new(road))
	return nil
}

func (a *Appliance) closeMedia() error {
	if a.media.cache == nil {
		return nil
	}
	a.media.sender.Close()
	a.media.pieces.Close()
	err := a.media.cache.Close()
	a.media.fence.Load().Close()
	return err
}

// setMedia applies a configuration: who may be fetched from, how much is kept, and under which addresses. The gateways
// are open.
func (a *Appliance) setMedia(c *config.Config) {
	if err := a.setFence(c); err != nil { // the configuration was checked: it cannot be
		a.Log.Error("media.allowPrivate cannot be read; the addresses that were allowed before stay so", "err", err)
	}
	s := a.mediaSettings(c)
	a.media.cache.Set(s)
	a.media.rewrite.Store(rewrites(c) && s.Base != "")
	a.media.road.Store(a.roadOf(c))
}

func (a *Appliance) setFence(c *config.Config) error {
	networks, err := fence.Networks(c.Media.AllowPrivate)
	if err != nil {
		return fmt.Errorf("media.allowPrivate: %w", err)
	}
	if old := a.media.fence.Swap(fence.New(fence.Rules{AllowHosts: c.Media.AllowHosts, AllowPrivate: networks})); old != nil {
		old.Close()
	}
	return nil
}

func (a *Appliance) mediaSettings(c *config.Config) media.Settings {
	item, most := 0, make(map[string]int64)
	for _, acc := range c.Accounts {
		item = max(item, acc.MediaMaxMB)
		most[acc.Name] = int64(acc.MediaMaxMB) << 20
	}
	return media.Settings{
		Total: int64(c.Media.MaxTotalMB) << 20, MaxAge: c.Media.MaxAge, Eager: int64(c.Media.EagerMB) << 20,
		Daily: int64(c.Media.MaxDailyMB) << 20, Item: int64(item) << 20, Max: most, Base: a.mediaBase(c),
	}
}

// mediaBase is the address before /media/ in events: media.publicUrl, else where the gateway listens. A gateway on all
// addresses is named by loopback: apps elsewhere need media.publicUrl. "" = there is no gateway.
func (a *Appliance) mediaBase(c *config.Config) string {
	if c.Media.PublicURL != "" {
		return strings.TrimRight(c.Media.PublicURL, "/")
	}
	g := a.gateways[c.Gateway.Listen]
	if g == nil {
		return ""
	}
	host, port, err := net.SplitHostPort(g.Address())
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// shelf is what gateways serve of the cache.
func (a *Appliance) shelf() *apps.MediaShelf {
	return &apps.MediaShelf{Read: a.media.cache, Upload: http.HandlerFunc(a.media.cache.Upload), Dialled: func() []*apps.App {
		if dialled := a.media.dialled.Load(); dialled != nil {
			return *dialled
		}
		return nil
	}}
}

// dialledApps are those that catflap dials and that are enabled.
func (a *Appliance) dialledApps(c *config.Config) *[]*apps.App {
	var out []*apps.App
	for _, app := range c.Apps {
		if running := a.apps[app.Name]; running != nil && app.Connect != "" {
			out = append(out, running)
		}
	}
	return &out
}

// keepMedium gives a medium of a message to the cache, and says what becomes of its address.
func (a *Appliance) keepMedium(m router.Medium) (url, note string) {
	if !a.media.rewrite.Load() {
		return "", ""
	}
	key, note, ok := a.media.cache.Offer(media.Offered{
		Account: m.Account, MessageID: m.MessageID, Group: m.Group, Type: m.Type, File: m.File, FileID: m.FileID, URL: m.URL, Size: m.Size, Max: m.Max,
	})
	if !ok {
		return "", note
	}
	return a.media.cache.URL(key), ""
}

// keepInline gives a medium that an action carries to the cache, and names it for the history.
func (a *Appliance) keepInline(payload []byte) string {
	key, ok := a.media.cache.Keep(payload)
	if !ok {
		return ""
	}
	return media.Path + key.String()
}

// askNapCat makes a call of catflap's own and decodes its answer's data.
func (a *Appliance) askNapCat(ctx context.Context, account, action string, params []byte, data any) error {
	acc := a.account(account)
	if acc == nil {
		return fmt.Errorf("account %s is gone: %w", account, media.ErrAway)
	}
	frame, err := acc.Do(ctx, action, params)
	if err != nil {
		return unanswered(action, err)
	}
	var answer struct {
		Retcode int64           `json:"retcode"`
		Status  string          `json:"status"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(frame, &answer); err != nil {
		return fmt.Errorf("reading NapCat's answer to %s: %w", action, err)
	}
	if answer.Retcode != 0 || answer.Status == "failed" {
		return fmt.Errorf("NapCat refuses %s: retcode %d %q", action, answer.Retcode, answer.Message)
	}
	if data == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		return fmt.Errorf("reading NapCat's answer to %s: %w", action, err)
	}
	return nil
}

// unanswered is why a question of catflap's own has no answer. What the errors of calls say of an action that may have been
// done is not for the app whose action has yet to begin.
func unanswered(action string, err error) error {
	switch {
	case errors.Is(err, napcat.ErrDropped):
		err = errors.New("the link dropped before the answer")
	case errors.Is(err, napcat.ErrTimeout):
		err = errors.New("no answer came in time")
	}
	return errors.Join(fmt.Errorf("asking NapCat (%s): %w", action, err), media.ErrAway)
}

// streamNapCat makes a call that is answered by many frames.
func (a *Appliance) streamNapCat(ctx context.Context, account, action string, params []byte, each func(frame []byte)) error {
	acc := a.account(account)
	if acc == nil {
		return fmt.Errorf("account %s is gone: %w", account, media.ErrAway)
	}
	var mu sync.Mutex
	left := false
	done := make(chan error, 1)
	acc.Submit(napcat.Call{Action: action, Params: params, Done: func(answer napcat.Answer) {
		mu.Lock()
		defer mu.Unlock()
		if left {
			return
		}
		if answer.Err == nil {
			each(answer.Frame)
		}
		if answer.Final {
			left = true
			done <- answer.Err
		}
	}})
	select {
	case err := <-done:
		if err != nil {
			return unanswered(action, err)
		}
		return nil
	case <-ctx.Done():
		mu.Lock()
		left = true
		mu.Unlock()
		return context.Cause(ctx)
	}
}
