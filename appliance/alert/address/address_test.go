package address

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	base := func(scheme, host string) url.URL { return url.URL{Scheme: scheme, Host: host} }
	for _, tt := range []struct {
		in   string
		want Target
	}{
		{"ntfy://ntfy.sh/box", Target{Service: Ntfy, Host: "ntfy.sh", Base: base("https", "ntfy.sh"), Ntfy: NtfyTarget{Topic: "box"}}},
		{"ntfys://ntfy.sh/box/", Target{Service: Ntfy, Host: "ntfy.sh", Base: base("https", "ntfy.sh"), Ntfy: NtfyTarget{Topic: "box"}}},
		{"ntfy://box", Target{Service: Ntfy, Host: "ntfy.sh", Base: base("https", "ntfy.sh"), Ntfy: NtfyTarget{Topic: "box"}}},
		{"ntfy://me:p%40ss@nas:8080/box?DisableTLS=yes&Priority=High&tags=a,b&disabletlsverification=true", Target{Service: Ntfy, Host: "nas:8080", Insecure: true, Base: base("http", "nas:8080"),
			Ntfy: NtfyTarget{Topic: "box", User: "me", Password: "p@ss", Priority: 4, Tags: []string{"a", "b"}}}},
		{"ntfy://:tk_1@ntfy.sh/box", Target{Service: Ntfy, Host: "ntfy.sh", Base: base("https", "ntfy.sh"), Ntfy: NtfyTarget{Topic: "box", Token: "tk_1"}}},
		{"bark://DEVICE", Target{Service: Bark, Host: "api.day.app", Base: base("https", "api.day.app"), Bark: BarkTarget{Key: "DEVICE"}}},
		{"bark://:DEVICE@bark.lan:8080/sub/?scheme=http&level=timesensitive", Target{Service: Bark, Host: "bark.lan:8080", Base: base("http", "bark.lan:8080"),
			Bark: BarkTarget{Key: "DEVICE", Path: "/sub", Level: "timeSensitive"}}},
		{"bark://api.day.app/DEVICE", Target{Service: Bark, Host: "api.day.app", Base: base("https", "api.day.app"), Bark: BarkTarget{Key: "DEVICE"}}},
		{"telegram://123:Ab_c-d@telegram?chats=@ch,-100:5", Target{Service: Telegram, Host: "api.telegram.org", Base: base("https", "api.telegram.org"),
			Telegram: TelegramTarget{Token: "123:Ab_c-d", Chats: []string{"@ch", "-100:5"}, Preview: true}}},
		{"smtp://me@qq.com:pw@smtp.qq.com:465", Target{Service: Mail, Host: "smtp.qq.com:465", Mail: MailTarget{Server: "smtp.qq.com:465", Name: "smtp.qq.com", User: "me@qq.com", Password: "pw",
			From: "me@qq.com", To: []string{"me@qq.com"}, Hello: "localhost", Encryption: ImplicitTLS}}},
		{"smtp://me:pw@host", Target{Service: Mail, Host: "host", Mail: MailTarget{Server: "host:25", Name: "host", User: "me", Password: "pw", From: "me@host", To: []string{"me@host"}, Hello: "localhost"}}},
		{"smtp://host:587/?fromAddress=a+b@c.d&toAddresses=x@y.z,u@v.w&auth=Plain&encryption=ExplicitTLS&useHTML=no&timeout=10s", Target{Service: Mail, Host: "host:587",
			Mail: MailTarget{Server: "host:587", Name: "host", From: "a+b@c.d", To: []string{"x@y.z", "u@v.w"}, Hello: "localhost", Encryption: StartTLS}}},
		{"smtps://[::1]/?from=a@b.c", Target{Service: Mail, Host: "[::1]", Mail: MailTarget{Server: "[::1]:465", Name: "::1", From: "a@b.c", To: []string{"a@b.c"}, Hello: "localhost", Encryption: ImplicitTLS}}},
		{"generic://h/p?token=t&@x-key=v&$a=b", Target{Service: Webhook, Host: "h", Webhook: WebhookTarget{URL: url.URL{Scheme: "https", Host: "h", Path: "/p", RawQuery: "token=t"}, Method: "POST",
			Header: http.Header{"X-Key": {"v"}}, TitleKey: "title", MessageKey: "message", Fields: map[string]string{"a": "b"}, Shaped: true}}},
		{"generic+http://h?template=TEXT&method=put", Target{Service: Webhook, Host: "h", Webhook: WebhookTarget{URL: url.URL{Scheme: "http", Host: "h"}, Method: "PUT", Header: http.Header{},
			Text: true, TitleKey: "title", MessageKey: "message", Fields: map[string]string{}}}},
	} {
		got, err := Parse(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if diff := cmp.Diff(tt.want, *got, cmpopts.IgnoreUnexported(Target{}), cmpopts.EquateEmpty(), cmp.Comparer(func(a, b *url.Userinfo) bool { return a.String() == b.String() })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                          ErrForm.Error(),
		"s3cret":                                    ErrForm.Error(),
		"slack://s3cret/x":                          ErrForm.Error(),
		"ntfy://a b/s3cret":                         ErrForm.Error(),
		"ntfy://":                                   "the address of ntfy is ntfy://HOST/TOPIC, such as ntfy://ntfy.sh/my-box",
		"ntfy://ntfy.sh":                            "the address of ntfy is ntfy://HOST/TOPIC, such as ntfy://ntfy.sh/my-box",
		"ntfy://h/a/s3cret":                         "the address of ntfy is ntfy://HOST/TOPIC, such as ntfy://ntfy.sh/my-box",
		"ntfy:///s3cret":                            "the address names no server",
		"ntfy://h/t?s3cret=1":                       "the address has an option that is not known; there are priority, tags, click, icon, email, scheme, disabletls, disabletlsverification",
		"ntfy://h/t?priority=s3cret":                "the address: priority is 1 to 5, or min, low, default, high, max",
		"ntfy://h/t?disabletls=s3":                  "the address: disabletls is yes or no",
		"ntfy://h/t?scheme=ftp":                     "the address: scheme is one of https, http",
		"ntfy://h/t?tags=a%0d%0ab":                  "the address: tags must be one line",
		"ntfy://h/t#s3cret":                         "the address is not a URL: write @ : / ? # % in a name or password as %40 %3A %2F %3F %23 %25",
		"ntfy://h:s3cret/t":                         "the address is not a URL: write @ : / ? # % in a name or password as %40 %3A %2F %3F %23 %25",
		"ntfy://h/t?a=%zz":                          "what follows ? in the address is not key=value&key=value: write ; & % in a value as %3B %26 %25",
		"bark://":                                   "the address of Bark is bark://KEY, or bark://:KEY@HOST for a server of your own",
		"bark://h.x":                                "the address of Bark is bark://KEY, or bark://:KEY@HOST for a server of your own",
		"telegram://s3cret":                         "the address of Telegram is telegram://TOKEN@telegram?chats=ID",
		"telegram://s3cret@telegram":                "the address of Telegram: the token is digits, a colon, and letters, as BotFather gave it",
		"telegram://1:s3@telegram":                  "the address of Telegram names the chats: telegram://TOKEN@telegram?chats=ID,@CHANNEL (1 to 10)",
		"telegram://1:s/3@telegram":                 "the address is not a URL: write @ : / ? # % in a name or password as %40 %3A %2F %3F %23 %25",
		"smtp://":                                   "the address of a mail server is smtp://USER:PASSWORD@HOST:587/?from=ME@EXAMPLE.COM&to=ME@EXAMPLE.COM",
		"smtp://host":                               "the address of a mail server names who writes to whom: ?from=ME@EXAMPLE.COM&to=ME@EXAMPLE.COM (1 to 20, with commas)",
		"smtp://host?from=a@b%0a.c":                 "the address: from must be one line",
		"smtp://host?from=a@b>.c":                   "the address of a mail server names who writes to whom: ?from=ME@EXAMPLE.COM&to=ME@EXAMPLE.COM (1 to 20, with commas)",
		"smtp://host:0?from=a@b.c":                  "the address: the port is a number from 1 to 65535",
		"smtp://h?from=a@b&usehtml=1":               "the address: usehtml is one of No, false",
		"generic://":                                "the address names no server",
		"generic://h?@a%20b=c":                      "the address: @NAME=VALUE is a header of the request, of one line",
		"generic://h?@a=b%0d%0ac":                   "the address: @NAME=VALUE is a header of the request, of one line",
		"generic://h?template=s3cret":               "the address: template is one of json, text",
		"ntfy://h/" + strings.Repeat("s3cret", 500): "the address is too long",
	} {
		_, err := Parse(in)
		if err == nil || err.Error() != want {
			t.Errorf("%.40s: %v\nwant %s", in, err, want)
		}
	}
}

func TestFault_T19_AddressesHideSecrets(t *testing.T) {
	for _, s := range []string{"ntfy://s3cretU:s3cretP@ntfy.sh/s3cretT?tags=s3cretX", "ntfy://s3cretTopic", "bark://s3cretKey", "bark://:s3cretKey@h/", "telegram://1:s3cret@telegram?chats=@s3cret",
		"smtp://s3cretU:s3cretP@h/?from=s3cret@b.c", "generic+https://s3cret:s3cret@h/s3cret?key=s3cret&@authorization=Bearer%20s3cret&$x=s3cret", "generic://h/a%2Fs3cret"} {
		got, err := Parse(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if text := fmt.Sprintf("%v %s %#v %+v", got, got, got, got); strings.Contains(text, "s3cret") {
			t.Errorf("shown: %s", text)
		}
		if text := got.Scrub("dialling " + s + ": refused"); strings.Contains(text, "s3cret") {
			t.Errorf("scrubbed: %s", text)
		}
	}
}

// FuzzParse: an address that is taken makes a request that is the owner's: no header or command breaks out of its line, and
// nothing of it is shown but its host.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"ntfy://me:pw@ntfy.sh/t?priority=4&tags=a", "ntfy://topic", "bark://:k@h/p?sound=x", "telegram://1:a@telegram?chats=@a,1:2", "smtp://u:p@h:465/?from=a@b&to=c@d",
		"generic://h/p?@a=b&$c=d&_e=f&titlekey=x.y", "generic+http://u:p@[::1]:80/?template=text", "smtps://[fe80::1%25eth0]/?from=a@b.c", "ntfy://%41/%2f?x=;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse(s)
		if err != nil {
			return
		}
		bad := func(v string) bool { return strings.ContainsAny(v, "\r\n\x00") }
		lines := []string{got.Host, got.String(), got.Mail.From, got.Mail.FromName, got.Mail.Subject, got.Mail.Hello, got.Mail.Server, got.Webhook.ContentType}
		lines = append(append(lines, got.Mail.To...), got.Ntfy.Tags...)
		for name, values := range got.Webhook.Header {
			lines = append(append(lines, name), values...)
		}
		for _, v := range lines {
			if bad(v) {
				t.Errorf("%q: %q breaks out of its line", s, v)
			}
		}
		u := got.Base
		if got.Service == Webhook {
			u = got.Webhook.URL
		}
		if got.Service != Mail && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			t.Errorf("%q: %v", s, u.String())
		}
	})
}
