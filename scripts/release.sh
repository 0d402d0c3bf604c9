#!/usr/bin/env bash
# Builds a release into dist/release: a tarball or zip file for each target, install.sh, an SBOM and SHA256SUMS.
#   scripts/release.sh [--only TARGET]... [--into FOLDER]
# The build is reproducible: the same commit always gives the same bytes.
set -euo pipefail
. "$(dirname "$0")/setup.sh"
. scripts/compile.sh

fail() {
  echo "error: $1" >&2
  echo "hint: $2" >&2
  exit "${3:-1}"
}

mapfile -t known < <(sed -n 's/^\([a-z][^ ]*\) .*/\1/p' scripts/runtimes.txt)
targets=()
into=dist/release
usage='scripts/release.sh [--only TARGET]... [--into FOLDER]'
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "unknown option $1, or its value is missing" "$usage" 2
  case $1 in
    --only)
      grep -q "^$2 " scripts/runtimes.txt || fail "unknown target $2" "choose from: ${known[*]}" 2
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
# The bytecode must come from the same patch of Bun as the runtime that executes it.
[ "$(bun --version)" = "$bun_version" ] || fail "Bun $bun_version is required" "put that version first on PATH"
case $commit in
  *-dirty | unknown) echo "warning: the checkout has uncommitted changes: do not publish this release" >&2 ;;
esac

version=$(bun -e "console.log((await import('./package.json')).default.version)")
time=$(git log -1 --format=%ct 2>/dev/null || echo 0)

# Prints the path of the Bun of the target $1, and downloads it if it is missing.
runtime_of() {
  local package integrity folder tarball found program
  read -r _ package integrity < <(grep "^$1 " scripts/runtimes.txt)
  folder=.bun/runtimes/$bun_version-$1
  if ! [ -d "$folder" ]; then
    mkdir -p .bun/runtimes
    rm -rf "$folder.new" && mkdir "$folder.new"
    echo "release: downloading $package@$bun_version with npm" >&2
    tarball=$folder.new/$(npm pack --silent --pack-destination "$folder.new" "$package@$bun_version") ||
      fail "can't download $package@$bun_version" "check that the npm registry can be reached"
    found=sha512-$(openssl dgst -sha512 -binary "$tarball" | openssl base64 -A)
    [ "$found" = "$integrity" ] ||
      fail "$package@$bun_version does not match scripts/runtimes.txt" "it was tampered with: do not use it"
    tar -xzf "$tarball" -C "$folder.new" --strip-components=1
    rm "$tarball"
    # Renamed once it is complete: after an interruption the next run downloads it again.
    mv "$folder.new" "$folder"
  fi
  for program in "$folder/bin/bun" "$folder/bin/bun.exe"; do
    [ -f "$program" ] && echo "$program" && return
  done
  fail "$package contains no Bun" "remove $folder and run this again"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
mkdir "$work/release" "$work/metafiles"

for target in "${targets[@]}"; do
  name=snailpass-$version-$target
  echo "release: $name" >&2
  runtime=$(runtime_of "$target")
  executable=snailpass
  [ "${target%%-*}" != windows ] || executable=snailpass.exe
  compile "$work/build-$target/$executable" --target="bun-$target" \
    --compile-executable-path="$runtime" --metafile="$work/metafiles/$target.json"

  mkdir "$work/$name"
  mv "$work/build-$target/$executable" "$work/$name/"
  rm -r "$work/build-$target"
  cp LICENSE README.md CHANGELOG.md "$work/$name/"
  chmod 755 "$work/$name" "$work/$name/$executable"
  chmod 644 "$work/$name"/*.md "$work/$name/LICENSE"
  find "$work/$name" -exec touch -d "@$time" {} +
  # gzip, since a minimal Debian can't unpack anything that compresses better.
  if [ "$executable" = snailpass ]; then
    tar -C "$work" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -cf - "$name" |
      gzip -n >"$work/release/$name.tar.gz"
  else
    # zip stores local times without their zone.
    (cd "$work" && TZ=UTC zip -qrX "release/$name.zip" "$name")
  fi
  rm -r "${work:?}/$name"
done

bun scripts/sbom.ts "$time" "$work/metafiles"/*.json >"$work/release/snailpass-$version.cdx.json"
cp install.sh "$work/release/"
(cd "$work/release" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)

rm -rf "$into"
mkdir -p "$(dirname "$into")"
mv "$work/release" "$into"
chmod 755 "$into"
echo "release: $into" >&2
(cd "$into" && ls -l) >&2
