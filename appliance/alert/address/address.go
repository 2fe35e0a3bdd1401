// Package address reads where alerts go: URLs in the spelling of the shoutrrr library, which many programs share, plus the
// short forms that people try first. It does no input or output.
package address

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// maxLength bounds an address.
const maxLength = 2048

// maxSecrets bounds what Scrub looks for.
const maxSecrets = 64

// Service is what takes an alert.
type Service string

// The services.
const (
	Ntfy     Service = "ntfy"
	Bark     Service = "bark"
	Mail     Service = "smtp"
	Webhook  Service = "generic"
	Telegram Service = "telegram"
)

// Target is one address, taken apart. Of it only String may be shown: everything else can hold secrets.
type Target struct {
	Service Service
	Host    string // of the server, with its port if one was written

	Ntfy     NtfyTarget
	Bark     BarkTarget
	Mail     MailTarget
	Webhook  WebhookTarget
	Telegram TelegramTarget

	Base     url.URL // scheme and host of the services that speak HTTP
	Insecure bool    // the server's certificate is not checked: the address says so

	secrets []string
}

// String names the target for people: the service and the server, never a secret.
func (t *Target) String() string { return string(t.Service) + " " + t.Host }

// GoString keeps secrets out of %#v too.
func (t *Target) GoString() string { return t.String() }

// Scrub replaces in a text, such as what a server answered, all parts of the address that are not to be shown.
func (t *Target) Scrub(text string) string {
	for _, s := range t.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}

// ErrForm is the error of an address of no known service.
var ErrForm = errors.New("expected an address such as ntfy://ntfy.sh/TOPIC, bark://KEY, smtp://USER:PASSWORD@HOST:587/?to=ME@EXAMPLE.COM, generic://HOST/PATH or telegram://TOKEN@telegram?chats=ID")

// Parse reads an address. The error says what is expected and never repeats the address.
func Parse(s string) (*Target, error) {
	if len(s) > maxLength {
		return nil, errors.New("the address is too long")
	}
	scheme, _, ok := strings.Cut(s, "://")
	if !ok || strings.ContainsAny(s, " \t\r\n") {
		return nil, ErrForm
	}
	u, err := url.Parse(s)
	if err != nil || u.Fragment != "" {
		return nil, errors.New("the address is not a URL: write @ : / ? # % in a name or password as %40 %3A %2F %3F %23 %25")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("what follows ? in the address is not key=value&key=value: write ; & % in a value as %3B %26 %25")
	}
	t := &Target{Host: u.Host}
	t.hide(u, query)
	o := newOptions(query)
	switch strings.ToLower(scheme) {
	case "ntfy", "ntfys":
		err = t.ntfy(u, o)
	case "bark":
		err = t.bark(u, o)
	case "smtp":
		err = t.mail(u, o, false)
	case "smtps":
		err = t.mail(u, o, true)
	case "generic":
		err = t.webhook(u, query, "")
	case "generic+https":
		err = t.webhook(u, query, "https")
	case "generic+http":
		err = t.webhook(u, query, "http")
	case "telegram":
		err = t.telegram(u, o)
	default:
		return nil, ErrForm
	}
	if err != nil {
		return nil, err
	}
	if !plainHost(t.Host) {
		return nil, errors.New("the address names no server")
	}
	return t, nil
}

// hide notes what of the address must not be shown: every part of it but the host.
func (t *Target) hide(u *url.URL, query url.Values) {
	add := func(parts ...string) {
		for _, p := range parts {
			// Shorter ones are words like "yes", and would eat the answer.
			if len(p) >= 4 && len(t.secrets) < maxSecrets {
				t.secrets = append(t.secrets, p)
				if q := url.QueryEscape(p); q != p {
					t.secrets = append(t.secrets, q)
				}
			}
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		add(u.User.Username()+":"+password, password, u.User.Username())
	}
	add(u.Path, u.EscapedPath(), u.RawQuery)
	add(strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })...)
	for _, values := range query {
		add(values...)
	}
	slices.SortStableFunc(t.secrets, func(a, b string) int { return len(b) - len(a) }) // the longest first: it may hold others
}

// plainHost refuses what must not be shown as a host or cannot be one.
func plainHost(host string) bool {
	return host != "" && !strings.HasPrefix(host, ":") && !strings.ContainsAny(host, "@/?#\\\"'<>") && !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
