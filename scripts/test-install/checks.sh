# Sourced by test-install.sh. What the subjects check the container with.

passed=0
settings=/etc/snailpass/snailpass.env

# Runs the other arguments as a command in the container. Fails unless its exit code is $1. Sets `output`.
expect() {
  local code=$1 found=0
  shift
  output=$(inside "$@" 2>&1) || found=$?
  if [ "$found" -ne "$code" ]; then
    printf 'FAILED: %s: exit code %s instead of %s\n%s\n' "$*" "$found" "$code" "$output" >&2
    exit 1
  fi
  passed=$((passed + 1))
}

says() {
  case $output in
    *"$1"*) passed=$((passed + 1)) ;;
    *) printf 'FAILED: "%s" is not in:\n%s\n' "$1" "$output" >&2 && exit 1 ;;
  esac
}

# Fails unless the command succeeds within 20 seconds.
eventually() {
  local _
  for _ in $(seq 100); do
    if inside "$@" >/dev/null 2>&1; then break; fi
    sleep 0.2
  done
  expect 0 "$@"
}

# Whether the property $1 of the service has the value $2.
property() {
  expect 0 systemctl show -P "$1" snailpass
  [ "$output" = "$2" ] && return
  printf 'FAILED: %s is %s instead of %s\n' "$1" "$output" "$2" >&2
  exit 1
}

# Replaces the settings by the lines $1.
set_settings() { expect 0 sh -c "printf '%b' 'SNAILPASS_DATA_DIR=/var/lib/snailpass\n$1' >$settings"; }
