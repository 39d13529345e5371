/* slab.h - the pages of a shard, cut into slots of one size each (J. Bonwick, The slab allocator,
 * USENIX Summer 1994).
 *
 * A slot has no header of its own, a page is an honest unit to charge, and one can be emptied and
 * turned to slots of another size, so that a bound in bytes is one of resident memory and no size
 * is stranded. All [shard-lock].
 *
 * A page for each size that occurs would be a waste where there are few entries: a size that has no
 * page yet borrows larger slots, until what they waste comes to an eighth of a page.
 *
 * Slots that came back last are kept apart, for what is wanted next of their size (as in J.
 * Bonwick, J. Adams, Magazines and Vmem, USENIX 2001): their pages, which may be far, are not
 * asked, and the memory of each comes near while the one before it is filled.
 *
 * The first word of a slot tells what is in it (entry.h), also of one that is free.
 */
#ifndef MEM_SLAB_H
#define MEM_SLAB_H

#include "region.h"

enum { MEM_SPARES = 128 };
enum { MEM_PAGE_HEAD = 64, MEM_PAGE_CUT = 8 /* least slots of a page */, MEM_CLASSES = 80 };

typedef struct mem_page {
    struct mem_page *next, *prev;           /* of the shard's pages of slots */
    struct mem_page *next_free, *prev_free; /* of the pages of its class that have free slots */
    uint32_t slot_size, class;
    uint32_t slots, fresh, live; /* fresh: were taken at least once; live: taken now */
    uint32_t free;               /* position of the slot that came back last */
} mem_page;

typedef struct mem_slabs {
    mem_region *region;
    mem_page *free[MEM_CLASSES]; /* pages with free slots */
    uint32_t cut[MEM_CLASSES];   /* how many pages */
    uint32_t
        borrowed[MEM_CLASSES]; /* bytes that larger slots have wasted, since one was cut last */
    mem_page *pages, *oldest;  /* all that are cut, the newest first */
    mem_page *empty;           /* those that are not */
    uint64_t page_count;
    uint8_t *lines; /* the rest of a page that is used for mem_slabs_lines() */
    uint32_t lines_left;
    uint32_t spare_count, spare_class;
    uint32_t spare[MEM_SPARES]; /* positions of free slots that their pages still count as live */
} mem_slabs;

static inline uint64_t mem_slabs_bytes(const mem_slabs *s)
{
    return s->page_count * s->region->page_size;
}
/* The largest slot. */
static inline uint64_t mem_slot_most(const mem_slabs *s)
{
    return s->region->page_size / MEM_PAGE_CUT;
}
static inline mem_page *mem_page_of(const mem_slabs *s, const void *slot)
{
    return (mem_page *) ((uintptr_t) slot & ~((uintptr_t) s->region->page_size - 1));
}

uint32_t mem_slot_class(uint64_t size);
uint32_t mem_slot_size(uint32_t class);

/* Is there a slot for an entry of the class without mem_slabs_cut()? */
bool mem_slot_is_there(const mem_slabs *, uint32_t class);
/* NULL: it is not. */
void *mem_slot_take(mem_slabs *, uint32_t class);
void mem_slot_give(mem_slabs *, void *slot);

/* One more page, in mem_slabs.empty. False: there is none. */
bool mem_slabs_grow(mem_slabs *);
/* An empty page becomes one of slots of the class. False: there is none. */
bool mem_slabs_cut(mem_slabs *, uint32_t class);
/* Make a cut page the newest one. */
void mem_slabs_renew(mem_slabs *, mem_page *);
/* All slots that are kept apart go back to their pages. */
void mem_slabs_settle(mem_slabs *);
/* The same, and all empty pages go back to the region. */
void mem_slabs_trim(mem_slabs *);

/* Zeroed cache lines, for ever, out of an empty page; NULL: there is none, or pages are too small.
 */
void *mem_slabs_lines(mem_slabs *, uint32_t size);
/* Would mem_slabs_lines() need a page? */
static inline bool mem_slabs_lines_need_page(const mem_slabs *s, uint32_t size)
{
    return s->lines_left < size;
}

/* Slot number `at` of a cut page, as long as at < page->fresh. */
static inline void *mem_page_slot(const mem_page *p, uint32_t at)
{
    return (uint8_t *) (uintptr_t) p + MEM_PAGE_HEAD + at * (uint64_t) p->slot_size;
}

#endif
