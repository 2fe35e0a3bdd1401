package console

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Loopback reports whether an address to listen at (host:port) can be reached from this machine only.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// URL is how a person reaches a console that listens at host:port, with a slash at the end: by the first name that the
// configuration knows, else by the address. One that listens everywhere is named by this box's address in its network.
func URL(listen string, secure bool, hosts []string) string {
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	for _, name := range hosts {
		if !Loopback(listen) && !strings.HasPrefix(name, "*.") {
			return scheme + net.JoinHostPort(name, port) + "/"
		}
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		if host = LANAddress(); host == "" {
			host = "127.0.0.1"
		}
	}
	return scheme + net.JoinHostPort(host, port) + "/"
}

// LANAddress guesses the address of this box in its network: the first private IPv4 that is up. Empty if there is none.
func LANAddress() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsPrivate() {
			return n.IP.String()
		}
	}
	return ""
}

// NoPassword says why a console that others could reach is closed.
func NoPassword(listen string) Text {
	return Text{
		EN: fmt.Sprintf("console.listen: others can reach %s and no password is set; set one with `catflap console password`, then the console opens by itself", listen),
		ZH: fmt.Sprintf("console.listen：%s 可被其他设备访问，但还没有设置密码；请运行 `catflap console password` 设置，之后控制台会自动打开", listen),
	}
}
