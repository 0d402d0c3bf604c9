expect 0 /mnt/install.sh

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
