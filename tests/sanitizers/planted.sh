#!/bin/sh
# planted.sh REPORTS BUILD FAULT - a sanitizer build must notice the fault that is planted in a
# program, in the way in which tests/run.sh watches the real tests.
set -u

reports=$1
program=$2/tests/sanitizers/$3
case $3 in
use-after-free) expected='heap-use-after-free' ;;
leak | leak-in-criterion) expected='LeakSanitizer: detected memory leaks' ;;
undefined) expected='runtime error: signed integer overflow' ;;
race) expected='ThreadSanitizer: data race' ;;
*) exit 2 ;;
esac

# shellcheck source=tests/lib/sanitizer.sh
. "$(dirname "$0")/../lib/sanitizer.sh"
sanitizer_environment "$reports"

# The wrapper is a command with its arguments.
# shellcheck disable=SC2086
output=$($sanitizer_wrapper "$program" 2>&1)
status=$?
if [ $status -eq 0 ] && no_reports "$reports" >/dev/null; then
    echo "$3 went unnoticed: status 0, no report"
    printf '%s\n' "$output"
    exit 1
fi
if ! { printf '%s\n' "$output" && reports_in "$reports"; } | grep -q "$expected"; then
    echo "$3: status $status, but nothing says '$expected'"
    printf '%s\n' "$output"
    exit 1
fi
