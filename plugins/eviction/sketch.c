/* sketch.c - see sketch.h. The four counters of a key lie in four pairs of words of one cache line.
 */
#include "sketch.h"

#include <stdbool.h>
#include <string.h>

enum { WORDS = 8, ROWS = 4, COUNTER_BITS = 4, COUNTER_MAX = 15, HALVE_AFTER = 10 };

#define LOW_BITS 0x1111111111111111u
#define HALVES 0x7777777777777777u

uint64_t sketch_footprint(const sketch *s)
{
    return (s->block_mask + 1) * WORDS * sizeof *s->blocks;
}

mst_status sketch_init(sketch *s, const mst_host *host, uint64_t keys)
{
    uint64_t blocks = 1;
    while (blocks * WORDS < keys) {
        blocks *= 2;
    }
    *s = (sketch){.block_mask = blocks - 1, .halve_at = HALVE_AFTER * (keys ? keys : 1)};
    size_t size = (size_t) sketch_footprint(s);
    s->blocks = host->alloc(host, size);
    if (!s->blocks) {
        return MST_ENOMEM;
    }
    memset(s->blocks, 0, size);
    return MST_OK;
}

void sketch_fini(sketch *s, const mst_host *host)
{
    host->free(host, s->blocks);
    s->blocks = NULL;
}

/* The word of the key's counter in a row, and where in it. */
static uint64_t *counter(const sketch *s, uint32_t trace, int row, unsigned *shift)
{
    uint64_t x = trace * 0x9e3779b97f4a7c15u;
    uint64_t *block = s->blocks + (x >> 40 & s->block_mask) * WORDS;
    unsigned part = x >> row * 8 & 0xff;
    *shift = (part & 15) * COUNTER_BITS;
    return block + row * 2 + (part >> 4 & 1);
}

static void halve(sketch *s)
{
    uint64_t odd = 0;
    for (uint64_t i = 0; i < (s->block_mask + 1) * WORDS; i++) {
        odd += (unsigned) __builtin_popcountll(s->blocks[i] & LOW_BITS);
        s->blocks[i] = s->blocks[i] >> 1 & HALVES;
    }
    s->added = (s->added - odd / ROWS) / 2;
}

void sketch_add(sketch *s, uint32_t trace)
{
    bool added = false;
    for (int row = 0; row < ROWS; row++) {
        unsigned shift;
        uint64_t *word = counter(s, trace, row, &shift);
        if ((*word >> shift & COUNTER_MAX) < COUNTER_MAX) {
            *word += (uint64_t) 1 << shift;
            added = true;
        }
    }
    s->added += added;
    if (s->added >= s->halve_at) {
        halve(s);
    }
}

unsigned sketch_count(const sketch *s, uint32_t trace)
{
    unsigned least = COUNTER_MAX;
    for (int row = 0; row < ROWS; row++) {
        unsigned shift, count;
        const uint64_t *word = counter(s, trace, row, &shift);
        count = *word >> shift & COUNTER_MAX;
        least = count < least ? count : least;
    }
    return least;
}
