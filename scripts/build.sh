#!/usr/bin/env bash
# Builds dist/snailpass, one executable for this machine, and reports its size.
set -euo pipefail
. "$(dirname "$0")/setup.sh"
. scripts/compile.sh

compile dist/snailpass

bytes_of() { wc -c <"$1"; }
executable=$(bytes_of dist/snailpass)
runtime=$(bytes_of "$(bun -e 'process.stdout.write(process.execPath)')")
own=$((executable - runtime))
mib() { echo "$(($1 / 1048576)).$(($1 % 1048576 * 10 / 1048576)) MiB"; }
echo "dist/snailpass: $(mib "$executable"), of which $(mib "$runtime") are Bun itself and $(mib "$own") ours" >&2
# Half of it is bytecode, which makes a start 60 ms quicker, and a sixth the source map, without which a fault in the log
# names no line of ours. The bound is there so that a library that weighs more than it is worth is noticed.
most=17
if [ "$own" -gt $((most * 1048576)) ]; then
  echo "error: more than $most MiB on top of Bun" >&2
  exit 1
fi
