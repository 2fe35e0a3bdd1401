package service

import (
	"fmt"
	"net"
	"strings"
)

// What systemd is told (sd_notify(3)).
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Healthy  = "WATCHDOG=1"
)

// Notify tells the service manager a state, one NAME=VALUE per line. It does nothing when no manager asks for it: getenv
// finds no NOTIFY_SOCKET.
func Notify(getenv func(string) (string, bool), state string) error {
	path, ok := getenv("NOTIFY_SOCKET")
	if !ok || path == "" {
		return nil
	}
	if rest, abstract := strings.CutPrefix(path, "@"); abstract {
		path = "\x00" + rest
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("telling systemd: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("telling systemd: %w", err)
	}
	return nil
}
