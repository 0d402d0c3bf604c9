#!/usr/bin/env bash
# The long test of install.sh, in a Debian container with a real systemd, as root. Takes about six minutes.
# Needs debootstrap, systemd-container, iproute2 and minisign. Installs dist/snailpass and a later version of it, which it builds,
# and updates a build with public keys of its own to a signed release of that version.
#   scripts/test-install.sh [ROOT [SUBJECT]...]
# ROOT is a folder that debootstrap made; it is used and not changed. SUBJECT is a file in scripts/test-install/subjects, without
# `.sh`: all of them by default. Each has a container of its own, in which nothing is installed. Only one run at a time: containers
# have the same control groups.
set -euo pipefail
. "$(dirname "$0")/setup.sh"

for tool in debootstrap systemd-nspawn nsenter ip minisign; do
  command -v "$tool" >/dev/null && continue
  echo "error: $tool is not installed" >&2
  echo "hint: apt-get install debootstrap systemd-container iproute2 minisign" >&2
  exit 1
done
[ -x dist/snailpass ] || ./scripts/build.sh

work=$(mktemp -d)
# shellcheck source=scripts/test-install/releases.sh
. scripts/test-install/releases.sh
# shellcheck source=scripts/test-install/container.sh
. scripts/test-install/container.sh
# shellcheck source=scripts/test-install/checks.sh
. scripts/test-install/checks.sh
trap 'remove_container; rm -rf "$work"' EXIT

root=${1:-$work/root}
if [ ! -d "$root" ]; then
  echo "installing a Debian" >&2
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm "$root" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 5 "$work/debootstrap.log" >&2 && exit 1; }
fi
create_releases

if [ $# -gt 1 ]; then
  shift
else
  set -- install service settings journal late low-ports data-folder edit upgrade update full-disk postgres reboot uninstall
fi
for subject in "$@"; do
  create_container
  # shellcheck source=/dev/null
  . "scripts/test-install/subjects/$subject.sh"
done

echo "$passed passed, 0 failed"
