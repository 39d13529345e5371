# shellcheck shell=sh
# Making a source tree fit for loading plugins from its build directory: the loader refuses files
# that belong to somebody else, or that others could exchange (core/plugin/trust.c).

# become_owner TREE SCRIPT ARGUMENT...: as root in somebody else's tree (sudo, or a container with a
# mounted tree), run the script again as the owner of the tree, who then owns what is built as well.
# Returns when there is nothing to do, or no way to.
become_owner() {
    tree_uid=$(stat -c %u "$1")
    tree_gid=$(stat -c %g "$1")
    shift
    if [ "$(id -u)" -ne 0 ] || [ "$tree_uid" -eq 0 ]; then
        return 0
    fi
    set -- setpriv "--reuid=$tree_uid" "--regid=$tree_gid" --clear-groups sh "$@"
    if setpriv "--reuid=$tree_uid" "--regid=$tree_gid" --clear-groups true 2>/dev/null; then
        echo "going on as user $tree_uid, who owns the tree"
        exec "$@"
    fi
}

# others_can_write FILE: by its group or by everybody; a sticky directory does not count.
others_can_write() {
    case $(stat -L -c %A "$1" 2>/dev/null) in
    *[tT]) return 1 ;;
    ?????w????* | ????????w?) return 0 ;;
    esac
    return 1
}

# close_tree TREE: nobody else can write to the tree and its build directory. Fails, with the
# remedy, when others can write to a directory above it.
close_tree() {
    umask go-w
    for tree_part in "$1" "$1/build" "$1/build/plugins" "$1"/build/plugins/*.so; do
        if others_can_write "$tree_part"; then
            chmod go-w "$tree_part" && echo "now writable by its owner only: $tree_part"
        fi
    done
    tree_open=
    tree_part=$1
    while [ "$tree_part" != / ]; do
        tree_part=$(dirname "$tree_part")
        if others_can_write "$tree_part"; then
            tree_open="$tree_open $tree_part"
        fi
    done
    if [ -n "$tree_open" ]; then
        echo "Others can write to directories above; plugins are not loaded from there. Either" >&2
        echo "clone to another place, or: chmod go-w$tree_open" >&2
        return 1
    fi
}
