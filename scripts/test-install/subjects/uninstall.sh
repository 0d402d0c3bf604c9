expect 0 /mnt/install.sh
add_user

echo "an uninstallation keeps data and settings" >&2
expect 0 /mnt/install.sh --uninstall
expect 3 systemctl is-active snailpass
expect 0 test -f /var/lib/snailpass/snailpass.db
expect 0 /mnt/install.sh
has_user

echo "a purge asks on a terminal, and without one it takes --yes" >&2
note_process
expect 2 snailpass service uninstall --purge
for answer in no '' PURGE; do
  expect_on_terminal 1 "$answer" snailpass service uninstall --purge
  says 'cancelled: nothing was changed'
  was_not_stopped
  has_user
done
expect_on_terminal 0 yes snailpass service uninstall --purge
says 'removed the user snailpass'
missing /var/lib/snailpass /etc/snailpass /usr/local/bin/snailpass /usr/local/lib/snailpass /etc/systemd/system/snailpass.service
expect 1 id snailpass
expect 1 systemctl is-enabled snailpass

echo "a purge with --yes does not ask" >&2
expect 0 /mnt/install.sh
expect 0 snailpass service uninstall --purge --yes
missing /var/lib/snailpass
expect 1 id snailpass
