// Package packaging holds the files by which systems start catflap: one source for the packages, which ship them as they
// are, and for `catflap service install`, which puts the paths and limits of one box into them.
package packaging

import _ "embed"

// SystemdUnit is packaging/systemd/catflap.service.
//
//go:embed systemd/catflap.service
var SystemdUnit string

// OpenRCScript is packaging/openrc/catflap.
//
//go:embed openrc/catflap
var OpenRCScript string

// ProcdScript is packaging/procd/catflap, for OpenWrt.
//
//go:embed procd/catflap
var ProcdScript string

// Sysusers is packaging/sysusers/catflap.conf: the system user, in the words of sysusers.d(5).
//
//go:embed sysusers/catflap.conf
var Sysusers string

// PublicKeys is packaging/catflap.pub: the minisign public keys, one a line, that releases may be signed with. A new key is
// added here one release before it signs.
//
//go:embed catflap.pub
var PublicKeys string
