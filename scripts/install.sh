#!/bin/sh
# Installs catflap on Linux without a package manager: finds out what machine this is, downloads or takes the archive for
# it, checks its sum and the signature of the list of sums, puts the program into place and has it install its service.
# It asks nothing, edits no shell profile, and can be run again to change to another version.
set -eu

# The key that releases are signed with. A release's own copy of this script has it here.
public_key=
base=https://github.com/catflap/catflap/releases

usage() {
	cat <<'HELP'
Usage: install.sh [install] [options]      install catflap, or change its version
       install.sh uninstall [--purge]      remove it; configuration and data stay unless --purge

  --from DIR|URL        where the release is: a folder, or an address below which its files are
                        (default: the newest release)
  --version VERSION     this release instead of the newest
  --prefix DIR          the program goes to DIR/bin (default: /usr/local)
  --root DIR            install into this root of another system; no service is started there
  --arch ARCH           amd64, arm64, armhf, armv7 or riscv64 (default: this machine's)
  --no-service          only the program
  --public-key KEY      the minisign key of the release, or a file with it
  --insecure-skip-signature   trust SHA256SUMS without its signature
  --dry-run             say what would be done
  --help

The signature is checked with minisign, else with OpenSSL 3. Without either, or without a key, nothing is installed:
a sum that comes from the same place as the file proves nothing about who made it.
HELP
}

say() { printf '%s\n' "$*"; }
fail() {
	printf 'install.sh: %s\n' "$1" >&2
	shift
	for line in "$@"; do printf '  %s\n' "$line" >&2; done
	exit 1
}
misuse() {
	printf 'install.sh: %s\n  install.sh --help shows what it takes\n' "$1" >&2
	exit 2
}
have() { command -v "$1" >/dev/null 2>&1; }

# width is 32 or 64: that of the programs here, which a 64-bit kernel does not tell. Byte 5 of an ELF file has it.
width() {
	if have getconf && bits=$(getconf LONG_BIT 2>/dev/null); then
		say "$bits"
		return
	fi
	case $(head -c 5 /bin/sh | tail -c 1 | od -An -tu1 | tr -d ' ') in
	2) say 64 ;;
	*) say 32 ;;
	esac
}

# hardware_floats: the processor has what every armhf program uses. Boards without it are ARMv5 and some early ARMv6.
hardware_floats() {
	[ ! -r "$cpuinfo" ] || grep -Eq '^Features.*[[:space:]](vfp|vfpv[0-9]|fp)' "$cpuinfo" || ! grep -q '^Features' "$cpuinfo"
}

architecture() {
	machine=$(uname -m)
	cpuinfo=${root:-}/proc/cpuinfo
	[ -r "$cpuinfo" ] || cpuinfo=/proc/cpuinfo
	case $machine in
	x86_64 | amd64)
		[ "$(width)" = 64 ] || fail "this system is 32-bit x86, for which there is no catflap"
		say amd64
		;;
	aarch64 | arm64 | armv8*)
		# Raspberry Pi OS runs 32-bit systems on 64-bit kernels. The armhf program fits their libraries' world, and its package
		# would have the same name.
		if [ "$(width)" = 64 ]; then say arm64; else say armhf; fi
		;;
	armv7*)
		hardware_floats || fail "this processor has no floating point unit, which catflap for armhf needs"
		say armv7
		;;
	armv6*)
		hardware_floats || fail "this processor has no floating point unit, which catflap for armhf needs"
		say armhf
		;;
	riscv64) say riscv64 ;;
	*) fail "there is no catflap for $machine" "give --arch amd64, arm64, armhf, armv7 or riscv64 if you know better" ;;
	esac
}

# fetch NAME FILE: a file of the release.
fetch() {
	case $from in
	http://* | https://*)
		url=$from/$1
		if have curl; then
			curl -fsSL --retry 2 --proto-redir =https -o "$2" "$url" || return 1
		elif have wget; then
			wget -q -O "$2" "$url" || return 1
		else
			fail "there is neither curl nor wget" "download the release elsewhere and give its folder: --from DIR"
		fi
		;;
	*) cp "$from/$1" "$2" 2>/dev/null || return 1 ;;
	esac
}

sum_of() {
	if have sha256sum; then
		sha256sum "$1" | cut -d ' ' -f 1
	elif have shasum; then
		shasum -a 256 "$1" | cut -d ' ' -f 1
	elif have openssl; then
		openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
	else
		fail "there is no sha256sum, shasum or openssl to check the download with"
	fi
}

unbase64() { tr -d '\r\n' | openssl base64 -d -A; }

# cut_bytes FROM COUNT FILE
cut_bytes() { tail -c "+$(($1 + 1))" "$3" | head -c "$2"; }

# openssl_checks KEY: what minisign does, in OpenSSL's words. A minisign key is two bytes "Ed", eight of a number, and the
# Ed25519 key. A signature has "Ed" (of the file) or "ED" (of its BLAKE2b-512 sum), the number, and 64 bytes; below it
# stands one of those 64 bytes and the trusted comment together.
openssl_checks() {
	(
		cd "$private"
		printf '%s' "$1" | unbase64 >key.bin
		sed -n 2p SHA256SUMS.minisig | unbase64 >signature.bin
		sed -n 4p SHA256SUMS.minisig | unbase64 >global.bin
		sed -n 3p SHA256SUMS.minisig | sed 's/^trusted comment: //' | tr -d '\r\n' >comment
		[ "$(wc -c <key.bin)" -eq 42 ] && [ "$(wc -c <signature.bin)" -eq 74 ] && [ "$(wc -c <global.bin)" -eq 64 ] || exit 1
		cut_bytes 2 8 key.bin >number.key
		cut_bytes 2 8 signature.bin >number.signature
		cmp -s number.key number.signature || exit 1
		# The fixed head of an Ed25519 key in DER.
		{
			printf '\060\052\060\005\006\003\053\145\160\003\041\000'
			cut_bytes 10 32 key.bin
		} >key.der
		case $(cut_bytes 0 2 signature.bin) in
		Ed) cp SHA256SUMS signed ;;
		ED) openssl dgst -blake2b512 -binary SHA256SUMS >signed ;;
		*) exit 1 ;;
		esac
		cut_bytes 10 64 signature.bin >signature
		cat signature comment >commented
		openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in signed -sigfile signature >/dev/null 2>&1 || exit 1
		openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in commented -sigfile global.bin >/dev/null 2>&1
	)
}

# openssl_can: version 3 signs and checks plain Ed25519; older ones and LibreSSL do not.
openssl_can() { have openssl && openssl pkeyutl -help 2>&1 | grep -q -e -rawin && openssl version | grep -q '^OpenSSL [3-9]'; }

check_signature() {
	if [ $skip = yes ]; then
		say "NOT CHECKED: the signature of SHA256SUMS (--insecure-skip-signature)"
		return
	fi
	if [ -f "$public_key" ]; then
		public_key=$(grep -v '^untrusted comment:' "$public_key" | head -n 1)
	fi
	[ -n "$public_key" ] || fail "no key to check the release with" \
		"use the install.sh of a release, or give --public-key KEY" \
		"(--insecure-skip-signature installs without knowing who made it)"
	fetch SHA256SUMS.minisig "$private/SHA256SUMS.minisig" || fail "this release is not signed: there is no $from/SHA256SUMS.minisig" \
		"(--insecure-skip-signature installs without knowing who made it)"
	if have minisign; then
		minisign -V -q -P "$public_key" -m "$private/SHA256SUMS" -x "$private/SHA256SUMS.minisig" >/dev/null 2>&1 ||
			fail "the signature of SHA256SUMS is WRONG: this is not what was released"
	elif openssl_can; then
		openssl_checks "$public_key" || fail "the signature of SHA256SUMS is WRONG: this is not what was released"
	else
		fail "there is nothing here to check the signature with" \
			"install minisign or OpenSSL 3, then run this again" \
			"(--insecure-skip-signature installs without knowing who made it)"
	fi
	say "the signature is right: $(sed -n 's/^trusted comment: //p' "$private/SHA256SUMS.minisig")"
}

# packaged: a package manager put a catflap here, and is the one to change it.
packaged() {
	{ have dpkg-query && dpkg-query ${root:+--root="$root"} -W -f '${db:Status-Abbrev}' catflap 2>/dev/null | grep -q '^.i'; } ||
		{ have rpm && rpm ${root:+--root "$root"} -q catflap >/dev/null 2>&1; } ||
		{ have apk && apk ${root:+--root "$root"} info -e catflap >/dev/null 2>&1; }
}

install() {
	! packaged || fail "catflap is installed as a package here" "let the package manager upgrade it, or remove the package first"
	[ -n "$arch" ] || arch=$(architecture)
	case $arch in amd64 | arm64 | armhf | armv7 | riscv64) ;; *) misuse "there is no architecture $arch" ;; esac
	if [ -z "$from" ]; then
		from=$base/latest/download
		[ -z "$version" ] || from=$base/download/v$version
	fi
	case $from in
	http://* | https://*) from=${from%/} ;;
	*)
		[ -d "$from" ] || fail "there is no folder $from" "--from takes a folder, or an address that begins with http:// or https://"
		from=$(cd "$from" && pwd)
		;;
	esac

	umask 077
	private=$(mktemp -d "${TMPDIR:-/tmp}/catflap.XXXXXX")
	trap 'rm -rf "$private"' EXIT
	trap 'exit 1' HUP INT TERM
	fetch SHA256SUMS "$private/SHA256SUMS" || fail "there is no release at $from (no SHA256SUMS)"
	check_signature

	# The list is signed, so its names can be trusted: the version is read off the archive's.
	name=$(awk -v end="_linux_$arch.tar.gz" '$2 ~ /^catflap_[0-9A-Za-z.+-]+_linux_[a-z0-9]+\.tar\.gz$/ && substr($2, length($2) - length(end) + 1) == end {print $2}' "$private/SHA256SUMS")
	[ "$(printf '%s\n' "$name" | grep -c .)" -eq 1 ] || fail "the release at $from has no archive for $arch"
	found=${name#catflap_}
	found=${found%_linux_*}
	[ -z "$version" ] || [ "$found" = "${version#v}" ] || fail "$from has version $found, not ${version#v}"
	if [ $dry = yes ]; then
		say "would install $name to $bin/catflap"
		[ $service = no ] || say "would run: $bin/catflap service install"
		return
	fi
	fetch "$name" "$private/$name" || fail "downloading $from/$name failed"
	wanted=$(awk -v name="$name" '$2 == name {print $1}' "$private/SHA256SUMS")
	[ "$(sum_of "$private/$name")" = "$wanted" ] || fail "$name is damaged: its SHA-256 sum is not the one in SHA256SUMS"
	mkdir "$private/unpacked"
	gzip -dc "$private/$name" | tar -xf - -C "$private/unpacked"
	new=$private/unpacked/${name%.tar.gz}/catflap
	[ -f "$new" ] || fail "$name has no program in it"

	(umask 022 && mkdir -p "$bin") || fail "cannot make $bin" "run this as root, or give --prefix DIR"
	# Renamed into place: what runs keeps its file, and a break leaves the old program or the new one.
	cp "$new" "$bin/.catflap.new" || fail "cannot write to $bin" "run this as root, or give --prefix DIR"
	chmod 0755 "$bin/.catflap.new"
	if [ -z "$root" ] && ! "$bin/.catflap.new" version >/dev/null 2>&1; then
		rm -f "$bin/.catflap.new"
		fail "the program for $arch does not run on this machine; nothing was changed" "give another --arch"
	fi
	before=no
	[ ! -e "$bin/catflap" ] || before=yes
	mv -f "$bin/.catflap.new" "$bin/catflap"
	say "installed catflap $found ($arch) to $bin/catflap"
	[ $service = yes ] || return 0
	if [ "$(id -u)" != 0 ]; then
		say "the service was not installed: that takes root. Run: sudo $bin/catflap service install"
		return 0
	fi
	# Of an upgrade it would say that nothing was changed: the service's file was not, and the program is what counts.
	if [ $before = yes ]; then
		"$bin/catflap" service install >"$private/said" || {
			cat "$private/said" >&2
			exit 1
		}
		say "the service is installed"
	else
		"$bin/catflap" service install
	fi
	restart_if_old
}

# restart_if_old: the service file is the same, so installing it again restarts nothing; the program is another one.
restart_if_old() {
	if "$bin/catflap" service status >/dev/null 2>&1; then
		"$bin/catflap" service restart
		say "the service was restarted with catflap $found"
	fi
}

uninstall() {
	if packaged; then
		if [ ! -e "$bin/catflap" ] || [ "$bin" = /usr/bin ] || [ $purge = yes ]; then
			fail "catflap is installed as a package here" "let the package manager remove it"
		fi
		say "catflap is installed as a package here too: only the copy in $bin goes"
	fi
	if [ $dry = yes ]; then
		say "would remove the service and $bin/catflap"
		return
	fi
	if [ -x "$bin/catflap" ] && [ $service = yes ]; then
		set -- service uninstall
		[ $purge = no ] || set -- "$@" --purge
		# Without its program the service would be there and fail for ever. Where no services are, there is none to remove.
		if said=$(LC_ALL=C "$bin/catflap" "$@" 2>&1); then
			say "$said"
		else
			case $said in
			*'no service manager'*) ;;
			*)
				printf '%s\n' "$said" >&2
				fail "the service was not removed, so the program stays too" "run this as root, or with --no-service to remove the program only"
				;;
			esac
		fi
	fi
	if [ -e "$bin/catflap" ]; then
		rm -f "$bin/catflap" "$bin/.catflap.new"
		say "removed $bin/catflap"
	else
		say "there is no $bin/catflap"
	fi
	if [ $purge = yes ]; then
		rm -rf "$root/etc/catflap" "$root/var/lib/catflap"
		say "removed configuration and data"
	fi
}

main() {
	verb=install from='' version='' prefix=/usr/local root='' arch='' service=yes skip=no dry=no purge=no
	while [ $# -gt 0 ]; do
		case $1 in
		--from=* | --version=* | --prefix=* | --root=* | --arch=* | --public-key=*)
			option=${1%%=*} value=${1#*=}
			;;
		--from | --version | --prefix | --root | --arch | --public-key)
			[ $# -gt 1 ] || misuse "$1 needs a value"
			option=$1 value=$2
			shift
			;;
		*) option=$1 value='' ;;
		esac
		shift
		case $option in
		--from) from=$value ;;
		--version) version=${value#v} ;;
		--prefix) prefix=$value ;;
		--root) root=${value%/} service=no ;;
		--arch) arch=$value ;;
		--public-key) public_key=$value ;;
		--no-service) service=no ;;
		--insecure-skip-signature) skip=yes ;;
		--dry-run) dry=yes ;;
		--purge) purge=yes ;;
		install | uninstall) verb=$option ;;
		--help | -h)
			usage
			return
			;;
		*) misuse "it does not know $option" ;;
		esac
	done
	bin=$root$prefix/bin
	[ "$purge" = no ] || [ "$verb" = uninstall ] || misuse "--purge belongs to uninstall"
	$verb
}

main "$@"
