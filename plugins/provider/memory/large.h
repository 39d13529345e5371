/* large.h - memory for what is too large to stand in a slot: values, and long keys with theirs.
 *
 * From 8 KiB on it comes from regions, one for each power of two, and goes back to the system when
 * it is given back: the allocator of the process would keep what its heap has between the blocks,
 * and max_bytes is a promise about resident memory. A power of two is a waste of addresses, not of
 * memory: what lies behind a block is never touched.
 *
 * Pages that the system has to find and to clear cost more than what is copied into them, so some
 * of the memory is kept for the next block: a little always, more as long as there is room.
 *
 * Smaller blocks come from the host. All [any-thread].
 */
#ifndef MEM_LARGE_H
#define MEM_LARGE_H

#include "region.h"

enum { MEM_LARGE_CLASSES = 24, MEM_LARGE_LEAST = 8192 };

typedef struct mem_large_class {
    mem_region region;
    struct mem_kept *kept; /* blocks that were given back and still have memory, the last first */
} mem_large_class;

typedef struct mem_large {
    const mst_host *host;
    uint64_t max_bytes;  /* of the cache */
    uint64_t most_bytes; /* that `bytes` may become, whether there is room or not */
    mem_mutex lock;      /* of what follows */
    uint32_t hand;       /* the class from which memory goes back next */
    uint64_t kept_bytes;
    _Atomic uint64_t bytes; /* what it takes besides blocks: those that are kept, and lists */
    mem_large_class class[MEM_LARGE_CLASSES];
} mem_large;

void mem_large_init(mem_large *, const mst_host *, uint64_t max_bytes);
void mem_large_fini(mem_large *); /* safe on a zeroed one; everything was given back */
/* What it takes besides blocks, without the excess; how much more that may become without anybody
 * asking; and the excess, which is what mem_large_trim() gives back. */
static inline uint64_t mem_large_bytes(const mem_large *l)
{
    uint64_t bytes = atomic_load_explicit(&l->bytes, memory_order_relaxed);
    return bytes < l->most_bytes ? bytes : l->most_bytes;
}
static inline uint64_t mem_large_spare(const mem_large *l)
{
    return l->most_bytes - mem_large_bytes(l);
}
static inline uint64_t mem_large_excess(const mem_large *l)
{
    uint64_t bytes = atomic_load_explicit(&l->bytes, memory_order_relaxed);
    return bytes > l->most_bytes ? bytes - l->most_bytes : 0;
}

/* NULL: no memory. */
void *mem_large_take(mem_large *, uint64_t size);
/* With the same size. */
void mem_large_give(mem_large *, void *, uint64_t size);
/* There is no room for more than is always kept. */
void mem_large_trim(mem_large *);
/* What a block of that size takes from the machine. */
uint64_t mem_large_charge(uint64_t size);

#endif
