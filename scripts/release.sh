#!/usr/bin/env bash
# Builds a release into dist/release: a tarball or zip file for each target, install.sh, an SBOM and SHA256SUMS.
#   scripts/release.sh [--only TARGET]... [--into FOLDER]
# The build is reproducible: the same commit always gives the same bytes. With SNAILPASS_SIGNING_KEY or SNAILPASS_SIGNING_COMMAND
# it is signed as well: see scripts/sign-release.sh, which does that later or elsewhere, too.
set -euo pipefail
. "$(dirname "$0")/setup.sh"
. scripts/compile.sh
. scripts/targets.sh

mapfile -t known < <(sed -n 's/^\([a-z][^ ]*\) .*/\1/p' scripts/runtimes.txt)
targets=()
into=dist/release
usage='scripts/release.sh [--only TARGET]... [--into FOLDER]'
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "unknown option $1, or its value is missing" "$usage" 2
  case $1 in
    --only)
      require_target "$2"
      targets+=("$2")
      ;;
    --into) into=$2 ;;
    *) fail "unknown option $1" "$usage" 2 ;;
  esac
  shift 2
done
[ ${#targets[@]} -gt 0 ] || targets=("${known[@]}")

for tool in npm tar gzip zip sha256sum openssl; do
  command -v "$tool" >/dev/null || fail "$tool is not installed" "install it with the system's package manager"
done
case $commit in
  *-dirty | unknown) echo "warning: the checkout has uncommitted changes: do not publish this release" >&2 ;;
esac

[ -n "$release_keys" ] ||
  echo "warning: scripts/release-settings.sh has no public keys: nobody can verify this release, and its executables can't update" >&2

version=$(bun -e "console.log((await import('./package.json')).default.version)")
time=$(git log -1 --format=%ct 2>/dev/null || echo 0)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
mkdir "$work/release" "$work/metafiles"

for target in "${targets[@]}"; do
  name=snailpass-$version-$target
  echo "release: $name" >&2
  executable=snailpass
  [ "${target%%-*}" != windows ] || executable=snailpass.exe
  compile_for "$target" "$work/build-$target/$executable" --metafile="$work/metafiles/$target.json"

  mkdir "$work/$name"
  mv "$work/build-$target/$executable" "$work/$name/"
  rm -r "$work/build-$target"
  cp -R LICENSE ./*.md docs "$work/$name/"
  sed -i "s#RELEASE-URL#${releases_url:-RELEASE-URL}#g" "$work/$name/README.md" "$work/$name/docs/install.md"
  chmod -R u=rwX,go=rX "$work/$name"
  chmod 755 "$work/$name/$executable"
  find "$work/$name" -exec touch -d "@$time" {} +
  # gzip, since a minimal Debian can't unpack anything that compresses better.
  if [ "$executable" = snailpass ]; then
    tar -C "$work" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" |
      gzip -n >"$work/release/$name.tar.gz"
  else
    # zip stores local times without their zone, and folders in the order of the file system.
    (cd "$work" && find "$name" | LC_ALL=C sort | TZ=UTC zip -qX "release/$name.zip" -@)
  fi
  rm -r "${work:?}/$name"
done

# What is in that script comes from packages, too.
bun build src/web/vault/main.tsx --target=browser --production --minify --outfile="$work/vault.js" \
  --metafile="$work/metafiles/vault.json" >/dev/null
bun scripts/sbom.ts "$time" "$work/metafiles"/*.json >"$work/release/snailpass-$version.cdx.json"
sed "s#^release_keys=''\$#release_keys='$release_keys'#" install.sh >"$work/release/install.sh"
chmod 755 "$work/release/install.sh"
# The script of the web vault as every executable serves it: the page shows its hash, which SHA256SUMS has, too.
bun -e "process.stdout.write((await import('./src/web/vault-files')).vaultScript.bytes())" \
  >"$work/release/snailpass-$version-vault.js"
(cd "$work/release" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)

rm -rf "$into"
mkdir -p "$(dirname "$into")"
mv "$work/release" "$into"
chmod 755 "$into"
echo "release: $into" >&2
(cd "$into" && ls -l) >&2

if [ -n "${SNAILPASS_SIGNING_KEY:-}${SNAILPASS_SIGNING_COMMAND:-}" ]; then
  scripts/sign-release.sh "$into"
elif [ -n "$release_keys" ]; then
  echo "warning: the release is not signed, so nothing installs it: scripts/sign-release.sh $into" >&2
fi
