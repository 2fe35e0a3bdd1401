#!/usr/bin/env bash
# Runs every fuzz target of the tree, one after the other, each for the given time (default 20s).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:-20s}
go=${GO:-go}
count=0
for dir in $(git grep --untracked -l --exclude-standard -E '^func Fuzz[A-Z]' -- '*_test.go' | xargs -r -n1 dirname | sort -u); do
	for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$dir"/*_test.go | sort -u); do
		echo "== $dir $target"
		"$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$dir"
		count=$((count + 1))
	done
done
echo "$count fuzz targets, each for $time"
