# shellcheck shell=sh disable=SC2034,SC2154  # sourced: names come from and go to others
# What has to be installed, for sdk/quickstart.sh and tests/run.sh: the one place that lists it.
#
# One row per Debian package: its name, and how to tell that what it brings is there. Asking for the
# thing and not for the package means that a compiler or a library from elsewhere counts as well,
# and that a machine which has everything never calls apt.

memstache_build_needs='
gcc                 command   gcc
libc6-dev           header    stdio.h
meson               command   meson
ninja-build         command   ninja
pkg-config          command   pkg-config
libuv1-dev          library   libuv
libinih-dev         library   inih
libxxhash-dev       library   libxxhash
libbrotli-dev       library   libbrotlienc
libzstd-dev         library   libzstd
liblz4-dev          library   liblz4
zlib1g-dev          library   zlib
libprotobuf-c-dev   library   libprotobuf-c
libjansson-dev      library   jansson
libmsgpack-dev      header    msgpack/unpack_define.h
libhiredis-dev      library   hiredis
libssl-dev          library   openssl
libmicrohttpd-dev   library   libmicrohttpd
libcurl4-openssl-dev library  libcurl
protobuf-compiler   command   protoc
protobuf-c-compiler command   protoc-gen-c
'

memstache_test_needs='
g++                 command   g++
clang               command   clang++
libclang-rt-dev     runtime   fuzzer
clang-format        command   clang-format
libcriterion-dev    library   criterion
nodejs              command   node
npm                 command   npm
python3             command   python3
python3-msgpack     module    msgpack
binutils            command   nm
shellcheck          command   shellcheck
mandoc              command   mandoc
doxygen             command   doxygen
xz-utils            command   xz
zstd                command   zstd
lz4                 command   lz4
gzip                command   gunzip
libsqlite3-dev      library   sqlite3
libjson-c-dev       library   json-c
make                command   make
redis-server        command   redis-server
openssl             command   openssl
prometheus          command   prometheus
'

# have KIND NAME: is it there?
have() {
    case $1 in
    command)
        command -v "$2" >/dev/null 2>&1
        ;;
    header)
        printf '#include <%s>\n' "$2" | gcc -E -x c - >/dev/null 2>&1
        ;;
    module) # a package is for Debian's own Python, which need not be the first one
        { python3 -c "import $2" || /usr/bin/python3 -c "import $2"; } >/dev/null 2>&1
        ;;
    library)
        pkg-config --exists "$2" 2>/dev/null
        ;;
    runtime)
        have_resources=$(clang -print-resource-dir 2>/dev/null) &&
            find "$have_resources/lib/" -name "libclang_rt.$2*" 2>/dev/null | grep -q .
        ;;
    esac
}

# missing_packages NEEDS: the packages of the rows whose thing is not there, in one line.
missing_packages() {
    printf '%s\n' "$1" | while read -r missing_package missing_kind missing_name; do
        if [ -n "$missing_package" ] && ! have "$missing_kind" "$missing_name"; then
            printf '%s ' "$missing_package"
        fi
    done
}

# as_root COMMAND...: run it as root; fails when there is no way to.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        return 1
    fi
}

# install_missing NEEDS LOG: install what is not there. Says what it does; explains itself on
# standard error, and returns 1, when something is still missing in the end.
install_missing() {
    install_list=$(missing_packages "$1")
    if [ -z "$install_list" ]; then
        return 0
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "There is no apt-get here. Please install what these Debian packages hold:" >&2
        echo "  $install_list" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        echo "Neither root nor sudo. Please have somebody run:" >&2
        echo "  apt-get install --no-install-recommends $install_list" >&2
        return 1
    fi
    echo "installing: $install_list"
    # An update that fails for one of several sources may still leave what is needed.
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update >"$2" 2>&1 || :
    # The list is split into its words on purpose.
    # shellcheck disable=SC2086
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends $install_list >>"$2" 2>&1; then
        tail -n 20 "$2" >&2
        echo "apt-get failed; its whole output is in $2" >&2
        return 1
    fi
    install_list=$(missing_packages "$1")
    if [ -n "$install_list" ]; then
        echo "Installed, but what they should hold is not found: $install_list" >&2
        return 1
    fi
}
