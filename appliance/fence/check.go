package fence

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL bounds an address, bytes: QQ's have some hundreds.
const maxURL = 8 << 10

// Check refuses URLs that cannot be fetched whatever their name resolves to. Names and addresses with an odd spelling
// (decimal, octal, hexadecimal, percent, a dot at the end, letters that are not ASCII) are refused rather than read:
// two programs that read them differently are how guards are passed. What a name resolves to is judged when it is
// dialled.
func (f *Fence) Check(address string) error {
	_, err := f.parse(address)
	return err
}

func (f *Fence) parse(address string) (*url.URL, error) {
	if len(address) > maxURL {
		return nil, fmt.Errorf("%w: the URL is longer than %d bytes", ErrURL, maxURL)
	}
	for i := 0; i < len(address); i++ {
		if c := address[i]; c <= ' ' || c == 0x7f || c == '\\' {
			return nil, fmt.Errorf("%w: the URL has a control character, a space or a backslash", ErrURL)
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL cannot be read", ErrURL) // the cause quotes it
	}
	return u, f.checkURL(u)
}

// checkURL judges a URL that was read already: the first, or one that a server redirects to.
func (f *Fence) checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: only http and https are fetched", ErrURL)
	case u.User != nil:
		return fmt.Errorf("%w: the URL has a user", ErrURL)
	case u.Opaque != "" || u.Host == "":
		return fmt.Errorf("%w: the URL has no host", ErrURL)
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%w: the port is not one", ErrURL)
		}
	}
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		a, err := netip.ParseAddr(host)
		if err != nil || !a.Is6() || a.Zone() != "" {
			return fmt.Errorf("%w: the host is no IPv6 address", ErrURL)
		}
		return f.checkLiteral(a)
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		return f.checkLiteral(a)
	}
	if !isName(host) {
		return fmt.Errorf("%w: the host is neither a plain name nor a plain address", ErrURL)
	}
	return nil
}

func (f *Fence) checkLiteral(a netip.Addr) error {
	if why := f.judge(a, f.named(a.String())); why != "" {
		return &AddressError{"", a, why}
	}
	return nil
}

// isName reports whether a host is a name of the DNS in its plain form. A last label that is a number would be read as
// an IPv4 address by some: 2130706433, 127.1, 0x7f000001, 0177.0.0.1.
func isName(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			switch c := label[i]; {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	return !isNumber(label)
}

func isNumber(label string) bool {
	if rest, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return strings.Trim(rest, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// redirect judges where a server sends the fetch to. The next server must not learn the address of the last: it holds
// the key to the file.
func (f *Fence) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d redirects", ErrAnswer, maxRedirects)
	}
	r.Header.Del("Referer")
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return fmt.Errorf("%w: a redirect from https to http", ErrAnswer)
	}
	return f.checkURL(r.URL)
}
