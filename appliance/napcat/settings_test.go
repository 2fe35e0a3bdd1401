package napcat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
)

func settingsAccount(t *testing.T, text string) config.Account {
	t.Helper()
	c, err := config.Parse("catflap.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Accounts[0]
}

const reverseSettings = `{
  "network": {
    "websocketClients": [
      {
        "name": "catflap",
        "enable": true,
        "url": "ws://192.168.1.2:3001/onebot/v11/ws",
        "messagePostFormat": "array",
        "reportSelfMessage": true,
        "reconnectInterval": 5000,
        "token": "t0ken",
        "debug": false,
        "heartInterval": 30000,
        "verifyCertificate": true
      }
    ]
  }
}
`

const forwardSettings = `{
  "network": {
    "websocketServers": [
      {
        "name": "catflap-bot1",
        "enable": true,
        "host": "0.0.0.0",
        "port": 3005,
        "messagePostFormat": "array",
        "reportSelfMessage": true,
        "token": "t0ken",
        "enableForcePushEvent": true,
        "debug": false,
        "heartInterval": 30000
      }
    ]
  }
}
`

func TestSettings(t *testing.T) {
	for _, c := range []struct{ name, config, host, want string }{
		{"reverse", "accessToken: t0ken\nwsHost: 0.0.0.0\n", "192.168.1.2", reverseSettings},
		{"forward", "accessToken: t0ken\naccounts: {bot1: {link: forward, url: ws://nas:3005}}\n", "", forwardSettings},
		{"IPv6", "accessToken: t0ken\nwsHost: '::'\n", "fd00::2", strings.Replace(reverseSettings, "192.168.1.2", "[fd00::2]", 1)},
		{"same machine", "accessToken: t0ken\n", "", strings.Replace(reverseSettings, "192.168.1.2", "127.0.0.1", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Settings(settingsAccount(t, c.config), c.host)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMergeSettings(t *testing.T) {
	account := settingsAccount(t, "accessToken: t0ken\n")
	for _, c := range []struct{ name, in, want string }{
		{"empty file", "", strings.Replace(reverseSettings, "192.168.1.2", "127.0.0.1", 1)},
		{"other entries stay, own one is added", `// NapCat
{
  network: {
    httpServers: [{name: 'http', port: 0x10, enable: true,}],
    websocketClients: [{"name": "koishi", "url": "ws://k"}],
  },
  "musicSignUrl": "", "timeout": {"baseTimeout": 10000},
}`, `{
  "network": {
    "httpServers": [
      {
        "name": "http",
        "port": 16,
        "enable": true
      }
    ],
    "websocketClients": [
      {
        "name": "koishi",
        "url": "ws://k"
      },
      {
        "name": "catflap",
        "enable": true,
        "url": "ws://127.0.0.1:3001/onebot/v11/ws",
        "messagePostFormat": "array",
        "reportSelfMessage": true,
        "reconnectInterval": 5000,
        "token": "t0ken",
        "debug": false,
        "heartInterval": 30000,
        "verifyCertificate": true
      }
    ]
  },
  "musicSignUrl": "",
  "timeout": {
    "baseTimeout": 10000
  }
}
`},
		{"own entry is updated in its place", `{"network":{"websocketClients":[{"token":"old","name":"catflap","mine":1},{"name":"z"}]}}`, `{
  "network": {
    "websocketClients": [
      {
        "token": "t0ken",
        "name": "catflap",
        "mine": 1,
        "enable": true,
        "url": "ws://127.0.0.1:3001/onebot/v11/ws",
        "messagePostFormat": "array",
        "reportSelfMessage": true,
        "reconnectInterval": 5000,
        "debug": false,
        "heartInterval": 30000,
        "verifyCertificate": true
      },
      {
        "name": "z"
      }
    ]
  }
}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := MergeSettings([]byte(c.in), account, "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			again, err := MergeSettings(got, account, "")
			if err != nil || string(again) != string(got) {
				t.Errorf("a second merge changes the file: %v\n%s", err, again)
			}
		})
	}
}

func TestMergeSettingsRefuses(t *testing.T) {
	account := settingsAccount(t, "accessToken: s3cret\n")
	for _, c := range []struct{ name, in, want string }{
		{"name in another array", "{network: {\nhttpServers: [{name: 'catflap'}]}}", `NapCat's settings use the name "catflap" in network.httpServers already (line 2), and names must be unique: rename or remove that entry`},
		{"name twice", "{network: {websocketClients: [{name: 'catflap'},\n{name: 'catflap'}]}}", `NapCat's settings use the name "catflap" in network.websocketClients already (line 2), and names must be unique: rename or remove that entry`},
		{"no object", "[]", "reading NapCat's settings: expected an object in braces: give the file onebot11_<uin>.json"},
		{"network is a list", "{network: []}", "reading NapCat's settings: network in line 1 is not an object: restore the file from NapCat's WebUI"},
		{"array is an object", "{network: {websocketClients: {}}}", "reading NapCat's settings: websocketClients in line 1 is not a list: restore the file from NapCat's WebUI"},
		{"no JSON5", "{network", "reading NapCat's settings: 1:9: expected : after a name, found the end of the file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := MergeSettings([]byte(c.in), account, "")
			if err == nil || err.Error() != c.want || got != nil {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := Settings(settingsAccount(t, "accessToken: t\nwsHost: 0.0.0.0\n"), ""); err == nil || err.Error() != "0.0.0.0 is no address that NapCat can dial: name the address of this box as NapCat sees it" {
		t.Errorf("unspecified address: %v", err)
	}
	if _, err := Settings(settingsAccount(t, "accessToken: t\nlink: sse\napiUrl: http://127.0.0.1:3000\n"), ""); err == nil || err.Error() != `link "sse" has no NapCat settings in this version: use reverse or forward` {
		t.Errorf("sse: %v", err)
	}
}

// FuzzMergeSettings: no panic, and what was merged can be merged again.
func FuzzMergeSettings(f *testing.F) {
	f.Add([]byte(`{"network":{"websocketClients":[{"name":"catflap"}],"plugins":[1,{"name":5}]}}`))
	f.Add([]byte(`{network:{websocketClients:null,httpServers:3}}`))
	f.Add([]byte("// empty\n"))
	account := config.Account{Name: "bot1", Link: "reverse", WSHost: "127.0.0.1", WSPort: 3001, WSPath: "/x", AccessToken: "t"}
	f.Fuzz(func(t *testing.T, file []byte) {
		out, err := MergeSettings(file, account, "")
		if err != nil {
			return
		}
		again, err := MergeSettings(out, account, "")
		if err != nil || string(again) != string(out) {
			t.Fatalf("merged again: %v\n%s\n%s", err, out, again)
		}
	})
}
