expect 0 /mnt/install.sh

echo "the service is ready when systemctl start returns, and reloads on SIGHUP" >&2
property Type notify
property LimitCORE 0
property NRestarts 0
expect 0 systemctl restart snailpass
expect 0 snailpass healthcheck
expect 0 systemctl show -P MainPID snailpass
pid=$output
expect 0 systemctl reload snailpass
eventually sh -c 'journalctl -u snailpass -o cat | grep -q "SIGHUP: reloading"'
property MainPID "$pid"
# One time stamp, that of the journal, and its priorities.
expect 0 sh -c 'journalctl -u snailpass -o cat _TRANSPORT=stdout | grep -c "^info  "'
expect 1 sh -c 'journalctl -u snailpass -o cat _TRANSPORT=stdout | grep "^20[0-9][0-9]-"'
expect 0 sh -c 'journalctl -u snailpass -o json -p info | grep -q "\"PRIORITY\":\"6\".*started snailpass\|started snailpass.*\"PRIORITY\":\"6\""'
