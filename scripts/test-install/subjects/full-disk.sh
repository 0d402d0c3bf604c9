# One small disk for the executable and the data folder, another one for backups, and one for a data folder of its own.
expect 0 sh -c 'mkdir -p /srv/disk /srv/backups /srv/data && mount -t tmpfs -o size=700m none /srv/disk &&
  mount -t tmpfs -o size=100m none /srv/backups && mount -t tmpfs -o size=8m,mode=755 none /srv/data'
expect 0 sh -c 'cp -a /usr/local /var/lib /srv/disk/ && mount --bind /srv/disk/local /usr/local && mount --bind /srv/disk/lib /var/lib'

# KB of an executable.
size=$(($(stat -c %s dist/snailpass) / 1024))
# Fills the disk $1 but for $2 KB.
leave() {
  expect 0 sh -c "rm -f $1/filler; free=\$(df -k --output=avail $1 | tail -n 1); fallocate -l \$((free - $2))K $1/filler"
}
leave_all() { expect 0 rm -f "$1/filler"; }
# Fails unless these are the files of the installer where the executable is.
only() {
  expect 0 find /usr/local -name '*snailpass*'
  [ "$output" = "$1" ] || fail "left: $output"
}

echo "an installation without space says where, and leaves no part of an executable" >&2
leave /srv/disk $((size / 2))
expect 1 /mnt/install.sh
says 'error: not installed: no space is left in /usr/local/lib/snailpass'
says 'hint: free space on that disk, and run this again'
only ''
# Space for the executable, but not for the database.
leave /srv/disk $((size * 5 / 4))
expect 1 /mnt/install.sh
says 'No space is left for new data'
says 'hint: free space on the disk of the database'
leave_all /srv/disk
expect 0 /mnt/install.sh
runs "$version"
add_user

echo "an upgrade without space leaves the old version running" >&2
note_process
for free in $((size / 2)) $((size * 5 / 4)); do
  leave /srv/disk "$free"
  expect 1 /mnt/next service install
  says 'space'
  was_not_stopped
  runs "$version"
  only /usr/local/bin/snailpass
done

echo "it takes no more than was free before it stopped the service" >&2
leave /srv/disk $((size * 5 / 2))
expect 0 /mnt/next service install
runs 99.0.0
has_user
leave_all /srv/disk

echo "an upgrade without space for the backup leaves the old version running" >&2
expect 0 snailpass service uninstall --purge --yes
expect 0 sh -c "mkdir -p /etc/snailpass && printf 'SNAILPASS_DATA_DIR=/srv/data/snailpass\nSNAILPASS_BACKUP_DIR=/srv/backups/x\nSNAILPASS_MIN_FREE_SPACE=0\n' >$settings"
expect 0 /mnt/install.sh
add_user
note_process
leave /srv/backups 100
expect 1 /mnt/next service install
says 'not enough space for a backup'
was_not_stopped
leave_all /srv/backups

echo "without space for a copy of the database it is rolled back" >&2
leave /srv/data 40
expect 1 /mnt/next service install
says 'database or disk is full'
says 'and its database; the service is running again'
runs "$version"
has_user
expect 1 sh -c 'ls /srv/data/snailpass | grep upgrade'
leave_all /srv/data
expect 0 /mnt/next service install
runs 99.0.0
has_user
