#!/bin/sh
# Before the files come. deb tells a first install, or one after a removal, from an upgrade only here; its postinst gets
# the old version in both cases, and has to start the service in one of them. The note is gone with the next start of the
# machine at the latest.
set -e

if [ "${1:-}" = install ]; then
	: >/run/catflap.installed
fi
exit 0
