/* near_hit - what a near hit costs through the public interface, beside what the memory system
 * alone charges, in one run: 16-byte keys, 100-byte values, random order, one thread, every lookup
 * a hit.
 *
 *   floor      a table with open addressing and one reference count: no lock, no expiry, no policy
 *   near hit   mst_get_now() and mst_result_release(), expiry and counters on
 *   get_many   the same in batches of 16
 *
 * near_hit [ENTRIES [LOOKUPS [ROUNDS]]] prints nanoseconds (median of the rounds, which take turns)
 * and the ratio to the floor. Its exit status says only whether every lookup was a hit. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <memstache/memstache.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { KEY = 16, VALUE = 100, BATCH = 16, ROUNDS_MAX = 31, WAYS = 3 };

typedef struct entry {
    uint32_t refs, key_len, value_len, pad;
    void *links[2];
    char bytes[KEY + VALUE];
} entry;

typedef struct slot {
    uint64_t hash;
    entry *entry;
} slot;

typedef struct bench {
    size_t entries, lookups, rounds, slots;
    entry *arena;
    slot *table;
    char (*keys)[KEY];
    mst_runtime *runtime;
    mst_cache *cache;
    uint64_t hits, sum;
} bench;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "near_hit: out of memory\n");
        exit(2);
    }
    return p;
}

static void make_key(char *key, size_t i)
{
    char text[32];
    snprintf(text, sizeof text, "key:%012zu", i);
    memcpy(key, text, KEY);
}

static void fill_floor(bench *b)
{
    for (b->slots = 1; b->slots < 2 * b->entries; b->slots *= 2) {
    }
    b->table = must(calloc(b->slots, sizeof *b->table));
    b->arena = must(calloc(b->entries, sizeof *b->arena));
    for (size_t i = 0; i < b->entries; i++) {
        make_key(b->arena[i].bytes, i);
        uint64_t hash = XXH3_64bits(b->arena[i].bytes, KEY);
        size_t at = hash & (b->slots - 1);
        while (b->table[at].entry) {
            at = (at + 1) & (b->slots - 1);
        }
        b->table[at] = (slot){hash, &b->arena[i]};
    }
}

static void fill_cache(bench *b)
{
    char size[32];
    mst_error error;
    mst_config *config = must(mst_config_new(NULL));
    snprintf(size, sizeof size, "%zuB", b->entries * 512 + (64u << 20));
    mst_config_set(config, "provider.memory", "max_bytes", size);
    mst_config_set(config, "cache", "expire", "1h");
    if (mst_open(config, NULL, &b->runtime, &error)) {
        fprintf(stderr, "near_hit: %s\n", error.text);
        exit(2);
    }
    mst_config_free(config);
    b->cache = mst_cache_named(b->runtime, NULL);
    char key[KEY], value[VALUE] = {1};
    mst_input input = {.data = value, .len = VALUE};
    for (size_t i = 0; i < b->entries; i++) {
        mst_result r;
        make_key(key, i);
        if (mst_set(b->cache, (mst_slice){key, KEY}, &input, NULL, &r, NULL, NULL)) {
            fprintf(stderr, "near_hit: set: %s\n", mst_strerror(r.status));
            exit(2);
        }
    }
}

static void draw_keys(bench *b)
{
    uint64_t s = 42;
    b->keys = must(malloc(b->lookups * KEY));
    for (size_t i = 0; i < b->lookups; i++) {
        s = s * 6364136223846793005u + 1442695040888963407u;
        make_key(b->keys[i], (size_t) (s >> 33) % b->entries);
    }
}

static void run_floor(bench *b)
{
    for (size_t i = 0; i < b->lookups; i++) {
        uint64_t hash = XXH3_64bits(b->keys[i], KEY);
        size_t at = hash & (b->slots - 1);
        while (b->table[at].hash != hash) {
            at = (at + 1) & (b->slots - 1);
        }
        entry *e = b->table[at].entry;
        if (memcmp(e->bytes, b->keys[i], KEY) == 0) {
            __atomic_fetch_add(&e->refs, 1, __ATOMIC_RELAXED);
            b->sum += (uint8_t) e->bytes[KEY];
            b->hits++;
        }
    }
}

static void take(bench *b, mst_result *r)
{
    if (r->status == MST_OK) {
        b->sum += *(const uint8_t *) r->data;
        b->hits++;
    }
    mst_result_release(r);
}

static void run_single(bench *b)
{
    for (size_t i = 0; i < b->lookups; i++) {
        mst_result r;
        mst_get_now(b->cache, (mst_slice){b->keys[i], KEY}, NULL, &r);
        take(b, &r);
    }
}

static void run_many(bench *b)
{
    mst_slice keys[BATCH];
    mst_result results[BATCH];
    for (size_t i = 0; i + BATCH <= b->lookups; i += BATCH) {
        for (size_t j = 0; j < BATCH; j++) {
            keys[j] = (mst_slice){b->keys[i + j], KEY};
        }
        mst_get_many(b->cache, keys, BATCH, NULL, results, NULL, NULL);
        for (size_t j = 0; j < BATCH; j++) {
            take(b, &results[j]);
        }
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static size_t argument(int argc, char **argv, int i, size_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    static void (*const ways[WAYS])(bench *) = {run_floor, run_single, run_many};
    static const char *const names[WAYS] = {"floor", "near hit", "get_many of 16"};
    double ns[WAYS][ROUNDS_MAX];
    bench b = {.entries = argument(argc, argv, 1, 100000),
               .lookups = argument(argc, argv, 2, 1u << 20),
               .rounds = argument(argc, argv, 3, 5)};
    if (b.entries == 0 || b.lookups < BATCH || b.rounds == 0 || b.rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: near_hit [ENTRIES [LOOKUPS (16 or more) [ROUNDS (1 to 31)]]]\n");
        return 2;
    }
    b.lookups -= b.lookups % BATCH;
    fill_floor(&b);
    fill_cache(&b);
    draw_keys(&b);
    for (size_t round = 0; round < b.rounds; round++) {
        for (int way = 0; way < WAYS; way++) {
            double begin = now_ns();
            ways[way](&b);
            ns[way][round] = (now_ns() - begin) / (double) b.lookups;
        }
    }
    for (int way = 0; way < WAYS; way++) {
        qsort(ns[way], b.rounds, sizeof ns[way][0], by_size);
        double median = ns[way][b.rounds / 2], floor = ns[0][b.rounds / 2];
        printf("%zu entries  %-15s %7.1f ns  %5.2f x floor\n", b.entries, names[way], median,
               median / floor);
    }
    bool all = b.hits == WAYS * b.rounds * b.lookups;
    if (!all) {
        fprintf(stderr, "near_hit: %" PRIu64 " of %zu lookups were hits\n", b.hits,
                WAYS * b.rounds * b.lookups);
    }
    mst_close_wait(b.runtime);
    free(b.keys);
    free(b.table);
    free(b.arena);
    return all ? 0 : 1;
}
