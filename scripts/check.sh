#!/usr/bin/env bash
# Checks the format, lint rules, types, unused code, the table of imports and the shell scripts. Changes nothing.
set -euo pipefail
. "$(dirname "$0")/setup.sh"

bun node_modules/@biomejs/biome/bin/biome check --error-on-warnings .
bun check
bun node_modules/knip/bin/knip-bun.js --no-progress --treat-config-hints-as-errors
bun scripts/check-imports.ts
bun scripts/check-language.ts
bun scripts/generate-docs.ts --check
if ! command -v shellcheck >/dev/null; then
  echo "error: shellcheck is not installed" >&2
  echo "hint: install it with the system's package manager (Debian: \`apt-get install shellcheck\`)" >&2
  exit 1
fi
shellcheck install.sh scripts/*.sh scripts/test-install/*.sh scripts/test-install/subjects/*.sh
