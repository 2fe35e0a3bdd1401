#!/bin/sh
# After an install or an upgrade: the system user, the rights of the configuration, and the service. It starts for the
# first time only when there is a configuration that it could run with; an upgrade restarts what was running.
# deb says `configure [OLD-VERSION]`, rpm the number of installed versions, apk the new version and, upgrading, the old.
set -e

folder=/etc/catflap
config=$folder/catflap.yaml
unit=catflap.service

first=no
case "${1:-}" in
configure)
	if [ -z "${2:-}" ] || [ -e /run/catflap.installed ]; then first=yes; fi
	rm -f /run/catflap.installed
	;;
abort-upgrade | abort-remove | abort-deconfigure) exit 0 ;;
1) first=yes ;;
2 | 3 | 4) ;;
*) [ -n "${2:-}" ] || first=yes ;;
esac

have() { command -v "$1" >/dev/null 2>&1; }
debian() { [ -n "${DPKG_MAINTSCRIPT_PACKAGE:-}" ] && have deb-systemd-helper; }

make_user() {
	if have systemd-sysusers && systemd-sysusers /usr/lib/sysusers.d/catflap.conf 2>/dev/null && id catflap >/dev/null 2>&1; then
		return 0
	fi
	if ! grep -q '^catflap:' /etc/group; then
		if have groupadd; then groupadd --system catflap; else addgroup -S catflap; fi
	fi
	if ! id catflap >/dev/null 2>&1; then
		if have useradd; then
			useradd --system --gid catflap --no-create-home --home-dir /var/lib/catflap --shell /usr/sbin/nologin \
				--comment "catflap, the door between QQ and its bots" catflap
		else
			adduser -S -D -H -h /var/lib/catflap -s /sbin/nologin -G catflap -g catflap catflap
		fi
	fi
}

# The service reads the file by its group, and the console, which runs as the service, edits it. The package could not
# name a group that did not exist before; what somebody has given to another group stays as it is.
give_rights() {
	chown root:catflap "$folder"
	chmod 0770 "$folder"
	if [ -f "$config" ] && [ ! -L "$config" ] && [ -n "$(find "$config" -group 0)" ]; then
		chown root:catflap "$config"
		chmod 0660 "$config"
	fi
}

configured() { /usr/bin/catflap config check --config "$config" >/dev/null 2>&1; }

# Debian's own helpers know about units that the administrator has disabled and about policy-rc.d.
with_systemd() {
	if debian; then
		deb-systemd-helper unmask $unit >/dev/null || true
		if deb-systemd-helper --quiet was-enabled $unit; then
			deb-systemd-helper enable $unit >/dev/null || true
		else
			deb-systemd-helper update-state $unit >/dev/null || true
		fi
	elif [ $first = yes ]; then
		systemctl --no-reload enable $unit >/dev/null 2>&1 || true
	fi
	[ -d /run/systemd/system ] || return 0
	systemctl --system daemon-reload >/dev/null || true
	action=try-restart
	if [ $first = yes ]; then
		configured || return 0
		action=restart
	fi
	if debian; then
		deb-systemd-invoke $action $unit >/dev/null || true
	else
		systemctl $action $unit >/dev/null || true
	fi
}

with_openrc() {
	if [ $first = yes ]; then
		rc-update add catflap default >/dev/null 2>&1 || true
		configured || return 0
		action=start
	else
		rc-service catflap status >/dev/null 2>&1 || return 0
		action=restart
	fi
	[ -e /run/openrc/softlevel ] || return 0
	rc-service catflap $action || true
}

make_user
give_rights
if [ -e /etc/systemd/system/$unit ] && [ ! -L /etc/systemd/system/$unit ]; then
	echo "An older /etc/systemd/system/$unit hides the service of this package. To remove it: /usr/bin/catflap service uninstall"
	[ ! -e /usr/local/bin/catflap ] || echo "The shell may also find the older /usr/local/bin/catflap first. To remove it: rm /usr/local/bin/catflap"
fi
if have systemctl && [ -e /usr/lib/systemd/system/$unit ]; then
	with_systemd
	start="systemctl start catflap"
elif have rc-update && [ -x /etc/init.d/catflap ]; then
	with_openrc
	start="rc-service catflap start"
else
	start="catflap run"
fi
if [ $first = yes ] && ! configured; then
	echo "catflap is installed and not configured yet. Run: catflap init   and then: $start"
fi
exit 0
