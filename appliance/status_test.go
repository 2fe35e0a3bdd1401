package appliance

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/napcat"
)

func TestStatusNamesWhatWasLost(t *testing.T) {
	english := func(list []console.Text) (out []string) {
		for _, h := range list {
			if h.ZH == "" {
				t.Errorf("no Chinese for %q", h.EN)
			}
			out = append(out, h.EN)
		}
		return out
	}
	for _, tt := range []struct {
		name string
		got  []console.Text
		want []string
	}{
		{"nothing", lossHints(napcat.State{Links: 7}), nil},
		{"too large", lossHints(napcat.State{TooLarge: 2}),
			[]string{"2 frames of NapCat were larger than limits.maxFrameMb and were dropped; raise limits.maxFrameMb if it goes on"}},
		{"the others", lossHints(napcat.State{BadFrames: 3, Late: 4}),
			[]string{"3 frames of NapCat were not OneBot and were dropped; what connects here must be NapCat's OneBot 11",
				"4 answers of NapCat came after their call had ended; NapCat or this machine may be overloaded"}},
		{"no gap", cutHint(0), nil},
		{"gaps", cutHint(2),
			[]string{"2 chats missed more while NapCat was away than is fetched afterwards: their history has a gap, and apps have not got what was in it"}},
		{"one client", contestHint(false), nil},
		{"two clients", contestHint(true),
			[]string{"several NapCat clients dial for this account and take the link over from each other: leave one of them enabled (`catflap doctor --napcat DIR` names them)"}},
		{"no action", refusedHint(0), nil},
		{"actions", refusedHint(5),
			[]string{"5 actions were larger than limits.maxFrameMb and were refused: send files by http URL or upload_file_stream, or raise limits.maxFrameMb"}},
		{"an app that has not come", []console.Text{absentHint(config.App{Name: "koishi"}, map[string]string{"gateway": "ws://127.0.0.1:6700"}, 0)},
			[]string{"koishi has not connected for events, and nothing is kept for it until it does: let it connect to ws://127.0.0.1:6700/ with the accessToken of apps.koishi (in a container 127.0.0.1 is the container itself)"}},
		{"nor seen what came", []console.Text{absentHint(config.App{Name: "koishi"}, map[string]string{"gateway": "ws://127.0.0.1:6700", "app.koishi": "ws://127.0.0.1:6701"}, 3)},
			[]string{"koishi has not connected for events, and nothing is kept for it until it does: let it connect to ws://127.0.0.1:6701/ with the accessToken of apps.koishi (in a container 127.0.0.1 is the container itself); it has missed 3 events"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, english(tt.got)); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
		})
	}
}
