#!/bin/sh
# demo.sh - a cache under load, with the plugin as it was built here.
set -eu

MEMSTACHE_PLUGIN_PATH=.:build:${MEMSTACHE_PLUGIN_PATH-}
export MEMSTACHE_PLUGIN_PATH

memstache --config skeleton.ini plugin list
memstache --config skeleton.ini bench --workload mixed --seconds 1
