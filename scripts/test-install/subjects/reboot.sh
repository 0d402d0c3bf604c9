expect 0 /mnt/install.sh
add_user

echo "a reboot starts the service" >&2
reboot
eventually systemctl is-active -q snailpass
runs "$version"
property NRestarts 0
has_user

echo "after a loss of power it waits for its address, which comes later" >&2
set_settings 'SNAILPASS_LISTEN=192.0.2.1:5000\n'
cut_power
eventually sh -c 'journalctl -b -u snailpass -o cat | grep -q "the next attempt is in 2 seconds"'
property ActiveState activating
address add
eventually systemctl is-active -q snailpass
runs "$version"
has_user
set_settings ''

echo "a loss of power within the test of a new version is repaired by the next run" >&2
expect 0 systemctl restart snailpass
set_fault hangs
# The new version tells there that it hangs.
expect 0 chmod 777 /etc/snailpass
inside /mnt/next service install >/dev/null 2>&1 &
eventually test -e /etc/snailpass/FAULT.reached
cut_power
# The new version has migrated the database, which the old one refuses.
eventually sh -c 'journalctl -b -u snailpass -o cat | grep -q "belongs to a newer snailpass"'
expect 0 /mnt/install.sh
says 'and its database'
runs "$version"
has_user
missing /usr/local/lib/snailpass

echo "a new version starts at the next boot" >&2
set_fault ''
expect 0 sh -c 'rm /etc/snailpass/FAULT.reached && chmod 755 /etc/snailpass'
expect 0 /mnt/next service install
reboot
eventually systemctl is-active -q snailpass
runs 99.0.0
has_user
