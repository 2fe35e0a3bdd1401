#!/bin/sh
# After the package has gone. Configuration and data stay, for a later install; only deb's `purge` removes them.
# The user stays as well, so that its number is not given to somebody else while files of it may be left.
set -e

have() { command -v "$1" >/dev/null 2>&1; }

if [ -d /run/systemd/system ]; then
	systemctl --system daemon-reload >/dev/null || true
fi
if [ "${1:-}" = purge ]; then
	if have deb-systemd-helper; then
		deb-systemd-helper purge catflap.service >/dev/null || true
		deb-systemd-helper unmask catflap.service >/dev/null || true
	fi
	rm -rf /var/lib/catflap /etc/catflap
fi
exit 0
