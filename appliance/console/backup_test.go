package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/backup"
	"github.com/catflap/catflap/policy"
	"github.com/catflap/catflap/store"
)

// kept is an API with a store of its own, and a configuration with a secret.
func kept(t *testing.T) *API {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(filepath.Join(dir, "data"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	conf := filepath.Join(dir, "catflap.yaml")
	if err := os.WriteFile(conf, []byte("accessToken: s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &API{Store: st, Accounts: func() []AccountInfo { return []AccountInfo{{Name: "bot"}, {Name: "other"}} },
		Backup: &backup.Source{Store: st, Now: time.Now, Where: func() (string, string, string) {
			return conf, filepath.Join(dir, "data"), filepath.Join(dir, "data", "media")
		}}}
}

func asked(a *API, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestBackupRoute(t *testing.T) {
	a := kept(t)
	w := asked(a, "GET", "/api/v1/backup")
	content, err := backup.Read(t.Context(), w.Body, nil)
	if err != nil || string(content.Text) != "accessToken: s3cret\n" {
		t.Errorf("the answer is no backup: %v, %v", content, err)
	}
	w = asked(a, "GET", "/api/v1/backup?no-config=true")
	if content, err = backup.Read(t.Context(), w.Body, nil); err != nil || content.Text != nil {
		t.Errorf("the configuration is in it: %v", err)
	}
	if w = asked(&API{Store: a.Store}, "GET", "/api/v1/backup"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("without a source: %d %s", w.Code, w.Body)
	}
	if w = asked(a, "POST", "/api/v1/check"); w.Body.String() != `{"ok":true}`+"\n" {
		t.Errorf("check: %s", w.Body)
	}
}

// Whoever has a login of the console, or a token of its API, gets no tokens of NapCat and the apps by it.
func TestFault_T19_BackupIsNotGivenToBrowsers(t *testing.T) {
	a := kept(t)
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	resp, err := server.Client().Get(server.URL + "/api/v1/backup")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(body.String(), "catflap backup FILE") {
		t.Errorf("%d %s", resp.StatusCode, body.String())
	}
}

func TestFacts(t *testing.T) {
	a := kept(t)
	if err := a.Store.Accounts().SetGroups("bot", []uint64{7, 5}); err != nil {
		t.Fatal(err)
	}
	if err := a.Store.Accounts().Pin("bot", 10001); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Store.Access().Approve("bot", "20002", 0, true, policy.PairingLimits{}); err != nil {
		t.Fatal(err)
	}
	for i, raw := range []string{`[{"type":"text"}]`, `"CQ"`, ``} {
		a.Store.History().Add("bot", 10, store.Record{Account: "bot", Chat: policy.Chat{ID: 20002}, Time: int64(i + 1), User: 20002, MessageID: int64(i + 1), Raw: []byte(raw)})
	}
	var got Facts
	if err := json.Unmarshal(asked(a, "GET", "/api/v1/facts").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := Facts{Accounts: map[string]AccountFacts{
		"bot":   {Pinned: 10001, Groups: []uint64{5, 7}, People: []uint64{20002}, Form: "string"},
		"other": {Groups: []uint64{}, People: []uint64{}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
