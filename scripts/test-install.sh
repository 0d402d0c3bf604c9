#!/usr/bin/env bash
# The long form of the tests of install.sh: in a Debian of its own with a real systemd, as root, in about two minutes.
# Needs debootstrap and systemd-container. Runs dist/snailpass and a later version of it, made for this.
#   scripts/test-install.sh [ROOT]   with ROOT, a folder that debootstrap made, that one is used and left as it is
set -euo pipefail
. "$(dirname "$0")/setup.sh"

for tool in debootstrap systemd-nspawn nsenter; do
  command -v "$tool" >/dev/null && continue
  echo "error: $tool is missing" >&2
  echo "hint: apt-get install debootstrap systemd-container" >&2
  exit 1
done
[ -x dist/snailpass ] || ./scripts/build.sh

work=$(mktemp -d)
container=''
clean_up() {
  [ -z "$container" ] || kill "$container" 2>/dev/null || true
  [ -z "$container" ] || wait "$container" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

root=${1:-$work/root}
if [ ! -d "$root" ]; then
  echo "making a Debian" >&2
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm "$root" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 5 "$work/debootstrap.log" >&2 && exit 1; }
fi

target=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
version=$(bun -e "console.log((await import('./package.json')).default.version)")
mkdir "$work/share"
# As old a machine as there may be: the archive has every name that it could look for.
for kind in "$target" "$target-baseline"; do
  name=snailpass-$version-$kind
  mkdir "$work/$name" && cp dist/snailpass "$work/$name/"
  tar -C "$work" -I 'gzip -1' -cf "$work/share/$name.tar.gz" "$name"
  rm -r "${work:?}/$name"
done
cp install.sh "$work/share/"
(cd "$work/share" && sha256sum ./*.tar.gz | sed 's# \./# #' >SHA256SUMS)
bun -e "import { buildNextVersion } from './test/support/next-version'; await buildNextVersion('$work/share/next')"
chmod 755 "$work/share"

# What is changed in the root is lost with the container.
systemd-nspawn -q -D "$root" --volatile=overlay --boot --register=no --keep-unit --private-network \
  --bind-ro="$work/share:/mnt" </dev/null >"$work/boot.log" 2>&1 &
container=$!
leader=''
inside() {
  # shellcheck disable=SC2016
  nsenter -t "$leader" -m -p -u -i -n --root env -i \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c 'cd / && exec "$@"' sh "$@"
}
for _ in $(seq 100); do
  leader=$(cut -d' ' -f1 "/proc/$container/task/$container/children")
  if [ -n "$leader" ] && inside systemctl is-active -q multi-user.target 2>/dev/null; then break; fi
  sleep 0.2
done

passed=0
# Runs the rest inside and fails unless it ends with the code $1; $said is what it said.
expect() {
  local code=$1 found=0
  shift
  said=$(inside "$@" 2>&1) || found=$?
  if [ "$found" -ne "$code" ]; then
    printf 'FAILED: %s: %s instead of %s\n%s\n' "$*" "$found" "$code" "$said" >&2
    exit 1
  fi
  passed=$((passed + 1))
}
says() {
  case $said in
    *"$1"*) passed=$((passed + 1)) ;;
    *) printf 'FAILED: "%s" is not in:\n%s\n' "$1" "$said" >&2 && exit 1 ;;
  esac
}

echo "install, and install again" >&2
expect 3 /mnt/install.sh --uninstall
expect 0 /mnt/install.sh
says 'started the service'
expect 0 snailpass service status
says 'ready    yes'
expect 0 systemctl show -p User,NoNewPrivileges,ProtectSystem snailpass
says 'User=snailpass'
expect 0 stat -c '%a %U' /var/lib/snailpass /etc/snailpass/snailpass.env
says '700 snailpass
640 root'
expect 0 systemd-analyze verify --man=no /etc/systemd/system/snailpass.service
expect 0 /mnt/install.sh
says 'is installed already'

echo "versions that fail are undone" >&2
for fault in migration dies 'dies later' hangs; do
  expect 0 sh -c "printf '%s' '$fault' >/etc/snailpass/FAULT && chmod 644 /etc/snailpass/FAULT"
  expect 1 /mnt/next service install --wait 6
  says 'is back in place, with the database as it was, and runs again'
  expect 0 snailpass service status
  says "snailpass $version"
done
expect 0 rm /etc/snailpass/FAULT

echo "killed at its steps, an upgrade is mended" >&2
for step in 'stopped the service' 'copied the database' 'trying the new version' 'it was ready' 'put the new version in place'; do
  expect 0 sh -c "/mnt/next service install 2>&1 | while read -r line; do
    case \$line in '$step'*) kill -9 \$(cat /proc/[0-9]*/stat | sed -n 's/^\([0-9]*\) (next).*/\1/p') ;; esac
  done; true"
  # It was in the middle of it.
  expect 0 test -f /usr/local/lib/snailpass/upgrade.json
  if [ "$step" = 'it was ready' ] || [ "$step" = 'put the new version in place' ]; then
    expect 0 /mnt/next service install
    expect 0 snailpass service status
    says 'snailpass 99.0.0'
    # For the next round, from the beginning.
    expect 0 /mnt/next service uninstall --purge --yes
  else
    expect 0 /mnt/install.sh
    expect 0 snailpass service status
    says "snailpass $version"
  fi
  expect 0 /mnt/install.sh
done

echo "an upgrade, no way down, and away" >&2
expect 0 /mnt/next service install
expect 0 snailpass service status
says 'snailpass 99.0.0'
expect 1 /mnt/install.sh
says 'belongs to a newer snailpass'
expect 0 snailpass service status
expect 0 /mnt/install.sh --uninstall
expect 3 systemctl is-active snailpass
expect 0 test -f /var/lib/snailpass/snailpass.db
expect 2 /mnt/next service uninstall --purge
expect 0 /mnt/next service uninstall --purge --yes
expect 1 test -e /var/lib/snailpass
expect 1 id snailpass

echo "$passed passed, 0 failed"
