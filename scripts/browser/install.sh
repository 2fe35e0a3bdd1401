#!/usr/bin/env bash
# Installs what the browser tests need below .cache/browser of the checkout: the driver and the accessibility rules, as the
# lock file has them. Chromium itself comes from the system (Debian: apt-get install chromium fonts-noto-cjk).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=$top/.cache/browser
mkdir -p "$cache"
want=$( (node --version; cat "$here/package.json" "$here/package-lock.json") | sha256sum | cut -c1-32)
if [ "$(cat "$cache/stamp" 2>/dev/null || true)" = "$want" ] && [ -d "$cache/node_modules/playwright-core" ]; then
	exit 0
fi
rm -rf "$cache/node_modules" "$cache/stamp"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$cache/"
npm ci --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel=error
printf '%s\n' "$want" >"$cache/stamp"
