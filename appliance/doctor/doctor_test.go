package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/napcat/settings"
	"github.com/catflap/catflap/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func parsed(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("catflap.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// said is what one check says in English, one finding a line: level, what was found, and what to do.
func said(list []Finding) string {
	var out []string
	for _, f := range list {
		line := string(f.Level) + ": " + f.Found.EN
		if f.Fix.EN != "" {
			line += " -> " + f.Fix.EN
		}
		if f.Mends() {
			line += " [mends]"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// inBoth fails when a finding lacks a language, or was made from arguments that do not fit it.
func inBoth(t *testing.T, list []Finding) {
	t.Helper()
	for _, f := range list {
		for _, text := range []console.Text{f.Found, f.Fix} {
			if (text.EN == "") != (text.ZH == "") || strings.Contains(text.EN+text.ZH, "%!") {
				t.Errorf("%s: %q, %q", f.Check, text.EN, text.ZH)
			}
		}
		if f.Found.EN == "" || f.Check == "" || f.Level == "" {
			t.Errorf("an empty finding: %+v", f)
		}
		if f.Level == Critical && f.Fix.EN == "" {
			t.Errorf("critical without a way out: %s", f.Found.EN)
		}
	}
}

const long = "accessToken: 0123456789abcdef\n"

func TestChecks(t *testing.T) {
	yes, no := true, false
	account := func(a console.AccountStatus) *console.Status {
		return &console.Status{Version: "1", Accounts: []console.AccountStatus{a}}
	}
	app := func(a console.AppStatus) *console.Status {
		return &console.Status{Version: "1", Apps: []console.AppStatus{a}}
	}
	facts := func(f console.AccountFacts) *console.Facts {
		return &console.Facts{Accounts: map[string]console.AccountFacts{"default": f}}
	}
	_, wrong := config.Parse("catflap.yaml", []byte("accessToken: x\nwsPorts: 1\n"), nil)
	for _, c := range []struct {
		name string
		run  func(*Readings, *report)
		conf string // "" = there is none
		r    Readings
		want string
	}{
		{"config right", checkConfig, long, Readings{}, "ok: catflap.yaml is right: accounts 1, apps 0"},
		{"config warns", checkConfig, "accessToken: a+b\n", Readings{}, "ok: catflap.yaml is right: accounts 1, apps 0\nwarning: catflap.yaml:1:14: accessToken: the token has characters that change in addresses (?access_token=): use letters, digits, - . _ ~ only -> see the key in `catflap config show`"},
		{"config wrong", checkConfig, "", Readings{ConfigErr: wrong}, "critical: " + firstHead(wrong) + " -> correct it; `catflap config check` shows the line"},
		{"config not found", checkConfig, "", Readings{ConfigErr: fmt.Errorf("x: %w", config.ErrNotFound)}, "critical: there is no configuration -> `catflap init` writes one; or name it with --config"},
		{"config unreadable", checkConfig, "", Readings{ConfigErr: errors.New("cannot read x")}, "critical: cannot read x -> name the file with --config, and read it as a user that may"},

		{"files closed", checkPermissions, "", Readings{Files: []File{{Path: "c", Mode: 0o660}, {Path: "d", Kind: DataFolder, Mode: 0o750 | os.ModeDir, Owner: 7}, {Path: "d/state.db", Kind: DataFile, Mode: 0o600, Owner: 7}, {Path: "d/admin.sock", Kind: Socket, Mode: os.ModeSocket | 0o660}}}, "ok: configuration and data are closed to others"},
		{"files open", checkPermissions, "", Readings{Files: []File{{Path: "c", Mode: 0o644}, {Path: "d", Kind: DataFolder, Mode: 0o755 | os.ModeDir, Owner: 7}, {Path: "d/state.db", Kind: DataFile, Mode: 0o640, Owner: 0}, {Path: "d/journal.db", Kind: DataFile, Mode: 0o666, Owner: 7}}},
			"critical: c is open to others (mode 0644) -> chmod o-rwx c [mends]\n" +
				"warning: d is open to others (mode 0755) -> chmod o-rwx d [mends]\n" +
				"warning: d/state.db is open to others (mode 0640) -> chmod go-rwx d/state.db [mends]\n" +
				"critical: d/state.db belongs to user 0 and its folder to user 7: one of them cannot open it -> chown 7 d/state.db [mends]\n" +
				"critical: d/journal.db is open to others (mode 0666) -> chmod go-rwx d/journal.db [mends]"},
		{"odd files", checkPermissions, "", Readings{Now: noon, Files: []File{
			{Path: "d", Kind: DataFolder, Missing: true}, {Path: "d/state.db", Kind: DataFile, Mode: 0o777 | os.ModeSymlink}, {Path: "d/admin.sock", Kind: Socket, Mode: os.ModeSocket, Stale: true},
			{Path: "d/.backup-1", Kind: Leftover, Changed: noon.Add(-2 * time.Hour)}, {Path: "d/.backup-2", Kind: Leftover, Changed: noon}, {Path: "d/state.db.bad-1", Kind: SetAside, Size: 5 << 10}}},
			"ok: the data folder d is not there yet -> the first start makes it [mends]\n" +
				"critical: d/state.db is no plain file -> find out who put it there, and remove it\n" +
				"warning: d/admin.sock is left of an instance that is gone -> rm d/admin.sock (the next start replaces it) [mends]\n" +
				"warning: d/.backup-1 is left of a backup or restore that was cut short -> rm -r d/.backup-1 [mends]\n" +
				"ok: d/state.db.bad-1 was set aside by a restore (5 KiB) -> delete it when you no longer want it"},

		{"not running", checkInstance, long, Readings{}, "warning: catflap is not running -> `catflap service start`, or `catflap run`"},
		{"stuck", checkInstance, long, Readings{Running: true}, "critical: catflap runs and does not answer -> `catflap service restart`; its log says what it was doing"},
		{"not for us", checkInstance, long, Readings{Barred: true}, "warning: catflap runs, and this user may not talk to it: what only it knows is missing below -> sudo catflap doctor, or join the group catflap"},
		{"runs", checkInstance, long, Readings{Version: "1", Status: &console.Status{Version: "1"}}, "ok: catflap 1 runs"},
		{"another version runs", checkInstance, long, Readings{Version: "2", Status: &console.Status{Version: "1", Hint: []console.Text{{EN: "full", ZH: "满"}}}}, "ok: catflap 1 runs\nwarning: this program is 2, and 1 runs -> `catflap service restart` brings the new one\nwarning: full"},

		{"no service", checkService, "", Readings{Service: &Service{Manager: "linux-systemd"}}, "warning: catflap is no service here (linux-systemd): it does not start with the box -> `sudo catflap service install`"},
		{"service runs", checkService, "", Readings{Service: &Service{Manager: "s", Installed: true, Enabled: true, Running: true}}, "ok: the service runs (s)"},
		{"service failed", checkService, "", Readings{Service: &Service{Installed: true, Detail: "failed", Restarts: 9}},
			"critical: the service does not run: failed -> `catflap service logs` says why, `sudo catflap service start` starts it\nwarning: the service does not start with the box -> `sudo catflap service install` switches that on\nwarning: the service was restarted 9 times since it was started -> `catflap service logs` says why"},

		{"ports free", checkPorts, long, Readings{Listeners: []Listener{{Key: "wsPort", Address: "127.0.0.1:3001"}}}, "ok: the addresses to listen on are free"},
		{"ports of one that says nothing", checkPorts, long, Readings{Running: true, Barred: true, Listeners: []Listener{{Key: "wsPort", Address: "127.0.0.1:3001"}}}, ""},
		{"port taken", checkPorts, long, Readings{Listeners: []Listener{{"wsPort", "127.0.0.1:3001", errors.New("the port is taken by koishi (5)")}}}, "critical: wsPort: the port is taken by koishi (5) -> stop what has it, or set wsPort to another address"},
		{"ports ours", checkPorts, long, Readings{Listeners: []Listener{{Key: "wsPort", Address: "127.0.0.1:3001"}}, Status: &console.Status{Listen: map[string]string{"napcat.default": "ws://127.0.0.1:3001/onebot/v11/ws"}}}, "ok: catflap listens where it is to"},
		{"port of the file only", checkPorts, long, Readings{Listeners: []Listener{{Key: "wsPort", Address: "127.0.0.1:300"}, {Key: "console.listen", Address: "127.0.0.1:1"}}, Status: &console.Status{Listen: map[string]string{"napcat.default": "ws://127.0.0.1:3001/onebot/v11/ws"}}}, "warning: wsPort is 127.0.0.1:300 in the file, and the running catflap does not listen there -> `catflap reload`"},

		{"tokens good", checkTokens, long, Readings{}, "ok: tokens are long and different: 1"},
		{"tokens short", checkTokens, "accessToken: abcdefghij\napps: {a: {protocol: onebot11, accessToken: abc}}\n", Readings{}, "warning: accessToken has 10 characters, 16 are better -> " + renewal + "\nwarning: apps.a.accessToken has 3 characters: it can be guessed -> " + renewal},
		{"tokens short, from outside", checkTokens, "wsHost: 0.0.0.0\naccessToken: abc\n", Readings{}, "critical: accessToken has 3 characters: it can be guessed -> " + renewal},
		{"token of an example", checkTokens, "wsHost: 0.0.0.0\naccessToken: A-long-Random-word\n", Readings{}, "critical: accessToken is a word out of an example -> " + renewal},
		{"tokens the same", checkTokens, long + "apps: {a: {protocol: onebot11, accessToken: 0123456789abcdef}, b: {protocol: onebot11, connect: 'ws://x', accessToken: x}}\n", Readings{}, "warning: accessToken and apps.a.accessToken are the same: who has one has the other -> give each its own"},
		{"no tokens", checkTokens, "allowNoToken: true\napps: {a: {protocol: onebot11, listen: '127.0.0.1:5700', allowNoToken: true}}\n", Readings{}, "warning: account default takes links without a token: any program on this host may pose as NapCat -> set accessToken and remove allowNoToken\nwarning: app a takes links without a token: any program on this host may use the account -> set accessToken and remove allowNoToken"},

		{"policies closed", checkPolicies, long, Readings{}, "ok: nobody gets in without being let in"},
		{"policies open", checkPolicies, long + "dmPolicy: open\ngroupPolicy: open\nfiles: {roots: [/]}\napps: {a: {protocol: onebot11, accessToken: 1123456789abcdef, actions: {allow: ['@credential', '@read']}}}\n", Readings{},
			"warning: account default: dmPolicy is open, so everybody on QQ may use the bot in private chats -> dmPolicy: pairing, unless that is meant\n" +
				"warning: account default: groupPolicy is open, so the bot serves every group that it is pulled into -> groupPolicy: allowlist, and the groups under `groups`\n" +
				"critical: account default: files.roots has /: apps can send any file below it to QQ -> name the one folder that apps need\n" +
				"warning: app a: actions.allow has @credential: it can read the account's cookies and keys and pass it on to others -> actions: {deny: [\"@credential\"]}, unless that is meant\n" +
				"ok: these apps may write to every chat of the account: a -> targets: policy bounds an app to chats that are let in"},
		{"policies with stars", checkPolicies, long + "allowFrom: ['*']\ngroups: {'*': {}}\n", Readings{}, "warning: account default: allowFrom has \"*\", so everybody on QQ may use the bot in private chats -> remove the \"*\", unless that is meant\nwarning: account default: groups has \"*\", so the bot serves every group that it is pulled into -> list the groups by number"},

		{"bare numbers", checkBareNumbers, long + "groupAllowFrom: [1, 2, 3, 4, 'user:5']\ngroups: {'1': {}}\nowners: [3]\n", Readings{Facts: facts(console.AccountFacts{Groups: []uint64{2}})},
			"ok: account default: groupAllowFrom 1 is a group: `groups` has it\n" +
				"ok: account default: groupAllowFrom 2 is a group: the account is in it\n" +
				"ok: account default: groupAllowFrom 3 is a person: only listed people may use the bot in groups -> write group:3 or user:3 in groupAllowFrom\n" +
				"warning: account default: groupAllowFrom 4 is neither a group of the account nor a person that is known: it lets group 4 in, and elsewhere only user 4 -> write group:4 or user:4 in groupAllowFrom"},
		{"bare numbers, groups unknown", checkBareNumbers, long + "groupAllowFrom: [4, 5]\n", Readings{Facts: facts(console.AccountFacts{People: []uint64{5}})},
			"ok: account default: groupAllowFrom 4 lets group 4 in and, until the account's groups are known, counts as a person too -> write group:4 or user:4 in groupAllowFrom\n" +
				"ok: account default: groupAllowFrom 5 is a person: only listed people may use the bot in groups -> write group:5 or user:5 in groupAllowFrom"},

		{"napcat online", checkNapCat, long, Readings{Status: account(console.AccountStatus{Name: "default", SelfID: 7, Connected: true, Online: true})}, "ok: account default: NapCat is connected, QQ 7 is online"},
		{"napcat with a hint", checkNapCat, long, Readings{Status: account(console.AccountStatus{Name: "default", SelfID: 7, Connected: true, Online: true, Hint: []console.Text{{EN: "lost 3", ZH: "丢 3"}}})}, "warning: account default: NapCat is connected, QQ 7 is online -> lost 3"},
		{"napcat offline", checkNapCat, long, Readings{Status: account(console.AccountStatus{Name: "default", Connected: true, LastError: "QQ is offline", Hint: []console.Text{{EN: "log in", ZH: "登录"}}})}, "critical: account default: NapCat is connected, but QQ is not: QQ is offline -> log in"},
		{"napcat away", checkNapCat, long, Readings{Status: account(console.AccountStatus{Name: "default", LastError: "refused"})}, "critical: account default: NapCat is not connected: refused -> look at NapCat's log; `catflap napcat config` prints the entry that it needs"},
		{"napcat speaks strings", checkNapCat, long, Readings{Facts: facts(console.AccountFacts{Form: "string"}), Status: account(console.AccountStatus{Name: "default", SelfID: 7, Connected: true, Online: true})},
			"ok: account default: NapCat is connected, QQ 7 is online\nwarning: account default: NapCat sends messages as strings: what stands in them cannot be told from CQ codes for sure -> in NapCat set messagePostFormat to array; `catflap napcat config --write DIR` does it"},
		{"napcat dialled", checkNapCat, long, Readings{Dials: []Dial{{"a", "nas:3001", errors.New("refused")}, {"b", "nas:3002", nil}}}, "critical: account a: NapCat does not answer at nas:3001: refused -> start NapCat; `catflap napcat config` prints the server that it needs\nok: account b: something answers at nas:3002"},

		{"napcat's file right", checkNapCatFiles, long, Readings{NapCat: []NapCat{{Account: "default", Path: "n/onebot11_7.json", Dir: "n"}}}, "ok: account default: n/onebot11_7.json is right"},
		{"napcat's file wrong", checkNapCatFiles, long, Readings{NapCat: []NapCat{{Account: "default", Dir: "n", Changes: []settings.Change{{Array: "websocketClients", Name: "catflap", Key: "token"}, {Array: "websocketClients", Name: "catflap", Key: "reportSelfMessage", Want: "true"}, {Array: "websocketClients", Name: "catflap", Key: "debug", Have: "true", Want: "false"}}}}},
			"critical: account default: network.websocketClients, entry \"catflap\": the token is not the account's -> " + mended + "\n" +
				"warning: account default: network.websocketClients, entry \"catflap\": reportSelfMessage is not set and must be true -> " + mended + "\n" +
				"warning: account default: network.websocketClients, entry \"catflap\": debug is true and must be false -> change it in NapCat's WebUI"},
		{"napcat's file unreadable", checkNapCatFiles, long, Readings{NapCat: []NapCat{{Account: "default", Dir: "n", Err: errors.New("n is no folder")}}}, "critical: account default: n is no folder -> name NapCat's config folder with --napcat DIR"},

		{"container", checkContainer, long, Readings{Containers: "docker", Facts: facts(console.AccountFacts{})}, "warning: account default: nobody has ever connected, catflap listens on 127.0.0.1 only, and this host has containers (docker): a NapCat in one of them cannot reach it -> if NapCat is in a container: wsHost: 0.0.0.0, `catflap reload`, and the address of this box in NapCat (`catflap napcat config`)"},
		{"container, and it came", checkContainer, long, Readings{Containers: "docker", Facts: facts(console.AccountFacts{Pinned: 7})}, ""},
		{"container, and it is here", checkContainer, long, Readings{Containers: "docker", Facts: facts(console.AccountFacts{}), Status: account(console.AccountStatus{Name: "default", Connected: true})}, ""},
		{"container, on all addresses", checkContainer, long + "wsHost: 0.0.0.0\n", Readings{Containers: "docker", Facts: facts(console.AccountFacts{})}, ""},
		{"no container", checkContainer, long, Readings{Facts: facts(console.AccountFacts{})}, ""},

		{"app connected", checkApps, long, Readings{Status: app(console.AppStatus{Name: "a", Account: "d", Connected: true, Dropped: 5})}, "ok: app a (account d) is connected\nwarning: app a (account d) has lost events at its bounds since the start: 5 -> queue.maxEvents, queue.maxMb and queue.maxAge of the app are the bounds"},
		{"app away", checkApps, long, Readings{Status: app(console.AppStatus{Name: "a", Account: "d", Subscribed: true, Backlog: 12, LastError: "refused"})}, "warning: app a (account d) is away: events that wait: 12 -> last error: refused"},
		{"app never here", checkApps, long, Readings{Status: app(console.AppStatus{Name: "a", Account: "d", Hint: []console.Text{{EN: "start it", ZH: "启动它"}}})}, "warning: app a (account d) has never connected -> start it"},
		{"app paused", checkApps, long, Readings{Status: app(console.AppStatus{Name: "a", Account: "d", Paused: true, Backlog: 2})}, "warning: app a (account d) is paused: events that wait: 2 -> `catflap app resume a`"},

		{"media kept", checkMedia, long + hook, Readings{Media: &console.MediaStats{Items: 3, Bytes: 7 << 20, QuotaBytes: 512 << 20}}, "ok: the media cache holds 3 files, 7 of 512 MiB"},
		{"media for nobody", checkMedia, long, Readings{Media: &console.MediaStats{Trouble: "x"}}, ""},
		{"media behind a fake-IP proxy", checkMedia, long + hook, Readings{Media: &console.MediaStats{FakeIP: []string{"198.18.0.0/15", "fc00::/18"}, Failures: map[string]int64{"refused": 4}}},
			"warning: media are not fetched: a proxy in fake-IP (TUN) mode gives QQ's hosts addresses in 198.18.0.0/15, fc00::/18, which the guard of the inner network refuses -> media: {allowPrivate: [198.18.0.0/15, fc00::/18]}, then `catflap reload`"},
		{"media of inner hosts", checkMedia, long + hook, Readings{Media: &console.MediaStats{Failures: map[string]int64{"refused": 4}}},
			"ok: fetches of media from addresses of the inner network that were refused since the start: 4 -> if a server of yours is meant: media.allowHosts names it"},
		{"media without a folder", checkMedia, long + hook + "dataDir: /d\n", Readings{Media: &console.MediaStats{Trouble: "no such disk"}},
			"warning: media keep QQ's own links, which die within hours: no such disk -> media.dir is /d/media: is its disk there and writable, and is the folder the catflap user's? it is tried again every minute"},
		{"media behind a wide gateway", checkMedia, long + hook + "gateway: {listen: \"0.0.0.0:6700\"}\n", Readings{},
			"warning: gateway.listen is 0.0.0.0:6700, and events name media by http://127.0.0.1:6700: apps in containers and on other hosts cannot read them -> if there are such apps: " + public},
		{"media with an address that is this box", checkMedia, long + hook + "gateway: {listen: \"[::]:6700\"}\nmedia: {publicUrl: \"http://localhost:6700\"}\n", Readings{},
			"warning: gateway.listen is [::]:6700, and events name media by http://127.0.0.1:6700: apps in containers and on other hosts cannot read them -> if there are such apps: " + public},
		{"media with an address", checkMedia, long + hook + "gateway: {listen: \"0.0.0.0:6700\"}\nmedia: {publicUrl: \"http://nas:6700\"}\n", Readings{}, ""},
		{"media for apps elsewhere", checkMedia, long + "apps: {far: {protocol: onebot11, connect: \"ws://nas:1/\"}, near: {protocol: onebot11, connect: \"ws://127.0.0.1:1/\"}}\n", Readings{},
			"warning: apps on other hosts cannot read media: events name them by http://127.0.0.1:6700, which is this box alone: far -> gateway: {listen: \"0.0.0.0:6700\"} and " + public},
		{"NapCat elsewhere", checkMedia, long + hook + "link: forward\nurl: ws://nas:3001/\n", Readings{},
			"ok: account default: NapCat is on another host and is not told how to reach the gateway: files that apps send go to it within the action or in pieces, which is slower -> media.publicUrl or media.napcatUrl, where NapCat can reach the gateway"},
		{"NapCat elsewhere, and told", checkMedia, long + hook + "link: forward\nurl: ws://nas:3001/\nmedia: {napcatUrl: \"http://box:6700\"}\n", Readings{}, ""},

		{"database sound", checkDatabase, long, Readings{Database: &Database{Bytes: 65536}}, "ok: every page of the databases is sound (64 KiB)"},
		{"database damaged", checkDatabase, long, Readings{Database: &Database{Err: fmt.Errorf("x: %w", &store.DamagedError{File: "d/journal.db", Reason: "cut off", Remedy: "r"})}}, "critical: d/journal.db is damaged: cut off -> " + wayOut},
		{"database damaged while it runs", checkDatabase, long, Readings{Database: &Database{Problem: "journal.db is damaged"}}, "critical: journal.db is damaged -> " + wayOut},
		{"database newer", checkDatabase, long, Readings{Database: &Database{Err: store.ErrNewer}}, "critical: written by a newer catflap -> install the newer catflap again"},
		{"database unreadable", checkDatabase, long, Readings{Database: &Database{Err: os.ErrPermission}}, "warning: the databases could not be checked: permission denied -> run it as the user that owns the data folder, or with sudo"},
		{"database on a full disk", checkDatabase, long, Readings{Database: &Database{Err: fmt.Errorf("x: %w", syscall.ENOSPC)}}, "warning: the databases could not be checked: x: no space left on device -> the disk is full: delete what is not needed, then ask again"},
		{"database that is a link", checkDatabase, long, Readings{Database: &Database{Err: errors.New("it is a link")}}, "warning: the databases could not be checked: it is a link -> the database files must be plain files in the data folder: look at them with `ls -l`, and at the disk with `dmesg`"},
		{"database and its copy damaged", checkDatabase, long, Readings{Database: &Database{NoCopy: true, Err: &store.DamagedError{File: "d/state.db", Reason: "cut off", Remedy: "r"}}}, "critical: d/state.db is damaged: cut off -> `catflap restore FILE` puts a backup back; without one remove state.db and journal.db to start anew, without pairings and history (the copy state.db.bak is damaged too)"},
		{"update cut short", checkUpdate, long, Readings{Update: &Update{"/usr/local/bin/catflap", "1.0.0", "1.1.0"}}, "critical: the update of /usr/local/bin/catflap from 1.0.0 to 1.1.0 was cut short: nobody knows whether the new one is well -> to go back: `sudo /usr/local/bin/catflap.old update --undo`; if all is well: `sudo /usr/local/bin/catflap update --settle`"},
		{"update none", checkUpdate, long, Readings{}, ""},
		{"port of root", checkPorts, long, Readings{Service: &Service{Installed: true, Account: "catflap"}, Listeners: []Listener{{Key: "wsPort", Address: "0.0.0.0:80"}}}, "critical: wsPort is 0.0.0.0:80: the service (user catflap) may not listen below 1024 -> set wsPort to a port from 1024 on, in NapCat or the bots too"},
		{"port of root, by root", checkPorts, long, Readings{Listeners: []Listener{{Key: "wsPort", Address: "0.0.0.0:80"}}}, "ok: the addresses to listen on are free"},
		{"service without its user", checkService, long, Readings{Service: &Service{Installed: true, Enabled: true, Detail: "failed (failed), exit-code, exit status 217"}}, "critical: the service does not run: failed (failed), exit-code, exit status 217 -> systemd could not become the user catflap: `id catflap` says whether it is there, `sudo catflap service install` makes it; a kernel or container that knows no user namespaces needs PrivateUsers=no (`sudo systemctl edit catflap`)"},
		{"service hidden", checkService, long, Readings{Service: &Service{Manager: "m", Installed: true, Enabled: true, Running: true, Shadowed: "/etc/x"}}, "ok: the service runs (m)\nwarning: /etc/x, of an install by hand, hides the service of the package: upgrades of the package have no effect -> `sudo catflap service uninstall` removes it"},
		{"configuration closed to the service", checkPermissions, "", Readings{Service: &Service{Account: "catflap", Closed: true}, Files: []File{{Path: "/etc/catflap/catflap.yaml", Kind: ConfigFile, Mode: 0o600}}}, "critical: /etc/catflap/catflap.yaml cannot be read by the service (user catflap) -> chown root:catflap /etc/catflap/catflap.yaml && chmod 0660 /etc/catflap/catflap.yaml"},
		{"configuration of others", checkConfig, "", Readings{ConfigErr: fmt.Errorf("cannot read x (%w)", os.ErrPermission)}, "critical: cannot read x (permission denied) -> sudo catflap doctor"},
		{"app never here, no hint", checkApps, long, Readings{Status: app(console.AppStatus{Name: "a", Account: "d"})}, "warning: app a (account d) has never connected -> start it, with the address and token of app a (`catflap config show`, apps.a and gateway); `catflap app list` shows when it comes"},
		{"database large", checkDatabase, long, Readings{Database: &Database{Skipped: true, Bytes: 100 << 20}, Status: &console.Status{Store: console.StoreStatus{CommitErrors: 3}}}, "ok: the databases (100 MiB) are in use and were not walked through -> `catflap doctor --full` checks a copy of them\ncritical: writes to the databases have failed since the start: 3 -> is the disk full or read-only? the log says more"},

		{"disk fine", checkDisk, long, Readings{Disk: &Disk{Free: 4 << 30, Total: 8 << 30, FreeFiles: -1}}, "ok: the disk of the data folder has 4096 of 8192 MiB free"},
		{"disk for less than the bounds", checkDisk, long, Readings{Disk: &Disk{Free: 512 << 20, Total: 8 << 30, FreeFiles: 500}, Files: []File{{Kind: DataFile, Size: 56 << 20}}}, "ok: the disk of the data folder has 512 of 8192 MiB free\nwarning: store.maxMb and media.maxTotalMb let catflap take 200 MiB more than is free -> " + room + "\nwarning: the disk has room for 500 files only (inodes) -> delete small files, such as old logs"},
		{"disk little", checkDisk, long, Readings{Disk: &Disk{Free: 100 << 20, FreeFiles: -1}}, "warning: the disk of the data folder has 100 MiB free -> " + room},
		{"disk full", checkDisk, long, Readings{Disk: &Disk{Free: 1 << 20, FreeFiles: -1}}, "critical: the disk of the data folder is full: 1 MiB free -> " + room},
		{"disk read-only", checkDisk, long, Readings{Disk: &Disk{ReadOnly: true}}, "critical: the disk of the data folder is read-only: a card that wears out often ends so -> make a backup of what is there, and replace the card; `dmesg` says why"},
		{"card", checkDisk, long + "store: {sync: 500ms}\n", Readings{Disk: &Disk{Free: 4 << 30, Total: 8 << 30, FreeFiles: -1, SDCard: true, Device: "mmcblk0p2"}}, "ok: the disk of the data folder has 4096 of 8192 MiB free\nwarning: the data folder is on an SD card (mmcblk0p2): writes are grouped by store.sync to spare it -> store.sync: 5s"},

		{"memory fine", checkMemory, long, Readings{Memory: &Memory{Total: 512 << 20, Available: 200 << 20, ServiceMax: 96 << 20}}, "ok: memory.limit is 48 MiB of 512 MiB; the service may use 96 MiB"},
		{"memory of a container", checkMemory, long, Readings{Memory: &Memory{Total: 512 << 20, Group: 32 << 20, InForce: 24 << 20}}, "ok: memory.limit is 48 MiB of 512 MiB; the cgroup here allows 32 MiB, so 24 MiB are in force"},
		{"memory of the environment", checkMemory, long, Readings{Memory: &Memory{Total: 512 << 20, GoLimit: "20MiB"}}, "ok: memory.limit is 48 MiB of 512 MiB; GOMEMLIMIT=20MiB is in force here"},
		{"memory small", checkMemory, long, Readings{Memory: &Memory{Total: 64 << 20, Available: 20 << 20}}, "warning: memory.limit is 48 MiB, more than half of this box (64 MiB) -> lower memory.limit\nwarning: this box has 20 MiB of memory left -> NapCat takes most: restart it at night, or add zram"},
		{"memory of the service", checkMemory, long, Readings{Memory: &Memory{Total: 512 << 20, ServiceMax: 40 << 20}}, "critical: the service may use 40 MiB and memory.limit is 48 MiB: the kernel ends catflap before it saves memory -> `sudo catflap service install` writes the bound that fits, or lower memory.limit"},
		{"memory cgroup off", checkMemory, "", Readings{Memory: &Memory{Total: 512 << 20, NoCgroup: true}}, "ok: the kernel has the memory cgroup switched off, as Raspberry Pi OS does: MemoryMax of the service is void, and catflap bounds itself by memory.limit -> to switch it on: cgroup_enable=memory cgroup_memory=1 in /boot/firmware/cmdline.txt, and a reboot"},

		{"clock fine", checkClock, "", Readings{Now: noon, Clock: &Clock{Synced: &yes, Newest: noon}}, "ok: the clock is plausible (2026-03-01 12:00)"},
		{"clock of the epoch", checkClock, "", Readings{Now: time.Unix(100, 0)}, "critical: the clock says 1970-01-01 -> " + ntp},
		{"clock jumped and drifts", checkClock, "", Readings{Now: noon, Clock: &Clock{Synced: &no, Newest: noon.Add(90 * time.Minute)}}, "warning: files of the data folder are 1h30m0s younger than the clock: it has jumped back -> " + ntp + "\nwarning: the clock is not synchronised -> " + ntp},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.conf != "" {
				c.r.Config = parsed(t, c.conf)
			}
			rep := report{check: "it"}
			c.run(&c.r, &rep)
			if diff := cmp.Diff(c.want, said(rep.list)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			inBoth(t, rep.list)
		})
	}
}

const (
	hook    = "apps: {hook: {protocol: onebot11, accessToken: 0123456789abcdef-hook}}\n"
	public  = `media: {publicUrl: "http://ADDRESS-OF-THIS-BOX:6700"}`
	renewal = "write a long random one at both ends: `openssl rand -hex 16`"
	mended  = "`catflap napcat config --write n --account default` corrects it; then restart NapCat"
	wayOut  = "`catflap restore FILE` puts a backup back; without one `catflap restore --salvage` goes on with what is sound"
	room    = "delete what is not needed, or lower store.maxMb and media.maxTotalMb"
	ntp     = "`sudo timedatectl set-ntp true`, or install an NTP client"
)

func firstHead(err error) string {
	var wrong *config.Errors
	if !errors.As(err, &wrong) {
		return "no errors"
	}
	return wrong.Issues[0].Head()
}

// Whatever is missing, no check fails for it; and no finding holds a token.
func TestFault_S10_ExamineKeepsSecrets(t *testing.T) {
	for _, f := range Examine(&Readings{Now: noon}) {
		if f.Check != "clock" {
			t.Errorf("%s was found in nothing: %s", f.Check, f.Found.EN)
		}
	}
	const token = "tttt0ken"
	r := &Readings{Now: noon, Config: parsed(t, "wsHost: 0.0.0.0\naccessToken: "+token+"\napps: {a: {protocol: onebot11, accessToken: "+token+"}}\n")}
	changes, err := settings.Differences([]byte(`{"network":{"websocketClients":[{"name":"catflap","token":"`+token+`x"}]}}`), r.Config.Accounts[0], settings.Reach{})
	if err != nil {
		t.Fatal(err)
	}
	r.NapCat = []NapCat{{Account: "default", Changes: changes}}
	list := Examine(r)
	inBoth(t, list)
	for _, f := range list {
		if strings.Contains(fmt.Sprint(f.Found, f.Fix), token) {
			t.Errorf("a token is told: %s", f.Found.EN)
		}
	}
}

// The service may write in the folder of its configuration. What a link there leads to is not root's to change.
func TestFault_S13_MendOfALink(t *testing.T) {
	dir := t.TempDir()
	victim, conf := filepath.Join(dir, "victim"), filepath.Join(dir, "catflap.yaml")
	if err := os.WriteFile(victim, []byte("root:x:0:0"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(victim, 0o644); err != nil {
		t.Fatal(err)
	}
	for kind, link := range map[string]func(string, string) error{"symbolic": os.Symlink, "hard": os.Link} {
		if err := link(victim, conf); err != nil {
			t.Fatal(err)
		}
		rep := report{check: "permissions"}
		checkPermissions(&Readings{Now: noon, Files: Files(conf, nil, "admin.sock", nil)}, &rep)
		if len(rep.list) != 1 || rep.list[0].Mend() == nil {
			t.Errorf("%s link: %s", kind, said(rep.list))
		}
		if info, err := os.Stat(victim); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s link: the victim has mode %v (%v)", kind, info.Mode(), err)
		}
		if err := os.Remove(conf); err != nil {
			t.Fatal(err)
		}
	}
}

// The service's own configuration gets the rights that the console needs, not just fewer.
func TestMendOfTheServicesConfiguration(t *testing.T) {
	for _, s := range []Service{{Closed: true}, {Unsettled: true}} {
		adopted := false
		s.Adopt = func() error { adopted = true; return nil }
		rep := report{check: "permissions"}
		checkPermissions(&Readings{Service: &s, Files: []File{{Path: "/etc/catflap/catflap.yaml", Kind: ConfigFile, Mode: 0o644}}}, &rep)
		if len(rep.list) != 1 || rep.list[0].Mend() != nil || !adopted {
			t.Errorf("%+v: %s", s, said(rep.list))
		}
	}
}

// What is mended is mended on the disk, and nothing else is touched.
func TestFault_S10_Mend(t *testing.T) {
	dir := t.TempDir()
	conf, data := filepath.Join(dir, "catflap.yaml"), filepath.Join(dir, "data")
	write := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(data, ".restore-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(conf, 0o664)
	write(filepath.Join(data, "state.db"), 0o644)
	write(filepath.Join(dir, "victim"), 0o644)
	if err := os.Link(filepath.Join(dir, "victim"), filepath.Join(data, "journal.db")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	old := noon.Add(-24 * time.Hour)
	if err := os.Chtimes(filepath.Join(data, ".restore-1"), old, old); err != nil {
		t.Fatal(err)
	}
	files := Files(conf, &config.Config{DataDir: data}, "admin.sock", nil)
	rep := report{check: "permissions"}
	checkPermissions(&Readings{Now: noon, Files: files}, &rep)
	refused := 0
	for i := range rep.list {
		if err := rep.list[i].Mend(); err != nil {
			refused++
		} else if !rep.list[i].Fixed || rep.list[i].Level != OK || rep.list[i].Mends() {
			t.Errorf("not mended: %+v", rep.list[i])
		}
	}
	if refused != 1 {
		t.Errorf("%d were refused, want the hard link only:\n%s", refused, said(rep.list))
	}
	for name, want := range map[string]os.FileMode{conf: 0o660, data: 0o750, filepath.Join(data, "state.db"): 0o600, filepath.Join(dir, "victim"): 0o644} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v (%v)", name, info.Mode().Perm(), want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(data, ".restore-1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the leftover is still there: %v", err)
	}
	if err := removeSocket(conf); err == nil {
		t.Error("a file was removed as a socket")
	}
}
