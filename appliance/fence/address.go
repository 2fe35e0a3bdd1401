package fence

import "net/netip"

// class is how far an address may be opened by the owner.
type class uint8

const (
	never   class = iota // not even by the owner: nobody can be reached there, or somebody else than it seems
	network              // by naming the network in media.allowPrivate
	inner                // by that, or by naming the host in media.allowHosts
)

// special are the addresses that are not the public Internet (IANA's special-purpose registries of IPv4 and IPv6,
// RFC 6890 and its updates). The first that holds an address counts.
var special = [...]struct {
	prefix netip.Prefix
	class  class
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/32"), never, "which means any address of this box"},
	{netip.MustParsePrefix("0.0.0.0/8"), network, "of this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), inner, "which is private"},
	{netip.MustParsePrefix("100.64.0.0/10"), inner, "shared address space"},
	{netip.MustParsePrefix("127.0.0.0/8"), inner, "which is this box"},
	{netip.MustParsePrefix("169.254.0.0/16"), network, "which is link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), inner, "which is private"},
	{netip.MustParsePrefix("192.0.0.0/24"), network, "of a protocol"},
	{netip.MustParsePrefix("192.0.2.0/24"), network, "which is for documentation"},
	{netip.MustParsePrefix("192.31.196.0/24"), network, "of a protocol"},
	{netip.MustParsePrefix("192.52.193.0/24"), network, "of a protocol"},
	{netip.MustParsePrefix("192.88.99.0/24"), network, "a 6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), inner, "which is private"},
	{netip.MustParsePrefix("192.175.48.0/24"), network, "of a protocol"},
	{netip.MustParsePrefix("198.18.0.0/15"), inner, "which is for benchmarks and fake-IP proxies"},
	{netip.MustParsePrefix("198.51.100.0/24"), network, "which is for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), network, "which is for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), never, "which is multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), never, "which is reserved"},

	{netip.MustParsePrefix("::/128"), never, "which means any address of this box"},
	{netip.MustParsePrefix("::1/128"), inner, "which is this box"},
	{netip.MustParsePrefix("::ffff:0:0/96"), never, "an IPv4-mapped address"},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), never, "an IPv4-translated address"},
	{netip.MustParsePrefix("::/96"), never, "an IPv4-compatible address"},
	{nat64, network, "which NAT64 translates"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), network, "which NAT64 translates"},
	{netip.MustParsePrefix("100::/64"), never, "which is for discarding"},
	{netip.MustParsePrefix("2001::/32"), never, "a Teredo tunnel"},
	{netip.MustParsePrefix("2001:db8::/32"), network, "which is for documentation"},
	{netip.MustParsePrefix("2001::/23"), network, "of a protocol"},
	{netip.MustParsePrefix("2002::/16"), never, "a 6to4 tunnel"},
	{netip.MustParsePrefix("2620:4f:8000::/48"), network, "of a protocol"},
	{netip.MustParsePrefix("3fff::/20"), network, "which is for documentation"},
	{netip.MustParsePrefix("fc00::/7"), inner, "which is private"},
	{netip.MustParsePrefix("fe80::/10"), network, "which is link-local"},
	{netip.MustParsePrefix("fec0::/10"), network, "which is site-local"},
	{netip.MustParsePrefix("ff00::/8"), never, "which is multicast"},
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	global = netip.MustParsePrefix("2000::/3") // what IANA gives out of IPv6
)

// judge says why an address may not be dialled, "" if it may. Named: the owner listed the host.
func (f *Fence) judge(a netip.Addr, named bool) string {
	class, what := classify(a)
	switch {
	case what == "":
		return ""
	case class == never:
		return what
	case class == inner && named:
		return ""
	}
	for _, p := range f.rules.AllowPrivate {
		if !p.Contains(a) {
			continue
		}
		if nat64.Contains(a) { // the owner's translator: what lies behind it is judged for itself
			b := a.As16()
			return f.judge(netip.AddrFrom4([4]byte(b[12:])), named)
		}
		return ""
	}
	return what
}

// classify says what an address is, "" for one of the public Internet.
func classify(a netip.Addr) (class, string) {
	if a.Zone() != "" {
		return never, "which has a zone"
	}
	for i := range special {
		if special[i].prefix.Contains(a) {
			return special[i].class, special[i].what
		}
	}
	if a.Is4() {
		return 0, ""
	}
	b := a.As16()
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
		return never, "an ISATAP tunnel"
	}
	if !global.Contains(a) {
		return never, "which is not of the public Internet"
	}
	return 0, ""
}
