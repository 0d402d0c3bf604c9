# Sourced by test-install.sh. Creates what the container sees as /mnt: the script and release of this version, and later versions.

target=linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
# What install.sh chooses: on an old processor it is another one.
package=$target
if [ "$target" = linux-x64 ] && ! grep -qw avx2 /proc/cpuinfo; then package=$target-baseline; fi
version=$(bun -e "console.log((await import('./package.json')).default.version)")

# Creates a release in the folder $1 with the executable $2, as version $3 for the platform $4.
create_release() {
  local name=snailpass-$3-$4
  mkdir -p "$1" "$work/$name"
  cp "$2" "$work/$name/snailpass"
  tar -C "$work" -I 'gzip -1' -cf "$1/$name.tar.gz" "$name"
  rm -r "${work:?}/$name"
  (cd "$1" && sha256sum "$name.tar.gz" >SHA256SUMS)
}

# Creates the release $1 with the executable $2 as version $3, signed with the key $4.
create_signed_release() {
  create_release "$work/share/$1" "$2" "$3" "$target"
  minisign -S -s "$work/$4" -m "$work/share/$1/SHA256SUMS" -t "snailpass $3 2026-12-01" >/dev/null
}

create_releases() {
  create_release "$work/share" dist/snailpass "$version" "$package"
  cp install.sh "$work/share/"
  cp test/data/unit-of-0.1.0.service "$work/share/unit-of-0.1.0"

  # A release of the later version, signed with a key that only this run has; one with another signature, and one that is older,
  # of which nothing should run.
  (cd "$work" && minisign -G -W -p pub -s key >/dev/null && minisign -G -W -p other.pub -s other >/dev/null)
  local keys
  keys=$(tail -n 1 "$work/pub")
  bun -e "import { buildNextVersion } from './test/support/next-version'; await buildNextVersion('$work/share/next', '$keys')"
  RELEASE_KEYS=$keys bash -c '. scripts/compile.sh && compile "$0"' "$work/share/keyed"
  create_signed_release update "$work/share/next" 99.0.0 key
  create_signed_release forged /bin/true 99.0.0 other
  create_signed_release older /bin/true 0.0.1 key
  chmod 755 "$work/share"
}
