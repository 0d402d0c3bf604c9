#!/usr/bin/env bash
# Installs the system tools that the checks and tests need and that are missing: shells for completion, `age` and sqlite3
# for backups, curl, openssl and Node as HTTPS clients, an ACME server, PgBouncer, strace, faketime, qemu for the arm64
# executable, Wine for the one for Windows, promtool for metrics, a proxy, a browser with what makes it trust a CA, and tools to pack and sign releases; with --all also
# Firefox, other proxies and containers, for the long tests; with --proxies only the proxies, with --bench only what measurements need. Works on Debian and its derivatives; on other systems it prints what to install.
set -euo pipefail

# Each command that is needed, with the package that contains it.
needed="shellcheck:shellcheck age:age sqlite3:sqlite3 zsh:zsh fish:fish setpriv:util-linux unshare:util-linux
mount:mount dash:dash busybox:busybox xz:xz-utils zip:zip unzip:unzip curl:curl
openssl:openssl node:nodejs
qemu-aarch64-static:qemu-user-static systemd-analyze:systemd pebble:pebble ip:iproute2 strace:strace faketime:faketime
minisign:minisign pgbouncer:pgbouncer promtool:prometheus nginx:nginx-light chromium:chromium certutil:libnss3-tools"
case ${1:-} in
  --all)
    needed="$needed firefox-esr:firefox-esr debootstrap:debootstrap systemd-nspawn:systemd-container
caddy:caddy haproxy:haproxy"
    ;;
  --proxies) needed="nginx:nginx-light caddy:caddy haproxy:haproxy" ;;
  --bench) needed="wrk:wrk taskset:util-linux" ;;
esac
# Debian keeps servers there, which the PATH of a user may lack.
PATH="$PATH:/usr/sbin"
packages=""
for pair in $needed; do
  command -v "${pair%%:*}" >/dev/null || packages="$packages ${pair##*:}"
done
if [ "$(uname -m)" = x86_64 ] && [ ! -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ]; then
  packages="$packages libc6-arm64-cross libstdc++6-arm64-cross"
fi
# Debian's package has it outside of PATH.
if [ "$(uname -m)" = x86_64 ] && [ ! -x /usr/lib/wine/wine64 ] && ! command -v wine64 >/dev/null; then
  packages="$packages wine64"
fi
[ -n "$packages" ] || exit 0

as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
echo "setup: installing$packages" >&2
# shellcheck disable=SC2086 # one word per package
if command -v apt-get >/dev/null && $as_root apt-get update -qq >&2 &&
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $packages >&2; then
  exit 0
fi
echo "error: tools that the tests need are missing" >&2
echo "hint: install these packages, or their equivalents on this system:$packages" >&2
exit 1
