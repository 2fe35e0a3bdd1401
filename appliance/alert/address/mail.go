package address

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Encryption is how a connection to a mail server is protected.
type Encryption int

// The kinds of Encryption.
const (
	Auto        Encryption = iota // TLS on port 465, elsewhere STARTTLS if the server has it
	ImplicitTLS                   // from the first byte
	StartTLS                      // by STARTTLS, or not at all
	NoTLS
)

// maxRecipients bounds one mail.
const maxRecipients = 20

// MailTarget is a mail server and who gets mail through it.
type MailTarget struct {
	Server         string // host:port
	Name           string // the host alone, as its certificate has it
	User, Password string
	From, FromName string
	To             []string
	Subject        string // before the alert's title; "" = none
	Hello          string // what the client calls itself
	Encryption     Encryption
}

// mail reads smtp://user:password@host:port/?from=...&to=...; smtps is TLS from the first byte. Without from and to the user
// writes to themselves.
func (t *Target) mail(u *url.URL, o *options, implicit bool) error {
	t.Service = Mail
	m := &t.Mail
	if strings.Trim(u.Path, "/") != "" || u.Hostname() == "" {
		return errors.New("the address of a mail server is smtp://USER:PASSWORD@HOST:587/?from=ME@EXAMPLE.COM&to=ME@EXAMPLE.COM")
	}
	m.Name = u.Hostname()
	port := u.Port()
	switch {
	case port != "":
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("the address: the port is a number from 1 to 65535")
		}
	case implicit:
		port = "465"
	default:
		port = "25"
	}
	m.Server = net.JoinHostPort(m.Name, port)
	if u.User != nil {
		m.User = u.User.Username()
		m.Password, _ = u.User.Password()
	}
	m.From = strings.ReplaceAll(o.header("from", "fromaddress"), " ", "+") // a + in a query is read as a space
	m.FromName = o.header("fromname")
	for _, to := range o.list("to", "toaddresses") {
		m.To = append(m.To, strings.ReplaceAll(to, " ", "+"))
	}
	m.Subject = o.header("subject", "title")
	m.Hello = o.header("clienthost")
	if m.Hello == "" {
		m.Hello = "localhost"
	}
	m.Encryption = []Encryption{Auto, NoTLS, StartTLS, ImplicitTLS}[o.choice([]string{"Auto", "None", "ExplicitTLS", "ImplicitTLS"}, "encryption")]
	if o.flag(false, "requirestarttls") && m.Encryption == Auto {
		m.Encryption = StartTLS
	}
	if !o.flag(true, "starttls", "usestarttls") && m.Encryption == Auto && port != "465" {
		m.Encryption = NoTLS
	}
	if implicit || m.Encryption == Auto && port == "465" {
		m.Encryption = ImplicitTLS
	}
	o.choice([]string{"Unknown", "Plain", "Login", "CRAMMD5", "None"}, "auth") // what the server offers decides
	o.choice([]string{"No", "false"}, "usehtml")
	o.text("timeout")
	t.Insecure = o.flag(false, "skiptlsverify", "disabletlsverification")
	if err := o.done(); err != nil {
		return err
	}
	if m.From == "" {
		m.From = m.User
		if m.From != "" && !strings.Contains(m.From, "@") {
			m.From += "@" + m.Name
		}
	}
	if len(m.To) == 0 && m.From != "" {
		m.To = []string{m.From}
	}
	if len(m.To) == 0 || len(m.To) > maxRecipients || !isMailbox(m.From) || slices.ContainsFunc(m.To, func(a string) bool { return !isMailbox(a) }) {
		return errors.New("the address of a mail server names who writes to whom: ?from=ME@EXAMPLE.COM&to=ME@EXAMPLE.COM (1 to 20, with commas)")
	}
	if strings.ContainsFunc(m.Hello, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return errors.New("the address: clienthost is a host name")
	}
	return nil
}

// isMailbox accepts what can go into an SMTP command and a header as it is.
func isMailbox(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && len(s) <= 254 && !strings.ContainsAny(s, "<>(),;:\\\"[]") && !strings.Contains(domain, "@") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
