/* near_hit - what a near hit costs through the public interface, beside the yardsticks, in one run:
 * 16-byte keys, 100-byte values, uniform random order, one thread, every lookup a hit.
 *
 *   hit        mst_get_now() and mst_result_release(), with expiry and counters: beside the floor,
 *              and beside the handmade cache
 *   get_many   mst_get_many() of 16 and their releases: beside the floor in batches of 16
 *
 * Figures are nanoseconds of one key: the median of rounds that take turns. */
#include <stdlib.h>

#include "near.h"

enum { FLOOR, FLOOR16, HANDMADE, HIT, MANY, WAYS };

typedef struct bench {
    near_options o;
    near_cache near;
    near_key *keys;
    yard_floor *floor;
    yard_handmade *handmade;
    uint64_t sum; /* so that values are read */
} bench;

static uint64_t run_floor(bench *b)
{
    return yard_floor_one(b->floor, b->keys, b->o.lookups, &b->sum);
}

static uint64_t run_floor16(bench *b)
{
    return yard_floor_many(b->floor, b->keys, b->o.lookups, &b->sum);
}

static uint64_t run_handmade(bench *b)
{
    uint64_t hits = 0;
    char value[NEAR_VALUE];
    for (uint64_t i = 0; i < b->o.lookups; i++) {
        hits += yard_handmade_get(b->handmade, b->keys[i], value);
        b->sum += (uint8_t) value[0];
    }
    return hits;
}

static uint64_t take(bench *b, mst_result *r)
{
    bool hit = r->status == MST_OK;
    b->sum += hit ? *(const uint8_t *) r->data : 0;
    mst_result_release(r);
    return hit;
}

static uint64_t run_hit(bench *b)
{
    uint64_t hits = 0;
    for (uint64_t i = 0; i < b->o.lookups; i++) {
        mst_result r;
        mst_get_now(b->near.cache, (mst_slice){b->keys[i], NEAR_KEY}, NULL, &r);
        hits += take(b, &r);
    }
    return hits;
}

static uint64_t run_many(bench *b)
{
    uint64_t hits = 0;
    mst_slice keys[NEAR_BATCH];
    mst_result results[NEAR_BATCH];
    for (uint64_t i = 0; i < b->o.lookups; i += NEAR_BATCH) {
        for (size_t j = 0; j < NEAR_BATCH; j++) {
            keys[j] = (mst_slice){b->keys[i + j], NEAR_KEY};
        }
        mst_get_many(b->near.cache, keys, NEAR_BATCH, NULL, results, NULL, NULL);
        for (size_t j = 0; j < NEAR_BATCH; j++) {
            hits += take(b, &results[j]);
        }
    }
    return hits;
}

static void fill(bench *b)
{
    const char value[NEAR_VALUE] = {1};
    b->floor = yard_floor_new(b->o.entries, b->o.huge);
    b->handmade = yard_handmade_new(0);
    for (uint64_t i = 0; i < b->o.entries; i++) {
        near_key key;
        near_make_key(key, i);
        yard_handmade_set(b->handmade, key, value);
    }
    near_open(&b->near, &b->o, b->o.entries * 512 + (64u << 20), 0);
    near_fill(&b->near, 0, b->o.entries);
    b->keys = near_draw_keys(b->o.lookups, b->o.entries);
}

static void measure(bench *b, double ns[WAYS][NEAR_ROUNDS])
{
    static uint64_t (*const ways[WAYS])(bench *) = {run_floor, run_floor16, run_handmade, run_hit,
                                                    run_many};
    for (uint64_t round = 0; round < b->o.rounds; round++) {
        for (int way = 0; way < WAYS; way++) {
            double begin = near_clock(&b->o);
            uint64_t hits = ways[way](b);
            ns[way][round] = (near_clock(&b->o) - begin) / (double) b->o.lookups;
            if (hits != b->o.lookups) {
                near_fail("near_hit: way %d found %.0f of %.0f keys", way, (double) hits,
                          (double) b->o.lookups);
            }
        }
    }
    if (b->sum != WAYS * b->o.rounds * b->o.lookups) {
        near_fail("near_hit: the values are not what was stored");
    }
}

int main(int argc, char **argv)
{
    static const char *const names[WAYS] = {"floor_ns", "floor16_ns", "handmade_ns", "hit_ns",
                                            "get_many_ns"};
    double ns[WAYS][NEAR_ROUNDS], median[WAYS];
    bench b = {.o = {.program = "near_hit", .entries = 100000, .lookups = 1 << 20, .rounds = 5}};
    near_read_options(&b.o, argc, argv);
    fill(&b);
    measure(&b, ns);
    near_line_begin(&b.o, &b.near);
    for (int way = 0; way < WAYS; way++) {
        median[way] = near_median(ns[way], b.o.rounds);
        near_line_number(names[way], median[way]);
    }
    near_line_number("hit_floor", median[HIT] / median[FLOOR]);
    near_line_number("hit_handmade", median[HIT] / median[HANDMADE]);
    near_line_number("get_many_floor16", median[MANY] / median[FLOOR16]);
    near_line_end();
    near_close(&b.near);
    yard_handmade_free(b.handmade);
    yard_floor_free(b.floor);
    free(b.keys);
    return 0;
}
