expect 0 /mnt/install.sh

echo "lines in the journal have its priorities" >&2
set_settings 'SNAILPASS_LOG_LEVEL=debug\nSNAILPASS_NONSENSE=x\nSNAILPASS_MIN_FREE_SPACE=9999 GB\n'
expect 0 systemctl restart snailpass
expect 0 bash -c 'exec 3<>/dev/tcp/127.0.0.1/5000 && printf "GET /openapi.json HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 && grep -q openapi <&3'
logged debug 'method=GET route=/openapi.json'
logged info 'started snailpass'
logged warning 'SNAILPASS_NONSENSE is set, but there is no such setting'
logged err 'writes are refused'
# The priority is that of the whole error: `journalctl -p err` shows what to do as well.
set_settings 'SNAILPASS_LISTEN=nonsense\n'
expect 1 systemctl restart snailpass
logged err 'error: invalid SNAILPASS_LISTEN "nonsense"'
logged err 'hint: '
expect 1 sh -c 'journalctl -u snailpass -p warning -o cat _TRANSPORT=stdout | grep "^\(info\|debug\) "'

echo "they have one time, that of the journal" >&2
expect 0 sh -c 'journalctl -u snailpass -o cat _TRANSPORT=stdout | grep "^info  "'
expect 1 sh -c 'journalctl -u snailpass -o cat _TRANSPORT=stdout | grep "^20[0-9][0-9]-"'
