# shellcheck shell=bash
# Sourced by the scripts that build executables, after setup.sh: how one is built, in one place.

# Where git is missing, or this is no checkout, the version stands alone.
commit=$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)

# Builds the executable $1; further arguments go to `bun build`.
#
# Without the --no-compile-autoload options the executable would take orders from the .env, bunfig.toml,
# tsconfig.json and package.json of whatever folder it is started in. Elysia loads file-type for uploads, of which
# there are none here: it would be half a megabyte for nothing.
compile() {
  local executable=$1
  shift
  bun build ./cli/main.ts --compile --outfile "$executable" \
    --production --minify --bytecode --format=esm --sourcemap \
    --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
    --no-compile-autoload-tsconfig --no-compile-autoload-package-json \
    --external file-type \
    --define "BUILD_COMMIT=\"$commit\"" "$@" >&2
}
