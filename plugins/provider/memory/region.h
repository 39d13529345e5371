/* region.h - the memory of all small entries and of the index: one range of addresses as large as
 * max_bytes, of which pages take memory when they are used first.
 *
 * One range makes a position in it four bytes, in units of eight (or 16, or 32 where the range is
 * large). The index and the queues of the policies are made of these.
 *
 * It is mapped at once, and costs nothing but addresses until it is touched, not even a promise of
 * the system: max_bytes may be more than the machine has. It is the one memory of the cache that
 * does not come from the host, whose allocator might touch all of it, and whose pages could not be
 * given back to the system behind its back.
 *
 * Pages are handed to the shards, and come back when they are empty and shall not be kept.
 */
#ifndef MEM_REGION_H
#define MEM_REGION_H

#include "lock.h"

#include <memstache/plugin.h>

typedef struct mem_region {
    uint8_t *base;
    void *map; /* it lies in this */
    uint64_t map_size;
    uint32_t page_size; /* a power of two */
    uint32_t unit;      /* a position is an address, less base, shifted by so many bits */
    mem_mutex lock;     /* of what follows */
    uint32_t pages, fresh;
    uint32_t back;       /* the last page that came back, by number + 1; 0: none */
    uint32_t *next_back; /* for each page, the one that came back before it */
    const mst_host *host;
} mem_region;

/* `share`: of one shard, which has pages in proportion. MST_ENOMEM. */
mst_status mem_region_init(mem_region *, const mst_host *, uint64_t max_bytes, uint64_t share);
void mem_region_fini(mem_region *); /* safe on a zeroed one */
/* What it takes besides its pages. */
uint64_t mem_region_overhead(const mem_region *);

/* [any-thread] A page of unknown content; NULL: all are in use. */
void *mem_region_take(mem_region *);
/* [any-thread] Its memory goes back to the system. */
void mem_region_give(mem_region *, void *page);

static inline void *mem_region_at(const mem_region *r, uint32_t position)
{
    return r->base + ((uint64_t) position << r->unit);
}

/* 0 is no position: a page does not begin with an entry. */
static inline uint32_t mem_region_position(const mem_region *r, const void *p)
{
    return (uint32_t) ((uint64_t) ((const uint8_t *) p - r->base) >> r->unit);
}

#endif
