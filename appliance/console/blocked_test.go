package console

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// Whom the file blocks is listed, and is not approved: the approval would change nothing.
func TestPeopleThatTheFileBlocks(t *testing.T) {
	r := newRig(t)
	list := r.api.Accounts
	r.api.Accounts = func() []AccountInfo {
		out := list()
		out[0].Blocked = []uint64{20666}
		return out
	}
	r.want("GET", "pairing", "", 200, `[{"account":"default","user_id":20666,"code":"","state":"blocked","created":"0001-01-01T00:00:00Z","expires":null,"configured":true}]`)
	const refusal = "{\"error\":\"\\\"20666\\\" is blocked by the configuration (`blocked` of account default)\",\"remedy\":\"take the number out of `blocked` first\"}"
	r.want("POST", "pairing/approve", `{"who":"20666","force":true}`, 409, refusal)
	ask, err := r.store.Access().Ask("default", 20666, limits()) // from before it was blocked
	if err != nil {
		t.Fatal(err)
	}
	r.want("POST", "pairing/approve", `{"who":"`+strings.ToLower(ask.Pending.Code)+`"}`, 409, strings.Replace(refusal, "20666", strings.ToLower(ask.Pending.Code), 1))
	if r.store.Access().Approved("default", 20666) || len(r.told) != 0 {
		t.Errorf("the person was approved, or told so: %q", r.told)
	}
}

// What cannot be told to an app is no success.
func TestTellingAnAppThatIsNotThere(t *testing.T) {
	r := newRig(t)
	r.api.Status = func() Status { return Status{Apps: []AppStatus{{Name: "koishi", Account: "default"}}} }
	away := errors.New("app koishi is not connected to account default: nothing is kept for it before it connects for events")
	r.api.Replay = func(string, string, time.Time, int) (int, error) { return 0, away }
	r.api.Knock = func(string) (int, error) { return 0, away }
	want := "{\"error\":\"" + away.Error() + "\",\"remedy\":\"`catflap status` shows what is connected, and how to connect what is not\"}"
	r.want("POST", "apps/replay", `{"app":"koishi","last":5}`, 409, want)
	r.want("POST", "apps/test", `{"app":"koishi"}`, 409, want)
	r.want("GET", "audit", "", 200, `[]`)
}
