#!/usr/bin/env bash
# The long test of the executables for other systems: the one for linux-arm64 runs under qemu, the one for Windows under Wine.
# Each holds the recorded contract, survives kill -9, and runs the commands for backups, adoption, users, keys and checks. Of the
# one for macOS, which can't run here, only the signature is checked. It takes about ten minutes. The test command has the short
# form. The last line is `N passed, N failed`.
#   scripts/test-targets.sh [ARGUMENT]...   arguments are passed to `bun test`, such as -t windows
set -euo pipefail
trap '[ -n "${counted:-}" ] || echo "0 passed, 1 failed"' EXIT
. "$(dirname "$0")/setup.sh"
./scripts/tools.sh
[ -x dist/snailpass ] || ./scripts/build.sh

report=reports/targets.xml
mkdir -p reports
rm -f "$report"
status=0
TEST_TARGETS=whole bun test --timeout 300000 --reporter=junit --reporter-outfile="$report" \
  "$@" test/e2e/targets.test.ts test/e2e/windows.test.ts test/e2e/macos.test.ts >&2 || status=$?

totals=$(grep -m1 '<testsuites' "$report" 2>/dev/null || true)
total_of() { echo "$totals" | sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p"; }
tests=$(total_of tests) failures=$(total_of failures) skipped=$(total_of skipped)
[ "${tests:-0}" -gt 0 ] || exit 1
counted=yes
echo "$((tests - failures - skipped)) passed, $failures failed"
exit "$status"
