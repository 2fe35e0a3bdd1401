package config

import (
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for _, c := range []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"5000", 5 * time.Second, true}, {"0.5", 500 * time.Microsecond, true}, {"5s", 5 * time.Second, true}, {"1h30m", 90 * time.Minute, true},
		{"", 0, false}, {"-5", 0, false}, {"-5s", 0, false}, {"+5s", 0, false}, {"5 s", 0, false}, {"1e3", 0, false}, {"NaN", 0, false}, {"Inf", 0, false},
		{"99999999999999999999", 0, false}, {".", 0, false}, {"0x10", 0, false},
	} {
		if got, ok := parseDuration(c.in); got != c.want || ok != c.ok {
			t.Errorf("%q: got %v %v", c.in, got, ok)
		}
	}
	for in, want := range map[time.Duration]string{time.Hour: "1h", 90 * time.Minute: "1h30m", 5 * time.Second: "5s", time.Minute: "1m", 1500 * time.Millisecond: "1.5s", 10 * time.Minute: "10m", 24 * time.Hour: "24h"} {
		if got := formatDuration(in); got != want {
			t.Errorf("%d: got %s, want %s", in, got, want)
		}
	}
}

func TestSizesAndRates(t *testing.T) {
	for in, want := range map[string]int64{"48MiB": 48 << 20, "512MB": 512e6, "1.5 GiB": 3 << 29, "10": 10, "1kB": 1000, "7B": 7, "MiB": -1, "-1MB": -1, "1 TB": -1, "": -1, "9999999999GiB": -1} {
		got, ok := parseSize(in)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("size %q: got %d %v, want %d", in, got, ok, want)
		}
	}
	for in, want := range map[int64]string{48 << 20: "48MiB", 512e6: "512MB", 7: "7B", 0: "0B", 1 << 30: "1GiB", 1000: "1kB"} {
		if got := formatSize(in); got != want {
			t.Errorf("size %d: got %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]float64{"1/s": 1, "30/m": 0.5, "3600/h": 1, "0.5/s": 0.5, "0/s": -1, "1": -1, "1/d": -1, "101/s": -1, "-1/s": -1, "/s": -1} {
		got, ok := parseRate(in)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("rate %q: got %g %v, want %g", in, got, ok, want)
		}
	}
	for in, want := range map[float64]string{1: "1/s", 0.5: "30/m", 100.0 / 3600: "100/h", 2.5: "150/m"} {
		if got := formatRate(in); got != want {
			t.Errorf("rate %g: got %s, want %s", in, got, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "[::1]": true, "localhost": true, "LOCALHOST": true, "::ffff:127.0.0.1": true,
		"0.0.0.0": false, "": false, "::": false, "192.168.1.2": false, "localhost.example": false, "127.0.0.1.example": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("%q: got %v", host, got)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"wsHost", "wsPort", "wsPath", "accessToken"}
	for in, want := range map[string]string{"wsport": "wsPort", "wsPrto": "wsPort", "acessToken": "accessToken", "token": "", "wsHosts": "wsHost", "": ""} {
		if got := nearest(in, known); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"accessToken: abc def":            "accessToken: *******",
		`{accessToken: "a\"b", x: 1}`:     `{accessToken: "****", x: 1}`,
		"acessTokn: abc":                  "acessTokn: ***",
		"apiKey=abc&x=1":                  "apiKey=***&x=1",
		"ws://u:p@h/?access_token=abc":    "ws://***@h/?access_token=***",
		"to: [ntfy://abc, bark://d]":      "to: [ntfy://***, bark://**",
		"accessTokenFile: /run/token":     "accessTokenFile: /run/token",
		"allowNoToken: true":              "allowNoToken: true",
		"maxTokens: 5":                    "maxTokens: 5",
		"accessToken":                     "accessToken",
		"name: 猫, secret: '门'":            "name: 猫, secret: '*'",
		"connect: ws://127.0.0.1:8080/ab": "connect: ws://127.0.0.1:8080/ab",
	} {
		if got := mask(in, 1, nil); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}
