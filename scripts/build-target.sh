#!/usr/bin/env bash
# Builds the executable for one target of a release, without the rest of a release.
#   scripts/build-target.sh TARGET FILE
set -euo pipefail
. "$(dirname "$0")/setup.sh"
. scripts/compile.sh
. scripts/targets.sh

[ $# -eq 2 ] || fail "name a target and the file to write" "scripts/build-target.sh TARGET FILE" 2
require_target "$1"
compile_for "$1" "$2"
