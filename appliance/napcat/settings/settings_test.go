package settings

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/config/json5"
)

func account(t *testing.T, text string) config.Account {
	t.Helper()
	c, err := config.Parse("catflap.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Accounts[0]
}

const reverseBlock = `{
  "network": {
    "websocketClients": [
      {
        "name": "catflap",
        "enable": true,
        "url": "ws://192.168.1.2:3001/onebot/v11/ws",
        "messagePostFormat": "array",
        "reportSelfMessage": true,
        "token": "t0ken",
        "reconnectInterval": 5000,
        "debug": false,
        "heartInterval": 30000,
        "verifyCertificate": true
      }
    ]
  }
}
`

const forwardBlock = `{
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

const httpBlock = `{
  "network": {
    "httpClients": [
      {
        "name": "catflap",
        "enable": true,
        "url": "http://127.0.0.1:3001/onebot/v11/http",
        "messagePostFormat": "array",
        "reportSelfMessage": true,
        "token": "t0ken",
        "debug": false
      }
    ],
    "httpServers": [
      {
        "name": "catflap:api",
        "enable": true,
        "host": "127.0.0.1",
        "port": 3000,
        "messagePostFormat": "array",
        "token": "t0ken",
        "enableCors": false,
        "enableWebsocket": false,
        "debug": false
      }
    ]
  }
}
`

const sseBlock = `{
  "network": {
    "httpSseServers": [
      {
        "name": "catflap",
        "enable": true,
        "host": "0.0.0.0",
        "port": 443,
        "messagePostFormat": "array",
        "reportSelfMessage": true,
        "token": "t0ken",
        "enableCors": false,
        "enableWebsocket": false,
        "debug": false
      }
    ]
  }
}
`

func TestBlock(t *testing.T) {
	for _, c := range []struct {
		name, config string
		reach        Reach
		want         string
	}{
		{"reverse", "accessToken: t0ken\nwsHost: 0.0.0.0\n", Reach{Host: "192.168.1.2", Guess: "10.0.0.1"}, reverseBlock},
		{"reverse, guessed", "accessToken: t0ken\nwsHost: 0.0.0.0\n", Reach{Guess: "192.168.1.2"}, reverseBlock},
		{"IPv6", "accessToken: t0ken\nwsHost: '::'\n", Reach{Host: "fd00::2"}, strings.Replace(reverseBlock, "192.168.1.2", "[fd00::2]", 1)},
		{"same machine", "accessToken: t0ken\n", Reach{Guess: "192.168.1.2"}, strings.Replace(reverseBlock, "192.168.1.2", "127.0.0.1", 1)},
		{"forward", "accessToken: t0ken\naccounts: {bot1: {link: forward, url: ws://nas:3005}}\n", Reach{}, forwardBlock},
		{"http", "accessToken: t0ken\nlink: http\napiUrl: http://localhost:3000\n", Reach{}, httpBlock},
		{"sse", "accessToken: t0ken\nlink: sse\napiUrl: https://nas\n", Reach{}, sseBlock},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Block(account(t, c.config), c.reach)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
	for _, c := range []struct {
		name, config string
		reach        Reach
		want         string
	}{
		{"given and unspecified", "accessToken: t\nwsHost: 0.0.0.0\n", Reach{Host: "0.0.0.0"}, "0.0.0.0 is no address that NapCat can dial: name the address of this box as NapCat sees it"},
		{"unknown", "accessToken: t\nwsHost: 0.0.0.0\n", Reach{}, "the account listens on all addresses: name the address of this box as NapCat sees it"},
	} {
		if _, err := Block(account(t, c.config), c.reach); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestMergeFiles: each testdata/NAME.in becomes NAME.want, byte for byte, and stays so at a second merge.
func TestMergeFiles(t *testing.T) {
	links := map[string]string{
		"http": "accessToken: t0ken\nlink: http\napiUrl: http://127.0.0.1:3000\n",
		"sse":  "accessToken: t0ken\nlink: sse\napiUrl: http://127.0.0.1:3000\n",
		"fwd":  "accessToken: t0ken\nlink: forward\nurl: ws://127.0.0.1:3001\n",
	}
	files, err := filepath.Glob("testdata/*.in")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			in, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text := "accessToken: t0ken\n"
			for link, yaml := range links {
				if strings.HasPrefix(filepath.Base(name), link) {
					text = yaml
				}
			}
			a := account(t, text)
			got, changes, err := Merge(in, a, Reach{})
			if err != nil {
				t.Fatal(err)
			}
			if len(changes) == 0 {
				t.Error("no change is told")
			}
			golden := strings.TrimSuffix(name, ".in") + ".want"
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
			if json.Valid(in) && !json.Valid(got) {
				t.Error("JSON became something else")
			}
			again, changes, err := Merge(got, a, Reach{})
			if err != nil || len(changes) != 0 || !bytes.Equal(again, got) {
				t.Errorf("a second merge: %v, %v", changes, err)
			}
		})
	}
}

// An owner knows better how NapCat gets here, and may tune what catflap does not rest on.
func TestMergeKeepsWhatIsTheOwners(t *testing.T) {
	const entry = `{"network":{"websocketClients":[{"name":"catflap","enable":true,"url":"URL","messagePostFormat":"array","reportSelfMessage":true,"token":"t0ken","heartInterval":5000,"debug":true}]}}`
	for _, c := range []struct {
		name, host, url string
		reach           Reach
		want            string // "" = stays
	}{
		{"a name for the box", "0.0.0.0", "ws://host.docker.internal:3001/onebot/v11/ws", Reach{Guess: "192.168.1.2"}, ""},
		{"TLS in front", "0.0.0.0", "wss://cat.example:3001/onebot/v11/ws", Reach{}, ""},
		{"given", "0.0.0.0", "ws://host.docker.internal:3001/onebot/v11/ws", Reach{Host: "192.168.1.2"}, "ws://192.168.1.2:3001/onebot/v11/ws"},
		{"another port", "0.0.0.0", "ws://host.docker.internal:3002/onebot/v11/ws", Reach{Guess: "192.168.1.2"}, "ws://192.168.1.2:3001/onebot/v11/ws"},
		{"another path", "0.0.0.0", "ws://host.docker.internal:3001/x", Reach{Guess: "192.168.1.2"}, "ws://192.168.1.2:3001/onebot/v11/ws"},
		{"loopback in words", "127.0.0.1", "ws://localhost:3001/onebot/v11/ws", Reach{}, ""},
		{"loopback by another address", "127.0.0.1", "ws://192.168.1.2:3001/onebot/v11/ws", Reach{}, "ws://127.0.0.1:3001/onebot/v11/ws"},
		{"an address of its own", "192.168.1.9", "ws://192.168.1.2:3001/onebot/v11/ws", Reach{}, "ws://192.168.1.9:3001/onebot/v11/ws"},
		{"a name for an address of its own", "192.168.1.9", "ws://box:3001/onebot/v11/ws", Reach{}, ""},
		{"to nowhere", "0.0.0.0", "ws://0.0.0.0:3001/onebot/v11/ws", Reach{Guess: "192.168.1.2"}, "ws://192.168.1.2:3001/onebot/v11/ws"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := strings.Replace(entry, "URL", c.url, 1)
			want := in
			if c.want != "" {
				want = strings.Replace(entry, "URL", c.want, 1)
			}
			got, changes, err := Merge([]byte(in), account(t, "accessToken: t0ken\nwsHost: "+c.host+"\n"), c.reach)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			if (len(changes) > 0) != (c.want != "") {
				t.Errorf("changes: %v", changes)
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	a := account(t, "accessToken: s3cret\n")
	for _, c := range []struct{ name, in, want string }{
		{"name in another list", "{network: {\nhttpServers: [{name: 'catflap'}]}}", `NapCat's settings use the name "catflap" in network.httpServers already (line 2), and names must be unique: rename or remove that entry`},
		{"name of a plugin", "{network: {plugins: [{name: 'catflap'}], websocketClients: [{name: 'catflap'}]}}", `NapCat's settings use the name "catflap" in network.plugins already (line 1), and names must be unique: rename or remove that entry`},
		{"name twice", "{network: {websocketClients: [{name: 'catflap'},\n{name: 'catflap'}]}}", `NapCat's settings use the name "catflap" in network.websocketClients already (line 2), and names must be unique: rename or remove that entry`},
		{"no object", "[]", "reading NapCat's settings: expected an object in braces: give the file onebot11_<uin>.json"},
		{"network is a list", "{network: []}", "reading NapCat's settings: network in line 1 is not an object: restore the file from NapCat's WebUI"},
		{"list is an object", "{network: {websocketClients: {}}}", "reading NapCat's settings: websocketClients in line 1 is not a list: restore the file from NapCat's WebUI"},
		{"no JSON5", "{network", "reading NapCat's settings: 1:9: expected : after a name, found the end of the file"},
		{"large", strings.Repeat(" ", MaxFile) + "{}", "reading NapCat's settings: the file is larger than 1024 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := Merge([]byte(c.in), a, Reach{})
			if err == nil || err.Error() != c.want || got != nil {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := Block(config.Account{Link: "pigeon"}, Reach{}); err == nil || err.Error() != `link "pigeon" has no settings in NapCat: use reverse, forward, http or sse` {
		t.Errorf("unknown link: %v", err)
	}
}

// What doctor says of a file, and never the tokens in it.
func TestDifferences(t *testing.T) {
	for _, c := range []struct{ name, config, in, want string }{
		{"right", "", `{"network":{"websocketClients":[{"name":"catflap","enable":true,"url":"ws://127.0.0.1:3001/onebot/v11/ws","messagePostFormat":"array","reportSelfMessage":true,"token":"t0ken"}]}}`, ""},
		{"empty", "", ``, `network.websocketClients, entry "catflap" is missing`},
		{"unknown host", "wsHost: 0.0.0.0\n", `{}`, `network.websocketClients, entry "catflap" is missing`},
		{"all wrong", "", `{"network":{"websocketClients":[{"name":"catflap","enable":false,"url":"ws://127.0.0.1:3002/","messagePostFormat":"string","token":"0ther","debug":true,"heartInterval":0}]}}`,
			`network.websocketClients, entry "catflap": enable is false and must be true
network.websocketClients, entry "catflap": url is "ws://127.0.0.1:3002/" and must be "ws://127.0.0.1:3001/onebot/v11/ws"
network.websocketClients, entry "catflap": messagePostFormat is "string" and must be "array"
network.websocketClients, entry "catflap": reportSelfMessage is not set and must be true
network.websocketClients, entry "catflap": the token is not the account's
network.websocketClients, entry "catflap": debug is true and must be false
network.websocketClients, entry "catflap": heartInterval is 0 and must be 30000`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Differences([]byte(c.in), account(t, "accessToken: t0ken\n"+c.config), Reach{})
			if err != nil {
				t.Fatal(err)
			}
			lines := make([]string, len(got))
			for i, change := range got {
				lines[i] = change.String()
			}
			if diff := cmp.Diff(c.want, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A second client for one link would take it over from the first for ever.
func TestFault_T10_MergeFindsTheEntryOfAnotherName(t *testing.T) {
	entry := func(name, more string) string {
		return `{"name":"` + name + `",` + more + `,"messagePostFormat":"array","reportSelfMessage":true}`
	}
	const at = `"url":"ws://127.0.0.1:3001/onebot/v11/ws"`
	mine := entry("my-ws", `"enable":true,`+at+`,"token":"t0ken"`)
	clients := func(entries ...string) string {
		return `{"network":{"websocketClients":[` + strings.Join(entries, ",") + `]}}`
	}
	for _, c := range []struct{ name, config, in, want, told string }{
		{"right", "", clients(mine), clients(mine), ""},
		{"by another spelling of the host", "", clients(entry("my-ws", `"enable":true,"url":"ws://localhost:3001/onebot/v11/ws","token":"t0ken"`)),
			clients(entry("my-ws", `"enable":true,"url":"ws://localhost:3001/onebot/v11/ws","token":"t0ken"`)), ""},
		{"faults", "", clients(`{"name":"my-ws","enable":false,` + at + `,"messagePostFormat":"string","reportSelfMessage":true,"token":"other"}`), clients(`{"name":"my-ws","enable":true,` + at + `,"messagePostFormat":"array","reportSelfMessage":true,"token":"t0ken"}`),
			`network.websocketClients, entry "my-ws": enable is false and must be true
network.websocketClients, entry "my-ws": messagePostFormat is "string" and must be "array"
network.websocketClients, entry "my-ws": the token is not the account's`},
		{"beside the own one", "", clients(mine, entry("catflap", `"enable":true,`+at+`,"token":"t0ken"`)),
			clients(entry("my-ws", `"enable":false,`+at+`,"token":"t0ken"`), entry("catflap", `"enable":true,`+at+`,"token":"t0ken"`)),
			`network.websocketClients, entry "my-ws" dials the same address as entry "catflap": they take the link over from each other for ever, so one of them must be switched off`},
		{"two of other names", "", clients(entry("a", `"enable":false,`+at+`,"token":"t0ken"`), mine, entry("b", `"enable":true,`+at+`,"token":"x"`)),
			clients(entry("a", `"enable":false,`+at+`,"token":"t0ken"`), mine, entry("b", `"enable":false,`+at+`,"token":"x"`)),
			`network.websocketClients, entry "b" dials the same address as entry "my-ws": they take the link over from each other for ever, so one of them must be switched off`},
		{"by a name of this box, with the token", "wsHost: 0.0.0.0\n", clients(entry("my-ws", `"enable":true,"url":"ws://host.docker.internal:3001/onebot/v11/ws","token":"t0ken"`)),
			clients(entry("my-ws", `"enable":true,"url":"ws://host.docker.internal:3001/onebot/v11/ws","token":"t0ken"`)), ""},
		{"a server on the port", "link: forward\nurl: ws://127.0.0.1:3001\n", `{"network":{"websocketServers":[` + entry("ws", `"enable":true,"host":"0.0.0.0","port":3001,"token":"other"`) + `]}}`,
			`{"network":{"websocketServers":[` + entry("ws", `"enable":true,"host":"0.0.0.0","port":3001,"token":"t0ken"`) + `]}}`, `network.websocketServers, entry "ws": the token is not the account's`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := account(t, "accessToken: t0ken\n"+c.config)
			reach := Reach{Guess: "192.168.1.2"}
			got, _, err := Merge([]byte(c.in), a, reach)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			changes, err := Differences([]byte(c.in), a, reach)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, change := range changes {
				lines = append(lines, change.String())
			}
			if diff := cmp.Diff(c.told, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if changes, err := Differences(got, a, reach); err != nil || len(changes) > 0 {
				t.Errorf("afterwards: %v %v", changes, err)
			}
		})
	}
	// Another catflap elsewhere is another box's business.
	elsewhere := clients(entry("other box", `"enable":true,"url":"ws://192.168.1.7:3001/onebot/v11/ws","token":"else"`))
	got, changes, err := Merge([]byte(elsewhere), account(t, "accessToken: t0ken\nwsHost: 0.0.0.0\n"), Reach{Guess: "192.168.1.2"})
	if err != nil || len(changes) != 1 || changes[0].String() != `network.websocketClients, entry "catflap" is missing` || !strings.Contains(string(got), `"ws://192.168.1.7:3001/onebot/v11/ws","token":"else"`) {
		t.Errorf("%s %v %v", got, changes, err)
	}
}

// FuzzMerge: no panic; what was merged needs no second merge; JSON stays JSON; and without the account's entries the
// file says what it said before.
func FuzzMerge(f *testing.F) {
	for _, seed := range []string{
		`{"network":{"websocketClients":[{"name":"catflap"}],"plugins":[1,{"name":5}]}}`,
		`{network:{websocketClients:null,httpServers:3}}`, "// empty\n", "\ufeff{\r\n\t// x\r\n\t'a': [ /* y */ ],\r\n}", `{"network":null}`,
		"{network:{websocketClients:[{name:'catflap',port:1,},// z\n],},}", "{\n  \"network\": {\n    \"websocketClients\": []\n  }\n}", "{network:{},a:1,network:{websocketClients:[]}}",
		"{network:{websocketClients:[{name:'x'}\u2028]}}",
	} {
		f.Add([]byte(seed), uint8(0))
	}
	links := []config.Account{
		{Name: "bot1", Link: "reverse", WSHost: "127.0.0.1", WSPort: 3001, WSPath: "/x", AccessToken: "t"},
		{Name: "default", Link: "http", WSHost: "127.0.0.1", WSPort: 3001, HTTPPath: "/x", APIURL: "http://nas", AccessToken: "t"},
		{Name: "default", Link: "sse", APIURL: "http://127.0.0.1:3000", AccessToken: "t"},
		{Name: "default", Link: "forward", URL: "ws://nas:1", AccessToken: "t"},
	}
	f.Fuzz(func(t *testing.T, file []byte, link uint8) {
		a := links[int(link)%len(links)]
		out, changes, err := Merge(file, a, Reach{})
		if err != nil {
			return
		}
		again, more, err := Merge(out, a, Reach{})
		if err != nil || len(more) > 0 || !bytes.Equal(again, out) {
			t.Fatalf("merged again: %v, %v\n%s\n%s", err, more, out, again)
		}
		if len(changes) == 0 && !bytes.Equal(out, file) {
			t.Fatalf("changed without a change: %s", out)
		}
		if json.Valid(file) && !json.Valid(out) {
			t.Fatalf("JSON became\n%s", out)
		}
		if blank(file) {
			return
		}
		before, after := without(t, file, a), without(t, out, a)
		if before != after {
			t.Fatalf("something else changed:\n%s\n%s", before, after)
		}
	})
}

// without is what a file says apart from the account's entries and the lists that they made.
func without(t *testing.T, file []byte, a config.Account) string {
	t.Helper()
	root, err := json5.Parse(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	wanted, err := entries(a, Reach{})
	if err != nil {
		t.Fatal(err)
	}
	network := root.Get("network")
	if network == nil || network.Kind != json5.Object {
		network = &json5.Value{Kind: json5.Object}
		root.Set("network", network)
	}
	for _, e := range wanted {
		list := network.Get(e.array)
		own, _, err := e.find(network, a, Reach{})
		if err != nil {
			t.Fatal(err)
		}
		kept := &json5.Value{Kind: json5.Array}
		if list != nil {
			for _, item := range list.Items {
				if item != own && !(nameOf(item) != "" && e.does(item, own, a, Reach{})) {
					kept.Items = append(kept.Items, item)
				}
			}
		}
		for i := range network.Members { // the last one counts
			if network.Members[i].Value == list && list != nil {
				network.Members = append(network.Members[:i:i], network.Members[i+1:]...)
				break
			}
		}
		network.Members = append(network.Members, json5.Member{Name: e.array, Value: kept})
	}
	return string(root.AppendJSON(nil))
}
