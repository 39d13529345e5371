/* ghost.h - a memory of keys that are gone, for policies: of fixed size, asked by key, forgotten by
 * age.
 *
 * Time is counted in ticks, which the policy makes, and kept in epochs of a few ticks (one, where
 * that is enough). A cell is 16 bits of the key's hash, its tag, and the epoch of the key; sixteen
 * cells are a cache line, and a line that is full forgets its oldest. So four bytes remember a key,
 * a few keys are forgotten early, and one in some thousand answers is wrong. All [shard-lock].
 */
#ifndef EVICTION_GHOST_H
#define EVICTION_GHOST_H

#include <memstache/eviction.h>

#include <stdbool.h>

enum { GHOST_CELLS = 16 };

/* Tags and epochs apart, so that all cells are compared at once. */
typedef struct ghost_line {
    _Alignas(64) uint16_t tag[GHOST_CELLS];
    uint16_t epoch[GHOST_CELLS];
} ghost_line;

typedef struct ghost {
    ghost_line *line; /* their pages are zeroed when they are needed first */
    void *memory;     /* that all of it is in */
    uint64_t *ready;  /* a bit for each page that is */
    uint16_t *counts; /* of keys in an epoch, by epoch modulo `epochs` */
    uint32_t lines, epochs;
    uint32_t epoch_shift; /* an epoch is 1 << epoch_shift ticks */
    uint16_t first;       /* epoch that is remembered */
    uint64_t ticks, keys;
} ghost;

/* Room for about so many keys, and epochs for so many ticks for each of them. MST_ENOMEM. */
mst_status ghost_init(ghost *, const mst_host *, uint64_t keys, uint32_t ticks);
void ghost_fini(ghost *, const mst_host *); /* safe on a zeroed one */
/* Bytes that it allocated. */
uint64_t ghost_footprint(const ghost *);

static inline uint32_t ghost_trace(uint64_t hash)
{
    return (uint32_t) (hash ^ hash >> 32);
}

/* The epoch that it is now; earlier ones compare as ghost_before() says. */
uint16_t ghost_tick(ghost *);

static inline bool ghost_before(uint16_t a, uint16_t b)
{
    return (uint16_t) (a - b) > UINT16_MAX / 2;
}

/* Bring into the processor's cache what the next question about a key will look at. */
static inline void ghost_prefetch(const ghost *g, uint32_t trace)
{
    __builtin_prefetch(&g->line[(uint64_t) trace * g->lines >> 32], 1);
}

/* A key of that epoch. */
void ghost_add(ghost *, uint32_t trace, uint16_t epoch);
/* Is it there? It is not, any more. */
bool ghost_take(ghost *, uint32_t trace);
/* Forgets the oldest epochs until at most `keep` keys are left; how many went. */
uint32_t ghost_keep(ghost *, uint64_t keep);
/* Forgets all epochs before that one; how many keys went. */
uint32_t ghost_forget_before(ghost *, uint16_t epoch);

#endif
