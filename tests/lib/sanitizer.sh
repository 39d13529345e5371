# shellcheck shell=sh disable=SC2034,SC2154  # sourced: names come from and go to others
# Running under the sanitizers so that nothing they find is lost.
#
# Criterion runs each test in a child and drops what LeakSanitizer finds there, and a data race as
# well: the exit status stays 0. So every report goes to a file, and a file is a failure; and the
# first race ends the process.

# Sanitizers of older compilers lose their way under the wide address randomisation of newer
# kernels; where the kernel lets us, we go without.
sanitizer_wrapper=
if setarch "$(uname -m)" -R true 2>/dev/null; then
    sanitizer_wrapper="setarch $(uname -m) -R"
fi

# sanitizer_environment REPORTS: for this process and its children. The directory gets a file for
# each process that had something to report. (ThreadSanitizer cannot write to files when Criterion
# forks, its reports stay in the output.)
sanitizer_environment() {
    mkdir -p "$1"
    export ASAN_OPTIONS="log_path=$1/report:detect_leaks=1:detect_stack_use_after_return=1"
    export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
    export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1"
}

# reports_in REPORTS: print them.
reports_in() {
    find "$1" -type f -size +0 -exec cat {} + 2>/dev/null
}

# no_reports REPORTS: fails when there is one. Prints how the first of them begin.
no_reports() {
    if ! reports_in "$1" | grep -q .; then
        return 0
    fi
    find "$1" -type f -size +0 | sed 5q | while read -r report; do
        grep -e 'ERROR:' -e '^ *#[0-9] ' "$report" | sed 9q
    done
    echo "$(find "$1" -type f -size +0 | wc -l) processes had something to report"
    return 1
}
