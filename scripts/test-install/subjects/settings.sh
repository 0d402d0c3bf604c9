expect 0 /mnt/install.sh

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
