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
