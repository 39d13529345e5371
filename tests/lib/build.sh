# shellcheck shell=sh disable=SC2034,SC2154  # sourced: names come from and go to others
# Building and testing with Meson: configure once, rebuild what changed, count what meson counted.
# Needs results.sh; $root is the source tree.

jobs=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN || echo 2)

# configure DIR OPTION...: a build directory with these options (-Dname=value), whatever was there.
configure() {
    configure_dir=$1
    shift
    if [ ! -f "$configure_dir/build.ninja" ]; then
        set -- meson setup "$@" "$configure_dir" "$root"
    elif python3 -B "$root/tests/lib/options.py" "$configure_dir" "$@"; then
        return 0
    else
        set -- meson setup --reconfigure "$@" "$configure_dir" "$root"
    fi
    say "configuring $configure_dir"
    "$@" >"$scratch/configure.log" 2>&1 </dev/null
}

# compile DIR [TARGET...]
compile() {
    compile_start=$(date +%s)
    ninja -k 20 -C "$@" >"$scratch/compile.log" 2>&1 </dev/null
    compile_status=$?
    compile_seconds=$(($(date +%s) - compile_start))
    if [ "$compile_seconds" -gt 1 ]; then
        say "built in $compile_seconds s"
    fi
    return $compile_status
}

# build NAME DIR OPTION...: configure and compile; a failure is a failed check, with its log.
build() {
    build_name=$1
    shift
    if ! configure "$@"; then
        say "FAILED: $build_name: configuring $1"
        show_tail "$scratch/configure.log" 12
        record fail "$build_name: configure"
        return 1
    fi
    if ! compile "$1"; then
        say "FAILED: $build_name: building $1"
        if grep -A 15 -e '^FAILED' -e ' error: ' -e ' ERROR: ' "$scratch/compile.log" \
            >"$scratch/compile.errors"; then
            head -n 60 "$scratch/compile.errors" | sed 's/^/      | /'
        else
            show_tail "$scratch/compile.log"
        fi
        record fail "$build_name: build"
        return 1
    fi
    record pass "$build_name: build"
}

# run_tests NAME DIR OPTION...: `meson test` with these options; each of its tests is counted.
# What they need is built first when it is not there.
run_tests() {
    run_name=$1
    run_dir=$2
    shift 2
    run_log=$run_dir/meson-logs/testlog.json
    rm -f "$run_log"
    # The wrapper is a command with its arguments, or nothing.
    # shellcheck disable=SC2086
    ${test_wrapper-} meson test -C "$run_dir" --num-processes "$jobs" "$@" \
        >"$scratch/test.log" 2>&1 </dev/null
    run_status=$?
    if [ ! -s "$run_log" ]; then
        say "FAILED: $run_name: meson ran no test"
        show_tail "$scratch/test.log"
        record fail "$run_name: meson test"
        return 1
    fi
    python3 -B "$root/tests/lib/testlog.py" "$run_name" "$run_log" "$results"
    run_failed=$?
    # Whatever meson itself found wrong, beyond the tests that it lists.
    if [ $run_status -ne 0 ] && [ $run_failed -eq 0 ]; then
        say "FAILED: $run_name: meson test ended with status $run_status"
        show_tail "$scratch/test.log" 15
        record fail "$run_name: meson test"
        return 1
    fi
    return $run_failed
}
