#!/usr/bin/env bash
# Sets everything up, builds the executable and serves on port 5000; arguments go to `snailpass serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/build.sh
exec ./dist/snailpass serve "$@"
