#!/usr/bin/env bash
# Sourced by the other scripts. Puts a suitable Bun on PATH and installs the packages of bun.lock.
# It uses the machine's Bun if that is new enough, else installs one into .bun/ with npm, else with Bun's own installer.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bun_version=1.4.5

# Whether the command $1 runs and is a Bun of this version, or a later patch of the same minor version.
fits() {
  local found
  found=$("$1" --version 2>/dev/null) || return 1
  [ "${found%.*}" = "${bun_version%.*}" ] && [ "${found##*.}" -ge "${bun_version##*.}" ] 2>/dev/null
}

local_bun="$PWD/.bun/bin/bun"

install_bun_with_npm() {
  command -v npm >/dev/null || return 1
  echo "setup: installing Bun $bun_version with npm into .bun/" >&2
  npm install --prefix .bun --no-save --no-audit --no-fund --loglevel=error "bun@$bun_version" >&2 || return 1
  # npm leaves a stub if it does not run install scripts.
  fits .bun/node_modules/.bin/bun || (cd .bun/node_modules/bun && node install.js >&2) || return 1
  mkdir -p .bun/bin && ln -sf ../node_modules/.bin/bun "$local_bun"
}

install_bun_with_its_installer() {
  command -v curl >/dev/null || return 1
  echo "setup: installing Bun $bun_version with its installer into .bun/" >&2
  curl -fsSL https://bun.sh/install | BUN_INSTALL="$PWD/.bun" SHELL=/bin/sh bash -s "bun-v$bun_version" >&2
}

if fits bun; then
  :
elif fits "$local_bun" || { install_bun_with_npm && fits "$local_bun"; } ||
  { install_bun_with_its_installer && fits "$local_bun"; }; then
  PATH="$PWD/.bun/bin:$PATH"
else
  echo "error: can't install Bun $bun_version" >&2
  echo "hint: install npm, or curl and unzip, or Bun itself (https://bun.sh), and run this again" >&2
  exit 1
fi
export PATH

if ! bun install --frozen-lockfile --silent; then
  echo "error: can't install the packages of bun.lock" >&2
  echo "hint: check that the npm registry can be reached; \`bun install\` prints the reason" >&2
  exit 1
fi
