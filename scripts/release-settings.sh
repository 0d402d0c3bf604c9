# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts that source it use them
# Where releases are, and who signs them. Sourced by the scripts that build: executables and install.sh have both built in.
# The environment replaces them for one build, as tests do. Without keys, `snailpass update` refuses everything.

# URL of the folder with the files of the newest release, such as https://example.org/snailpass/latest or
# https://github.com/OWNER/REPOSITORY/releases/latest/download.
releases_url=${RELEASES_URL-}

# The public keys of minisign (the lines that begin with RW), with a space between them: the current one and the spare one.
release_keys=${RELEASE_KEYS-}
