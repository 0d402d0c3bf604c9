expect 0 /mnt/install.sh
add_user

# Has `systemctl edit` of the service write the lines $1.
edit_unit() {
  expect 0 sh -c "printf '%b' '$1' >/srv/drop-in"
  expect 0 script -qefc "SYSTEMD_EDITOR='cp /srv/drop-in' systemctl edit snailpass" /dev/null
}

echo "what systemctl edit has changed counts, and survives an upgrade" >&2
edit_unit '[Service]\nMemoryMax=700M\nEnvironment=SNAILPASS_LISTEN=127.0.0.1:8080\n'
expect 0 systemctl restart snailpass
for _ in 1 2; do
  property MemoryMax 734003200
  property DropInPaths /etc/systemd/system/snailpass.service.d/override.conf
  expect 0 snailpass service status
  says 'http://127.0.0.1:8080/'
  says 'warning: the unit of the service sets SNAILPASS_LISTEN'
  has_user
  expect 0 /mnt/next service install
  says 'warning: the unit of the service sets SNAILPASS_LISTEN'
done
runs 99.0.0

echo "also a rollback, and a first installation" >&2
expect 0 snailpass service uninstall --purge --yes
expect 0 /mnt/install.sh
says 'http://127.0.0.1:8080/'
set_fault dies
expect 1 /mnt/next service install
says 'and its database; the service is running again'
property MemoryMax 734003200

echo "without it the settings file counts again" >&2
expect 0 systemctl revert snailpass
expect 0 systemctl restart snailpass
expect 0 snailpass service status
says ':5000/'
