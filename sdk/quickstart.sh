#!/bin/sh
# From a clean clone to real data going through the cache: installs what is missing, builds, and
# puts a directory tree of real files behind get_or_load (sdk/examples/filetree.c).
#
#   sh sdk/quickstart.sh [DIRECTORY]      default: /usr/include
#
# Safe to run again, and from any directory. Installing needs root or sudo, and only the first time.
set -u

usage() {
    sed -n '2,7s/^# \{0,1\}//p' "$0"
}

case ${1-} in
-h | --help)
    usage
    exit 0
    ;;
-*)
    usage >&2
    exit 2
    ;;
esac
if [ $# -gt 1 ]; then
    usage >&2
    exit 2
fi

# The default may come with the packages that are still to be installed.
directory=${1:-/usr/include}
if [ $# -eq 1 ]; then
    if [ ! -d "$directory" ] || [ ! -r "$directory" ]; then
        echo "quickstart: $directory is not a directory that can be read" >&2
        exit 2
    fi
    directory=$(cd "$directory" && pwd -P) || exit 2
fi
root=$(cd "$(dirname "$0")/.." && pwd -P) || exit 1
build=$root/build
logs=$build/quickstart-logs

# shellcheck source=sdk/dependencies.sh
. "$root/sdk/dependencies.sh"
# shellcheck source=sdk/tree.sh
. "$root/sdk/tree.sh"

# step TEXT COMMAND...: run it quietly; its output is shown only when it fails.
step() {
    step_text=$1
    step_log=$logs/$(printf '%s' "$1" | tr -c 'a-z\n' '-').log
    shift
    printf '%s ...\n' "$step_text"
    if ! "$@" >"$step_log" 2>&1; then
        tail -n 40 "$step_log" >&2
        echo "quickstart: $step_text failed; the whole output is in $step_log" >&2
        exit 1
    fi
}

install_log=$(mktemp) || exit 1
install_missing "$memstache_build_needs" "$install_log" || exit 1
rm -f "$install_log"
become_owner "$root" "$root/sdk/quickstart.sh" "$directory"
close_tree "$root" || exit 1
mkdir -p "$logs" || exit 1

# A build directory that is already there keeps its options; ninja brings it up to date.
if [ ! -f "$build/build.ninja" ]; then
    step 'configuring' meson setup -Dtests=false "$build" "$root"
fi
step 'building' ninja -C "$build"

echo
MEMSTACHE_PLUGIN_PATH=$build/plugins exec "$build/sdk/examples/filetree" \
    "$root/sdk/examples/filetree.ini" "$directory"
