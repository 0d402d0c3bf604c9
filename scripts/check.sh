#!/usr/bin/env bash
# Formatter, linter, types, unused code, the table of imports, and the shell scripts' syntax. Changes nothing.
set -euo pipefail
. "$(dirname "$0")/setup.sh"

bun node_modules/@biomejs/biome/bin/biome check --error-on-warnings .
bun check
bun node_modules/knip/bin/knip-bun.js --no-progress --treat-config-hints-as-errors
bun scripts/check-imports.ts
for script in scripts/*.sh; do bash -n "$script"; done
