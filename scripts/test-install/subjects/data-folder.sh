echo "a data folder of root is taken over, and there is only one" >&2
expect 0 sh -c "tar -xzf /mnt/snailpass-$version-$package.tar.gz -C /tmp && mv /tmp/snailpass-*/snailpass /tmp/snailpass"
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
