#!/bin/sh
# Installs SnailPass, or upgrades it: gets the executable for this machine, verifies it, and hands over to its
# `service install`. See --help.
set -eu

say_usage() {
  cat <<'END'
Usage: install.sh [options]

Installs SnailPass on this machine, or upgrades it.

  --from FOLDER|URL  the release; else the one that this script lies in, or the checkout
  --version VERSION  which version, where there are several
  --prefix FOLDER    everything below this folder, without root and without a service
  --no-service       do not have systemd run it
  --wait SECONDS     how long the server may take until it is ready
  --uninstall        take the service and the executable away; the data stays
  --purge            with --uninstall: take data, settings and user away as well
  --yes              with --purge: do not ask
  --help             print this help

Examples:
  sudo ./install.sh
  curl -fsSL https://example.org/snailpass/install.sh | sudo sh -s -- --from https://example.org/snailpass
  ./install.sh --prefix ~/snailpass
END
}

fail() {
  echo "error: $1" >&2
  echo "hint: $2" >&2
  exit "${3:-1}"
}

has() { command -v "$1" >/dev/null 2>&1; }

need() {
  for tool in "$@"; do
    has "$tool" || fail "$tool is missing" "install it with the system's packages, and run this again"
  done
}

from='' version='' prefix='' no_service='' wait='' uninstall='' purge='' yes=''
while [ $# -gt 0 ]; do
  case $1 in
    --from | --version | --prefix | --wait)
      [ -n "${2:-}" ] || fail "$1 takes a value" "see install.sh --help" 2
      case $1 in
        --from) from=$2 ;;
        --version) version=$2 ;;
        --prefix) prefix=$2 ;;
        --wait) wait=$2 ;;
      esac
      shift
      ;;
    --no-service) no_service=yes ;;
    --uninstall) uninstall=yes ;;
    --purge) purge=yes ;;
    --yes) yes=yes ;;
    --help) say_usage && exit ;;
    *) fail "there is no option $1" "see install.sh --help" 2 ;;
  esac
  shift
done

need uname id
if [ -z "$prefix" ] && [ "$(id -u)" -ne 0 ]; then
  fail "this takes root: it makes a user and a service" \
    "run it with sudo or, for an installation below a folder of your own, with --prefix FOLDER"
fi

if [ -n "$uninstall" ]; then
  installed=${prefix:-/usr/local}/bin/snailpass
  [ -x "$installed" ] || fail "snailpass is not installed at $installed" \
    "name its folder with --prefix if it was installed below one" 3
  exec "$installed" service uninstall ${prefix:+--prefix "$prefix"} ${purge:+--purge} ${yes:+--yes}
fi
[ -z "$purge" ] || fail "--purge goes with --uninstall alone" "see install.sh --help" 2

# The name of this machine's kind, as releases write it. Refuses those for which there is none.
target_of_this_machine() {
  os=$(uname -s)
  machine=$(uname -m)
  # A 64-bit kernel may carry a system of 32 bits, in which nothing of 64 bits runs.
  bits=$(getconf LONG_BIT 2>/dev/null || echo 64)
  case $machine in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    arm*) bits=32 ;;
    i?86) bits=32 ;;
    *) fail "there is no snailpass for this processor: $machine" "it runs on x86-64 and on 64-bit ARM" ;;
  esac
  case $machine:$bits in
    a*:32)
      fail "this system has 32 bits ($machine), and the runtime that snailpass is built on has none for 32-bit ARM" \
        "install a 64-bit Raspberry Pi OS, which runs on a Raspberry Pi 3, 4, 5 and Zero 2 W"
      ;;
    *:32) fail "this system has 32 bits, and there is no snailpass for it" "install a 64-bit system" ;;
  esac
  case $os in
    Darwin) echo "darwin-$cpu" && return ;;
    Linux) ;;
    *) fail "there is no snailpass for $os that this script could install" "it runs on Linux and macOS, and by hand on Windows" ;;
  esac
  target=linux-$cpu
  if getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
    :
  elif ldd --version 2>&1 | grep -qi musl || [ -n "$(ls /lib/ld-musl-*.so.1 2>/dev/null)" ]; then
    target=$target-musl
  fi
  if [ "$cpu" = x64 ] && ! grep -qw avx2 /proc/cpuinfo 2>/dev/null; then
    target=$target-baseline
  fi
  echo "$target"
}

here=$(dirname "$0")
checkout=''
if [ -z "$from" ]; then
  if [ -f "$here/SHA256SUMS" ]; then
    from=$here
  elif [ -f "$here/cli/main.ts" ] && [ -f "$here/scripts/build.sh" ]; then
    checkout=$here
  else
    fail "there is no release beside this script" "name its folder or URL with --from" 2
  fi
fi
target=$(target_of_this_machine)

work=''
# Removed however this ends: the executable has copied itself by then.
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Puts the file $1 of the release into the work folder.
fetch() {
  case $from in
    http://* | https://*)
      if has curl; then
        curl -fsSL "${from%/}/$1" -o "$work/$1"
      elif has wget; then
        wget -q "${from%/}/$1" -O "$work/$1"
      else
        fail "neither curl nor wget is here" "install one of them, and run this again"
      fi || fail "${from%/}/$1 can't be fetched" "see that the address is right and can be reached"
      ;;
    *)
      [ -f "$from/$1" ] || fail "$from has no $1" "name the folder of a release with --from"
      cp "$from/$1" "$work/$1"
      ;;
  esac
}

sha256_of() {
  if has sha256sum; then
    sha256sum "$1"
  else
    shasum -a 256 "$1"
  fi | sed 's/ .*//'
}

# The archive of the release for this machine, by the names in SHA256SUMS.
choose_archive() {
  names=$(sed -n "s/^[0-9a-f]\{64\} [ *]\(snailpass-[0-9][^ /]*-$target\.tar\.gz\)\$/\1/p" "$work/SHA256SUMS" |
    # linux-x64 must not take another kind's archive that ends alike.
    grep -E -- "^snailpass-[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?-$target\.tar\.gz\$" || true)
  if [ -n "$version" ]; then
    names=$(echo "$names" | grep -Fx -- "snailpass-$version-$target.tar.gz" || true)
  fi
  case $names in
    '')
      fail "$from has nothing for this machine: $target${version:+, version $version}" \
        "it has: $(sed -n 's/^[0-9a-f]* [ *]\(snailpass-.*\)\.tar\.gz$/\1/p' "$work/SHA256SUMS" | tr '\n' ' ')"
      ;;
    *'
'*) fail "$from has several versions" "choose one with --version: $(echo "$names" | tr '\n' ' ')" 2 ;;
  esac
  echo "$names"
}

if [ -n "$checkout" ]; then
  program=$checkout/dist/snailpass
  [ -x "$program" ] || "$checkout/scripts/build.sh"
else
  need mktemp rm cp sed grep tr tar gzip
  has sha256sum || has shasum || fail "sha256sum is missing" "install it with the system's packages (coreutils)"
  work=$(mktemp -d)
  fetch SHA256SUMS
  archive=$(choose_archive)
  echo "getting $archive" >&2
  fetch "$archive"
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$archive\$/\1/p" "$work/SHA256SUMS")
  found=$(sha256_of "$work/$archive")
  [ "$found" = "$expected" ] || fail "$archive is not what SHA256SUMS says: nothing of it was run" \
    "it was damaged or changed on its way: get it again, from where you trust"
  tar -xzf "$work/$archive" -C "$work"
  program=$work/${archive%.tar.gz}/snailpass
fi

if ! "$program" --version >/dev/null 2>&1; then
  case $target in
    *-musl*) fail "the executable does not run here" "install what it needs: apk add libstdc++ libgcc" ;;
    *) fail "the executable does not run here: $("$program" --version 2>&1 | head -n 1)" \
      "where the folder for temporary files may hold no programs, name another one with TMPDIR" ;;
  esac
fi
"$program" service install ${prefix:+--prefix "$prefix"} ${wait:+--wait "$wait"} ${no_service:+--no-service}
