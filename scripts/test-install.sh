#!/usr/bin/env bash
# The long test of install.sh, in a Debian container with a real systemd, as root. Takes about two minutes.
# Needs debootstrap and systemd-container. Installs dist/snailpass and a later version of it, which it builds.
#   scripts/test-install.sh [ROOT]   ROOT is a folder that debootstrap made; it is used and not changed
set -euo pipefail
. "$(dirname "$0")/setup.sh"

for tool in debootstrap systemd-nspawn nsenter; do
  command -v "$tool" >/dev/null && continue
  echo "error: $tool is not installed" >&2
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
  echo "installing a Debian" >&2
  debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm "$root" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 5 "$work/debootstrap.log" >&2 && exit 1; }
fi

target=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
version=$(bun -e "console.log((await import('./package.json')).default.version)")
mkdir "$work/share"
# Under both names, since the processor may be an old one.
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

# Changes to the root file system are lost with the container.
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
# Runs the other arguments as a command in the container. Fails unless its exit code is $1. Sets `output`.
expect() {
  local code=$1 found=0
  shift
  output=$(inside "$@" 2>&1) || found=$?
  if [ "$found" -ne "$code" ]; then
    printf 'FAILED: %s: exit code %s instead of %s\n%s\n' "$*" "$found" "$code" "$output" >&2
    exit 1
  fi
  passed=$((passed + 1))
}
says() {
  case $output in
    *"$1"*) passed=$((passed + 1)) ;;
    *) printf 'FAILED: "%s" is not in:\n%s\n' "$1" "$output" >&2 && exit 1 ;;
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
says 'is already installed'

echo "versions that fail their smoke test are rolled back" >&2
for fault in migration dies hangs; do
  expect 0 sh -c "printf '%s' '$fault' >/etc/snailpass/FAULT && chmod 644 /etc/snailpass/FAULT"
  expect 1 /mnt/next service install --wait 6
  says 'and its database; the service is running again'
  expect 0 snailpass service status
  says "snailpass $version"
done

echo "a version that fails after its smoke test is not rolled back" >&2
expect 0 sh -c "printf 'dies later' >/etc/snailpass/FAULT"
expect 1 /mnt/next service install --wait 6
says 'so it is not rolled back'
expect 1 snailpass service status
says 'snailpass 99.0.0'
expect 0 rm /etc/snailpass/FAULT
expect 0 /mnt/next service install
expect 0 snailpass service status
# The next part starts with the old version.
expect 0 /mnt/next service uninstall --purge --yes
expect 0 /mnt/install.sh

echo "an upgrade that is killed is repaired by the next run" >&2
for step in 'stopped the service' 'copied the database' 'testing the new version' 'the new version passed its test' 'installed the new version'; do
  expect 0 sh -c "/mnt/next service install 2>&1 | while read -r line; do
    case \$line in '$step'*) kill -9 \$(cat /proc/[0-9]*/stat | sed -n 's/^\([0-9]*\) (next).*/\1/p') ;; esac
  done; true"
  # The upgrade was unfinished when it was killed.
  expect 0 test -f /usr/local/lib/snailpass/upgrade.json
  if [ "$step" = 'the new version passed its test' ] || [ "$step" = 'installed the new version' ]; then
    expect 0 /mnt/next service install
    expect 0 snailpass service status
    says 'snailpass 99.0.0'
    # The next round starts with the old version.
    expect 0 /mnt/next service uninstall --purge --yes
  else
    expect 0 /mnt/install.sh
    expect 0 snailpass service status
    says "snailpass $version"
  fi
  expect 0 /mnt/install.sh
done

echo "upgrade, refused downgrade, and uninstallation" >&2
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
