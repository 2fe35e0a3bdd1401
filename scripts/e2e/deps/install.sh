#!/usr/bin/env bash
# Installs the frameworks that the end-to-end tests talk to, below .cache/e2e of the checkout and nowhere else.
# Safe to run again: a stamp of the lock files and of the interpreters says whether there is anything to do.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../../.." && pwd)
cache=$top/.cache/e2e
python=${PYTHON:-python3}
node=${NODE:-node}
mkdir -p "$cache"

# Two runs at once (an editor's tests beside a `make test`) take turns.
exec 9>"$cache/lock"
if command -v flock >/dev/null 2>&1; then flock 9; fi

# digest prints a short fingerprint of some files and words.
digest() { # digest WORDS FILE...
	local words=$1
	shift
	{ printf '%s\n' "$words"; cat "$@"; } | sha256sum | cut -c1-32
}

# again retries a command that may fail for a moment of bad network.
again() {
	local try
	for try in 1 2 3; do
		if "$@"; then return 0; fi
		echo "e2e deps: try $try of 3 failed: $*" >&2
		sleep $((try * 2))
	done
	return 1
}

install_python() {
	local want
	want=$(digest "$("$python" --version) $("$python" -c 'import platform,sys;print(platform.machine(), sys.executable)')" "$here/requirements.txt" "$here/source.txt")
	if [ "$(cat "$cache/python.stamp" 2>/dev/null || true)" = "$want" ] && "$cache/python/bin/python" -c 'import nonebot, aiocqhttp' 2>/dev/null; then
		echo "e2e deps: python packages are in place"
		return
	fi
	rm -rf "$cache/python" "$cache/python.stamp"
	if ! "$python" -m venv "$cache/python" 2>"$cache/venv.log"; then
		# Debian ships the venv module in a package of its own.
		if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
			apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
			rm -rf "$cache/python"
			"$python" -m venv "$cache/python"
		else
			cat "$cache/venv.log" >&2
			echo "e2e deps: $python has no venv module; install it (Debian: apt-get install python3-venv) and run this again" >&2
			exit 1
		fi
	fi
	again "$cache/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --no-deps --only-binary :all: -r "$here/requirements.txt"
	again "$cache/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
		--require-hashes --no-deps --no-build-isolation -r "$here/source.txt"
	printf '%s\n' "$want" >"$cache/python.stamp"
	echo "e2e deps: python packages installed"
}

install_node() {
	local want
	want=$(digest "$("$node" --version) $("$node" -p process.arch)" "$here/package.json" "$here/package-lock.json" "$here/.npmrc")
	if [ "$(cat "$cache/node.stamp" 2>/dev/null || true)" = "$want" ] && [ -d "$cache/node/node_modules/koishi" ]; then
		echo "e2e deps: node packages are in place"
		return
	fi
	rm -rf "$cache/node" "$cache/node.stamp"
	mkdir -p "$cache/node"
	cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$cache/node/"
	# No install scripts: nothing that the bots need is built or fetched by one.
	again npm ci --prefix "$cache/node" --ignore-scripts --no-audit --no-fund --loglevel=error
	printf '%s\n' "$want" >"$cache/node.stamp"
	echo "e2e deps: node packages installed"
}

for tool in "$python" "$node" npm; do
	command -v "$tool" >/dev/null 2>&1 || { echo "e2e deps: $tool is needed for the end-to-end tests; install Python 3.11+, Node 20+ and npm" >&2; exit 1; }
done
install_python
install_node
