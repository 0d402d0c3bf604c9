#!/usr/bin/env bash
# The long test of install.sh, in a Debian container with a real systemd, as root. Takes about two minutes.
# Needs debootstrap, systemd-container, iproute2 and minisign. Installs dist/snailpass and a later version of it, which it builds,
# and updates a build with public keys of its own to a signed release of that version.
#   scripts/test-install.sh [ROOT]   ROOT is a folder that debootstrap made; it is used and not changed
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
cp test/data/unit-of-0.1.0.service "$work/share/unit-of-0.1.0"
(cd "$work/share" && sha256sum ./*.tar.gz | sed 's# \./# #' >SHA256SUMS)

# A release of the later version, signed with a key that only this run has; one with another signature, and one that is older.
(cd "$work" && minisign -G -W -p pub -s key >/dev/null && minisign -G -W -p other.pub -s other >/dev/null)
keys=$(tail -n 1 "$work/pub")
bun -e "import { buildNextVersion } from './test/support/next-version'; await buildNextVersion('$work/share/next', '$keys')"
RELEASE_KEYS=$keys bash -c '. scripts/compile.sh && compile "$0"' "$work/share/keyed"
# Creates the release $1 of version $2, signed with the key $3.
create_release() {
  local folder=$work/share/$1 name=snailpass-$2-$target
  mkdir -p "$folder" "$work/$name"
  cp "$work/share/next" "$work/$name/snailpass"
  tar -C "$work" -I 'gzip -1' -cf "$folder/$name.tar.gz" "$name"
  rm -r "${work:?}/$name"
  (cd "$folder" && sha256sum ./*.tar.gz | sed 's# \./# #' >SHA256SUMS)
  minisign -S -s "$work/$3" -m "$folder/SHA256SUMS" -t "snailpass $2 2026-12-01" >/dev/null
}
create_release update 99.0.0 key
create_release forged 99.0.0 other
create_release older 0.0.1 key
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


settings=/etc/snailpass/snailpass.env
# Fails unless the command succeeds within 20 seconds.
eventually() {
  for _ in $(seq 100); do
    if inside "$@" >/dev/null 2>&1; then break; fi
    sleep 0.2
  done
  expect 0 "$@"
}
# Whether the property $1 of the service has the value $2.
property() {
  expect 0 systemctl show -P "$1" snailpass
  [ "$output" = "$2" ] && return
  printf 'FAILED: %s is %s instead of %s\n' "$1" "$output" "$2" >&2
  exit 1
}
# The container has no ip(8) of its own.
address() { nsenter -t "$leader" -n ip address "$1" 192.0.2.1/32 dev lo; }
# Replaces the settings by the lines $1.
set_settings() { expect 0 sh -c "printf '%b' 'SNAILPASS_DATA_DIR=/var/lib/snailpass\n$1' >$settings"; }

echo "the service is ready when systemctl start returns, and reloads on SIGHUP" >&2
property Type notify
property LimitCORE 0
property NRestarts 0
expect 0 systemctl restart snailpass
expect 0 snailpass healthcheck
expect 0 systemctl show -P MainPID snailpass
pid=$output
expect 0 systemctl reload snailpass
eventually sh -c 'journalctl -u snailpass -o cat | grep -q "SIGHUP: reloading"'
property MainPID "$pid"
# One time stamp, that of the journal, and its priorities.
expect 0 sh -c 'journalctl -u snailpass -o cat _TRANSPORT=stdout | grep -c "^info  "'
expect 1 sh -c 'journalctl -u snailpass -o cat _TRANSPORT=stdout | grep "^20[0-9][0-9]-"'
expect 0 sh -c 'journalctl -u snailpass -o json -p info | grep -q "\"PRIORITY\":\"6\".*started snailpass\|started snailpass.*\"PRIORITY\":\"6\""'

echo "a mistake in the settings fails at once, and is told" >&2
set_settings 'SNAILPASS_LISTEN=nonsense\n'
expect 0 snailpass service status
says 'its next start will fail: invalid SNAILPASS_LISTEN "nonsense"'
expect 1 systemctl restart snailpass
property ActiveState failed
property ExecMainStatus 2
expect 1 snailpass service status
says 'error: invalid SNAILPASS_LISTEN "nonsense"'
says 'hint: '
expect 0 sh -c 'journalctl -u snailpass -p err -o cat | grep "^error: invalid SNAILPASS_LISTEN"'
sleep 3
property ActiveState failed
property NRestarts 0
set_settings ''
expect 0 sh -c "chown root:adm $settings && chmod 640 $settings"
expect 1 systemctl restart snailpass
property ExecMainStatus 2
expect 1 snailpass service status
says "chgrp snailpass $settings && chmod g+r $settings; or add it to the group adm: usermod -aG adm snailpass"
expect 0 usermod -aG adm snailpass
expect 0 systemctl restart snailpass
expect 0 /mnt/install.sh
expect 0 sh -c "gpasswd -d snailpass adm && chgrp snailpass $settings"

echo "what may pass is tried again for ever, with growing pauses" >&2
set_settings 'SNAILPASS_LISTEN=192.0.2.1:5000\n'
expect 1 systemctl restart snailpass
property ActiveState activating
expect 1 snailpass service status
says "can't listen on 192.0.2.1:5000"
eventually sh -c 'journalctl -u snailpass -o cat | grep -q "the next attempt is in 4 seconds"'
property ActiveState activating
expect 0 systemctl kill -s HUP snailpass
eventually sh -c 'journalctl -u snailpass -o cat | grep -q "the next attempt is in 8 seconds"'
# A restart by hand does not wait for the pause, and tells at once whether the fault is still there.
expect 1 systemctl restart snailpass
property NRestarts 0
address add
eventually systemctl is-active -q snailpass
address del

echo "a server that is missing its backup disk works, and uses the disk once it is there" >&2
expect 0 mkdir -p /srv/disk
set_settings 'SNAILPASS_BACKUP_DIR=/srv/disk/backups\n'
expect 0 /mnt/install.sh
says 'started the service'
set_settings 'SNAILPASS_BACKUP_DIR=/srv/usb/backups\n'
expect 0 systemctl restart snailpass
expect 0 /mnt/install.sh
says "warning: /srv/usb/backups can't be created"
expect 0 snailpass service status
expect 0 mkdir /srv/usb
expect 0 mount -t tmpfs none /srv/usb
expect 0 install -d -o snailpass -g snailpass /srv/usb/backups
expect 0 systemctl show -P MainPID snailpass
expect 0 nsenter -t "$output" -m sh -c 'touch /srv/usb/backups/x'
expect 0 umount /srv/usb
expect 0 rmdir /srv/usb

echo "a unit of the first version is replaced by the upgrade" >&2
set_settings ''
expect 0 sh -c 'systemctl stop snailpass && cp /mnt/unit-of-0.1.0 /etc/systemd/system/snailpass.service && systemctl daemon-reload && systemctl start snailpass'
property Type simple
eventually snailpass service status
expect 0 systemctl reload-or-restart snailpass
expect 0 /mnt/next service install
property Type notify
expect 0 snailpass service status
says 'snailpass 99.0.0'
expect 0 /mnt/next service uninstall --purge --yes

echo "a data folder of root is taken over, and there is only one" >&2
expect 0 sh -c "tar -xzf /mnt/snailpass-$version-$target.tar.gz -C /tmp && mv /tmp/snailpass-*/snailpass /tmp/snailpass"
expect 0 sh -c "/tmp/snailpass serve </dev/null >/tmp/serve.log 2>&1 & echo \$! >/tmp/serve.pid
  until grep -q 'listening on' /tmp/serve.log; do sleep 0.1; done"
expect 1 /mnt/install.sh
says 'a running server is using'
expect 0 sh -c "kill \$(cat /tmp/serve.pid); until grep -q stopped /tmp/serve.log; do sleep 0.1; done"
expect 0 sh -c 'echo a-long-password | /tmp/snailpass user add root@example.org --password-stdin --data-dir /var/lib/snailpass'
expect 0 chown -R root: /var/lib/snailpass
expect 1 env SNAILPASS_DATA_DIR=/srv/other /mnt/install.sh
says "root's commands would use other data"
expect 0 /mnt/install.sh
says 'gave /var/lib/snailpass of root to the user snailpass'
expect 0 snailpass user list
says 'root@example.org'
expect 1 sh -c 'find /var/lib/snailpass -user root | grep .'
# Without the setting, the service and root's commands still have one folder.
expect 0 sh -c "sed -i '/^SNAILPASS_DATA_DIR=/d' $settings"
expect 0 systemctl restart snailpass
expect 0 snailpass user list
says 'root@example.org'
expect 0 sh -c 'mkdir -p /etc/systemd/system/snailpass.service.d; printf "[Service]\nEnvironment=SNAILPASS_DATA_DIR=/srv/other\n" >/etc/systemd/system/snailpass.service.d/override.conf; systemctl daemon-reload'
expect 1 /mnt/install.sh
says 'the unit of the service sets SNAILPASS_DATA_DIR'
expect 0 sh -c 'rm -r /etc/systemd/system/snailpass.service.d; systemctl daemon-reload'
expect 0 snailpass service uninstall --purge --yes
expect 0 /mnt/install.sh

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

echo "update: what is not signed or older is refused, and the old version runs on" >&2
expect 0 snailpass service uninstall --purge --yes
expect 0 /mnt/keyed service install
expect 1 snailpass update --from /mnt/forged
says 'signed with the unknown key'
expect 1 snailpass update --from /mnt/older
says 'release 0.0.1 is older than this version'
expect 1 setpriv --reuid=65534 --regid=65534 --clear-groups snailpass update --from /mnt/update
says 'hint: sudo snailpass update'
expect 5 setpriv --reuid=65534 --regid=65534 --clear-groups snailpass update --check --from /mnt/update
expect 2 snailpass update
says 'this build does not know where releases are'
expect 0 snailpass service status
says "snailpass $version"

echo "update: a version that fails is rolled back, and a good one is installed" >&2
expect 0 sh -c 'printf dies >/etc/snailpass/FAULT && chmod 644 /etc/snailpass/FAULT'
expect 1 snailpass update --from /mnt/update
says 'and its database; the service is running again'
expect 0 snailpass service status
says "snailpass $version"
expect 0 rm /etc/snailpass/FAULT
expect 0 snailpass update --from /mnt/update
says 'upgraded to 99.0.0'
expect 0 snailpass service status
says 'snailpass 99.0.0'
expect 2 ls -d /usr/local/lib/snailpass /usr/local/lib/snailpass-update

echo "update: killed with all that it runs, it works when it is run again" >&2
for step in 'release 99.0.0' 'stopped the service' 'testing the new version' 'the new version passed its test' 'installed the new version'; do
  expect 0 snailpass service uninstall --purge --yes
  expect 0 /mnt/keyed service install
  expect 0 sh -c "setsid -w sh -c 'echo \$\$ >/tmp/group; exec snailpass update --from /mnt/update' 2>&1 | while read -r line; do
    case \$line in '$step'*) kill -9 -\$(cat /tmp/group) ;; esac
  done; true"
  # It was unfinished when it was killed.
  expect 0 ls -d /usr/local/lib/snailpass-update
  if [ "$step" = 'release 99.0.0' ]; then
    expect 0 snailpass service status
    says "snailpass $version"
  fi
  expect 0 snailpass update --from /mnt/update
  expect 0 snailpass service status
  says 'snailpass 99.0.0'
  expect 2 ls -d /usr/local/lib/snailpass /usr/local/lib/snailpass-update
done
# The next part starts with the old version.
expect 0 snailpass service uninstall --purge --yes
expect 0 /mnt/install.sh

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
