package command

import (
	"testing"

	"github.com/catflap/catflap/appliance/console"
)

// The audit log says who did something, not to which app it was done.
func TestAuditNamesTheActor(t *testing.T) {
	for _, tt := range []struct {
		entry      console.AuditEntry
		by, target string
	}{
		{console.AuditEntry{App: "koishi", Action: "set_group_kick", Target: "group:1"}, "koishi", "group:1"},
		{console.AuditEntry{App: "echo", Action: "app.pause", By: "console 127.0.0.1"}, "console 127.0.0.1", "app echo"},
		{console.AuditEntry{Action: "pairing.block", Target: "user:5", By: "owner 20002"}, "owner 20002", "user:5"},
		{console.AuditEntry{App: "echo", Action: "delete_msg", Target: "user:5", By: "admin"}, "admin", "user:5"},
	} {
		if by, target := actor(tt.entry); by != tt.by || target != tt.target {
			t.Errorf("%s: by %q to %q, want %q, %q", tt.entry.Action, by, target, tt.by, tt.target)
		}
	}
}
