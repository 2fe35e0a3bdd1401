package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

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
}

// roadOf finds out how NapCat reaches the gateway. media.publicUrl says it, unless it means this box alone; so does a
// gateway that listens on one address of the network.
func (a *Appliance) roadOf(c *config.Config) *road {
	r := &road{folder: c.Media.NapcatDir, reverse: make(map[string]bool)}
	for _, acc := range c.Accounts {
		r.reverse[acc.Name] = acc.Link == "reverse"
	}
	if u, err := url.Parse(c.Media.PublicURL); err == nil && u.Host != "" && !isLoopback(u.Hostname()) {
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
	var fault error
	names := make(map[string]string)  // what each value becomes; "" = it stays
	titles := make(map[string]string) // names for people, by key
	onebot.RewriteFiles(h.Action, h.Params, func(value string) (string, bool) {
		if _, seen := names[value]; seen || fault != nil {
			return "", false
		}
		names[value] = ""
		if len(names) > maxNamed {
			fault = fmt.Errorf("the action names more than %d files", maxNamed)
			return "", false
		}
		p, done, err := a.parcel(ctx, h, value)
		if err == nil && p.Content != nil {
			names[value], err = a.media.sender.Hand(ctx, p, a.media.road.Load().to(h))
			done()
		}
		if err != nil {
			fault = fmt.Errorf("the file %q: %w", shorten(value), err)
			return "", false
		}
		if p.Key != (media.Key{}) && p.Name != "" {
			titles[p.Key.String()] = p.Name
		}
		return "", false
	})
	if fault != nil {
		return nil, fault
	}
	params := onebot.RewriteFiles(h.Action, h.Params, func(value string) (string, bool) {
		return names[value], names[value] != ""
	})
	for key, title := range titles { // a file that was given no name has been called by the end of its address
		params = bytes.ReplaceAll(params, []byte(`"name":"`+key+`"`), append([]byte(`"name":`), onebot.Quoted(title)...))
	}
	return params, nil
}

// maxNamed bounds the files of one action.
const maxNamed = 64

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
		f, err := a.media.cache.Open(ctx, key)
		if errors.Is(err, media.ErrUnknown) {
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
		return p, nil, nil // a folder, which some actions take
	}
	if err != nil {
		return p, nil, fmt.Errorf("%w (accounts.%s.files.roots)", err, h.Account)
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
