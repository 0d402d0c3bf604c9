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
echo "dist/snailpass: $(mib "$executable"), of which $(mib "$runtime") are Bun and $(mib "$own") are our code" >&2
# Half of our part is bytecode, which makes the start 60 ms faster. A sixth is the source map, without which errors in the
# log name no line of our code. The limit makes a library that is larger than it is worth noticed.
max_mib=18
if [ "$own" -gt $((max_mib * 1048576)) ]; then
  echo "error: the executable is more than $max_mib MiB larger than Bun" >&2
  exit 1
fi
