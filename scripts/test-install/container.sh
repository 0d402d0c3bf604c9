# Sourced by test-install.sh. A Debian container with a real systemd, whose changes to the root file system are lost with it.

container='' leader=''

# Ends the container and forgets what it has changed.
remove_container() {
  if [ -n "$container" ]; then
    kill "$container" 2>/dev/null || true
    wait "$container" 2>/dev/null || true
  fi
  container='' leader=''
  rm -rf "${work:?}/system" "$work/changes" "$work/overlay"
}

create_container() {
  remove_container
  mkdir "$work/system" "$work/changes" "$work/overlay"
  boot
}

# The mount is in a namespace of the container, which ends with it however this script ends.
boot() {
  unshare --mount sh -c 'mount -t overlay overlay -o "lowerdir=$0,upperdir=$1/changes,workdir=$1/overlay" "$1/system" &&
    exec systemd-nspawn -q -D "$1/system" --boot --register=no --keep-unit --private-network --bind-ro="$1/share:/mnt"' \
    "$root" "$work" </dev/null >"$work/boot.log" 2>&1 &
  container=$!
  local _
  for _ in $(seq 100); do
    leader=$(cut -d' ' -f1 "/proc/$container/task/$container/children" 2>/dev/null) || break
    if [ -n "$leader" ] && inside systemctl is-active -q multi-user.target 2>/dev/null; then return; fi
    sleep 0.2
  done
  echo "FAILED: the container does not start" >&2
  tail -n 5 "$work/boot.log" >&2
  exit 1
}

# Runs a command in the container.
inside() {
  nsenter -t "$leader" -m -p -u -i -n --root env -i \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c 'cd / && exec "$@"' sh "$@"
}

# Adds or deletes an address of the container, which has no ip(8) of its own.
address() { nsenter -t "$leader" -n ip address "$1" 192.0.2.1/32 dev lo; }
