# Sourced by test-install.sh. Creates what the container sees as /mnt: the script and release of this version, and later versions.

target=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
version=$(bun -e "console.log((await import('./package.json')).default.version)")

# Adds the executable $2 as version $3 to the release in the folder $1, for the platforms behind it.
add_to_release() {
  local folder=$1 executable=$2 release_version=$3 platform name
  shift 3
  mkdir -p "$folder"
  for platform in "$@"; do
    name=snailpass-$release_version-$platform
    mkdir "$work/$name" && cp "$executable" "$work/$name/snailpass"
    tar -C "$work" -I 'gzip -1' -cf "$folder/$name.tar.gz" "$name"
    rm -r "${work:?}/$name"
  done
  (cd "$folder" && sha256sum ./*.tar.gz | sed 's# \./# #' >SHA256SUMS)
}

# Creates the release $1 of version $2, signed with the key $3.
create_signed_release() {
  add_to_release "$work/share/$1" "$work/share/next" "$2" "$target"
  minisign -S -s "$work/$3" -m "$work/share/$1/SHA256SUMS" -t "snailpass $2 2026-12-01" >/dev/null
}

create_releases() {
  # Under both names, since the processor may be an old one.
  add_to_release "$work/share" dist/snailpass "$version" "$target" "$target-baseline"
  cp install.sh "$work/share/"
  cp test/data/unit-of-0.1.0.service "$work/share/unit-of-0.1.0"

  # A release of the later version, signed with a key that only this run has; one with another signature, and one that is older.
  (cd "$work" && minisign -G -W -p pub -s key >/dev/null && minisign -G -W -p other.pub -s other >/dev/null)
  local keys
  keys=$(tail -n 1 "$work/pub")
  bun -e "import { buildNextVersion } from './test/support/next-version'; await buildNextVersion('$work/share/next', '$keys')"
  RELEASE_KEYS=$keys bash -c '. scripts/compile.sh && compile "$0"' "$work/share/keyed"
  create_signed_release update 99.0.0 key
  create_signed_release forged 99.0.0 other
  create_signed_release older 0.0.1 key
  chmod 755 "$work/share"
}
