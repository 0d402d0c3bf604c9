echo "update: what is not signed or older is refused, and the old version runs on" >&2
expect 0 /mnt/keyed service install
expect 1 snailpass update --from /mnt/forged
says 'signed with the unknown key'
expect 1 snailpass update --from /mnt/older
says 'release 0.0.1 is older than this version'
expect 1 setpriv --reuid=65534 --regid=65534 --clear-groups snailpass update --from /mnt/update
says 'hint: sudo snailpass update'
expect 5 setpriv --reuid=65534 --regid=65534 --clear-groups snailpass update --check --from /mnt/update
expect 2 snailpass update
says 'this build does not know where releases are'
runs "$version"

echo "update: a version that fails is rolled back, and a good one is installed" >&2
set_fault dies
expect 1 snailpass update --from /mnt/update
says 'and its database; the service is running again'
runs "$version"
set_fault ''
expect 0 snailpass update --from /mnt/update
says 'upgraded to 99.0.0'
runs 99.0.0
missing /usr/local/lib/snailpass /usr/local/lib/snailpass-update

echo "update: killed with all that it runs, it works when it is run again" >&2
for step in 'release 99.0.0' 'stopped the service' 'testing the new version' 'the new version passed its test' 'installed the new version'; do
  expect 0 snailpass service uninstall --purge --yes
  expect 0 /mnt/keyed service install
  expect 0 sh -c "setsid -w sh -c 'echo \$\$ >/tmp/group; exec snailpass update --from /mnt/update' 2>&1 | while read -r line; do
    case \$line in '$step'*) kill -9 -\$(cat /tmp/group) ;; esac
  done; true"
  # It was unfinished when it was killed.
  expect 0 ls -d /usr/local/lib/snailpass-update
  if [ "$step" = 'release 99.0.0' ]; then
    runs "$version"
  fi
  expect 0 snailpass update --from /mnt/update
  runs 99.0.0
  missing /usr/local/lib/snailpass /usr/local/lib/snailpass-update
done
