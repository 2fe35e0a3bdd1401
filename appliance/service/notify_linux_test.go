package service

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNotify(t *testing.T) {
	for _, tt := range []struct{ name, path, env string }{
		{"a socket in the file system", filepath.Join(t.TempDir(), "n"), ""},
		{"an abstract socket", "@catflap-notify-test", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := tt.path
			if rest, ok := strings.CutPrefix(name, "@"); ok {
				name = "\x00" + rest
			}
			l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			env := func(string) (string, bool) { return tt.path, true }
			if err := Notify(env, Ready); err != nil {
				t.Fatal(err)
			}
			_ = l.SetReadDeadline(time.Now().Add(30 * time.Second))
			buf := make([]byte, 64)
			n, err := l.Read(buf)
			if err != nil || string(buf[:n]) != Ready {
				t.Errorf("systemd got %q, %v", buf[:n], err)
			}
		})
	}
}

func TestNotifyWithoutAManager(t *testing.T) {
	for _, env := range []func(string) (string, bool){
		func(string) (string, bool) { return "", false },
		func(string) (string, bool) { return "", true },
	} {
		if err := Notify(env, Ready); err != nil {
			t.Error(err)
		}
	}
	if err := Notify(func(string) (string, bool) { return filepath.Join(t.TempDir(), "nobody"), true }, Ready); err == nil {
		t.Error("a socket that is not there was told something")
	}
}
