echo "a tarball that does not match SHA256SUMS is refused, and leaves nothing" >&2
expect 0 sh -c 'mkdir /srv/damaged && cp /mnt/install.sh /mnt/SHA256SUMS /mnt/*.tar.gz /srv/damaged/ && for file in /srv/damaged/*.tar.gz; do echo x >>"$file"; done'
expect 1 /srv/damaged/install.sh
says 'does not match SHA256SUMS; nothing was installed'
expect 1 id snailpass
missing /usr/local/bin/snailpass /usr/local/lib/snailpass /etc/snailpass /var/lib/snailpass /etc/systemd/system/snailpass.service
expect 2 sh -c 'ls -d /tmp/tmp.*'

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

echo "a damaged tarball does not touch the service that runs" >&2
note_process
expect 1 /srv/damaged/install.sh
says 'does not match SHA256SUMS; nothing was installed'
was_not_stopped
runs "$version"
