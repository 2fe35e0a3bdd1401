package policy

import "testing"

func TestParseOwnerCommand(t *testing.T) {
	for _, c := range []struct {
		text string
		want OwnerCommand
		ok   bool
	}{
		{"/pair ok ABCD2345", OwnerCommand{"ok", "ABCD2345"}, true},
		{"/pair ok 20002", OwnerCommand{"ok", "20002"}, true},
		{"  /Pair  OK\tabcd2345 \n", OwnerCommand{"ok", "abcd2345"}, true},
		{"/pair　ok　ABCD2345", OwnerCommand{"ok", "ABCD2345"}, true},
		{"/pair deny X", OwnerCommand{"deny", "X"}, true},
		{"/pair block X", OwnerCommand{"block", "X"}, true},
		{"/pair list", OwnerCommand{"list", ""}, true},
		{"/pair", OwnerCommand{}, true},
		{"/pair ok", OwnerCommand{}, true},
		{"/pair ok A B", OwnerCommand{}, true},
		{"/pair list all", OwnerCommand{}, true},
		{"/pair approve X", OwnerCommand{}, true},
		{"/pair oK\u212a X", OwnerCommand{}, true},
		{"", OwnerCommand{}, false},
		{"pair ok X", OwnerCommand{}, false},
		{"/pairing ok X", OwnerCommand{}, false},
		{"/pair_ok X", OwnerCommand{}, false},
		{"please /pair ok X", OwnerCommand{}, false},
		{"/pai", OwnerCommand{}, false},
		{"/pair\xff", OwnerCommand{}, false},
	} {
		got, ok := ParseOwnerCommand(c.text)
		if got != c.want || ok != c.ok {
			t.Errorf("ParseOwnerCommand(%q) = %+v, %v; want %+v, %v", c.text, got, ok, c.want, c.ok)
		}
	}
}
