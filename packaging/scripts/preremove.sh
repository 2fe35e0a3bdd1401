#!/bin/sh
# Before the package goes: the service stops. An upgrade comes this way too and leaves it running; the new version
# restarts it. deb says `remove` or `upgrade NEW`, rpm how many versions will be left, apk only comes when it is the end.
set -e

case "${1:-}" in
upgrade | failed-upgrade | deconfigure | 1 | 2 | 3) exit 0 ;;
esac

have() { command -v "$1" >/dev/null 2>&1; }
debian() { [ -n "${DPKG_MAINTSCRIPT_PACKAGE:-}" ] && have deb-systemd-invoke; }

if [ -d /run/systemd/system ]; then
	if debian; then
		deb-systemd-invoke stop catflap.service >/dev/null || true
	else
		systemctl --no-reload disable --now catflap.service >/dev/null 2>&1 || true
	fi
elif have systemctl && ! debian; then
	systemctl --no-reload disable catflap.service >/dev/null 2>&1 || true
fi
if have rc-service && [ -x /etc/init.d/catflap ]; then
	rc-service catflap stop >/dev/null 2>&1 || true
	rc-update del catflap >/dev/null 2>&1 || true
fi
exit 0
