package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// rig is an API on a real unix socket.
type rig struct {
	t      *testing.T
	api    *API
	store  *store.Store
	client *http.Client
	told   []string
}

func newRig(t *testing.T, accounts ...string) *rig {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(filepath.Join(dir, "data"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(accounts) == 0 {
		accounts = []string{"default"}
	}
	r := &rig{t: t, store: st}
	r.api = &API{
		Version: "1.2.3",
		Store:   st,
		Accounts: func() []AccountInfo {
			var out []AccountInfo
			for i, name := range accounts {
				out = append(out, AccountInfo{Name: name, Enabled: true, Link: "reverse", SelfID: 10001 + uint64(i), Pinned: st.Accounts().Pinned(name)})
			}
			return out
		},
		Limits:   func(string) policy.PairingLimits { return limits() },
		Language: func() string { return "en" },
		Notify: func(account string, user uint64, text string) {
			r.told = append(r.told, fmt.Sprintf("%s %d %s", account, user, text))
		},
	}
	path := filepath.Join(dir, "admin.sock")
	l, err := ListenSocket(path, "")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: r.api.Handler()}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	r.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		<-served
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func limits() policy.PairingLimits {
	return policy.PairingLimits{Expiry: time.Hour, MaxPending: 20, RepliesPerHour: 30}
}

// ask returns the status and the body.
func (r *rig) ask(method, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://catflap/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSuffix(string(answer), "\n")
}

func (r *rig) want(method, path, body string, status int, answer string) {
	r.t.Helper()
	gotStatus, got := r.ask(method, path, body)
	if gotStatus != status {
		r.t.Errorf("%s %s %s: status %d, want %d", method, path, body, gotStatus, status)
	}
	if diff := cmp.Diff(answer, got); diff != "" {
		r.t.Errorf("%s %s %s (-want +got):\n%s", method, path, body, diff)
	}
}

// keys gives the names of a JSON object's members.
func keys(t *testing.T, doc string) map[string]json.RawMessage {
	t.Helper()
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(doc), &out); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return out
}

func TestNothingRuns(t *testing.T) {
	r := newRig(t)
	const answer = `{"error":"catflap is not running","remedy":"start it with ` + "`catflap run`" + `"}`
	for _, route := range []string{"GET status", "GET apps", "GET tail", "POST reload", "POST call"} {
		method, path, _ := strings.Cut(route, " ")
		r.want(method, path, "", http.StatusServiceUnavailable, answer)
	}
}

func TestStatusShape(t *testing.T) {
	r := newRig(t)
	r.api.Status = func() Status { return Status{Version: "1.2.3"} }
	r.want("GET", "status", "", 200, `{"version":"1.2.3","uptime_s":0,"accounts":[],"apps":[],"links":{"used":0,"limit":0},"memory":{"rss":0,"go":0},`+
		`"store":{"state_bytes":0,"journal_bytes":0,"unflushed_bytes":0,"commits":0,"commit_errors":0,"dropped_unflushed":0,"written_bytes":0},`+
		`"media":{"bytes":0,"items":0},"messages":[],"disk":{"free":0,"total":0},"alerts":{"active":[],"last":[],"held":0,"quiet":false,"targets":[]}}`)
	r.want("GET", "apps", "", 200, `[]`)
	r.api.Status = func() Status {
		return Status{Accounts: []AccountStatus{{Name: "a", Hint: []Text{{EN: "do <this>", ZH: "这样"}}}}, Apps: []AppStatus{{Name: "x", Account: "a"}}}
	}
	_, body := r.ask("GET", "status", "")
	var doc struct{ Accounts, Apps []json.RawMessage }
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"name":"a","self_id":0,"link":"","connected":false,"online":false,"pending_calls":0,"too_large":0,"bad_frames":0,"late":0,"cut_short":0,"duplicates":0,"unreadable":0,"hint":[{"en":"do <this>","zh":"这样"}]}`, string(doc.Accounts[0])); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`{"name":"x","account":"a","connected":false,"subscribed":false,"paused":false,"backlog":0,"set_aside":0,"missed":0,"dropped":0,"skipped":0,"too_old":0,"poisoned":0,"refused":0,"repeated":0,"too_large":0,"ack":"","way":"","rights":{"targets":""},"last_error":""}`, string(doc.Apps[0])); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownRoute(t *testing.T) {
	r := newRig(t)
	if status, body := r.ask("GET", "nonsense", ""); status != 404 || !strings.HasPrefix(body, `{"error":"there is no GET /api/v1/nonsense"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := r.ask("DELETE", "history", ""); status != 404 && status != 405 {
		t.Errorf("a wrong method gives %d", status)
	}
}

func TestPairing(t *testing.T) {
	r := newRig(t)
	r.want("GET", "pairing", "", 200, `[]`)
	asked, err := r.store.Access().Ask("default", 20002, limits())
	if err != nil {
		t.Fatal(err)
	}
	_, body := r.ask("GET", "pairing?account=default", "")
	var list []PairingEntry
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != 1 {
		t.Fatalf("%v in %s", err, body)
	}
	got := list[0]
	if got.Account != "default" || got.UserID != 20002 || got.Code != asked.Pending.Code || got.State != "pending" || got.Expires == nil ||
		got.Expires.Sub(got.Created) != time.Hour {
		t.Errorf("the entry is %+v", got)
	}
	if !strings.Contains(body, `"expires":"`) {
		t.Errorf("no expires in %s", body)
	}

	r.want("POST", "pairing/approve", `{"who":" `+strings.ToLower(asked.Pending.Code)+` "}`, 200,
		`{"account":"default","user_id":20002,"state":"approved","changed":true,"notified":true}`)
	if diff := cmp.Diff([]string{"default 20002 " + policy.ApprovedNotice("en")}, r.told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if !r.store.Access().Approved("default", 20002) {
		t.Error("the store does not know of the approval")
	}
	if _, body := r.ask("GET", "pairing", ""); !strings.Contains(body, `"code":"","state":"approved"`) || !strings.Contains(body, `"expires":null`) {
		t.Errorf("the approved entry is %s", body)
	}
	r.want("POST", "pairing/approve", `{"who":"20002","force":true}`, 200,
		`{"account":"default","user_id":20002,"state":"approved","changed":false,"notified":false}`)
	r.want("POST", "pairing/approve", `{"who":"20002"}`, 200,
		`{"account":"default","user_id":20002,"state":"approved","changed":false,"notified":false}`)
	r.want("POST", "pairing/revoke", `{"who":"20002"}`, 200, `{"account":"default","user_id":20002,"state":"revoked","changed":true,"notified":false}`)
	r.want("POST", "pairing/block", `{"who":"20003"}`, 200, `{"account":"default","user_id":20003,"state":"blocked","changed":true,"notified":false}`)
	r.want("POST", "pairing/unblock", `{"who":"20003"}`, 200, `{"account":"default","user_id":20003,"state":"unblocked","changed":true,"notified":false}`)
	r.want("POST", "pairing/approve", `{"who":"20004","force":true,"quiet":true}`, 200,
		`{"account":"default","user_id":20004,"state":"approved","changed":true,"notified":false}`)
	if len(r.told) != 1 {
		t.Errorf("told %d people, want 1: %q", len(r.told), r.told)
	}

	for _, c := range []struct {
		route, body string
		status      int
		error       string
	}{
		{"approve", `{"who":"20009"}`, 404, "no such pairing request"},
		{"approve", `{"who":"NOSUCHCD"}`, 404, "no such pairing request"},
		{"deny", `{"who":"20009"}`, 404, "no such pairing request"},
		{"revoke", `{"who":"20009"}`, 404, `"20009" is not approved`},
		{"unblock", `{"who":"20009"}`, 404, `"20009" is not blocked`},
		{"approve", `{}`, 400, "nobody is named"},
		{"approve", ``, 400, "nobody is named"},
		{"approve", `{"who":"1","account":"nobody"}`, 400, `there is no account "nobody"`},
		{"approve", `{"code":"1"}`, 400, "unknown field"},
		{"approve", `{"who":"1"} {}`, 400, "something follows the object"},
		{"approve", `{"who":1}`, 400, "the body is not what this route takes"},
		{"approve", `not json`, 400, "the body is not what this route takes"},
		{"approve", `{"who":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "the body is larger than 1 MiB"},
		{"approve", `{"who":"1"}` + strings.Repeat(" ", 1<<20), 413, "the body is larger than 1 MiB"},
	} {
		status, body := r.ask("POST", "pairing/"+c.route, c.body)
		if status != c.status || !strings.Contains(string(keys(t, body)["error"]), strings.ReplaceAll(c.error, `"`, `\"`)) {
			t.Errorf("%s %.60s: %d %s, want %d %s", c.route, c.body, status, body, c.status, c.error)
		}
	}
}

// TestPairingTellsOnlyWhoCanBeReached: nobody is said to be told while NapCat is away or QQ is logged out.
func TestPairingTellsOnlyWhoCanBeReached(t *testing.T) {
	r := newRig(t)
	for user, account := range map[string]AccountStatus{
		"20005": {Name: "default"},
		"20006": {Name: "default", Connected: true},
		"20007": {Name: "another", Connected: true, Online: true},
	} {
		r.api.Status = func() Status { return Status{Accounts: []AccountStatus{account}} }
		r.want("POST", "pairing/approve", `{"who":"`+user+`","force":true}`, 200,
			`{"account":"default","user_id":`+user+`,"state":"approved","changed":true,"notified":false}`)
	}
	if len(r.told) != 0 {
		t.Errorf("told %v", r.told)
	}
	r.api.Status = func() Status {
		return Status{Accounts: []AccountStatus{{Name: "default", Connected: true, Online: true}}}
	}
	r.want("POST", "pairing/approve", `{"who":"20008","force":true}`, 200,
		`{"account":"default","user_id":20008,"state":"approved","changed":true,"notified":true}`)
}

func TestPairingFindsTheAccount(t *testing.T) {
	r := newRig(t, "bot1", "bot2")
	if _, err := r.store.Access().Ask("bot2", 20002, limits()); err != nil {
		t.Fatal(err)
	}
	r.want("POST", "pairing/approve", `{"who":"20002"}`, 200, `{"account":"bot2","user_id":20002,"state":"approved","changed":true,"notified":true}`)
	if status, body := r.ask("POST", "pairing/approve", `{"who":"20003","force":true}`); status != 404 || !strings.Contains(body, "bot1, bot2") {
		t.Errorf("an unknown person and several accounts: %d %s", status, body)
	}
	for _, account := range []string{"bot1", "bot2"} {
		if _, err := r.store.Access().Ask(account, 20005, limits()); err != nil {
			t.Fatal(err)
		}
	}
	if status, body := r.ask("POST", "pairing/approve", `{"who":"20005"}`); status != 409 || !strings.Contains(body, "--account") {
		t.Errorf("a person whom two accounts know: %d %s", status, body)
	}
	r.want("POST", "pairing/approve", `{"who":"20005","account":"10002"}`, 200,
		`{"account":"bot2","user_id":20005,"state":"approved","changed":true,"notified":true}`)
}

func TestHistory(t *testing.T) {
	r := newRig(t)
	r.want("GET", "history", "", 200, `[]`)
	chat := policy.Chat{Group: true, ID: 30003}
	for i, m := range []store.Record{
		{User: 20002, Sender: "Ann", MessageID: 7, Raw: []byte(`[{"type":"text","data":{"text":"look"}},{"type":"image","data":{"file":"a.png","url":"https://example.com/a"}}]`), Text: "look"},
		{User: 10001, Sender: "Bot", MessageID: 8, Direction: store.Out, Raw: []byte(`[{"type":"text","data":{"text":"nice"}}]`), Text: "nice"},
	} {
		m.Account, m.Chat, m.Time = "default", chat, 1767225600+int64(i)
		r.store.History().Add("default", 100, m)
	}
	last := time.Unix(1767225601, 0).Format(time.RFC3339)
	first := time.Unix(1767225600, 0).Format(time.RFC3339)
	r.want("GET", "history", "", 200, `[{"account":"default","chat":"group:30003","messages":2,"last":"`+last+`"}]`)
	one := `{"time":"` + first + `","message_id":7,"user_id":20002,"sender":"Ann","direction":"in","text":"look","summary":"look[image]","media":[{"type":"image","file":"a.png","url":"https://example.com/a"}],"recalled":false}`
	two := `{"time":"` + last + `","message_id":8,"user_id":10001,"sender":"Bot","direction":"out","text":"nice","summary":"nice","media":[],"recalled":false}`
	r.want("GET", "history/show?chat=group:30003", "", 200, "["+one+","+two+"]")
	r.want("GET", "history/show?chat=group:30003&limit=1&account=default", "", 200, "["+two+"]")
	r.want("GET", "history/show?chat=user:5", "", 200, "[]")
	r.want("GET", "history/export", "", 200, `{"account":"default","chat":"group:30003",`+one[1:]+"\n"+`{"account":"default","chat":"group:30003",`+two[1:])
	r.want("GET", "history/export?chat=user:5", "", 200, "")
	for path, message := range map[string]string{
		"history/show":                           `chat \"\" is not a chat`,
		"history/show?chat=30003":                `chat \"30003\" is not a chat`,
		"history/show?chat=group:1&limit=0":      `limit must be a number from 1 to 10000, not \"0\"`,
		"history/show?chat=group:1&limit=-1":     `limit must be a number from 1 to 10000, not \"-1\"`,
		"history/show?chat=group:1&account=nope": `there is no account \"nope\"`,
	} {
		if status, body := r.ask("GET", path, ""); status != 400 || !strings.Contains(body, message) {
			t.Errorf("%s: %d %s, want %s", path, status, body, message)
		}
	}
	r.store.History().Recall("default", chat, 7)
	if _, body := r.ask("GET", "history/show?chat=group:30003", ""); strings.Contains(body, "look") || strings.Contains(body, "a.png") || !strings.Contains(body, `"recalled":true`) {
		t.Errorf("a recalled message still shows: %s", body)
	}
	r.want("POST", "history/clear", `{"chat":"user:5"}`, 200, `{"chats":0,"messages":0}`)
	r.want("POST", "history/clear", `{"chat":"group:30003"}`, 200, `{"chats":1,"messages":2}`)
	r.want("GET", "history", "", 200, `[]`)
}

// TestHistoryLimitHoldsAtOnce: what is beyond a lowered limit is not given any more, though it is still stored.
func TestHistoryLimitHoldsAtOnce(t *testing.T) {
	r := newRig(t, "bot1", "bot2")
	chat := policy.Chat{ID: 5}
	for _, account := range []string{"bot1", "bot2", "gone"} {
		for i := range 3 {
			r.store.History().Add(account, 100, store.Record{Account: account, Chat: chat, Time: int64(i + 1), User: 5, MessageID: int64(i + 1),
				Raw: []byte(`[{"type":"text","data":{"text":"x"}}]`)})
		}
	}
	limits := map[string]int{"bot1": 2, "bot2": 0, "gone": -1}
	r.api.HistoryLimit = func(account string) int { return limits[account] }
	last := `"last":"` + time.Unix(3, 0).Format(time.RFC3339) + `"}`
	list := `[{"account":"bot1","chat":"user:5","messages":2,` + last + `,{"account":"gone","chat":"user:5","messages":3,` + last + `]`
	r.want("GET", "history", "", 200, list)
	ids := func(path string) string {
		t.Helper()
		status, body := r.ask("GET", path, "")
		if status != 200 {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		var out []string
		for _, part := range strings.Split(body, `"message_id":`)[1:] {
			out = append(out, part[:1])
		}
		return strings.Join(out, " ")
	}
	for path, want := range map[string]string{
		"history/show?chat=user:5&account=bot1":         "2 3",
		"history/show?chat=user:5&account=bot1&limit=1": "3",
		"history/show?chat=user:5&account=bot2":         "",
		"history/export?account=bot1":                   "2 3",
		"history/export?account=bot2":                   "",
		"history/export":                                "2 3 1 2 3",
	} {
		if got := ids(path); got != want {
			t.Errorf("%s gives %q, want %q", path, got, want)
		}
	}
	limits["bot1"], limits["gone"] = 0, 0
	r.want("GET", "history", "", 200, `[]`)
	r.want("GET", "history/show?chat=user:5", "", 200, `[]`)
	// Clearing still removes what does not show.
	r.want("POST", "history/clear", `{}`, 200, `{"chats":3,"messages":9}`)
}

func TestExplainAndAudit(t *testing.T) {
	r := newRig(t)
	r.want("GET", "explain", "", 200, `[]`)
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 {
		r.store.Decisions().Add(store.Decision{Time: base.Add(time.Duration(i) * time.Second), Account: "default", Chat: fmt.Sprintf("user:%d", 20000+i%2),
			User: 20000 + uint64(i%2), Kind: "message.private.friend", Outcome: "deliver", Reason: "delivered",
			Apps: []store.AppDecision{{App: "koishi", Outcome: "drop", Reason: "app.except"}}})
	}
	entry := func(second, user int) string {
		return fmt.Sprintf(`{"time":"2026-01-01T00:00:0%dZ","account":"default","chat":"user:%d","user":%d,"kind":"message.private.friend","outcome":"deliver","reason":"delivered","apps":{"koishi":{"outcome":"drop","reason":"app.except"}}}`, second, user, user)
	}
	r.want("GET", "explain", "", 200, "["+entry(0, 20000)+","+entry(1, 20001)+","+entry(2, 20000)+"]")
	r.want("GET", "explain?last=1", "", 200, "["+entry(2, 20000)+"]")
	r.want("GET", "explain?last=1&chat=user:20001", "", 200, "["+entry(1, 20001)+"]")
	r.want("GET", "explain?account=10001&chat=user:20001", "", 200, "["+entry(1, 20001)+"]")
	r.want("GET", "audit", "", 200, `[]`)
	r.store.Audit().Add(store.AuditEntry{Time: base, Account: "default", App: "koishi", Action: "set_group_kick", Target: "group:1", Outcome: "refused", Reason: "actions.deny"})
	r.want("GET", "audit?last=5", "", 200, `[{"time":"2026-01-01T00:00:00Z","account":"default","app":"koishi","action":"set_group_kick","target":"group:1","outcome":"refused","reason":"actions.deny","by":""}]`)
}

func TestCall(t *testing.T) {
	r := newRig(t, "bot1", "bot2")
	var got string
	r.api.Call = func(_ context.Context, account, action string, params []byte) ([]byte, error) {
		got = account + " " + action + " " + string(params)
		switch action {
		case "away":
			return nil, errors.New("NapCat is away")
		case "limited":
			return nil, &Problem{Status: 429, Message: "too many calls", Remedy: "wait"}
		}
		return []byte(`{"status":"ok","retcode":0,"data":{"message_id": 1 }}`), nil
	}
	r.want("POST", "call", `{"account":"bot2","action":"send_msg","params":{"user_id":1}}`, 200, `{"status":"ok","retcode":0,"data":{"message_id": 1 }}`)
	if got != `bot2 send_msg {"user_id":1}` {
		t.Errorf("called %s", got)
	}
	r.want("POST", "call", `{"account":"10001","action":"away"}`, 502,
		"{\"error\":\"calling away: NapCat is away\",\"remedy\":\"`catflap status` shows whether NapCat is linked\"}")
	r.want("POST", "call", `{"account":"bot1","action":"limited"}`, 429, `{"error":"too many calls","remedy":"wait"}`)
	r.want("POST", "call", `{"action":"send_msg"}`, 400, `{"error":"there are several accounts","remedy":"say which with --account NAME: bot1, bot2"}`)
	r.want("POST", "call", `{"account":"bot1"}`, 400, `{"error":"no action is named","remedy":"for example send_private_msg"}`)
	big := `{"account":"bot1","action":"send_msg","params":{"file":"` + strings.Repeat("A", 2<<20) + `"}}`
	if status, _ := r.ask("POST", "call", big); status != 200 {
		t.Errorf("a call of 2 MiB gives %d", status)
	}
}

func TestReload(t *testing.T) {
	r := newRig(t)
	result, fault := ReloadResult{}, error(nil)
	r.api.Reload = func(context.Context) (ReloadResult, error) { return result, fault }
	r.want("POST", "reload", "", 200, `{"changed":[]}`)
	result = ReloadResult{Changed: []Change{{Path: "apps.koishi", Kind: "added"}}, Warnings: []string{"careful"}}
	r.want("POST", "reload", "", 200, `{"changed":[{"path":"apps.koishi","kind":"added"}],"warnings":["careful"]}`)
	fault = errors.New("catflap.yaml:3:1: wsPrt: unknown key")
	r.want("POST", "reload", "", 422, `{"error":"catflap.yaml:3:1: wsPrt: unknown key","remedy":"the running configuration stays as it was; correct the file and reload again"}`)
}

func TestAccountsAndUnpin(t *testing.T) {
	r := newRig(t)
	if err := r.store.Accounts().Pin("default", 10001); err != nil {
		t.Fatal(err)
	}
	r.want("GET", "accounts", "", 200, `[{"name":"default","enabled":true,"link":"reverse","self_id":10001,"pinned":10001,"connected":false}]`)
	if status, body := r.ask("POST", "accounts/unpin", `{"account":"default"}`); status != 200 || string(keys(t, body)["pinned"]) != "10001" {
		t.Errorf("unpin: %d %s", status, body)
	}
	if got := r.store.Accounts().Pinned("default"); got != 0 {
		t.Errorf("still pinned to %d", got)
	}
	called := ""
	r.api.Unpin = func(account string) error { called = account; return nil }
	r.ask("POST", "accounts/unpin", `{}`)
	if called != "default" {
		t.Errorf("unpin went to %q", called)
	}
}

func TestTail(t *testing.T) {
	r := newRig(t)
	stopped := make(chan struct{})
	r.api.Tail = func(ctx context.Context, app string, emit func(TailEvent) error) error {
		defer close(stopped)
		for i := range 2 {
			if err := emit(TailEvent{Account: app, Seq: uint64(i + 1), Kind: "message.private.friend", Text: "a\nb"}); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://catflap/api/v1/tail?app=koishi", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "application/x-ndjson; charset=utf-8" {
		t.Errorf("the content type is %s", got)
	}
	lines := bufio.NewScanner(resp.Body)
	for i := range 2 {
		if !lines.Scan() {
			t.Fatalf("only %d lines: %v", i, lines.Err())
		}
		want := fmt.Sprintf(`{"time":"0001-01-01T00:00:00Z","seq":%d,"account":"koishi","kind":"message.private.friend","text":"a\nb","outcome":"","reason":""}`, i+1)
		if diff := cmp.Diff(want, lines.Text()); diff != "" {
			t.Errorf("line %d:\n%s", i, diff)
		}
	}
	cancel() // the reader leaves: Tail must end
	<-stopped
}

// TestTailOfNobody: the name of an app that does not run is refused, or its watcher would wait for ever.
func TestTailOfNobody(t *testing.T) {
	r := newRig(t)
	r.api.Tail = func(context.Context, string, func(TailEvent) error) error { return nil }
	r.api.Status = func() Status {
		return Status{Apps: []AppStatus{{Name: "koishi", Account: "a"}, {Name: "koishi", Account: "b"}, {Name: "nonebot"}}}
	}
	r.want("GET", "tail?app=koihsi", "", 400, `{"error":"there is no app \"koihsi\"","remedy":"the enabled apps are koishi, nonebot"}`)
	r.want("GET", "tail?app=nonebot", "", 200, "")
	r.want("GET", "tail", "", 200, "")
	r.api.Status = func() Status { return Status{} }
	r.want("GET", "tail?app=koishi", "", 400, `{"error":"there is no app \"koishi\"","remedy":"no app is enabled: see apps in the configuration"}`)
}
