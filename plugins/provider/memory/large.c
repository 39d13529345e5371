/* large.c - see large.h. */
#include "large.h"

#include "block.h"
#include "poison.h"

enum {
    LEAST_BITS = 13,  /* of MEM_LARGE_LEAST */
    SPARE = 16,       /* blocks of SETs under way, which are not charged yet */
    SYSTEM = 4096,    /* a page of the system */
    KEPT_SHARE = 256, /* of max_bytes, always */
    ROOMY_SHARE = 16  /* as long as there is room */
};

/* At the beginning of a block that is kept. */
typedef struct mem_kept {
    struct mem_kept *next;
    uint64_t bytes; /* that are memory */
} mem_kept;

static uint32_t class_of(uint64_t size)
{
    return 64 - LEAST_BITS - (uint32_t) __builtin_clzll(size - 1);
}

static uint64_t page_size_of(uint32_t class)
{
    return (uint64_t) MEM_LARGE_LEAST << class;
}

/* More than half of each is in use. */
static uint64_t pages_of(uint64_t max_bytes, uint32_t class)
{
    return 2 * max_bytes / page_size_of(class) + SPARE;
}

uint64_t mem_large_charge(uint64_t size)
{
    return size < MEM_LARGE_LEAST ? mem_block_charge(size) : (size + SYSTEM - 1) / SYSTEM * SYSTEM;
}

void mem_large_init(mem_large *l, const mst_host *host, uint64_t max_bytes)
{
    *l = (mem_large){.host = host, .max_bytes = max_bytes, .most_bytes = max_bytes / KEPT_SHARE};
    for (uint32_t class = 0; page_size_of(class) < max_bytes; class ++) {
        l->most_bytes += mem_region_overhead(pages_of(max_bytes, class));
    }
}

void mem_large_fini(mem_large *l)
{
    for (uint32_t class = 0; class < MEM_LARGE_CLASSES; class ++) {
        mem_region_fini(&l->class[class].region);
    }
}

/* [lock] */
static void add_bytes(mem_large *l, uint64_t n)
{
    uint64_t bytes = atomic_load_explicit(&l->bytes, memory_order_relaxed);
    atomic_store_explicit(&l->bytes, bytes + n, memory_order_relaxed);
}

static void count_kept(mem_large *l, uint64_t bytes)
{
    l->kept_bytes += bytes;
    add_bytes(l, bytes);
}

/* [lock] The last one of the class; NULL: there is none. */
static mem_kept *pop(mem_large *l, uint32_t class)
{
    mem_kept *k = l->class[class].kept;
    if (k) {
        l->class[class].kept = k->next;
        count_kept(l, 0 - k->bytes);
    }
    return k;
}

/* [lock] Until the rest is within the bound; in turns, so that no class keeps what it does not use.
 */
static mem_kept *pop_excess(mem_large *l, uint64_t most)
{
    mem_kept *all = NULL;
    while (l->kept_bytes > most) {
        mem_kept *k = pop(l, l->hand);
        if (k) {
            k->next = all;
            all = k;
        }
        l->hand = (l->hand + 1) % MEM_LARGE_CLASSES;
    }
    return all;
}

static void give_back(mem_large *l, mem_kept *all)
{
    while (all) {
        mem_kept *next = all->next;
        mem_region_give(&l->class[class_of(all->bytes)].region, all, all->bytes);
        all = next;
    }
}

void mem_large_trim(mem_large *l)
{
    if (!mem_large_excess(l)) {
        return;
    }
    mem_mutex_lock(&l->lock);
    mem_kept *excess = pop_excess(l, l->max_bytes / KEPT_SHARE);
    mem_mutex_unlock(&l->lock);
    give_back(l, excess);
}

/* [lock] Mapped when it is used first. */
static mem_region *region_of(mem_large *l, uint32_t class)
{
    mem_region *r = &l->class[class].region;
    uint64_t pages = pages_of(l->max_bytes, class);
    if (!r->map && mem_region_init(r, page_size_of(class), pages, false) == MST_OK) {
        add_bytes(l, mem_region_overhead(pages));
    }
    return r->map ? r : NULL;
}

void *mem_large_take(mem_large *l, uint64_t size)
{
    if (size < MEM_LARGE_LEAST) {
        return l->host->alloc(l->host, (size_t) size);
    }
    uint64_t bytes = mem_large_charge(size);
    uint32_t class = class_of(size);
    mem_mutex_lock(&l->lock);
    mem_region *r = region_of(l, class);
    mem_kept *kept = pop(l, class);
    mem_mutex_unlock(&l->lock);
    uint64_t has = kept ? kept->bytes : 0;
    uint8_t *p = kept || !r ? (uint8_t *) kept : mem_region_take(r);
    if (has > bytes) {
        mem_region_forget(p + bytes, has - bytes);
    } else if (p && has < bytes) {
        mem_region_populate(p + has, bytes - has);
    }
    if (p) {
        MEM_POISON(p, bytes);
        MEM_UNPOISON(p, size);
    }
    return p;
}

void mem_large_give(mem_large *l, void *p, uint64_t size)
{
    if (size < MEM_LARGE_LEAST) {
        l->host->free(l->host, p);
        return;
    }
    uint32_t class = class_of(size);
    mem_kept *kept = p;
    MEM_POISON(p, size);
    MEM_UNPOISON(p, sizeof *kept);
    mem_mutex_lock(&l->lock);
    *kept = (mem_kept){l->class[class].kept, mem_large_charge(size)};
    l->class[class].kept = kept;
    count_kept(l, kept->bytes);
    kept = pop_excess(l, l->max_bytes / ROOMY_SHARE);
    mem_mutex_unlock(&l->lock);
    give_back(l, kept);
}
