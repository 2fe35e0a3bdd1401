package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/localfile"
	"github.com/catflap/catflap/appliance/media"
	"github.com/catflap/catflap/appliance/onebot"
	"github.com/catflap/catflap/appliance/router"
)

// road is how files reach NapCat, whichever it is.
type road struct {
	folder  string          // media.napcatDir
	public  string          // where NapCat reaches the gateway wherever it runs; "" = unknown
	local   string          // where it reaches it from this box; "" = nowhere
	reverse map[string]bool // accounts whose NapCat dials: what it dials from is where it is
	frame   int             // limits.maxFrameMb in bytes: of an action with its files, too
}

// roadOf finds out how NapCat reaches the gateway. media.napcatUrl says it, media.publicUrl does, unless it means this box alone; so does a
// gateway that listens on one address of the network.
func (a *Appliance) roadOf(c *config.Config) *road {
	r := &road{folder: c.Media.NapcatDir, reverse: make(map[string]bool), frame: c.Limits.MaxFrameMB << 20}
	for _, acc := range c.Accounts {
		r.reverse[acc.Name] = acc.Link == "reverse"
	}
	if c.Media.NapcatURL != "" {
		r.public = strings.TrimRight(c.Media.NapcatURL, "/")
	} else if u, err := url.Parse(c.Media.PublicURL); err == nil && u.Host != "" && !isLoopback(u.Hostname()) {
		r.public = strings.TrimRight(c.Media.PublicURL, "/")
	}
	g := a.gateways[c.Gateway.Listen]
	if g == nil {
		return r
	}
	host, port, err := net.SplitHostPort(g.Address())
	if err != nil {
		return r
	}
	switch ip := net.ParseIP(host); {
	case ip == nil || ip.IsUnspecified():
		r.local = "http://" + net.JoinHostPort("127.0.0.1", port)
	case ip.IsLoopback():
		r.local = "http://" + net.JoinHostPort(host, port)
	case r.public == "":
		r.public = "http://" + net.JoinHostPort(host, port)
	}
	return r
}

// isLoopback reports whether a host is this box, whoever reads it.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// to is the road to one account's NapCat. A NapCat that dials from loopback shares this box's network; one that is dialled
// there may be in a container that does not.
func (r *road) to(h router.Handover) media.Road {
	out := media.Road{Account: h.Account, Folder: r.folder, Base: r.public, Max: h.Max}
	remote, _, err := net.SplitHostPort(h.Peer.Remote)
	if err != nil {
		remote = h.Peer.Remote
	}
	if out.Base == "" && r.reverse[h.Account] && isLoopback(remote) {
		out.Base = r.local
	}
	return out
}

// handOver gives NapCat the files of catflap and of this box that an action names.
func (a *Appliance) handOver(ctx context.Context, h router.Handover) ([]byte, error) {
	values, times, err := namedBy(h)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string)  // what each value becomes
	titles := make(map[string]string) // names for people, by key
	roads := a.media.road.Load()
	left := max(0, min(inlineBudget, int64(roads.frame/2), int64(roads.frame-len(h.Params))))
	for _, value := range values {
		p, done, err := a.parcel(ctx, h, value)
		if err == nil && p.Content != nil {
			road := roads.to(h)
			share := left / times[value] // it stands in the action that often
			road.Inline = &share
			names[value], err = a.media.sender.Hand(ctx, p, road)
			done()
		}
		if err != nil {
			return nil, fmt.Errorf("the file %q: %w", shorten(value), err)
		}
		if strings.HasPrefix(names[value], "base64://") {
			left -= int64(len(names[value])) * times[value]
		}
		if name := media.FileName(p.Name); p.Key != (media.Key{}) && name != "" {
			titles[p.Key.String()] = name
		}
	}
	params := onebot.RewriteFiles(h.Action, h.Params, func(value string) (string, bool) {
		return names[value], names[value] != ""
	})
	for key, title := range titles { // a file that was given no name has been called by the end of its address
		params = bytes.ReplaceAll(params, []byte(`"name":"`+key+`"`), append([]byte(`"name":`), onebot.Quoted(title)...))
	}
	if len(params) > roads.frame {
		return nil, fmt.Errorf("with its files the action has %d bytes, more than limits.maxFrameMb (%d MiB)", len(params), roads.frame>>20)
	}
	return params, nil
}

const (
	// maxNamed bounds the files of one action.
	maxNamed = 64
	// inlineBudget bounds the base64 of all of them together, bytes. It is in memory several times over.
	inlineBudget = 4 << 20
	// awaitTime is how long the media of an action may take to come from where they lie. Apps give up after 30 s.
	awaitTime = 25 * time.Second
)

// namedBy lists what an action names, each value once, and how often.
func namedBy(h router.Handover) (values []string, times map[string]int64, err error) {
	times = make(map[string]int64)
	onebot.RewriteFiles(h.Action, h.Params, func(value string) (string, bool) {
		if times[value] > 0 || len(values) <= maxNamed {
			if times[value]++; times[value] == 1 {
				values = append(values, value)
			}
		}
		return "", false
	})
	if len(values) > maxNamed {
		return nil, nil, fmt.Errorf("the action names more than %d files", maxNamed)
	}
	return values, times, nil
}

// awaitFiles waits for the media of an action that are not here yet. All are fetched at once.
func (a *Appliance) awaitFiles(ctx context.Context, h router.Handover) error {
	values, _, err := namedBy(h)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, awaitTime)
	defer cancel()
	at, over := context.WithCancel(ctx)
	over() // the first look begins the fetches and waits for none
	var late []string
	for _, value := range values {
		switch err := a.awaitFile(at, value); {
		case errors.Is(err, media.ErrPending):
			late = append(late, value)
		case err != nil:
			return err
		}
	}
	for _, value := range late {
		if err := a.awaitFile(ctx, value); err != nil {
			return err
		}
	}
	return nil
}

// awaitFile waits for one medium; what is none is no matter here.
func (a *Appliance) awaitFile(ctx context.Context, value string) error {
	key, ok := a.ownMedium(value)
	if !ok {
		return nil
	}
	f, err := a.media.cache.Open(ctx, key)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, media.ErrUnknown):
		return nil // handOver knows what that means
	case errors.Is(err, media.ErrPending):
		return fmt.Errorf("the file %q: %w from a slow server; send it again in a minute", shorten(value), err)
	}
	return fmt.Errorf("the file %q: %w", shorten(value), err)
}

// isMediumPath reports whether a path is short for the address of a medium of catflap's: "/media/KEY".
func (a *Appliance) isMediumPath(path string) bool {
	_, ok := a.media.cache.Own(path)
	return ok
}

// shorten is a name as an error has it.
func shorten(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// parcel opens what a value names, if it is catflap's to hand over. Without Content it is not.
func (a *Appliance) parcel(ctx context.Context, h router.Handover, value string) (p media.Parcel, done func(), err error) {
	if key, ok := a.ownMedium(value); ok {
		// It is here, or awaitFiles has brought it: there are few places for those that hand over.
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		f, err := a.media.cache.Open(ctx, key)
		if errors.Is(err, media.ErrUnknown) && !onebot.IsLocalPath(value) {
			return p, nil, nil // another catflap's, or another server's
		}
		if err != nil {
			return p, nil, err
		}
		return media.Parcel{Key: key, Name: f.Name, Size: f.Size, Content: f}, func() { _ = f.Close() }, nil
	}
	if len(h.Files) == 0 || !onebot.IsLocalPath(value) {
		return p, nil, nil
	}
	f, err := h.Files.Open(value)
	if errors.Is(err, localfile.ErrSpecial) {
		return p, nil, nil // a folder, for the one action that takes folders
	}
	if err != nil {
		return p, nil, fmt.Errorf("%w (%s)", err, config.AccountKey(h.Account, "files.roots"))
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return p, nil, fmt.Errorf("looking at the file: %w", err)
	}
	return media.Parcel{Name: onebot.FileName(value), Size: info.Size(), Content: f}, func() { _ = f.Close() }, nil
}

// ownMedium reads the key out of an address of catflap's media, whatever name of this box it goes by.
func (a *Appliance) ownMedium(value string) (media.Key, bool) {
	if key, ok := a.media.cache.Own(value); ok {
		return key, true
	}
	u, err := url.Parse(strings.TrimSpace(value))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return media.Key{}, false
	}
	i := strings.LastIndex(u.Path, media.Path)
	if i < 0 {
		return media.Key{}, false
	}
	return media.ParseKey(u.Path[i+len(media.Path):])
}
