#!/usr/bin/env bash
# Installs OpenClaw below .cache/openclaw of the checkout as the lock file has it, and the Node release that it needs: the
# system's may be older. The packages node-linux-* are what npm's `node` fetches by an install script of its own.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=$top/.cache/openclaw
mkdir -p "$cache"
want=$( (uname -sm; cat "$here/package.json" "$here/package-lock.json") | sha256sum | cut -c1-32)
if [ "$(cat "$cache/stamp" 2>/dev/null || true)" = "$want" ] && [ -f "$cache/node_modules/openclaw/openclaw.mjs" ]; then
	exit 0
fi
rm -rf "$cache/node_modules" "$cache/stamp"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$cache/"
# No install scripts: nothing that the gateway needs here is built or fetched by one. npm warns that the system's Node is
# old; the gateway runs on the installed one.
npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel=error
printf '%s\n' "$want" >"$cache/stamp"
