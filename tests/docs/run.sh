#!/bin/sh
# run.sh BUILD|PREFIX - tries what the documentation says: compiles and runs its examples, checks its
# configurations, links and names. README.md beside this file tells how examples are marked.
#
# Works with a build directory (which is installed into a temporary one first, so that examples see
# what their readers see) or with the prefix of an installation. The last line is
# "N passed, N failed"; the status is 1 when anything failed.
set -u

if [ $# -ne 1 ] || [ ! -d "$1" ]; then
    echo 'usage: sh tests/docs/run.sh BUILD|PREFIX' >&2
    exit 2
fi
given=$(cd "$1" && pwd -P) || exit 1
root=$(cd "$(dirname "$0")/../.." && pwd -P) || exit 1
export PYTHONDONTWRITEBYTECODE=1
umask 022 # plugins are not loaded from places where others can write

# shellcheck source=tests/lib/results.sh
. "$root/tests/lib/results.sh"

# The environment of the caller is not part of any example.
for variable in $(env | sed -n 's/^\(MEMSTACHE_[A-Za-z0-9_]*\)=.*/\1/p'); do
    unset "$variable"
done
unset DESTDIR CFLAGS CPPFLAGS LDFLAGS PKG_CONFIG_SYSROOT_DIR

# installed_prefix: where the build directory went, with pkg-config files that say so.
installed_prefix() {
    meson install -C "$given" --destdir "$scratch/installed" \
        >"$scratch/install.log" 2>&1 || {
        show_tail "$scratch/install.log" >&2
        return 1
    }
    here=$(find "$scratch/installed" -name memstache.pc | sed 's|/lib[^/]*/.*||; q')
    find "$here" -name 'memstache*.pc' -exec sed -i "s|^prefix=.*|prefix=$here|" {} +
    echo "$here"
}

if [ -f "$given/build.ninja" ]; then
    FILETREE=$given/sdk/examples/filetree
    export FILETREE
    prefix=$(installed_prefix) || {
        record fail 'docs: meson install'
        echo '0 passed, 1 failed'
        exit 1
    }
else
    prefix=$given
fi
found=$(find "$prefix/" -name memstache.pc | sed q)
if [ -z "$found" ]; then
    echo "run.sh: $given is neither a build directory nor the prefix of an installation" >&2
    exit 2
fi
PKG_CONFIG_PATH=$(dirname "$found")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
LD_LIBRARY_PATH=$(pkg-config --variable=libdir memstache)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
MEMSTACHE_PLUGIN_PATH=$(pkg-config --variable=plugindir memstache)
PATH=$prefix/bin:$PATH
export LD_LIBRARY_PATH MEMSTACHE_PLUGIN_PATH PATH

python3 -B "$root/tests/docs/docs.py" "$root" "$scratch/pages" "$results"
