#!/bin/sh
# static.sh BUILD - a program that holds the whole of memstache: the archive of a build in which all
# plugins are linked in (-Dstatic_plugins=...), and no file to load at run time.
set -eu

build=$(cd "$1" && pwd -P)
here=$(cd "$(dirname "$0")" && pwd -P)
work=$build/static-program
rm -rf "$work"
mkdir -p "$work"

meson install -C "$build" --no-rebuild --quiet --destdir "$work"
prefix=$(find "$work" -name memstache.pc | sed 's|/lib[^/]*/.*||; q')
PKG_CONFIG_PATH=$(dirname "$(find "$work" -name memstache.pc)")
export PKG_CONFIG_PATH

# The words of pkg-config are arguments.
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Werror "$here/host.c" -o "$work/host" \
    $(pkg-config "--define-variable=prefix=$prefix" --static --cflags --libs memstache |
        sed 's/-lmemstache/-l:libmemstache.a/')
if ldd "$work/host" | grep memstache; then
    echo 'the program still needs the shared library' >&2
    exit 1
fi

cat >"$work/host.ini" <<END
[cache]
tiers = memory
compressor = brotli

[provider.memory]
max_bytes = 64KiB
hold = sealed
eviction = lru
END
"$work/host" "$work/host.ini" | tee "$work/output"
for section in provider.memory eviction.lru compressor.brotli; do
    grep -qFx "$section (linked in)" "$work/output"
done
grep -qE '^hits [1-9]' "$work/output"
if find "$work" -name '*.so' -path '*/plugins/*' | grep .; then
    echo 'modules were installed beside plugins that are linked in' >&2
    exit 1
fi
