#!/bin/sh
# Load on a cache while its servers and connections are killed, paused, reset, swallowed and delayed.
#
#   sh tests/chaos/run.sh [--cluster | --sentinel] [SECONDS]
#
# Without SECONDS a minute. Uses, and brings up to date, the build directory build/, or the one that
# MEMSTACHE_BUILD_ROOT names. Exit status: 0 all held, 1 something did not, 77 no redis-server.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd -P)
build=${MEMSTACHE_BUILD_ROOT:-$root/build}
if [ ! -f "$build/build.ninja" ]; then
    echo "There is no build in $build: meson setup $build" >&2
    exit 1
fi
ninja -C "$build" >/dev/null
MEMSTACHE_PLUGIN_PATH=$build/plugins exec "$build/tests/chaos/chaos" "$@"
