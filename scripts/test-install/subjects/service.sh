expect 0 /mnt/install.sh

echo "the service is ready when systemctl start returns, and reloads on SIGHUP" >&2
property Type notify
property LimitCORE 0
property NRestarts 0
expect 0 systemctl restart snailpass
expect 0 snailpass healthcheck
note_process
expect 0 systemctl reload snailpass
eventually sh -c 'journalctl -u snailpass -o cat | grep -q "SIGHUP: reloading"'
was_not_stopped
