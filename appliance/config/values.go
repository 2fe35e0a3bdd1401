package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/appliance/alert/address"
)

// parseDuration reads "5s" or a bare number of milliseconds. Negative and endless ones are refused.
func parseDuration(s string) (time.Duration, bool) {
	if ms, err := strconv.ParseFloat(s, 64); err == nil && strings.Trim(s, "0123456789.") == "" {
		v := ms * float64(time.Millisecond)
		if v > float64(math.MaxInt64/2) {
			return 0, false
		}
		return time.Duration(v), true
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		return 0, false
	}
	return v, true
}

// formatDuration is time.Duration's String without trailing zero units.
func formatDuration(v time.Duration) string {
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// units of sizes, the longest suffix first.
func units() []struct {
	suffix string
	bytes  int64
} {
	return []struct {
		suffix string
		bytes  int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1}, {"", 1}}
}

func parseSize(s string) (int64, bool) {
	for _, u := range units() {
		digits, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		digits = strings.TrimRight(digits, " ")
		if digits == "" || strings.Trim(digits, "0123456789.") != "" {
			return 0, false
		}
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil || n*float64(u.bytes) > 1<<52 {
			return 0, false
		}
		return int64(n * float64(u.bytes)), true
	}
	return 0, false
}

func formatSize(n int64) string {
	count, suffix := n, "B"
	for _, u := range units() {
		if n > 0 && n%u.bytes == 0 && n/u.bytes < count {
			count, suffix = n/u.bytes, u.suffix
		}
	}
	return fmt.Sprintf("%d%s", count, suffix)
}

// parseRate reads "1/s", "30/m", "0.5/s" as a number per second.
func parseRate(s string) (float64, bool) {
	digits, unit, ok := strings.Cut(s, "/")
	per := map[string]float64{"s": 1, "m": 60, "min": 60, "h": 3600}[unit]
	if !ok || per == 0 || digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n <= 0 || n/per > 100 || n/per < 1.0/86400 {
		return 0, false
	}
	return n / per, true
}

func formatRate(r float64) string {
	for _, u := range []struct {
		unit string
		per  float64
	}{{"s", 1}, {"m", 60}, {"h", 3600}} {
		if n := r * u.per; math.Abs(n-math.Round(n)) < 1e-9 && n >= 0.5 {
			return fmt.Sprintf("%d/%s", int64(math.Round(n)), u.unit)
		}
	}
	return strconv.FormatFloat(r, 'g', -1, 64) + "/s"
}

// parseID reads a QQ number: digits only, no leading zero, not 0.
func parseID(s string) (uint64, bool) {
	if s == "" || s[0] < '1' || s[0] > '9' || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// isLoopback reports whether a host (without port) names this machine only.
func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// checkName checks the name of an account or an app: it stands in addresses, file names and metrics.
func checkName(s string) string {
	ok := s != "" && len(s) <= 64 && s[0] != '.' && s[0] != '-'
	for _, r := range s {
		ok = ok && (r == '.' || r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	if !ok {
		return "expected a name of up to 64 letters, digits, dots, - or _ that does not start with a dot or -"
	}
	return ""
}

func checkHost(s string) string {
	const expected = "expected an address or a host name such as 127.0.0.1"
	if s == "" {
		return expected + " (0.0.0.0 for all)"
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return ""
	}
	if _, _, err := net.SplitHostPort(s); err == nil {
		return expected + " without a port: write the port in wsPort"
	}
	if !isHostName(s) {
		return expected
	}
	return ""
}

func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, r := range s {
		if r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return s[0] != '-' && s[0] != '.'
}

func checkListen(s string) string {
	const expected = "expected host:port such as 127.0.0.1:6700"
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return expected
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return expected + " with a port from 0 to 65535"
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil && !isHostName(host) {
		return expected
	}
	return ""
}

// checkConsole is checkListen, or Off.
func checkConsole(s string) string {
	if s == Off {
		return ""
	}
	return checkListen(s)
}

func checkPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.ContainsAny(s, "?# \t\\") || strings.Contains(s, "//") {
		return "expected a path such as /onebot/v11/ws"
	}
	return ""
}

// checkURL checks an address with one of two schemes, the second being the encrypted one. Tokens do not belong in it,
// since addresses are logged.
func checkURL(schemes ...string) func(string) string {
	return func(s string) string {
		expected := fmt.Sprintf("expected an address that starts with %s://", strings.Join(schemes, ":// or "))
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Hostname() == "" {
			return expected
		}
		known := false
		for _, scheme := range schemes {
			known = known || u.Scheme == scheme
		}
		switch {
		case !known:
			return expected
		case u.Fragment != "":
			return "expected an address without a # part"
		case u.User != nil || u.Query().Has("access_token"):
			return "expected an address without a token or password: write it as accessToken"
		}
		if port := u.Port(); port != "" {
			if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
				return "expected an address with a port from 1 to 65535"
			}
		}
		return ""
	}
}

// checkPublicURL checks the address that /media/ and a key are put behind.
func checkPublicURL(s string) string {
	if expected := checkURL("http", "https")(s); expected != "" {
		return expected
	}
	switch u, err := url.Parse(s); {
	case err != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		return "expected an address without a ? or # part"
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/media"):
		return "expected the address before /media: leave that out"
	}
	return ""
}

// checkFullPath checks a folder that another program has to find, too.
func checkFullPath(s string) string {
	if !filepath.IsAbs(s) {
		return "expected a full path: NapCat has to find the folder under the same one"
	}
	return ""
}

func orEmpty(check func(string) string) func(string) string {
	return func(s string) string {
		if s == "" {
			return ""
		}
		return check(s)
	}
}

func checkRegexp(s string) string {
	if s == "" {
		return "expected a regular expression (RE2)"
	}
	if len(s) > 1000 {
		return "expected a regular expression of at most 1000 bytes"
	}
	if _, err := regexp.Compile(s); err != nil {
		return "expected a regular expression (RE2; " + strings.TrimPrefix(err.Error(), "error parsing regexp: ") + ")"
	}
	return ""
}

func checkFilled(s string) string {
	if strings.TrimSpace(s) == "" {
		return "expected text that is not empty"
	}
	return ""
}

func checkChat(s string) string {
	const expected = "expected group:123 or user:123"
	kind, id, _ := strings.Cut(s, ":")
	if _, ok := parseID(id); !ok || kind != "group" && kind != "user" {
		return expected
	}
	return ""
}

func checkType(s string) string {
	head, _, dotted := strings.Cut(s, ".")
	if s == "*" {
		return ""
	}
	switch head {
	case "message", "message_sent", "notice", "request", "meta_event":
	default:
		return "expected an event type such as message.group, notice.* or notice.notify.poke (message, message_sent, notice, request, meta_event)"
	}
	parts := strings.Split(s, ".")
	for i, part := range parts {
		if part == "" || part == "*" && i < len(parts)-1 || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" && part != "*" {
			return "expected an event type such as message.group, notice.* or notice.notify.poke"
		}
	}
	if dotted && len(parts) > 3 {
		return "expected an event type of at most three parts such as notice.notify.poke"
	}
	return ""
}

func checkAction(s string) string {
	if strings.HasPrefix(s, "@") {
		switch s {
		case "@read", "@send", "@manage", "@destructive", "@credential":
			return ""
		}
		return "expected the name of an action or @read, @send, @manage, @destructive, @credential"
	}
	name := strings.TrimSuffix(s, "*") // a prefix; "*" alone is every action
	if s == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") != "" {
		return "expected the name of an action such as send_group_msg, a prefix such as clean_*, or @read, @send, @manage, @destructive, @credential"
	}
	return ""
}

func checkOrigin(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" {
		return "expected an origin such as https://panel.example (scheme and host, no path; name each one)"
	}
	return ""
}

func checkPrivate(s string) string {
	if _, err := netip.ParseAddr(s); err == nil {
		return ""
	}
	if _, err := netip.ParsePrefix(s); err != nil {
		return "expected an address or a network such as 198.18.0.0/15"
	}
	return ""
}

func checkHostName(s string) string {
	if _, err := netip.ParseAddr(s); err != nil && !isHostName(strings.TrimPrefix(s, "*.")) {
		return "expected a host name or address without scheme and port"
	}
	return ""
}

func checkAbsolute(s string) string {
	if !strings.HasPrefix(s, "/") && !(len(s) > 2 && s[1] == ':' && (s[2] == '\\' || s[2] == '/')) {
		return "expected the full path of a folder such as /srv/bot"
	}
	return ""
}

func checkQuietHours(s string) string {
	const expected = "expected hours such as 23:00-07:00"
	if s == "" {
		return ""
	}
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		return expected
	}
	for _, part := range []string{from, to} {
		if _, err := time.Parse("15:04", part); err != nil || len(part) != 5 {
			return expected
		}
	}
	if from == to {
		return expected + ": both ends are the same"
	}
	return ""
}

func checkAlertAddress(s string) string {
	if _, err := address.Parse(s); err != nil {
		return err.Error()
	}
	return ""
}

func checkPlatform(s string) string {
	if checkName(s) != "" {
		return "expected one word of letters and digits such as qq"
	}
	return ""
}
