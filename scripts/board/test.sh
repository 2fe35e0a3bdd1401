#!/usr/bin/env bash
# The test of the installed package on an emulated board: `make test-board`. README.md says what it needs.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=scripts/board
image=${BOARD_DIR:-build/board}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ -f "$image/disk.img" ] || bash $here/build.sh "$image"

# Two versions of one program, as packages and as signed releases for `catflap update`.
share=$work/share
mkdir -p "$share"
go run ./scripts/release -new-key "$work/key"
for version in 0.0.1 0.0.2; do
	go run ./scripts/release -version "$version" -only arm64 -out "$share/$version" -key "$work/key"
done

# A third one, whose program says its version and then does not start.
cat >"$work/broken" <<'PROGRAM'
#!/bin/sh
[ "$*" = "version --json" ] && echo '{"version": "0.0.3", "os": "linux", "arch": "arm64"}' && exit 0
exit 1
PROGRAM
dpkg-deb -R "$share/0.0.2/catflap_0.0.2_linux_arm64.deb" "$work/bad"
sed -i 's/^Version: .*/Version: 0.0.3/' "$work/bad/DEBIAN/control"
install -m 0755 "$work/broken" "$work/bad/usr/bin/catflap"
(cd "$work/bad" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
mkdir -p "$share/0.0.3" "$work/catflap_0.0.3_linux_arm64"
dpkg-deb --root-owner-group -Zgzip -b "$work/bad" "$share/0.0.3/catflap_0.0.3_linux_arm64.deb" >/dev/null
install -m 0755 "$work/broken" "$work/catflap_0.0.3_linux_arm64/catflap"
tar -C "$work" -czf "$share/0.0.3/catflap_0.0.3_linux_arm64.tar.gz" catflap_0.0.3_linux_arm64
go run ./scripts/release -version 0.0.3 -out "$share/0.0.3" -key "$work/key" -sign-only
cp "$work/key.pub" "$share/"

cp $here/inside.sh "$share/"
failed=no
for phase in first second; do
	echo "$phase" >"$share/phase"
	: >"$share/log"
	echo "== $phase boot"
	bash $here/boot.sh "$image" "$share" "$work/disk.qcow2" 1800 >"$work/console" 2>&1 || echo "the board ended with $?"
	cat "$share/log"
	! grep -q '^FAIL' "$share/log" || failed=yes
	if ! grep -q "^done $phase" "$share/log"; then
		echo "the $phase boot did not come to its end; the end of its console:"
		tail -n 40 "$work/console"
		exit 1
	fi
done
[ $failed = no ] || exit 1
echo "the board is content"
