#!/usr/bin/env bash
# Installs what is needed, runs the checks, builds the executable and runs every test. Arguments are passed to `bun test`.
# The last line is always `N passed, N failed`.
set -euo pipefail
trap '[ -n "${counted:-}" ] || echo "0 passed, 1 failed"' EXIT
. "$(dirname "$0")/setup.sh"
./scripts/tools.sh

./scripts/check.sh
./scripts/build.sh

report=reports/junit.xml
mkdir -p reports
rm -f "$report"
status=0
# Two files at a time, since tests mostly wait. More would disturb the tests that measure times on a Raspberry Pi.
bun test --parallel=2 --no-isolate --reporter=junit --reporter-outfile="$report" "$@" || status=$?

# The first element of the report has the totals. Without a report nothing was tested.
totals=$(grep -m1 '<testsuites' "$report" 2>/dev/null || true)
total_of() { echo "$totals" | sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p"; }
tests=$(total_of tests) failures=$(total_of failures) skipped=$(total_of skipped)
tests=${tests:-0} failures=${failures:-0} skipped=${skipped:-0}
[ "$tests" -gt 0 ] || status=1
[ "$failures" -eq 0 ] || status=1
counted=yes
echo "$((tests - failures - skipped)) passed, $failures failed"
exit "$status"
