/* near_evict - what it costs to set new keys into a full cache, where each drives one out, beside
 * the handmade cache doing the same. Keys never come again; the bound is a number of entries.
 *
 * Both caches are filled, then take `lookups` new keys in each round, in turns. Figures are
 * nanoseconds of one set, medians of the rounds, and how many entries went, or were
 * refused by the policy, for each that came. */
#include <stdlib.h>

#include "near.h"

enum { HANDMADE, SET, WAYS };

typedef struct bench {
    near_options o;
    near_cache near;
    yard_handmade *handmade;
    near_key *keys; /* of this round */
    uint64_t next;  /* the number of the next new key */
} bench;

static const char value[NEAR_VALUE] = {1};

static void new_keys(bench *b)
{
    for (uint64_t i = 0; i < b->o.lookups; i++) {
        near_make_key(b->keys[i], b->next++);
    }
}

static double run_handmade(bench *b)
{
    double begin = near_clock(&b->o);
    for (uint64_t i = 0; i < b->o.lookups; i++) {
        yard_handmade_set(b->handmade, b->keys[i], value);
    }
    return near_clock(&b->o) - begin;
}

static double run_set(bench *b)
{
    double begin = near_clock(&b->o);
    for (uint64_t i = 0; i < b->o.lookups; i++) {
        near_set(&b->near, b->keys[i], value, sizeof value);
    }
    return near_clock(&b->o) - begin;
}

/* Entries that went, and new ones that the policy did not let in. */
static uint64_t losses(bench *b)
{
    uint64_t evictions, refused;
    if (!near_figure(&b->near, "evictions", &evictions) ||
        !near_figure(&b->near, "refused", &refused)) {
        near_fail("near_evict: the tier does not count evictions");
    }
    return evictions + refused;
}

/* Shards are bounded each on its own: twice the entries, so that the last of them is full. */
static void fill(bench *b)
{
    near_key key;
    b->handmade = yard_handmade_new(b->o.entries);
    near_open(&b->near, &b->o, b->o.entries * 512 + (64u << 20), b->o.entries);
    for (uint64_t i = 0; i < 2 * b->o.entries; i++) {
        near_make_key(key, i);
        yard_handmade_set(b->handmade, key, value);
        near_set(&b->near, key, value, sizeof value);
    }
    b->next = 2 * b->o.entries;
    b->keys = near_must(malloc(b->o.lookups * sizeof *b->keys));
}

int main(int argc, char **argv)
{
    double ns[WAYS][NEAR_ROUNDS], per_key;
    bench b = {.o = {.program = "near_evict", .entries = 1000000, .lookups = 1 << 20, .rounds = 5}};
    near_read_options(&b.o, argc, argv);
    fill(&b);
    uint64_t before = losses(&b);
    for (uint64_t round = 0; round < b.o.rounds; round++) {
        new_keys(&b);
        ns[HANDMADE][round] = run_handmade(&b) / (double) b.o.lookups;
        ns[SET][round] = run_set(&b) / (double) b.o.lookups;
    }
    per_key = (double) (losses(&b) - before) / (double) (b.o.rounds * b.o.lookups);
    double handmade = near_median(ns[HANDMADE], b.o.rounds), set = near_median(ns[SET], b.o.rounds);
    near_line_begin(&b.o, &b.near);
    near_line_number("handmade_ns", handmade);
    near_line_number("set_ns", set);
    near_line_number("set_handmade", set / handmade);
    near_line_number("losses_per_set", per_key);
    near_line_end();
    near_close(&b.near);
    yard_handmade_free(b.handmade);
    free(b.keys);
    return 0;
}
