# Linux as it is delivered; some containers let every user have them.
expect 0 sh -c 'echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start'
expect 0 sh -c "mkdir -p /etc/snailpass && printf 'SNAILPASS_DATA_DIR=/var/lib/snailpass\nSNAILPASS_LISTEN=80\nSNAILPASS_LISTEN_TLS=443\n' >$settings"

echo "the service has the ports 80 and 443 as its own user, with no other right" >&2
expect 0 /mnt/install.sh
says 'https://localhost/'
expect 0 snailpass healthcheck
note_process
expect 0 stat -c %U "/proc/$pid"
says snailpass
expect 0 grep '^Cap\(Eff\|Bnd\)' "/proc/$pid/status"
# CAP_NET_BIND_SERVICE
says 'CapEff:	0000000000000400
CapBnd:	0000000000000400'
expect 1 setpriv --reuid=snailpass --regid=snailpass --clear-groups snailpass serve --data-dir /tmp/other --listen 127.0.0.1:81
says 'ports below 1024 need the capability CAP_NET_BIND_SERVICE'

echo "also after an upgrade" >&2
expect 0 /mnt/next service install
runs 99.0.0
says 'https://localhost/'

echo "a low port of another program is told, and not waited for" >&2
expect 0 snailpass service uninstall
expect 0 sh -c '/mnt/next serve --data-dir /srv/other --listen 0.0.0.0:80 </dev/null >/tmp/other.log 2>&1 & echo $! >/tmp/other.pid
  until grep -q "listening on" /tmp/other.log; do sleep 0.1; done'
expect 1 /mnt/next service install
says 'port 80 is already in use'
expect 0 sh -c 'kill $(cat /tmp/other.pid); until grep -q stopped /tmp/other.log; do sleep 0.1; done'
expect 0 /mnt/next service install
