package alert

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/alert/address"
)

// sendMail brings one mail to a server (RFC 5321). A password never goes over a connection that is not encrypted, unless it
// ends on this machine.
func sendMail(ctx context.Context, t *address.Target, m Message) error {
	err := bringMail(ctx, t.Mail, t.Insecure, m)
	var answered *textproto.Error
	if errors.As(err, &answered) {
		// 4xx may go well later, 5xx will not (RFC 5321, 4.2.1).
		return &SendError{Final: answered.Code >= 500, text: fmt.Sprintf("%s: %d %s", t.Host, answered.Code, answered.Msg)}
	}
	return err
}

func bringMail(ctx context.Context, to address.MailTarget, insecure bool, m Message) error {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", to.Server)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	protect := &tls.Config{ServerName: to.Name, InsecureSkipVerify: insecure} // the address says so
	if to.Encryption == address.ImplicitTLS {
		secured := tls.Client(conn, protect)
		if err := secured.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("encrypting: %w", err)
		}
		conn = secured
	}
	c, err := smtp.NewClient(conn, to.Name)
	if err != nil {
		return err
	}
	if err := c.Hello(to.Hello); err != nil {
		return err
	}
	if to.Encryption == address.Auto || to.Encryption == address.StartTLS {
		offered, _ := c.Extension("STARTTLS")
		switch {
		case offered:
			if err := c.StartTLS(protect); err != nil {
				return fmt.Errorf("encrypting: %w", err)
			}
		case to.Encryption == address.StartTLS:
			return &SendError{Final: true, text: to.Server + " does not offer STARTTLS; encryption=ImplicitTLS or port 465 may be what it wants"}
		}
	}
	if to.User != "" && to.Password != "" {
		if err := logIn(c, to); err != nil {
			return err
		}
	}
	if err := c.Mail(to.From); err != nil {
		return err
	}
	for _, r := range to.To {
		if err := c.Rcpt(r); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(letter(to, m)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the mail has been taken
	return nil
}

// logIn uses what the server offers: PLAIN, LOGIN or CRAM-MD5.
func logIn(c *smtp.Client, to address.MailTarget) error {
	_, offered := c.Extension("AUTH")
	_, safe := c.TLSConnectionState()
	host := net.ParseIP(to.Name)
	safe = safe || to.Name == "localhost" || host != nil && host.IsLoopback()
	words := strings.Fields(strings.ToUpper(offered))
	has := func(name string) bool {
		for _, w := range words {
			if w == name {
				return true
			}
		}
		return false
	}
	switch {
	case !safe && has("CRAM-MD5"):
		return c.Auth(smtp.CRAMMD5Auth(to.User, to.Password))
	case !safe:
		return &SendError{Final: true, text: to.Server + " is not encrypted, so the password was not sent; use port 465 or a server with STARTTLS"}
	case has("PLAIN"):
		return c.Auth(smtp.PlainAuth("", to.User, to.Password, to.Name))
	case has("LOGIN"):
		return c.Auth(&loginAuth{to.User, to.Password})
	case has("CRAM-MD5"):
		return c.Auth(smtp.CRAMMD5Auth(to.User, to.Password))
	}
	return &SendError{Final: true, text: to.Server + " takes no password in a way that is known here (PLAIN, LOGIN, CRAM-MD5)"}
}

// loginAuth is AUTH LOGIN, which some servers have instead of PLAIN. logIn has checked that the connection is safe.
type loginAuth struct{ user, password string }

func (a *loginAuth) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (a *loginAuth) Next(question []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case strings.HasPrefix(strings.ToLower(string(question)), "user"):
		return []byte(a.user), nil
	case strings.HasPrefix(strings.ToLower(string(question)), "pass"):
		return []byte(a.password), nil
	}
	return nil, errors.New("the server asked for something else than user name and password")
}

// letter is a mail of plain text (RFC 5322, RFC 2045): base64 keeps Chinese and long lines whole on every way.
func letter(to address.MailTarget, m Message) []byte {
	from := to.From
	if to.FromName != "" {
		from = mime.BEncoding.Encode("utf-8", to.FromName) + " <" + to.From + ">"
	}
	subject := m.Title
	if to.Subject != "" {
		subject = to.Subject + ": " + subject
	}
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails
	_, domain, _ := strings.Cut(to.From, "@")
	var b strings.Builder
	for _, h := range [][2]string{
		{"From", from}, {"To", strings.Join(to.To, ", ")}, {"Subject", encodeSubject(subject)}, {"Date", m.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + hex.EncodeToString(id[:]) + "@" + domain + ">"}, {"MIME-Version", "1.0"}, {"Auto-Submitted", "auto-generated"},
		{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "base64"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	const wide = 76
	text := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(m.Body, "\n", "\r\n") + "\r\n"))
	for len(text) > wide {
		b.WriteString(text[:wide] + "\r\n")
		text = text[wide:]
	}
	b.WriteString(text + "\r\n")
	return []byte(b.String())
}

// encodeSubject writes a header in words of at most 75 characters (RFC 2047), each on a line of its own.
func encodeSubject(s string) string {
	encoded := strings.ReplaceAll(mime.BEncoding.Encode("utf-8", s), "?= =?", "?=\r\n =?")
	if encoded != s {
		encoded = "\r\n " + encoded
	}
	return encoded
}
