#!/usr/bin/env bash
# Runs the tests of the web vault's screens in Firefox: scripts/test-firefox.sh. The test command runs them in Chromium. The last line is
# `N passed, N failed`.
set -euo pipefail
. "$(dirname "$0")/setup.sh"
output=$(TEST_BROWSER=firefox TEST_BROWSERS=all bun test --timeout 60000 test/web/vault/{browser,screens}.test.ts 2>&1 | tee >(cat >&2)) || true
count_of() { echo "$output" | sed -n "s/^ *\([0-9]*\) $1\$/\1/p" | tail -n 1; }
passed=$(count_of pass) failed=$(count_of fail)
# Without counts nothing was tested.
echo "${passed:-0} passed, ${failed:-1} failed"
[ "${passed:-0}" -gt 0 ] && [ "${failed:-1}" -eq 0 ]
