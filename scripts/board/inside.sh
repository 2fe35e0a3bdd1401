#!/bin/bash
# Runs on the board, as root, under systemd. Results go to /opt/board/log, which the machine outside reads.
cd /opt/board || exit 1
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C
phase=$(cat phase)

say() { echo "$*" >>/opt/board/log; echo "$*"; }
ok() { say "ok   $*"; }
bad() { say "FAIL $*"; }
# check TEXT COMMAND...: the command succeeds.
check() {
	local text=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$text"; else bad "$text: $* said: $out"; fi
}
# same TEXT WANT GOT
same() { if [ "$2" = "$3" ]; then ok "$1: $3"; else bad "$1: $3, not $2"; fi; }
# within TEXT SECONDS COMMAND...: waits for it and says how long that took.
within() {
	local text=$1 limit=$2 start now
	shift 2
	start=$(date +%s%N)
	while ! "$@" >/dev/null 2>&1; do
		now=$(date +%s%N)
		if [ $(((now - start) / 1000000)) -gt $((limit * 1000)) ]; then
			bad "$text: not within $limit s"
			systemctl status catflap --no-pager -n 15 >>/opt/board/log 2>&1
			return 1
		fi
		sleep 0.1
	done
	now=$(date +%s%N)
	ok "$text after $(((now - start) / 1000000)) ms"
}
pid() { systemctl show -p MainPID --value catflap; }
active() { systemctl is-active --quiet catflap; }
running() { active && curl -fsS -m 2 http://127.0.0.1:6750/healthz; }
linked() { catflap status --json | tr -d ' \n' | grep -q '"connected":true'; }
version() { catflap status --json | tr -d ' \n' | sed -n 's/.*"version":"\([^"]*\)".*/\1/p'; }
newpid() { [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ] && running; }
# inside COMMAND: as the service, in its mount namespace: what its sandbox lets through.
inside() { nsenter -t "$(pid)" -m setpriv --reuid catflap --regid catflap --clear-groups sh -c "$1"; }
rights() { stat -c '%a %U:%G' "$1"; }
simulator() { (sleep 100000 | catflap simulate >/dev/null 2>&1) & }
install() { dpkg -i "$1/catflap_$1_linux_arm64.deb" </dev/null; }

first() {
	say "     $(uname -srm), $(awk '/MemTotal/ {print $2}' /proc/meminfo) kB, $(systemctl --version | head -n 1)"

	check "install from the package" install 0.0.1
	same "the folder of the configuration" "770 root:catflap" "$(rights /etc/catflap)"
	same "the configuration" "660 root:catflap" "$(rights /etc/catflap/catflap.yaml)"
	same "it starts with the machine" enabled "$(systemctl is-enabled catflap)"
	same "nothing runs before it is configured" inactive "$(systemctl is-active catflap)"

	cd / || exit 1
	check "init" catflap init --yes --owner 20002
	cd /opt/board || exit 1
	same "the configuration of init" "660 root:catflap" "$(rights /etc/catflap/catflap.yaml)"
	check "start" catflap service start
	within "it serves" 60 running
	simulator
	within "a NapCat is linked" 60 linked

	exposure=$(systemd-analyze security catflap --no-pager | sed -n 's/.*exposure level for catflap.service: \([0-9.]*\).*/\1/p')
	if awk "BEGIN {exit !(\"$exposure\" != \"\" && $exposure <= 1.5)}"; then ok "exposure $exposure"; else bad "exposure $exposure, not 1.5 or lower"; fi
	sleep 20
	rss=$(awk '/VmRSS/ {print $2}' "/proc/$(pid)/status")
	anon=$(awk '/RssAnon/ {print $2}' "/proc/$(pid)/status")
	if [ "$rss" -lt 20480 ]; then ok "idle with a link: RSS $rss kB, of which anonymous $anon kB"; else bad "RSS $rss kB, not under 20480"; fi
	same "the hard limit of memory" 100663296 "$(cat /sys/fs/cgroup/system.slice/catflap.service/memory.max)"
	same "the soft limit of memory" 75497472 "$(cat /sys/fs/cgroup/system.slice/catflap.service/memory.high)"
	same "its memory is below both" yes "$([ "$(cat /sys/fs/cgroup/system.slice/catflap.service/memory.current)" -lt 75497472 ] && echo yes)"

	check "the sandbox lets it write its data and media" inside 'mkdir -p /var/lib/catflap/media && echo x >/var/lib/catflap/media/try && rm /var/lib/catflap/media/try'
	check "the sandbox lets it edit its configuration" inside 'cp /etc/catflap/catflap.yaml /etc/catflap/catflap.yaml.new && mv /etc/catflap/catflap.yaml.new /etc/catflap/catflap.yaml'
	check "an edited configuration is read" catflap reload
	check "the sandbox keeps it out of the rest" inside '! touch /usr/bin/x && ! touch /etc/x && ! ls /root && ! touch /var/x' 2>/dev/null
	mkdir -p /root/backups
	check "backup" catflap backup /root/backups/
	check "doctor" catflap doctor --json

	old=$(pid)
	kill -9 "$old"
	within "back from kill -9" 5 newpid "$old"
	within "NapCat is linked again" 60 linked
	old=$(pid)
	kill -STOP "$old"
	within "back from a hang" 150 newpid "$old"

	limits

	old=$(pid)
	check "upgrade" install 0.0.2
	within "the new version serves" 60 newpid "$old"
	same "the version that runs" 0.0.2 "$(version)"
	same "the configuration after the upgrade" "owners: [20002]" "$(grep owners: /etc/catflap/catflap.yaml)"
	install 0.0.3 >/dev/null 2>&1
	same "a bad package does not start" no "$(sleep 8; running >/dev/null 2>&1 && echo yes || echo no)"
	check "the way back" install 0.0.2
	catflap service start >/dev/null 2>&1
	within "it serves again" 60 running
	within "NapCat is linked again" 60 linked

	systemctl stop catflap
	check "an upgrade of what is stopped" install 0.0.1
	same "what was stopped stays stopped" inactive "$(systemctl is-active catflap)"
}

# A program in the service's place that takes more memory than the hard limit: the kernel ends it.
limits() {
	if systemd-run --quiet --wait --pipe -p User=catflap -p MemoryMax=96M -p MemorySwapMax=0 \
		sh -c 'head -c 200000000 /dev/zero | tail -c 200000000 >/dev/null' >/dev/null 2>&1; then
		bad "the kernel does not enforce limits of memory here"
	else
		ok "the kernel enforces limits of memory"
	fi
}

second() {
	within "it came up with the machine" 120 running
	simulator
	within "a NapCat is linked" 60 linked
	same "the version" 0.0.1 "$(version)"
	check "it kept what it knew" sh -c "catflap account list --json | grep -q 10001"

	check "removal" dpkg -r catflap
	same "after removal nothing runs" inactive "$(systemctl is-active catflap)"
	check "configuration and data stay" test -s /etc/catflap/catflap.yaml -a -s /var/lib/catflap/state.db
	check "install again" install 0.0.2
	within "it starts with the configuration of before" 60 running
	check "purge" dpkg -P catflap
	check "nothing is left" test ! -e /etc/catflap -a ! -e /var/lib/catflap -a ! -e /usr/bin/catflap
	same "systemd has forgotten it" not-found "$(systemctl show -p LoadState --value catflap)"
	updates
}

# Without a package: install.sh, `catflap update`, a release that does not start, and uninstall.
updates() {
	check "install.sh from a folder" sh 0.0.1/install.sh --from /opt/board/0.0.1
	hash -r # the program has another path now
	cd / || exit 1
	check "init" catflap init --yes --owner 20002
	check "start" catflap service start
	within "it serves" 60 running
	same "the version" 0.0.1 "$(version)"
	check "update" catflap update --from /opt/board/0.0.2 --key /opt/board/key.pub
	within "it serves" 60 running
	same "the version after the update" 0.0.2 "$(version)"
	if catflap update --from /opt/board/0.0.3 --key /opt/board/key.pub --patience 30s >/tmp/update 2>&1; then
		bad "a release that does not start was taken: $(cat /tmp/update)"
	else
		ok "a release that does not start: $(head -n 1 /tmp/update)"
	fi
	within "the old one serves again" 60 running
	same "the version after the roll-back" 0.0.2 "$(version)"
	check "install.sh uninstall" sh /opt/board/0.0.1/install.sh uninstall --purge
	check "nothing is left" test ! -e /etc/catflap -a ! -e /var/lib/catflap -a ! -e /usr/local/bin/catflap
}

$phase
say "done $phase"
sync
