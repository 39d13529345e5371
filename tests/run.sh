#!/bin/sh
# Builds and tests everything, on a machine that may have nothing installed.
#
#   sh tests/run.sh [--quick] [STAGE...]
#
# Stages, all by default, in this order:
#   plain     gcc, warnings are errors, in build/; every test but the lints
#   lints     the rules of the house (tests/lint), against build/
#   docs      the examples of the documentation (tests/docs)
#   clang     the same tests, built by clang
#   asan      gcc with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer
#   tsan      gcc with ThreadSanitizer; the suite "threads"
#   static    all plugins but the exporters linked into the library
#   install   an installation, with plugins and programs built against it
#
# --quick is "plain lints". Other build directories than build/ are in build-tests/; a second run
# builds only what changed. Missing packages are installed first, as root or with sudo.
# The last line is "N passed, N failed"; the status is 1 when anything failed or nothing ran.
set -u

usage() {
    sed -n '2,/^set -u/s/^# \{0,1\}//p' "$0"
}

all_stages='plain lints docs clang asan tsan static install'
stages=
for argument in "$@"; do
    case $argument in
    -h | --help)
        usage
        exit 0
        ;;
    --quick)
        stages="$stages plain lints"
        ;;
    plain | lints | docs | clang | asan | tsan | static | install)
        stages="$stages $argument"
        ;;
    *)
        echo "run.sh: unknown argument '$argument'" >&2
        usage >&2
        exit 2
        ;;
    esac
done
stages=${stages:-$all_stages}

root=$(cd "$(dirname "$0")/.." && pwd -P) || exit 1
cd "$root" || exit 1
plain=$root/build
others=$root/build-tests
export PYTHONDONTWRITEBYTECODE=1
unset DESTDIR
# Such variables would override the configurations of the tests.
for variable in $(env | sed -n 's/^\(MEMSTACHE_[A-Za-z0-9_]*\)=.*/\1/p'); do
    unset "$variable"
done

# shellcheck source=sdk/dependencies.sh
. "$root/sdk/dependencies.sh"
# shellcheck source=sdk/tree.sh
. "$root/sdk/tree.sh"

install_log=$(mktemp) || exit 1
if ! install_missing "$memstache_build_needs$memstache_test_needs" "$install_log"; then
    echo '0 passed, 1 failed'
    exit 1
fi
rm -f "$install_log"
become_owner "$root" "$root/tests/run.sh" "$@"
close_tree "$root" || echo 'tests that load plugins will fail'

# shellcheck source=tests/lib/results.sh
. "$root/tests/lib/results.sh"
# shellcheck source=tests/lib/build.sh
. "$root/tests/lib/build.sh"
# shellcheck source=tests/lib/sanitizer.sh
. "$root/tests/lib/sanitizer.sh"
export MEMSTACHE_RESULTS="$results"

# planted REPORTS DIR FAULT...: each program has a fault; the sanitizers of this build must tell.
planted() {
    planted_reports=$1
    planted_dir=$2
    shift 2
    for fault in "$@"; do
        check "planted fault is found: $fault" \
            sh tests/sanitizers/planted.sh "$planted_reports/$fault" "$planted_dir" "$fault"
    done
}

# run_sanitized NAME REPORTS DIR OPTION...: run_tests() with the sanitizers' reports in REPORTS.
run_sanitized() {
    (
        run_sanitized_name=$1
        sanitizer_environment "$2"
        shift 2
        test_wrapper=$sanitizer_wrapper
        run_tests "$run_sanitized_name" "$@"
    )
}

stage_plain() {
    title 'gcc, in build/'
    build gcc "$plain" -Dwerror=true -Dtests=true || return
    run_tests gcc "$plain" --no-suite lint
}

stage_lints() {
    title 'lints'
    [ -f "$plain/build.ninja" ] || build gcc "$plain" -Dwerror=true -Dtests=true || return
    # The sources can be judged even when they do not build.
    compile "$plain" || say 'build/ is not up to date: its build fails'
    run_tests lint "$plain" --suite lint --no-rebuild
}

stage_docs() {
    title 'examples of the documentation'
    if [ ! -f tests/docs/run.sh ]; then
        say 'there are none'
        return
    fi
    docs_lines=$(wc -l <"$results")
    docs_failed=$(count fail)
    sh tests/docs/run.sh "$plain" </dev/null
    docs_status=$?
    if [ "$docs_status" -ne 0 ] && [ "$(count fail)" -eq "$docs_failed" ]; then
        check 'docs: run.sh' test "$docs_status" -eq 0
    elif [ "$(wc -l <"$results")" -eq "$docs_lines" ]; then
        check 'docs: run.sh checks something' false
    fi
}

stage_clang() {
    title 'clang'
    (
        export CC=clang CXX=clang++
        build clang "$others/clang" -Dwerror=true -Dtests=true || exit
        run_tests clang "$others/clang" --no-suite lint
    )
}

stage_asan() {
    title 'AddressSanitizer, LeakSanitizer, UndefinedBehaviorSanitizer'
    build asan "$others/asan" -Dtests=true -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args=-fno-sanitize-recover=all -Dcpp_args=-fno-sanitize-recover=all || return
    planted "$scratch/planted" "$others/asan" use-after-free leak leak-in-criterion undefined
    run_sanitized asan "$scratch/asan" "$others/asan" --no-suite lint --timeout-multiplier 5
    check 'asan: no report from any process' no_reports "$scratch/asan"
}

stage_tsan() {
    title 'ThreadSanitizer'
    if ! configure "$others/tsan" -Dtests=true -Db_sanitize=thread -Db_lundef=false ||
        ! compile "$others/tsan" tests/sanitizers/race; then
        build tsan "$others/tsan" -Dtests=true -Db_sanitize=thread -Db_lundef=false || return
    fi
    planted "$scratch/planted" "$others/tsan" race
    run_sanitized tsan "$scratch/tsan" "$others/tsan" --suite threads --timeout-multiplier 10
}

stage_static() {
    title 'all plugins linked in'
    [ -f "$plain/build.ninja" ] || build gcc "$plain" -Dwerror=true -Dtests=true || return
    # Without the exporters: what `pkg-config --static` wants for libcurl and libmicrohttpd are
    # archives that Debian does not bring along with these.
    static_plugins=$(python3 -B tests/lib/plugins.py "$plain" | tr , '\n' | grep -v '^exporter_' |
        paste -sd, -)
    build static "$others/static" -Dtests=true "-Dstatic_plugins=$static_plugins" \
        -Dprometheus=disabled -Dotlp=disabled || return
    run_tests static "$others/static" --suite pipeline --suite unit
    check 'static: one program with everything in it' sh tests/install/static.sh "$others/static"
}

stage_install() {
    title 'installation'
    sh tests/install/run.sh "$others/install"
}

# In a function, so that the shell has read this file to its end before the first stage begins.
main() {
    start=$(date +%s)
    for stage in $stages; do
        case $stage in
        plain) stage_plain ;;
        lints) stage_lints ;;
        docs) stage_docs ;;
        clang) stage_clang ;;
        asan) stage_asan ;;
        tsan) stage_tsan ;;
        static) stage_static ;;
        install) stage_install ;;
        esac
    done

    title "$(($(date +%s) - start)) s"
    sed -n -e 's/^fail /   FAILED: /p' -e 's/^skip /   skipped: /p' "$results"
    echo "$(count pass) passed, $(count fail) failed"
    [ "$(count fail)" -eq 0 ] && [ "$(count pass)" -gt 0 ]
}

main; exit
