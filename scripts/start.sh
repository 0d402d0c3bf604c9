#!/usr/bin/env bash
# Installs what is needed, builds the executable and serves on port 5000. Arguments are passed to `snailpass serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/build.sh
exec ./dist/snailpass serve "$@"
