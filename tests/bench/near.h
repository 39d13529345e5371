/* near.h - what the programs that measure the near cache share.
 *
 *   near.c            options, clock, medians, keys, the cache under test, the line of figures
 *   near_resident.c   what this process occupies
 *   yard_floor.c      yardstick: what the memory system alone charges for a hit
 *   yard_handmade.c   yardstick: the cache that programs write themselves
 *
 * Each program prints one JSON object in one line. Its exit status says whether every answer was
 * right, never whether it was fast. */
#ifndef MEMSTACHE_NEAR_H
#define MEMSTACHE_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memstache/memstache.h>

enum { NEAR_KEY = 16, NEAR_VALUE = 100, NEAR_BATCH = 16, NEAR_ROUNDS = 99 };

/* A key as text: the handmade yardstick wants an end. */
typedef char near_key[NEAR_KEY + 1];

/* ---- options: "--name value", the same words for every program, which uses what it needs */
typedef struct near_options {
    const char *program, *eviction; /* NULL: the default policy */
    uint64_t entries, lookups, rounds, max_bytes;
    bool huge;      /* the memory of the floor in huge pages */
    bool cpu_clock; /* time of the thread's CPU, which other processes cannot spoil */
} near_options;
/* What is in *o already are the defaults. Ends the program with a message and status 2. */
void near_read_options(near_options *o, int argc, char **argv);

/* ---- */
double near_clock(const near_options *);      /* nanoseconds, of the clock that was chosen */
double near_median(double *values, size_t n); /* sorts them */
_Noreturn void near_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *near_must(void *); /* not NULL, or the program ends */
void *near_map(size_t bytes, bool huge);

void near_make_key(near_key, uint64_t number);
/* `n` keys in uniform random order out of `entries`; to be freed. */
near_key *near_draw_keys(uint64_t n, uint64_t entries);

/* ---- the cache under test: the memory tier alone, expiry on, everything else as it is by default
 */
typedef struct near_cache {
    mst_runtime *runtime;
    mst_cache *cache;
    char eviction[64]; /* the policy's name */
} near_cache;
void near_open(near_cache *, const near_options *, uint64_t max_bytes, uint64_t max_entries);
/* A policy may refuse the entry; everything else that is not a success ends the program. */
void near_set(near_cache *, const near_key, const void *value, size_t len);
/* Values of NEAR_VALUE bytes for the keys from `first` on; the first byte is 1. */
void near_fill(near_cache *, uint64_t first, uint64_t n);
/* A figure of the memory tier; false when it has none of that name. */
bool near_figure(near_cache *, const char *name, uint64_t *value);
void near_close(near_cache *);

/* ---- the line */
void near_line_begin(const near_options *, const near_cache *);
void near_line_number(const char *name, double value);
void near_line_end(void);

/* ---- near_resident.c: bytes of this process that are in memory */
uint64_t near_resident(void);       /* exact, walks all pages */
uint64_t near_resident_quick(void); /* may lag behind by some hundred KB */

/* ---- yard_floor.c: open addressing and one reference count; no lock, no expiry, no policy */
typedef struct yard_floor yard_floor;
yard_floor *yard_floor_new(uint64_t entries, bool huge);
/* Each counts its hits, and takes the first byte of each value into *sum. */
uint64_t yard_floor_one(yard_floor *, near_key *keys, uint64_t n, uint64_t *sum);
uint64_t yard_floor_many(yard_floor *, near_key *keys, uint64_t n, uint64_t *sum); /* by 16 */
void yard_floor_free(yard_floor *);

/* ---- yard_handmade.c: hash table, LRU list, one mutex, values copied out */
typedef struct yard_handmade yard_handmade;
yard_handmade *yard_handmade_new(uint64_t max_entries); /* 0: no bound */
/* A new key; when the cache is full, the one that was used least lately goes. */
void yard_handmade_set(yard_handmade *, const char *key, const char value[NEAR_VALUE]);
bool yard_handmade_get(yard_handmade *, const char *key, char value[NEAR_VALUE]);
void yard_handmade_free(yard_handmade *);

#endif
