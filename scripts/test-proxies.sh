#!/usr/bin/env bash
# Tries the executable behind real proxies with the files from docs/proxy: a fault of the server, a server that is stopped, a
# restart, health checks, a path below the root, and the forwarded address. Prints a table; the last line is `N passed, N failed`.
# Installs nginx, Caddy and HAProxy on Debian and its derivatives.
set -euo pipefail
. "$(dirname "$0")/setup.sh"
./scripts/tools.sh --proxies
[ -x dist/snailpass ] || ./scripts/build.sh
exec bun scripts/proxies.ts
