package address

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// NtfyTarget is a topic of an ntfy server.
type NtfyTarget struct {
	Topic          string
	User, Password string
	Token          string // instead of user and password
	Priority       int    // 1 to 5; 0 = by the alert
	Tags           []string
	Click, Icon    string
	Email          string
}

// ntfy reads ntfy://[user:password@|:token@]host/topic. ntfy://topic is a topic of ntfy.sh.
func (t *Target) ntfy(u *url.URL, o *options) error {
	t.Service = Ntfy
	n := &t.Ntfy
	n.Topic = strings.Trim(u.Path, "/")
	if n.Topic == "" && u.User == nil && !strings.ContainsAny(u.Host, ".:") {
		n.Topic, t.Host = u.Host, "ntfy.sh"
		t.secrets = append(t.secrets, n.Topic)
	}
	if n.Topic == "" || strings.Contains(n.Topic, "/") {
		return errors.New("the address of ntfy is ntfy://HOST/TOPIC, such as ntfy://ntfy.sh/my-box")
	}
	if u.User != nil {
		n.User = u.User.Username()
		n.Password, _ = u.User.Password()
		if n.User == "" {
			n.Token, n.Password = n.Password, ""
		}
	}
	n.Priority = o.priority()
	n.Tags = o.list("tags")
	n.Click, n.Icon, n.Email = o.text("click"), o.text("icon"), o.text("email")
	t.base(o)
	return o.done()
}

func (o *options) priority() int {
	v := o.text("priority")
	if n, err := strconv.Atoi(v); err == nil && n >= 1 && n <= 5 {
		return n
	}
	for n, words := range [][]string{1: {"min"}, 2: {"low"}, 3: {"default"}, 4: {"high"}, 5: {"max", "urgent"}} {
		for _, w := range words {
			if strings.EqualFold(w, v) {
				return n
			}
		}
	}
	if v != "" {
		o.fail(errors.New("the address: priority is 1 to 5, or min, low, default, high, max"))
	}
	return 0
}

// base is the server of an HTTP service: https unless the address says otherwise.
func (t *Target) base(o *options) {
	scheme := []string{"https", "http"}[o.choice([]string{"https", "http"}, "scheme")]
	if o.flag(false, "disabletls") {
		scheme = "http"
	}
	t.Insecure = o.flag(false, "disabletlsverification", "skiptlsverify")
	t.Base = url.URL{Scheme: scheme, Host: t.Host}
}

// BarkTarget is a device of a Bark server.
type BarkTarget struct {
	Key   string
	Path  string // of the server, without a slash at the end
	Sound string
	Group string
	Icon  string
	URL   string
	Level string // "" = by the alert
}

// bark reads bark://:key@host[/path]. bark://key is a device of the public server, bark://host/key one of another.
func (t *Target) bark(u *url.URL, o *options) error {
	t.Service = Bark
	b := &t.Bark
	path := strings.Trim(u.Path, "/")
	switch {
	case u.User != nil:
		b.Key, _ = u.User.Password()
		if b.Key == "" {
			b.Key = u.User.Username()
		}
		if path != "" {
			b.Path = "/" + path
		}
	case path == "" && !strings.ContainsAny(u.Host, ".:"):
		b.Key, t.Host = u.Host, "api.day.app"
		t.secrets = append(t.secrets, b.Key)
	default:
		b.Key = path
	}
	if b.Key == "" || strings.Contains(b.Key, "/") {
		return errors.New("the address of Bark is bark://KEY, or bark://:KEY@HOST for a server of your own")
	}
	b.Sound, b.Group, b.Icon, b.URL = o.text("sound"), o.text("group"), o.text("icon"), o.text("url")
	b.Level = []string{"", "active", "timeSensitive", "passive", "critical"}[o.choice([]string{"", "active", "timeSensitive", "passive", "critical"}, "level")]
	t.base(o)
	return o.done()
}

// TelegramTarget is a bot and the chats that it writes to.
type TelegramTarget struct {
	Token   string
	Chats   []string // @channel, id or id:thread
	Silent  bool
	Preview bool
}

// telegram reads telegram://token@telegram?chats=... Another host is a Bot API server of one's own.
func (t *Target) telegram(u *url.URL, o *options) error {
	t.Service = Telegram
	g := &t.Telegram
	if u.User == nil || strings.Trim(u.Path, "/") != "" {
		return errors.New("the address of Telegram is telegram://TOKEN@telegram?chats=ID")
	}
	secret, _ := u.User.Password()
	g.Token = u.User.Username() + ":" + secret
	if !isToken(g.Token) {
		return errors.New("the address of Telegram: the token is digits, a colon, and letters, as BotFather gave it")
	}
	if t.Host == "telegram" {
		t.Host = "api.telegram.org"
	}
	g.Chats = o.list("chats", "channels")
	g.Silent = !o.flag(true, "notification")
	g.Preview = o.flag(true, "preview")
	o.choice([]string{"None"}, "parsemode")
	t.base(o)
	if err := o.done(); err != nil {
		return err
	}
	if len(g.Chats) == 0 || len(g.Chats) > 10 {
		return errors.New("the address of Telegram names the chats: telegram://TOKEN@telegram?chats=ID,@CHANNEL (1 to 10)")
	}
	return nil
}

func isToken(s string) bool {
	id, secret, _ := strings.Cut(s, ":")
	if id == "" || secret == "" || len(s) > 128 {
		return false
	}
	for _, r := range id {
		if r < '0' || r > '9' {
			return false
		}
	}
	for _, r := range secret {
		if r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}
