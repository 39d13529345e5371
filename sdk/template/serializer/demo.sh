#!/bin/sh
# demo.sh - a program with objects, in a cache that stores them by the plugin as it was built here.
set -eu

MEMSTACHE_PLUGIN_PATH=.:build:${MEMSTACHE_PLUGIN_PATH-}
export MEMSTACHE_PLUGIN_PATH

memstache --config skeleton.ini plugin list
# What pkg-config says are several words.
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra demo.c -o demo $(pkg-config --cflags --libs memstache) \
    "-Wl,-rpath,$(pkg-config --variable=libdir memstache)"
./demo
