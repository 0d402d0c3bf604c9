expect 0 /mnt/install.sh

echo "a unit of the first version is replaced by the upgrade" >&2
set_settings ''
expect 0 sh -c 'systemctl stop snailpass && cp /mnt/unit-of-0.1.0 /etc/systemd/system/snailpass.service && systemctl daemon-reload && systemctl start snailpass'
property Type simple
eventually snailpass service status
expect 0 systemctl reload-or-restart snailpass
expect 0 /mnt/next service install
property Type notify
runs 99.0.0
# The next part starts with the old version.
expect 0 /mnt/next service uninstall --purge --yes
expect 0 /mnt/install.sh

echo "versions that fail their smoke test are rolled back" >&2
for fault in migration dies hangs; do
  set_fault "$fault"
  expect 1 /mnt/next service install --wait 6
  says 'and its database; the service is running again'
  runs "$version"
done

echo "a version that fails after its smoke test is not rolled back" >&2
set_fault 'dies later'
expect 1 /mnt/next service install --wait 6
says 'so it is not rolled back'
expect 1 snailpass service status
says 'snailpass 99.0.0'
set_fault ''
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
    runs 99.0.0
    # The next round starts with the old version.
    expect 0 /mnt/next service uninstall --purge --yes
  else
    expect 0 /mnt/install.sh
    runs "$version"
  fi
  expect 0 /mnt/install.sh
done
