package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/appliance/config"
	"github.com/catflap/catflap/appliance/onebot"
)

// Every configuration that a scenario writes is accepted.
func TestSetupConfiguration(t *testing.T) {
	for _, s := range []setup{
		{apps: 3, accounts: 1, data: "/d"},
		{apps: 1, accounts: 1, data: "/d", noHistory: true},
		{apps: 2, accounts: 1, data: "/d", queue: "{maxEvents: 12500, maxMb: 10}"},
		{apps: 10, accounts: 20, data: "/d"},
	} {
		cfg, err := config.Parse("catflap.yaml", []byte(s.configuration()), func(string) (string, bool) { return "", false })
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		if len(cfg.Apps) != s.apps || len(cfg.Accounts) != s.accounts || len(cfg.Warnings) != 0 {
			t.Errorf("%+v: %d apps, %d accounts, warnings %v", s, len(cfg.Apps), len(cfg.Accounts), cfg.Warnings)
		}
		for k, a := range cfg.Accounts {
			path, _ := s.paths(catflap, k)
			if want := strings.ReplaceAll(a.WSPath, "{account}", a.Name); s.accounts == 1 && path != want {
				t.Errorf("%+v: NapCat connects to %s, the account listens on %s", s, path, want)
			}
			if (a.HistoryLimit == 0) != s.noHistory {
				t.Errorf("%+v: historyLimit %d", s, a.HistoryLimit)
			}
		}
		if s.queue != "" && (cfg.Apps[0].Queue.MaxEvents != 12500 || cfg.Apps[0].Queue.MaxMB != 10) {
			t.Errorf("queue %+v", cfg.Apps[0].Queue)
		}
	}
}

// The load's events are what NapCat sends: complete, about 600 bytes, and numbered without changing their length.
func TestTemplate(t *testing.T) {
	for _, account := range []int{0, 19} {
		tpl := newTemplate(account, 3)
		for _, n := range []int{1, 987654321} {
			frame := tpl.number(n)
			var h onebot.Head
			if err := onebot.PeekHead(frame, &h); err != nil {
				t.Fatalf("%d: %v\n%s", n, err, frame)
			}
			if h.SelfID != uint64(self+account) || h.GroupID != firstGroup+3 || h.Missing != 0 || !h.IsEvent() {
				t.Errorf("%d: %+v", n, h)
			}
			if got := tpl.read(frame); got != n || len(frame) < 550 || len(frame) > 800 {
				t.Errorf("read %d of %d bytes, want %d", got, len(frame), n)
			}
		}
	}
}

func TestFrames(t *testing.T) {
	payload := bytes.Repeat([]byte("x"), 700)
	sent := appendPong(appendFrame(nil, payload), []byte("seq"))
	// Masked with zeros: without the four bytes of the mask it is what a server sends.
	sent[1] &^= 0x80
	sent = append(sent[:4], sent[8:]...)
	at := 4 + len(payload)
	if got := sent[at:]; !bytes.Equal(got, append([]byte{0x8a, 0x83, 0, 0, 0, 0}, "seq"...)) {
		t.Errorf("pong % x", got)
	}
	opcode, got, err := readFrame(bufio.NewReader(bytes.NewReader(sent)), make([]byte, 1000))
	if opcode != 1 || !bytes.Equal(got, payload) || err != nil {
		t.Errorf("read opcode %d, %d bytes, %v", opcode, len(got), err)
	}
	if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(sent)), make([]byte, 10)); err == nil {
		t.Error("a frame longer than the buffer was read")
	}
}

// What arrives twice, not at all or in the wrong order is counted, per account.
func TestAppCounts(t *testing.T) {
	s := setup{apps: 1, accounts: 3}
	l := &load{setup: s, templates: [][]template{{newTemplate(0, 0)}}}
	here, there := net.Pipe()
	a := &app{account: 1, conn: here}
	a.got.Store(1 - 3)
	a.reader.Go(func() { a.read(bufio.NewReader(here), l) })
	for _, n := range []int{1, 4, 7, 7, 16, 10, 19} {
		frame := appendFrame(nil, l.templates[0][0].number(n))
		frame[1] &^= 0x80
		frame = append(frame[:4], frame[8:]...)
		if _, err := there.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	_ = there.Close()
	a.reader.Wait()
	got := []int64{a.got.Load(), a.lost.Load(), a.repeated.Load(), a.disorder.Load()}
	if diff := cmp.Diff([]int64{19, 2, 1, 1}, got); diff != "" {
		t.Errorf("newest, lost, repeated, out of order (-want +got):\n%s", diff)
	}
}

func TestSheet(t *testing.T) {
	s := Sheet{Title: "T", Machine: "M", Method: "How.", Head: []string{"", "a"}, Rows: [][]string{{"x", "1"}, {"long", "22"}}}
	var text, md strings.Builder
	if err := s.Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := s.Markdown(&md, time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("T\nM\n\nHow.\n\n       a\nx      1\nlong   22\n", text.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("## T\n\nHow.\n\nM, 2026-02-03.\n\n|  | a |\n| --- | --- |\n| x | 1 |\n| long | 22 |\n", md.String()); diff != "" {
		t.Errorf("markdown (-want +got):\n%s", diff)
	}
	for _, sheet := range []Sheet{
		Report{}.Sheet(), Away{}.Sheet(), Isolation{}.Sheet(), Flash{Cases: make([]Written, 1)}.Sheet(), Scale{Cases: make([]Sized, 1)}.Sheet(),
	} {
		for _, row := range sheet.Rows {
			if len(row) != len(sheet.Head) {
				t.Errorf("%s: %d columns under %d headings", sheet.Title, len(row), len(sheet.Head))
			}
		}
	}
}

func TestPairs(t *testing.T) {
	of := func(f figures) float64 { return f.p50 }
	cat, base := []figures{{p50: 2}, {p50: 9}, {p50: 4}}, []figures{{p50: 1}, {p50: 3}, {p50: 4}}
	if got := fmt.Sprint(pairs(cat, base, of), median(cat, of), pairs(cat, make([]figures, 3), of)); got != "2 4 0" {
		t.Errorf("%s", got)
	}
}

// The cases of the flash scenario carry the promised bounds.
func TestFlashCases(t *testing.T) {
	var got []string
	for _, c := range flashCases([]int{1, 10, 50, 7}) {
		got = append(got, fmt.Sprint(c.name, " ", c.rate, " ", c.goal, " ", c.noHistory, " ", c.away))
	}
	want := []string{
		"all apps present 1 8192 false false", "all apps present 10 3072 false false", "all apps present 50 2560 false false",
		"all apps present 7 -1 false false", "all apps present, historyLimit 0 50 0 true false", "one app away 10 5120 false true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
