# Sourced by test-install.sh. What the subjects check the container with.

passed=0
settings=/etc/snailpass/snailpass.env

# Ends the test with what was expected.
fail() {
  printf 'FAILED: %s\n' "$1" >&2
  exit 1
}

# Runs the other arguments as a command in the container. Fails unless its exit code is $1. Sets `output`.
expect() {
  local code=$1 found=0
  shift
  output=$(inside "$@" 2>&1) || found=$?
  [ "$found" -eq "$code" ] || fail "$*: exit code $found instead of $code
$output"
  passed=$((passed + 1))
}

# Fails unless the last output has the text $1.
says() {
  case $output in
    *"$1"*) passed=$((passed + 1)) ;;
    *) fail "\"$1\" is not in:
$output" ;;
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

# Fails if one of these paths exists.
missing() { expect 0 sh -c 'for path; do if [ -e "$path" ]; then echo "$path exists" && exit 1; fi; done' sh "$@"; }

# Fails unless the property $1 of the service has the value $2.
property() {
  expect 0 systemctl show -P "$1" snailpass
  [ "$output" = "$2" ] || fail "$1 is $output instead of $2"
}

# Notes the process of the service. `was_not_stopped` fails if it is another one since.
note_process() {
  expect 0 systemctl show -P MainPID snailpass
  pid=$output
}
was_not_stopped() { property MainPID "$pid"; }

# Fails unless the service is ready, and of the version $1.
runs() {
  expect 0 snailpass service status
  says "snailpass $1 "
}

# Fails unless the journal has the text $2 in a line of the service with the priority $1.
logged() { eventually sh -c "journalctl -u snailpass -p $1..$1 -o cat | grep -qF '$2'"; }

# Adds an account. `has_user` fails if it was lost since.
add_user() { expect 0 sh -c 'echo a-long-password | snailpass user add owner@example.org --password-stdin'; }
has_user() {
  expect 0 snailpass user list
  says owner@example.org
}

# Replaces the settings by the lines $1.
set_settings() { expect 0 sh -c "printf '%b' 'SNAILPASS_DATA_DIR=/var/lib/snailpass\n$1' >$settings"; }

# Has the later version fail in a way that test/support/next-version.ts names; not at all without a name.
set_fault() { expect 0 sh -c "rm -f /etc/snailpass/FAULT; [ -z '$1' ] || { printf '$1' >/etc/snailpass/FAULT && chmod 644 /etc/snailpass/FAULT; }"; }

# Like `expect`, on a terminal, where it types $2 when it is asked to confirm.
expect_on_terminal() {
  local code=$1 answer=$2 found=0 typed=$work/typed shown=$work/shown session _
  shift 2
  rm -f "$typed"
  mkfifo "$typed"
  : >"$shown"
  inside script -qefc "$*" /dev/null <"$typed" >"$shown" 2>&1 &
  session=$!
  exec 3>"$typed"
  for _ in $(seq 100); do
    if grep -q ' to continue: ' "$shown"; then break; fi
    sleep 0.1
  done
  printf '%s\r' "$answer" >&3
  wait "$session" || found=$?
  exec 3>&-
  output=$(cat "$shown")
  [ "$found" -eq "$code" ] || fail "$* on a terminal: exit code $found instead of $code
$output"
  passed=$((passed + 1))
}
