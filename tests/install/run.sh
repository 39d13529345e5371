#!/bin/sh
# run.sh [BUILD] - installs memstache below the build directory and uses it as others would: plugins
# and programs are built against the installation, with what pkg-config says and nothing else.
set -u

root=$(cd "$(dirname "$0")/../.." && pwd -P) || exit 1
here=$root/tests/install
build=${1:-$root/build-tests/install}
mkdir -p "$build" || exit 1
build=$(cd "$build" && pwd -P)
prefix=$build/installed
work=$build/out-of-tree

# shellcheck source=tests/lib/results.sh
. "$root/tests/lib/results.sh"
# shellcheck source=tests/lib/build.sh
. "$root/tests/lib/build.sh"
warnings='-Wall -Wextra -Werror'

install_it() {
    rm -rf "$prefix" "$work"
    mkdir -p "$work/plugins"
    meson install -C "$build" --no-rebuild
}

# The list of installed files is what the sources say it should be, no more and no less.
file_list() {
    {
        echo bin/memstache
        echo lib/libmemstache.a
        echo lib/libmemstache.so
        echo "lib/libmemstache.so.$abi_major"
        echo lib/pkgconfig/memstache.pc
        echo lib/pkgconfig/memstache-plugin.pc
        echo share/memstache/memstache.ini
        (cd "$root/sdk/include" && find memstache -name '*.h' | sed 's|^|include/|')
        (cd "$root/sdk/man" 2>/dev/null && find . -name '*.[1-9]' |
            sed 's|^\./\(.*\)\.\([1-9]\)$|share/man/man\2/\1.\2|')
        python3 -B "$root/tests/lib/plugins.py" "$build" | tr ',' '\n' |
            sed 's|.*|lib/memstache/plugins/&.so|'
    } | sort >"$work/expected"
    (cd "$prefix" && find . ! -type d | sed 's|^\./||') | sort >"$work/installed"
    diff "$work/expected" "$work/installed"
}

soname() {
    readelf -d "$prefix/lib/libmemstache.so" | grep -F "[libmemstache.so.$abi_major]"
}

# same NAME EXPECTED ACTUAL
same() {
    [ "$2" = "$3" ] && return
    echo "$1: expected '$2', found '$3'"
    return 1
}

pkg_config_variables() {
    plugin_dir=$prefix/lib/memstache/plugins
    same version "$(pkg-config --modversion memstache)" "$version" &&
        same version "$(pkg-config --modversion memstache-plugin)" "$version" &&
        same plugindir "$plugin_dir" "$(pkg-config --variable=plugindir memstache)" &&
        same plugindir "$plugin_dir" "$(pkg-config --variable=plugindir memstache-plugin)" &&
        same abi_version "$abi_major.$abi_minor" \
            "$(pkg-config --variable=abi_version memstache-plugin)" &&
        same 'libraries of a plugin' '' "$(pkg-config --libs memstache-plugin | tr -d ' ')"
}

# The words of pkg-config and of $warnings are arguments: not quoted from here on.
# shellcheck disable=SC2046,SC2086
build_plugins() {
    cc -std=c11 $warnings -Wpedantic -fPIC -shared -fvisibility=hidden -Wl,-z,defs \
        $(pkg-config --cflags memstache-plugin) \
        "$here/plugin/eviction_lifo.c" -o "$work/plugins/eviction_lifo.so" &&
        cc -std=c11 $warnings -Wpedantic -fPIC -shared -fvisibility=hidden -O2 -Wl,-z,defs \
            $(pkg-config --cflags memstache-plugin) \
            "$root/sdk/examples/plugins/eviction_mysieve.c" \
            -o "$work/plugins/eviction_mysieve.so" &&
        c++ -std=c++17 $warnings -Wpedantic -fPIC -shared -fvisibility=hidden -Wl,-z,defs \
            $(pkg-config --cflags memstache-plugin) \
            "$here/plugin/compressor_runs.cc" -o "$work/plugins/compressor_runs.so"
}

plugin_symbols() {
    for plugin in "$work"/plugins/*.so "$prefix"/lib/memstache/plugins/*.so; do
        same "$plugin" memstache_module \
            "$(nm -D --defined-only --format=posix "$plugin" | cut -d ' ' -f 1 | tr '\n' ' ' |
                sed 's/ $//')" || return
    done
}

# shellcheck disable=SC2046,SC2086
build_hosts() {
    cc -std=c11 $warnings $(pkg-config --cflags memstache) "$here/host.c" -o "$work/host-c" \
        $(pkg-config --libs memstache) "-Wl,-rpath,$prefix/lib" &&
        c++ -std=c++17 $warnings $(pkg-config --cflags memstache) "$here/host.cc" \
            -o "$work/host-cc" $(pkg-config --libs memstache) "-Wl,-rpath,$prefix/lib"
}

# The library from its archive, and what it needs from pkg-config --static.
# shellcheck disable=SC2046,SC2086
build_static_host() {
    cc -std=c11 $warnings $(pkg-config --cflags memstache) "$here/host.c" -o "$work/host-static" \
        $(pkg-config --static --libs memstache | sed 's/-lmemstache/-l:libmemstache.a/') || return
    if ldd "$work/host-static" | grep memstache; then
        echo 'the program still needs the shared library'
        return 1
    fi
}

write_config() {
    cat >"$work/host.ini" <<END
[plugins]
path = $work/plugins

[cache]
tiers = memory
compressor = runs

[compressor.runs]
min_size = 64B

[provider.memory]
max_bytes = 64KiB
hold = sealed
eviction = lifo
END
}

# The two plugins come from the directory, work, and everything that is there is right: under
# "newest first" the oldest entries are those that survive.
run_host() {
    "$1" "$work/host.ini" >"$work/output" || return
    cat "$work/output"
    grep -Fx "eviction.lifo $work/plugins/eviction_lifo.so" "$work/output" &&
        grep -Fx "compressor.runs $work/plugins/compressor_runs.so" "$work/output" &&
        grep -E "^provider.memory $prefix/lib/memstache/plugins/|\(linked in\)" "$work/output" &&
        grep -E '^hits [1-9][0-9]* of 4000, [1-9][0-9]* of the first 200$' "$work/output" &&
        grep -E '^compressed [1-9]' "$work/output"
}

# The prefix is none of the places that the dynamic linker knows.
installed_command() {
    LD_LIBRARY_PATH=$prefix/lib "$prefix/bin/memstache" "$@"
}

command_runs() {
    installed_command version | grep -F "$version"
}

# The policy of the examples runs a cache, and keeps what the one that it retells keeps.
example_policy() {
    sed 's/= lifo/= mysieve/' "$work/host.ini" >"$work/mysieve.ini" &&
        "$work/host-c" "$work/mysieve.ini" >"$work/output" && cat "$work/output" &&
        grep -Fx "eviction.mysieve $work/plugins/eviction_mysieve.so" "$work/output" &&
        grep -E '^hits [1-9][0-9]* of 4000' "$work/output" &&
        awk 'BEGIN { for (i = 0; i < 5000; i++) print i % 3 ? i * i % 97 : i }' >"$work/trace" &&
        installed_command --set "plugins.path=$work/plugins" simulate --trace "$work/trace" \
            --policies sieve,mysieve --sizes 10,50 >"$work/output" && cat "$work/output" || return
    for size in 10 50; do
        same "hits with $size" "$(awk -v n=$size '$1 == "sieve" && $2 == n { print $3 }' "$work/output")" \
            "$(awk -v n=$size '$1 == "mysieve" && $2 == n { print $3 }' "$work/output")" || return
    done
    grep -E '^mysieve +50 +[1-9]' "$work/output"
}

# A plugin that is copied to the plugin directory is found there by its name.
dropped_in() {
    cp "$work/plugins/eviction_lifo.so" "$(pkg-config --variable=plugindir memstache)" &&
        printf '[provider.memory]\neviction = lifo\n' >"$work/dropped.ini" &&
        installed_command --config "$work/dropped.ini" plugin list | grep lifo
}

# What authors of plugins do: authors.py tells.
authors() {
    python3 -B "$here/authors.py" "$prefix" "$work" "$@"
}

uninstalled() {
    meson devenv -C "$build" memstache version | grep -F "$version"
}

if ! build install "$build" "-Dprefix=$prefix" -Dlibdir=lib -Dtests=false -Dbuildtype=release; then
    exit 1
fi
version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$root/meson.build" | head -n 1)
abi_major=$(sed -n "s/^abi_major = '\(.*\)'/\1/p" "$root/meson.build")
abi_minor=$(sed -n "s/^abi_minor = '\(.*\)'/\1/p" "$root/meson.build")
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"

check 'install: meson install' install_it || exit 1
check 'install: the files' file_list
check 'install: SONAME' soname
check 'install: pkg-config' pkg_config_variables
check 'install: plugins in C and C++' build_plugins
check 'install: a plugin exports one symbol' plugin_symbols
check 'install: programs in C and C++' build_hosts
check 'install: a program with the static library' build_static_host
write_config
check 'install: run the program in C' run_host "$work/host-c"
check 'install: run the program in C++' "$work/host-cc" "$work/host.ini"
check 'install: run the program with the static library' run_host "$work/host-static"
check 'install: memstache version' command_runs
check 'install: the policy of the examples' example_policy
check 'install: a plugin dropped in' dropped_in
check 'install: uninstalled use' uninstalled
for template in "$root"/sdk/template/*/*_skeleton.c; do
    kind=$(basename "$(dirname "$template")")
    check "install: plugin new $kind" authors new "$kind" &&
        say "$(grep "^$kind: .* commands: " "$scratch/check.log")"
    check "install: plugin new $kind, by Meson" authors meson "$kind"
done
check 'install: the example plugins' authors examples
say "checks: $(grep -c '^pass install:' "$results") passed," \
    "$(grep -c '^fail install:' "$results") failed"
! grep -q '^fail install:' "$results"
