/* region.h - a range of addresses in pages of one size, which take memory when they are used first
 * and give it back when they come back.
 *
 * All small entries and the index are in one region as large as max_bytes, whose pages go to the
 * shards. One range makes a position in it four bytes, in units of eight (or 16, or 32 where the
 * range is large). The index and the queues of the policies are made of these. Large values have
 * regions of their own (large.h).
 *
 * A region is mapped at once, and costs nothing but addresses until it is touched, not even a
 * promise of the system: max_bytes may be more than the machine has. It is the one memory of the
 * cache that does not come from the host, whose allocator might touch all of it, and whose pages
 * could not be given back to the system behind its back.
 */
#ifndef MEM_REGION_H
#define MEM_REGION_H

#include "lock.h"

#include <memstache/plugin.h>

typedef struct mem_region {
    uint8_t *base;
    void *map; /* it lies in this */
    uint64_t map_size;
    uint64_t page_size; /* a power of two */
    uint32_t unit;      /* a position is an address, less base, shifted by so many bits */
    uint64_t scale;     /* 2^unit: to multiply is quicker than to shift by a variable */
    mem_mutex lock;     /* of what follows */
    uint32_t pages, fresh;
    uint32_t back;       /* the last page that came back, by number + 1; 0: none */
    uint32_t *next_back; /* for each page, the one that came back before it; behind the last page */
} mem_region;

/* The page that suits a shard with so much memory. */
uint32_t mem_region_page_for(uint64_t share);
/* `huge`: in huge pages, if it is large. MST_ENOMEM. */
mst_status mem_region_init(mem_region *, uint64_t page_size, uint64_t pages, bool huge);
void mem_region_fini(mem_region *); /* safe on a zeroed one */
/* What it takes besides its pages. */
uint64_t mem_region_overhead(uint64_t pages);

/* [any-thread] A page of unknown content; NULL: all are in use. */
void *mem_region_take(mem_region *);
/* [any-thread] The memory of its first so many bytes goes back to the system; no others were used.
 */
void mem_region_give(mem_region *, void *page, uint64_t used);
/* [any-thread] Memory of a page that is in use goes back to the system, or is asked for at once: to
 * meet with each of its parts when it is touched first takes longer. */
void mem_region_forget(void *, uint64_t bytes);
void mem_region_populate(void *, uint64_t bytes);

static inline void *mem_region_at(const mem_region *r, uint32_t position)
{
    return r->base + position * r->scale;
}

/* 0 is no position: a page does not begin with an entry. */
static inline uint32_t mem_region_position(const mem_region *r, const void *p)
{
    return (uint32_t) ((uint64_t) ((const uint8_t *) p - r->base) >> r->unit);
}

#endif
