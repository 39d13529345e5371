/* region.c - see region.h.
 *
 * Large regions ask for huge pages: a lookup touches two or three places that are far apart, and in
 * small pages each of them costs a walk through the page tables beside the access itself. Pages are
 * taken in the order of their addresses, so what a huge page takes too early is one of them.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include "region.h"

#include "poison.h"

#include <sys/mman.h>

enum {
    PAGE_LEAST = 4096,
    PAGE_MOST = 128 * 1024,
    PAGES = 1024, /* that a share should have at least */
    UNIT_LEAST = 3,
    HUGE_PAGE = 2 * 1024 * 1024,
    HUGE_FROM = 64 * 1024 * 1024
};

uint32_t mem_region_page_for(uint64_t share)
{
    uint32_t page = PAGE_LEAST;
    while (page < PAGE_MOST && share / page / 2 >= PAGES) {
        page *= 2;
    }
    return page;
}

static uint64_t size_of(const mem_region *r)
{
    return (uint64_t) r->pages * r->page_size;
}

uint64_t mem_region_overhead(uint64_t pages)
{
    return pages * sizeof(uint32_t);
}

mst_status mem_region_init(mem_region *r, uint64_t page_size, uint64_t pages, bool huge)
{
    *r = (mem_region){.page_size = page_size, .unit = UNIT_LEAST, .pages = (uint32_t) pages};
    huge = huge && size_of(r) >= HUGE_FROM;
    uint64_t align = huge ? HUGE_PAGE : PAGE_MOST;
    r->map_size = align + size_of(r) + mem_region_overhead(pages);
    r->map = mmap(NULL, r->map_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r->map == MAP_FAILED) {
        r->map = NULL;
        return MST_ENOMEM;
    }
    r->base = (uint8_t *) r->map + (align - (uintptr_t) r->map % align) % align;
    r->next_back = (uint32_t *) (void *) (r->base + size_of(r));
    while (size_of(r) >> r->unit > UINT32_MAX) {
        r->unit++;
    }
    r->scale = (uint64_t) 1 << r->unit;
    madvise(r->base, size_of(r), huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE); /* a hint */
    return MST_OK;
}

void mem_region_fini(mem_region *r)
{
    if (r->map) {
        MEM_UNPOISON(r->base, (uint64_t) r->fresh * r->page_size);
        munmap(r->map, r->map_size);
    }
    *r = (mem_region){.base = NULL};
}

void *mem_region_take(mem_region *r)
{
    mem_mutex_lock(&r->lock);
    uint32_t number = 0;
    if (r->back) {
        number = r->back;
        r->back = r->next_back[number - 1];
    } else if (r->fresh < r->pages) {
        number = ++r->fresh;
    }
    mem_mutex_unlock(&r->lock);
    return number ? r->base + (uint64_t) (number - 1) * r->page_size : NULL;
}

void mem_region_forget(void *p, uint64_t bytes)
{
    madvise(p, bytes, MADV_DONTNEED);
}

void mem_region_populate(void *p, uint64_t bytes)
{
#ifdef MADV_POPULATE_WRITE
    madvise(p, bytes, MADV_POPULATE_WRITE); /* a hint */
#else
    (void) p, (void) bytes;
#endif
}

void mem_region_give(mem_region *r, void *page, uint64_t used)
{
    uint32_t number = (uint32_t) (((uint8_t *) page - r->base) / r->page_size);
    mem_region_forget(page, used);
    mem_mutex_lock(&r->lock);
    r->next_back[number] = r->back;
    r->back = number + 1;
    mem_mutex_unlock(&r->lock);
}
