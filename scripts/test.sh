#!/usr/bin/env bash
# Installs what is needed, runs the checks, builds the executable and runs the tests. The last line is always
# `N passed, N failed`.
#   scripts/test.sh [--all] [ARGUMENT]...
# --all runs the long forms as well: a minute of load with kills, the whole siege, everything on the executables for arm64 and
# Windows, the web vault in two browsers, and the installer in a container with systemd. It needs root and takes about 40 minutes.
# Further arguments are passed to `bun test`.
set -euo pipefail
trap '[ -n "${counted:-}" ] || echo "0 passed, 1 failed"' EXIT
. "$(dirname "$0")/setup.sh"
is_all=''
workers=4
if [ "${1:-}" = --all ]; then
  is_all=yes
  # The whole siege measures times, which more files would disturb.
  workers=2
  shift
  export TEST_TORTURE_SECONDS=60 TEST_SIEGE=whole TEST_KILLS=all TEST_BROWSERS=all
fi
./scripts/tools.sh ${is_all:+--all}

# Side by side: neither keeps two cores busy.
./scripts/check.sh &
checking=$!
is_built=yes
./scripts/build.sh || is_built=''
wait "$checking"
[ -n "$is_built" ] || exit 1

report=reports/junit.xml
timings=reports/timings.json
mkdir -p reports
rm -f "$report"
# The first run on a machine begins with the files that took long elsewhere.
[ -e "$timings" ] || cp test/timings.json "$timings"
status=0
# More files at a time than a small machine has cores, since tests wait for half of their time. The slowest files of the last
# run come first, so that no core is idle at the end.
# The time limit of a test and of what it starts is for what never ends. A busy machine must not look like that: work of low
# priority, such as a scheduled backup, takes minutes on one. Bun ends a test that exceeds it together with every process that it
# started, the shared Postgres servers too.
bun test --timeout 300000 --parallel=$workers --no-isolate --timings="$timings" --update-timings \
  --reporter=junit --reporter-outfile="$report" "$@" || status=$?

# The first element of the report has the totals. Without a report nothing was tested.
totals=$(grep -m1 '<testsuites' "$report" 2>/dev/null || true)
total_of() { echo "$totals" | sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p"; }
tests=$(total_of tests) failures=$(total_of failures) skipped=$(total_of skipped)
tests=${tests:-0} failures=${failures:-0} skipped=${skipped:-0}
[ "$tests" -gt 0 ] || status=1
[ "$failures" -eq 0 ] || status=1
passed=$((tests - failures - skipped))
# A file that fails before its first test is in no report.
[ "$status" -eq 0 ] || [ "$failures" -gt 0 ] || failures=1

# Runs a long test that prints `N passed, N failed` itself, and adds its counts.
run_long() {
  local line
  echo "test: $*" >&2
  line=$("$@" | tee >(cat >&2) | tail -n 1) || status=1
  case $line in
    *' passed, '*' failed')
      passed=$((passed + ${line%% passed*}))
      line=${line##*, }
      failures=$((failures + ${line% failed}))
      ;;
    *) failures=$((failures + 1)) status=1 ;;
  esac
}
if [ -n "$is_all" ]; then
  run_long scripts/test-targets.sh
  run_long scripts/test-proxies.sh
  run_long bun scripts/test-browser.ts
  run_long scripts/test-install.sh
fi

counted=yes
echo "$passed passed, $failures failed"
exit "$status"
