#!/bin/sh
# demo.sh - a cache under load, and what the exporter, as it was built here, wrote about it.
set -eu

MEMSTACHE_PLUGIN_PATH=.:build:${MEMSTACHE_PLUGIN_PATH-}
export MEMSTACHE_PLUGIN_PATH

memstache --config skeleton.ini plugin list
memstache --config skeleton.ini bench --workload mixed --seconds 1
grep -E '^(memstache_requests|skeleton_spans) ' skeleton.txt
rm skeleton.txt
