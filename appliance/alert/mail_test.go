package alert

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// postOffice is a mail server that keeps what clients say.
type postOffice struct {
	listener net.Listener
	tasks    sync.WaitGroup
	implicit bool
	offers   []string // extensions before TLS
	secure   []string // and under TLS
	refuse   map[string]string
	cert     tls.Certificate

	mu   sync.Mutex
	said []string // commands; "TLS" when the connection is encrypted
	data string
}

func newPostOffice(t *testing.T, p *postOffice) *postOffice {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	p.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	p.listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.tasks.Go(func() {
		for {
			conn, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.tasks.Go(func() { defer conn.Close(); p.serve(conn) })
		}
	})
	t.Cleanup(func() { p.listener.Close(); p.tasks.Wait() })
	return p
}

func (p *postOffice) note(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, s)
}

func (p *postOffice) serve(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	secured := false
	secure := func() {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.cert}})
		secured = true
		p.note("TLS")
	}
	if p.implicit {
		secure()
	}
	r := bufio.NewReader(conn)
	say := func(format string, args ...any) { fmt.Fprintf(conn, format+"\r\n", args...) }
	read := func() string { line, _ := r.ReadString('\n'); return strings.TrimRight(line, "\r\n") }
	say("220 test")
	for {
		line := read()
		if line == "" {
			return
		}
		p.note(line)
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if answer, ok := p.refuse[verb]; ok {
			say("%s", answer)
			continue
		}
		switch verb {
		case "EHLO":
			list := p.offers
			if secured {
				list = p.secure
			}
			say("250-test")
			for _, e := range list {
				say("250-%s", e)
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go")
			secure()
			r = bufio.NewReader(conn)
		case "AUTH":
			if strings.Contains(line, "LOGIN") {
				for _, q := range []string{"Username:", "Password:"} {
					say("334 %s", base64.StdEncoding.EncodeToString([]byte(q)))
					answer, _ := base64.StdEncoding.DecodeString(read())
					p.note(string(answer))
				}
			}
			say("235 in")
		case "DATA":
			say("354 go on")
			var b bytes.Buffer
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				b.WriteString(line)
			}
			p.mu.Lock()
			p.data = b.String()
			p.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 yes")
		}
	}
}

func TestMail(t *testing.T) {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00me@b.c\x00s3cret"))
	for _, tt := range []struct {
		name, address string
		office        *postOffice
		want          []string
	}{
		{"bare", "smtp://HOST/?from=me@b.c&to=you@b.c,they@b.c", &postOffice{},
			[]string{"EHLO localhost", "MAIL FROM:<me@b.c> BODY=8BITMIME", "RCPT TO:<you@b.c>", "RCPT TO:<they@b.c>", "DATA", "QUIT"}},
		{"STARTTLS and PLAIN", "smtp://me@b.c:s3cret@HOST/?skiptlsverify=yes&clienthost=pi", &postOffice{offers: []string{"STARTTLS"}, secure: []string{"AUTH LOGIN PLAIN"}},
			[]string{"EHLO pi", "STARTTLS", "TLS", "EHLO pi", "AUTH PLAIN " + plain, "MAIL FROM:<me@b.c> BODY=8BITMIME", "RCPT TO:<me@b.c>", "DATA", "QUIT"}},
		{"TLS and LOGIN", "smtps://me@b.c:s3cret@HOST/?skiptlsverify=yes", &postOffice{implicit: true, secure: []string{"AUTH LOGIN"}},
			[]string{"TLS", "EHLO localhost", "AUTH LOGIN", "me@b.c", "s3cret", "MAIL FROM:<me@b.c> BODY=8BITMIME", "RCPT TO:<me@b.c>", "DATA", "QUIT"}},
		{"no TLS on this machine", "smtp://me@b.c:s3cret@HOST/?starttls=no", &postOffice{offers: []string{"STARTTLS", "AUTH PLAIN"}},
			[]string{"EHLO localhost", "AUTH PLAIN " + plain, "MAIL FROM:<me@b.c> BODY=8BITMIME", "RCPT TO:<me@b.c>", "DATA", "QUIT"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPostOffice(t, tt.office)
			if err := Send(t.Context(), parse(t, strings.ReplaceAll(tt.address, "HOST", p.listener.Addr().String())), sample); err != nil {
				t.Fatal(err)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if diff := cmp.Diff(tt.want, p.said); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The letter is read back by another reader of mail.
func TestLetter(t *testing.T) {
	p := newPostOffice(t, &postOffice{})
	m := sample
	m.Title = strings.Repeat("NapCat 未连接：", 20)
	m.Body = strings.Repeat("一行很长的字 ", 40) + "\n.\nend"
	if err := Send(t.Context(), parse(t, "smtp://"+p.listener.Addr().String()+"/?from=me@b.c&to=you@b.c&fromname=猫门&subject=%5Bbox%5D"), m); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(p.data) {
		if len(line) > 80 || strings.TrimRight(line, "\r\n")+"\r\n" != line {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
	}
	got, err := mail.ReadMessage(strings.NewReader(p.data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	from, err2 := got.Header.AddressList("From")
	date, err3 := got.Header.Date()
	body, err4 := io.ReadAll(base64.NewDecoder(base64.StdEncoding, got.Body))
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	if subject != "[box]: "+m.Title || from[0].Name != "猫门" || from[0].Address != "me@b.c" || !date.Equal(m.At) || got.Header.Get("To") != "you@b.c" {
		t.Errorf("%q %v %v %v", subject, from, date, got.Header)
	}
	if diff := cmp.Diff(strings.ReplaceAll(m.Body, "\n", "\r\n")+"\r\n", string(body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestMailRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, address string
		office        *postOffice
		want          string
		final         bool
	}{
		{"unknown person", "smtp://HOST/?from=me@b.c&to=you@b.c", &postOffice{refuse: map[string]string{"RCPT": "550 no such user"}}, "HOST: 550 no such user", true},
		{"later", "smtp://HOST/?from=me@b.c&to=you@b.c", &postOffice{refuse: map[string]string{"MAIL": "451 greylisted"}}, "HOST: 451 greylisted", false},
		{"wrong password", "smtp://s3cretUser:s3cret@HOST/?from=me@b.c", &postOffice{offers: []string{"AUTH PLAIN"}, refuse: map[string]string{"AUTH": "535 s3cretUser: s3cret is wrong"}},
			"HOST: 535 ***: *** is wrong", true},
		{"no STARTTLS", "smtp://HOST/?from=me@b.c&encryption=ExplicitTLS", &postOffice{}, "HOST does not offer STARTTLS; encryption=ImplicitTLS or port 465 may be what it wants", true},
		{"no way to log in", "smtp://u:s3cret@HOST/?from=me@b.c", &postOffice{}, "HOST takes no password in a way that is known here (PLAIN, LOGIN, CRAM-MD5)", true},
		{"a certificate of its own", "smtps://HOST/?from=me@b.c", &postOffice{implicit: true}, "HOST: encrypting: tls: failed to verify certificate: x509: certificate signed by unknown authority", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPostOffice(t, tt.office)
			host := p.listener.Addr().String()
			err := Send(t.Context(), parse(t, strings.ReplaceAll(tt.address, "HOST", host)), sample)
			var got *SendError
			if !errors.As(err, &got) {
				t.Fatalf("%v", err)
			}
			if text := strings.ReplaceAll(got.Error(), host, "HOST"); text != tt.want || got.Final != tt.final {
				t.Errorf("%q %v", text, got.Final)
			}
		})
	}
}

// A password does not go over a connection that others can read. 127.0.0.2 stands for another machine: the rule looks at names.
func TestPasswordWantsEncryption(t *testing.T) {
	p := newPostOffice(t, &postOffice{offers: []string{"AUTH PLAIN LOGIN"}})
	target := parse(t, "smtp://me:s3cret@"+p.listener.Addr().String()+"/?from=me@b.c")
	target.Mail.Name = "mail.example"
	err := Send(t.Context(), target, sample)
	if err == nil || !strings.Contains(err.Error(), "is not encrypted, so the password was not sent") {
		t.Errorf("%v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Contains(strings.Join(p.said, "\n"), "AUTH") {
		t.Errorf("%v", p.said)
	}
}
