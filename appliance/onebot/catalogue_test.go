package onebot

import (
	"encoding/json"
	"slices"
	"testing"
	"unsafe"
)

// The index says what the document says.
func TestCatalogueEqualsItsDocument(t *testing.T) {
	var want []struct {
		Name, Category, Source, Effect, Note string
		InNapCat                             bool            `json:"in_napcat"`
		Params                               json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(actionsJSON, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < 190 || len(Names()) != len(want) {
		t.Fatalf("%d actions, %d names", len(want), len(Names()))
	}
	if !slices.IsSorted(Names()) {
		t.Error("names are not sorted")
	}
	for _, w := range want {
		a, ok := Lookup(w.Name)
		if !ok || a.Name != w.Name || a.Category != w.Category || a.Source != w.Source || a.Effect != w.Effect || a.Note != w.Note ||
			a.InNapCat != w.InNapCat || string(a.Params) != string(w.Params) {
			t.Errorf("%s: got %+v", w.Name, a)
		}
		if !slices.Contains([]string{"read", "send", "manage", "destructive", "credential"}, a.Effect) {
			t.Errorf("%s: effect %q", w.Name, a.Effect)
		}
		if base, suffix := Normalise(w.Name); suffix != "" {
			t.Errorf("%s would be taken for %s", w.Name, base)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"", "SEND_MSG", "send_msg_async", "zzz"} {
		if a, ok := Lookup(name); ok {
			t.Errorf("%s: found %+v", name, a)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Lookup("send_group_msg") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNearest(t *testing.T) {
	for _, c := range [][2]string{
		{"send_mgs", "send_msg"}, {"send_groupmsg", "send_group_msg"}, {"get_statu", "get_status"}, {"send_group_msg", "send_group_msg"},
		{"GET_STATUS", ""}, {"", ""}, {"x", ""}, {"completely_different", ""},
	} {
		if got := Nearest(c[0]); got != c[1] {
			t.Errorf("%s: got %q, want %q", c[0], got, c[1])
		}
	}
}

// The catalogue is resident in every process: it must stay small. Categories,
// sources and effects share their strings, params stay in the document.
func TestCatalogueIsSmall(t *testing.T) {
	all := parseCatalogue()
	size := cap(all) * int(unsafe.Sizeof(ActionInfo{}))
	for _, a := range all {
		size += len(a.Name) + len(a.Note)
	}
	if size > 64<<10 {
		t.Errorf("%d bytes", size)
	}
	first := all[0]
	for _, a := range all {
		if a.Category == first.Category && unsafe.StringData(a.Category) != unsafe.StringData(first.Category) {
			t.Fatalf("%s has its own copy of %q", a.Name, a.Category)
		}
	}
}
