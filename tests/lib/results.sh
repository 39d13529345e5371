# shellcheck shell=sh disable=SC2034,SC2154  # sourced: names come from and go to others
# How shell tests report: one line per check in the file $results, "pass|fail|skip NAME", counted
# by tests/run.sh. A script that is run on its own makes a file of its own.
#
# After sourcing: $scratch is a directory of this process, removed at its end.

scratch=$(mktemp -d "${TMPDIR:-/tmp}/memstache-tests.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
results=${MEMSTACHE_RESULTS:-$scratch/results}
[ -f "$results" ] || : >"$results"

title() {
    printf '\n== %s\n' "$*"
}

say() {
    printf '   %s\n' "$*"
}

# record pass|fail|skip NAME
record() {
    printf '%s %s\n' "$1" "$2" >>"$results"
}

# show_tail FILE [LINES]: the end of a log, indented.
show_tail() {
    tail -n "${2:-40}" "$1" | sed 's/^/      | /'
}

# check NAME COMMAND...: passes when the command does; its output is shown when it does not.
# Returns the status of the command.
check() {
    check_name=$1
    shift
    "$@" >"$scratch/check.log" 2>&1 </dev/null
    check_status=$?
    case $check_status in
    0)
        record pass "$check_name"
        ;;
    77)
        say "skipped: $check_name: $(tail -n 1 "$scratch/check.log")"
        record skip "$check_name"
        ;;
    *)
        say "FAILED: $check_name (status $check_status)"
        show_tail "$scratch/check.log"
        record fail "$check_name"
        ;;
    esac
    return "$check_status"
}

# count pass|fail|skip: how many of them, so far.
count() {
    grep -c "^$1 " "$results"
}
