#!/bin/sh
# Installs or upgrades SnailPass: gets the executable for this machine, verifies it, and runs its `service install`. See --help.
#
# Everything is a function, and the last line calls main: if a download of this script is cut off anywhere, nothing runs.
set -eu

# The public keys of minisign that sign releases, with a space between them. scripts/release.sh fills them in.
release_keys=''

print_usage() {
  cat <<'END'
Usage: install.sh [options]

Installs or upgrades SnailPass on this machine.

  --from FOLDER|URL  the release (default: the folder of this script); a URL has to be https, except on this machine
  --version VERSION  the version to install, if the release has several
  --prefix FOLDER    install below this folder, without root and without a service
  --no-service       do not set up a systemd service
  --wait SECONDS     how long the server may take to become ready
  --uninstall        remove the service and the executable; the data stays
  --purge            with --uninstall: also remove the data, the settings and the user
  --yes              with --purge: do not ask for confirmation
  --help             print this help

The script of a release contains its public keys, and installs nothing that they have not signed; that takes OpenSSL 3 or
minisign. If the script itself came from the same place as the release, anyone who controls that place can change both: compare
its keys with those of `snailpass version --keys` of an older version, or with a copy that you got another way.

Examples:
  sudo ./install.sh
  curl -fsSL https://example.org/snailpass/install.sh | sudo sh -s -- --from https://example.org/snailpass
  ./install.sh --prefix ~/snailpass
END
}

# Prints a text in one line, without control characters: a part of it may come from a server.
print_line() {
  printf '%s' "$1" | LC_ALL=C tr -d '\000-\037\177' >&2
  echo >&2
}

fail() {
  print_line "error: $1"
  print_line "hint: $2"
  exit "${3:-1}"
}

has() { command -v "$1" >/dev/null 2>&1; }

require_tools() {
  for tool in "$@"; do
    has "$tool" || fail "$tool is not installed" "install it with the system's package manager, and run this again"
  done
}

parse_options() {
  from='' version='' prefix='' no_service='' wait='' uninstall='' purge='' yes=''
  while [ $# -gt 0 ]; do
    case $1 in
      --from | --version | --prefix | --wait)
        [ -n "${2:-}" ] || fail "$1 needs a value" "see install.sh --help" 2
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
      --help) print_usage && exit ;;
      *) fail "unknown option $1" "see install.sh --help" 2 ;;
    esac
    shift
  done
}

# Runs the uninstallation of what is installed in place of this script.
run_uninstall() {
  installed=${prefix:-/usr/local}/bin/snailpass
  [ -x "$installed" ] || fail "snailpass is not installed at $installed" \
    "use --prefix if it was installed below a folder of your own" 3
  exec "$installed" service uninstall ${prefix:+--prefix "$prefix"} ${purge:+--purge} ${yes:+--yes}
}

# Prints the name of this machine's platform in a release. Fails if there is no executable for it.
target_of_this_machine() {
  os=$(uname -s)
  machine=$(uname -m)
  # A 64-bit kernel may run a 32-bit system, which can't run 64-bit programs.
  bits=$(getconf LONG_BIT 2>/dev/null || echo 64)
  case $machine in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    arm*) bits=32 ;;
    i?86) bits=32 ;;
    *) fail "this processor is not supported: $machine" "snailpass runs on x86-64 and on 64-bit ARM" ;;
  esac
  case $machine:$bits in
    a*:32)
      fail "32-bit ARM ($machine) is not supported: the runtime of snailpass needs a 64-bit system" \
        "install a 64-bit Raspberry Pi OS, which runs on a Raspberry Pi 3, 4, 5 and Zero 2 W"
      ;;
    *:32) fail "32-bit systems are not supported" "install a 64-bit system" ;;
  esac
  case $os in
    Darwin) echo "darwin-$cpu" && return ;;
    Linux) ;;
    *) fail "this script does not support $os" "it installs on Linux and macOS; on Windows, run snailpass.exe by hand" ;;
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

# Sets the release to install: that of --from, else that in the folder of this script, which may also be a checkout.
choose_release() {
  checkout=''
  case $from in
    *://*) require_safe_url "$from" ;;
  esac
  [ -z "$from" ] || return 0
  # A shell that reads this script from a pipe has another name, and its folder is that of the caller.
  here=''
  case ${0##*/} in
    *.sh) here=$(dirname "$0") ;;
  esac
  if [ -n "$here" ] && [ -f "$here/SHA256SUMS" ]; then
    from=$here
  elif [ -n "$here" ] && [ -f "$here/cli/main.ts" ] && [ -f "$here/scripts/build.sh" ]; then
    checkout=$here
  else
    fail "there is no release in the folder of this script" "pass its folder or URL with --from" 2
  fi
}

# Fails unless $1 is https, or http to this machine itself: on its way, anyone could change the release and SHA256SUMS.
require_safe_url() {
  authority=${1#*://}
  authority=${authority%%[/?#]*}
  case $1 in
    https://?*) return ;;
    http://*)
      case $authority in
        # The host comes behind it.
        *@*) ;;
        localhost | localhost:* | '[::1]' | '[::1]:'*) return ;;
        # A name can begin like the address.
        127.*) case ${authority%:*} in *[!0-9.]*) ;; *) return ;; esac ;;
      esac
      ;;
  esac
  fail "$1 is not an https URL: the release could be changed on its way" \
    "use https, or download the release by other means and pass its folder" 2
}

# Downloads $1 to $2. A redirect must not lead away from https.
download() {
  case $1 in
    https://*) protocols='=https' ;;
    *)
      protocols='=http'
      # A proxy is another machine.
      unset http_proxy all_proxy ALL_PROXY
      ;;
  esac
  if has curl; then
    curl -fsSLg --proto "$protocols" --proto-redir =https "$1" -o "$2"
  elif has wget; then
    download_by_wget "$1" "$2"
  else
    fail "neither curl nor wget is installed" "install one of them, and run this again"
  fi || fail "can't download $1" "check the address and the network"
}

# wget follows redirects to http, unless it follows none. That of busybox has no such option, and may check no certificate.
download_by_wget() {
  if wget --version 2>/dev/null | grep -q 'GNU Wget'; then
    wget -q --max-redirect=0 "$1" -O "$2"
    return
  fi
  case $1 in
    https://*) fail "this system's wget does not protect a download" "install curl, and run this again" ;;
  esac
  wget -q "$1" -O "$2"
}

# Copies or downloads the file $1 of the release into the work folder.
fetch() {
  case $from in
    *://*) download "${from%/}/$1" "$work/$1" ;;
    *)
      [ -f "$from/$1" ] || fail "there is no $1 in $from" "pass the folder of a release with --from"
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

# Prints bytes $2 to $3 of the file $1, counted from 1.
bytes() { tail -c "+$2" "$1" | head -c "$(($3 - $2 + 1))"; }

hex() { od -An -v -tx1 | tr -d ' \n'; }

# Decodes line $2 of the file $1 from base64 to the file $3, which must have $4 bytes then.
decode_line() {
  sed -n "$2p" "$1" | tr -d '\r\n' | openssl base64 -d -A >"$3" 2>/dev/null || true
  [ "$(wc -c <"$3" | tr -d ' ')" = "$4" ]
}

# Verifies that the Ed25519 key in the file $1 has signed the file $2 with the signature in the file $3, by OpenSSL 3.
verify_ed25519() {
  # What stands before the key in a SubjectPublicKeyInfo (RFC 8410).
  printf '\060\052\060\005\006\003\053\145\160\003\041\000' | cat - "$1" >"$work/key.der"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$2" -sigfile "$3" >/dev/null 2>&1
}

# Whether the key $1, as minisign prints it, has signed SHA256SUMS and the trusted comment. The form is that of minisign: "ED",
# the number of the key, and the signature of the BLAKE2b hash; then the signature of that signature and the comment.
is_signed_by() {
  sums=$work/SHA256SUMS
  echo "$1" >"$work/key.txt"
  decode_line "$work/key.txt" 1 "$work/key.bin" 42 || return 1
  decode_line "$sums.minisig" 2 "$work/signature.bin" 74 || return 1
  decode_line "$sums.minisig" 4 "$work/comment-signature.raw" 64 || return 1
  [ "$(bytes "$work/signature.bin" 1 2)" = ED ] || return 1
  [ "$(bytes "$work/signature.bin" 3 10 | hex)" = "$(bytes "$work/key.bin" 3 10 | hex)" ] || return 1
  bytes "$work/key.bin" 11 42 >"$work/key.raw"
  bytes "$work/signature.bin" 11 74 >"$work/signature.raw"
  openssl dgst -blake2b512 -binary "$sums" >"$work/hash.raw"
  verify_ed25519 "$work/key.raw" "$work/hash.raw" "$work/signature.raw" || return 1
  printf '%s' "$comment" | cat "$work/signature.raw" - >"$work/signed.raw"
  verify_ed25519 "$work/key.raw" "$work/signed.raw" "$work/comment-signature.raw"
}

# Whether one of the keys has signed SHA256SUMS, by what this system has.
is_signed() {
  for key in $release_keys; do
    case $checker in
      openssl) is_signed_by "$key" && return ;;
      minisign) minisign -V -q -H -P "$key" -m "$work/SHA256SUMS" >/dev/null 2>&1 && return ;;
    esac
  done
  return 1
}

# Verifies the signature of SHA256SUMS, and sets `signed_version` to the version that it is for. Fails without it.
verify_signature() {
  require_tools head tail od wc cat
  case $(openssl version 2>/dev/null) in
    'OpenSSL '[012].*) checker='' ;;
    'OpenSSL '*) checker=openssl ;;
    # LibreSSL can't verify Ed25519.
    *) checker='' ;;
  esac
  [ -n "$checker" ] || ! has minisign || checker=minisign
  [ -n "$checker" ] || fail "neither OpenSSL 3 nor minisign is installed, so the release can't be verified; nothing was installed" \
    "install openssl or minisign with the system's package manager, and run this again"
  fetch SHA256SUMS.minisig
  comment=$(sed -n '3s/^trusted comment: //p' "$work/SHA256SUMS.minisig" | tr -d '\r')
  is_signed || fail "the signature of the release is not valid; nothing was installed" \
    "it was damaged or tampered with, or is signed with other keys than this script knows: get both again from a source that you trust"
  signed_version=$(echo "$comment" | sed -n 's/^snailpass \([0-9][0-9A-Za-z.-]*\) [0-9-]*$/\1/p')
  [ -n "$signed_version" ] || fail "what is signed is not a release of snailpass: $comment" "check the address of the release"
  [ "${version:-$signed_version}" = "$signed_version" ] ||
    fail "the release in $from is version $signed_version, not $version" "pass the place of that version with --from"
  version=$signed_version
}

# Prints the name of the tarball for this machine, which SHA256SUMS lists.
choose_tarball() {
  names=$(sed -n "s/^[0-9a-f]\{64\} [ *]\(snailpass-[0-9][^ /]*-$target\.tar\.gz\)\$/\1/p" "$work/SHA256SUMS" |
    # linux-x64 must not match the tarball of another platform whose name ends the same way.
    grep -E -- "^snailpass-[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?-$target\.tar\.gz\$" || true)
  if [ -n "$version" ]; then
    names=$(echo "$names" | grep -Fx -- "snailpass-$version-$target.tar.gz" || true)
  fi
  case $names in
    '')
      fail "the release in $from does not support this machine: $target${version:+, version $version}" \
        "it contains: $(sed -n 's/^[0-9a-f]* [ *]\(snailpass-[0-9A-Za-z._-]*\)\.tar\.gz$/\1/p' "$work/SHA256SUMS" | tr '\n' ' ')"
      ;;
    *'
'*) fail "the release in $from has several versions" "choose one with --version: $(echo "$names" | tr '\n' ' ')" 2 ;;
  esac
  echo "$names"
}

# Gets the executable for this machine and sets its path.
get_program() {
  if [ -n "$checkout" ]; then
    program=$checkout/dist/snailpass
    [ -x "$program" ] || "$checkout/scripts/build.sh"
  else
    require_tools mktemp rm cp sed grep tr tar gzip
    has sha256sum || has shasum || fail "sha256sum is not installed" "install it with the system's package manager (coreutils)"
    work=$(mktemp -d)
    fetch SHA256SUMS
    [ -z "$release_keys" ] || verify_signature
    tarball=$(choose_tarball)
    echo "getting $tarball" >&2
    fetch "$tarball"
    expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$tarball\$/\1/p" "$work/SHA256SUMS")
    found=$(sha256_of "$work/$tarball")
    [ "$found" = "$expected" ] || fail "$tarball does not match SHA256SUMS; nothing was installed" \
      "it was damaged or tampered with: download it again from a source that you trust"
    if [ -n "$release_keys" ]; then
      print_line "$tarball matches SHA256SUMS, whose signature is valid"
    else
      echo "$tarball matches SHA256SUMS, which comes from the same place: it is not damaged, but that does not show who made it" >&2
    fi
    tar -xzf "$work/$tarball" -C "$work"
    program=$work/${tarball%.tar.gz}/snailpass
  fi
}

# Fails if the executable does not run here.
require_running() {
  if ! "$program" --version >/dev/null 2>&1; then
    case $target in
      *-musl*) fail "the executable does not run on this system" "install the libraries that it needs: apk add libstdc++ libgcc" ;;
      *) fail "the executable does not run on this system: $("$program" --version 2>&1 | head -n 1)" \
        "if programs may not run in the folder for temporary files, set TMPDIR to another folder" ;;
    esac
  fi
}

main() {
  parse_options "$@"
  require_tools uname id
  if [ -z "$prefix" ] && [ "$(id -u)" -ne 0 ]; then
    fail "root is required" \
      "run it with sudo, or install below a folder of your own with --prefix FOLDER"
  fi
  if [ -n "$uninstall" ]; then
    run_uninstall
  fi
  [ -z "$purge" ] || fail "--purge works only with --uninstall" "see install.sh --help" 2
  choose_release
  target=$(target_of_this_machine)

  work=''
  # The folder is removed in any case: the executable has copied itself by then.
  trap '[ -z "$work" ] || rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  get_program
  require_running
  "$program" service install ${prefix:+--prefix "$prefix"} ${wait:+--wait "$wait"} ${no_service:+--no-service}
}

# In braces: without the last one, the shell runs nothing of this line.
{ main "$@"; }
