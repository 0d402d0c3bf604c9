#!/usr/bin/env bash
# Signs SHA256SUMS of a release that scripts/release.sh has built from this commit, and verifies it as `snailpass update` does.
#   scripts/sign-release.sh [FOLDER]   (default: dist/release)
# The secret key comes from outside and is never stored: SNAILPASS_SIGNING_KEY is the path of minisign's secret key file, for
# whose password minisign asks. Or SNAILPASS_SIGNING_COMMAND is a command that gets the path of SHA256SUMS and the trusted
# comment, and writes SHA256SUMS.minisig beside it, for example by a smart card.
set -euo pipefail
. "$(dirname "$0")/setup.sh"
. scripts/compile.sh
. scripts/targets.sh

into=${1:-dist/release}
[ -f "$into/SHA256SUMS" ] || fail "there is no release in $into" "build it with scripts/release.sh" 2
rm -f "$into/SHA256SUMS.minisig"
[ "$(wc -w <<<"$release_keys")" -eq 2 ] ||
  fail "the build has no two public keys" "set the current one and the spare one in scripts/release-settings.sh" 2

(cd "$into" && sha256sum --quiet -c SHA256SUMS) ||
  fail "the release in $into was changed" "build it again with scripts/release.sh"

version=$(bun -e "console.log((await import('./package.json')).default.version)")
comment="snailpass $version $(date -u -d "@$commit_time" +%F)"
if [ -n "${SNAILPASS_SIGNING_COMMAND:-}" ]; then
  sh -c "$SNAILPASS_SIGNING_COMMAND \"\$@\"" sh "$into/SHA256SUMS" "$comment"
elif [ -n "${SNAILPASS_SIGNING_KEY:-}" ]; then
  command -v minisign >/dev/null || fail "minisign is not installed" "install it with the system's package manager"
  minisign -S -s "$SNAILPASS_SIGNING_KEY" -m "$into/SHA256SUMS" -t "$comment" -c 'signature of a release of snailpass' >&2
else
  fail "no key to sign with" "set SNAILPASS_SIGNING_KEY or SNAILPASS_SIGNING_COMMAND" 2
fi

BUILD_RELEASE_KEYS=$release_keys bun scripts/verify-release.ts "$into" "$comment" || {
  rm -f "$into/SHA256SUMS.minisig"
  fail "the signature was removed" \
    "sign with the secret key of one of the public keys in scripts/release-settings.sh, and the trusted comment \"$comment\""
}
chmod 644 "$into/SHA256SUMS.minisig"
echo "release: signed as $comment" >&2
