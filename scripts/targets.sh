# shellcheck shell=bash
# Sourced after compile.sh by the scripts that build executables for the targets of a release, which scripts/runtimes.txt lists.

fail() {
  echo "error: $1" >&2
  echo "hint: $2" >&2
  exit "${3:-1}"
}

# Fails unless $1 is a target.
require_target() {
  local known
  mapfile -t known < <(sed -n 's/^\([a-z][^ ]*\) .*/\1/p' scripts/runtimes.txt)
  grep -q "^$1 " scripts/runtimes.txt || fail "unknown target $1" "choose from: ${known[*]}" 2
}

# Prints the path of the Bun of the target $1, and downloads it if it is missing.
runtime_of() {
  local package integrity folder draft tarball found program
  # The bytecode must come from the same patch of Bun as the runtime that executes it.
  # shellcheck disable=SC2154 # setup.sh sets it
  [ "$(bun --version)" = "$bun_version" ] || fail "Bun $bun_version is required" "put that version first on PATH"
  read -r _ package integrity < <(grep "^$1 " scripts/runtimes.txt)
  folder=.bun/runtimes/$bun_version-$1
  if ! [ -d "$folder" ]; then
    draft=$folder.$$.new
    mkdir -p .bun/runtimes "$draft"
    echo "downloading $package@$bun_version with npm" >&2
    tarball=$draft/$(npm pack --silent --pack-destination "$draft" "$package@$bun_version") ||
      fail "can't download $package@$bun_version" "check that the npm registry can be reached"
    found=sha512-$(openssl dgst -sha512 -binary "$tarball" | openssl base64 -A)
    [ "$found" = "$integrity" ] ||
      fail "$package@$bun_version does not match scripts/runtimes.txt" "it was tampered with: do not use it"
    tar -xzf "$tarball" -C "$draft" --strip-components=1
    rm "$tarball"
    # Renamed once it is complete: after an interruption the next run downloads it again.
    if [ -d "$folder" ]; then rm -rf "$draft"; else mv "$draft" "$folder"; fi
  fi
  for program in "$folder/bin/bun" "$folder/bin/bun.exe"; do
    [ -f "$program" ] && echo "$program" && return
  done
  fail "$package contains no Bun" "remove $folder and run this again"
}

# Builds the executable $2 for the target $1. Further arguments are passed to `bun build`.
compile_for() {
  local target=$1 executable=$2 runtime
  shift 2
  runtime=$(runtime_of "$target")
  compile "$executable" --target="bun-$target" --compile-executable-path="$runtime" \
    --define "BUILD_TARGET=\"$target\"" "$@"
}
