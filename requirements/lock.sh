#!/bin/sh
# Rewrites the four lock files: every version pinned, every archive by its hashes, no index address.
# Needs pip-tools on PATH (LOCK_WITH names another). Call as: make lock
set -eu
cd "$(dirname "$0")/.."
compile() {
    CUSTOM_COMPILE_COMMAND="make lock" "${LOCK_WITH:-pip-compile}" --quiet --generate-hashes --no-emit-index-url \
        --no-emit-trusted-host --no-emit-find-links --strip-extras --allow-unsafe --resolver=backtracking "$@"
}
compile --output-file requirements/runtime.txt pyproject.toml
# The build back end is part of the lock: the project itself is installed without build isolation.
compile --extra dev --output-file requirements/dev.txt pyproject.toml requirements/build.in
# The back end alone, for an installation of the gate and nothing else.
compile --constraint requirements/dev.txt --output-file requirements/build.txt requirements/build.in
# Key services: their clients and what stands in for them, never another version of what dev.txt holds.
compile --extra aws --extra azure --extra gcp --extra pkcs11 --output-file requirements/servers.txt pyproject.toml requirements/servers.in
