package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Keys that mean something in OneBot 11 only are no error in an app of OneBot 12, and have no effect.
func TestKeysOfOneBot11(t *testing.T) {
	for _, c := range []struct {
		keys string
		want []string
	}{
		{"", nil},
		{"messageFormat: array, transports: [ws, http]", nil},
		{"messageFormat: string", []string{"apps.v12.messageFormat: messages of protocol: onebot12 are lists of segments; string has no effect"}},
		{"transports: [ws, sse]", []string{"apps.v12.transports: protocol: onebot12 has no sse; get_latest_events is its way to ask for events over http"}},
	} {
		config, err := Parse("catflap.yaml", []byte("accessToken: t-0123456789\napps: {v12: {protocol: onebot12, accessToken: a-0123456789, "+strings.TrimSuffix(c.keys, ",")+"}}\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range config.Warnings {
			got = append(got, w.Path+": "+w.Message)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.keys, diff)
		}
	}
}
