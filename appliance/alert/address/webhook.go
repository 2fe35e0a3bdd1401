package address

import (
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// WebhookTarget is a URL that takes an alert in a form of the owner's choice.
type WebhookTarget struct {
	URL         url.URL
	Method      string
	Header      http.Header
	Text        bool   // the message alone, not JSON
	TitleKey    string // where in the JSON; a dot leads into an object, "" = the title is the message's first line
	MessageKey  string
	Fields      map[string]string // more of the JSON, by key
	Shaped      bool              // the owner said how the JSON looks: nothing is added to it
	ContentType string
}

// webhook reads generic://host/path, generic+https:// and generic+http://. Options are taken out of the query, @name=value is a
// header, $name=value a field, _name=value a query value that is named like an option; all else stays in the query.
func (t *Target) webhook(u *url.URL, query url.Values, scheme string) error {
	t.Service = Webhook
	w := &t.Webhook
	w.Header = make(http.Header)
	w.Fields = make(map[string]string)
	rest := make(url.Values)
	o := &options{values: make(map[string]string)}
	names := map[string]bool{"contenttype": true, "disabletls": true, "template": true, "titlekey": true, "messagekey": true, "method": true, "title": true, "skiptlsverify": true}
	for key, values := range query {
		if len(values) == 0 || key == "" {
			continue
		}
		lower := strings.ToLower(key)
		switch name := key[1:]; {
		case key[0] == '@':
			if !isHeader(name, values[0]) {
				return errors.New("the address: @NAME=VALUE is a header of the request, of one line")
			}
			w.Header.Set(textproto.CanonicalMIMEHeaderKey(name), values[0])
		case key[0] == '$' && name != "":
			w.Fields[name] = values[0]
		case names[lower]:
			o.values[lower] = values[0]
		case key[0] == '_' && names[strings.ToLower(name)]:
			rest[name] = values
		default:
			rest[key] = values
		}
	}
	if len(w.Header) > 20 || len(w.Fields) > 20 {
		return errors.New("the address: at most 20 headers and 20 fields")
	}
	_, hasTitle := o.values["titlekey"]
	_, hasMessage := o.values["messagekey"]
	w.Shaped = hasTitle || hasMessage || len(w.Fields) > 0
	w.TitleKey, w.MessageKey = o.text("titlekey"), o.text("messagekey")
	if !hasTitle && !strings.Contains(w.MessageKey, ".") {
		w.TitleKey = "title"
	}
	if w.MessageKey == "" {
		w.MessageKey = "message"
	}
	o.text("title")
	w.Text = o.choice([]string{"json", "text"}, "template") == 1
	w.ContentType = o.header("contenttype")
	w.Method = []string{"POST", "PUT", "GET"}[o.choice([]string{"POST", "PUT", "GET"}, "method")]
	if o.flag(false, "disabletls") {
		scheme = "http"
	}
	t.Insecure = o.flag(false, "skiptlsverify")
	if err := o.done(); err != nil {
		return err
	}
	if scheme == "" {
		scheme = "https"
	}
	w.URL = url.URL{Scheme: scheme, Host: u.Host, User: u.User, Path: u.Path, RawPath: u.RawPath, RawQuery: rest.Encode()}
	return nil
}

// isHeader refuses what would break out of a header.
func isHeader(name, value string) bool {
	if name == "" || len(value) > 1024 {
		return false
	}
	for _, r := range name {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
}
