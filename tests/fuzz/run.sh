#!/bin/sh
# A fuzz target for long, with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
#
#   sh tests/fuzz/run.sh [SECONDS] [ARGUMENT...]
#
# Without SECONDS a minute. Arguments are libFuzzer's, such as -jobs=4, or a file to be run again.
# What was found to be interesting is kept in build-fuzz/corpus-memory, and what failed in
# build-fuzz/failed-memory-*. Needs clang. Exit status: 0 nothing was found.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd -P)
build=$root/build-fuzz
seconds=${1:-60}
[ $# -eq 0 ] || shift
if [ ! -f "$build/build.ninja" ]; then
    CC=clang CXX=clang++ meson setup "$build" "$root" --buildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link
fi
ninja -C "$build" tests/fuzz/libfuzzer_memory
mkdir -p "$build/corpus-memory"
exec "$build/tests/fuzz/libfuzzer_memory" -max_total_time="$seconds" -max_len=4000 -len_control=0 \
    -artifact_prefix="$build/failed-memory-" "$@" "$build/corpus-memory"
