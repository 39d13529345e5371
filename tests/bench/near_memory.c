/* near_memory - what entries of 16 bytes of key and 100 of value occupy, by the resident memory of
 * this process, which does nothing else. What it occupied before it opened the cache is taken off,
 * and so is what keys and values take themselves: the rest is what the cache adds to each entry.
 *
 * `reported` is what the tier says it takes, by the same reckoning. The yardsticks are other
 * programs: near_peers.py fills memcached and Redis with the same. */
#include <stdio.h>

#include "near.h"

int main(int argc, char **argv)
{
    near_options o = {.program = "near_memory", .entries = 1000000, .rounds = 1};
    near_cache near;
    uint64_t entries = 0, bytes = 0;
    near_read_options(&o, argc, argv);
    uint64_t before = near_resident();
    near_open(&near, &o, o.entries * 512 + (64u << 20), 0);
    near_fill(&near, 0, o.entries);
    uint64_t after = near_resident();
    if (!near_figure(&near, "entries", &entries) || !near_figure(&near, "bytes", &bytes) ||
        entries != o.entries || after <= before) {
        near_fail("near_memory: the cache holds %.0f entries", (double) entries);
    }
    double n = (double) o.entries, grown = (double) (after - before);
    near_line_begin(&o, &near);
    near_line_number("resident_bytes", grown);
    near_line_number("reported_bytes", (double) bytes);
    near_line_number("resident_over", grown / n - NEAR_KEY - NEAR_VALUE);
    near_line_number("reported_over", (double) bytes / n - NEAR_KEY - NEAR_VALUE);
    near_line_end();
    near_close(&near);
    return 0;
}
