# shellcheck shell=bash
# Sourced after setup.sh by the scripts that build executables. Defines `compile`, the one way to build them.

# `unknown` without git or outside of a checkout.
commit=$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)

# The time of the commit in seconds since 1970: the same commit gives the same bytes. 0 if it is unknown.
commit_time=$(git log -1 --format=%ct 2>/dev/null || echo 0)

# shellcheck source=scripts/release-settings.sh
. scripts/release-settings.sh

# Builds the executable $1. Further arguments are passed to `bun build`.
#
# Without the --no-compile-autoload options the executable would obey the .env, bunfig.toml, tsconfig.json and
# package.json of the folder that it is started in. Elysia needs file-type for uploads only, which this server does not
# have; leaving it out saves half a megabyte. With --splitting, what is imported late (`await import`) is in chunks of its own,
# which cost nothing before; without it, a start takes a quarter more. cli/jit.ts says what the JIT policy is for.
compile() {
  local executable=$1
  shift
  bun build ./cli/main.ts --compile --outfile "$executable" \
    --production --minify --bytecode --format=esm --sourcemap --splitting --compile-jit-policy=100 \
    --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
    --no-compile-autoload-tsconfig --no-compile-autoload-package-json \
    --external file-type \
    --define "BUILD_COMMIT=\"$commit\"" --define "BUILD_TIME=$commit_time" \
    --define "BUILD_RELEASES=\"$releases_url\"" --define "BUILD_RELEASE_KEYS=\"$release_keys\"" "$@" >&2
  # The executable contains its source map. Bun leaves copies of it beside, under other names with each change.
  rm -f "$executable.map" "$(dirname "$executable")"/*.js.map
}
