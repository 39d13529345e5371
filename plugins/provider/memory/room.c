/* room.c - what is charged against max_bytes, making room, removing, and giving memory back.
 *
 * Everything that a shard takes counts: its part of what the cache has once, the policy's state,
 * the index, its pages, whether full or not, and what entries have beside their slots. Room is made
 * before something is added, so the sum never exceeds the bound.
 *
 * Not charged: what was removed in the moment between dropping the lock and being freed, and what a
 * SET copies before it takes the lock if it is less than 8 KiB. Both are one call's own.
 *
 * An entry that goes is retired: readers may still hold it without anybody knowing. Retired entries
 * are looked at together, some dozens at a time or more, since to find out who is lent costs a
 * survey of all readers. So a shard that is full evicts in batches, too, as far as bytes are its
 * bound.
 */
#include "find.h"
#include "shard.h"

enum { CANDIDATES = 8 /* pages */ };

uint64_t mem_shard_charge(const mem_shard *sh, const mem_entry *e)
{
    return mem_page_of(&sh->slabs, e)->slot_size + mem_entry_beside(mem_shape_of(sh), e);
}

/* What cannot be evicted, but for pages. */
static uint64_t base_bytes(const mem_shard *sh)
{
    const mem_cache *cache = sh->cache;
    uint64_t loans = atomic_load_explicit(&cache->lender.bytes, memory_order_relaxed);
    uint64_t shared = loans + mem_large_bytes(&cache->large);
    return sh->fixed_bytes + sh->index.block_bytes + (shared >> cache->shard_bits);
}

uint64_t mem_shard_used(const mem_shard *sh)
{
    return base_bytes(sh) + mem_slabs_bytes(&sh->slabs) + sh->beside_bytes;
}

uint64_t mem_shard_spare(const mem_shard *sh)
{
    const mem_cache *cache = sh->cache; /* readers may take one more block of loans */
    return (MEM_LOANS_CHARGE + mem_large_spare(&cache->large)) >> cache->shard_bits;
}

/* The excess counts in full: other shards may have no room. */
static bool fits(const mem_shard *sh, uint64_t more)
{
    uint64_t used = mem_shard_used(sh) + mem_shard_spare(sh) + mem_large_excess(&sh->cache->large);
    return used <= sh->max_bytes && more <= sh->max_bytes - used;
}

/* Without evicting anything. */
static bool has_room(const mem_shard *sh, uint64_t more)
{
    if (fits(sh, more)) {
        return true;
    }
    mem_large_trim(&sh->cache->large);
    return fits(sh, more);
}

/* ---- removing */

void mem_shard_discard(mem_shard *sh, mem_entry *e, mem_doomed *doomed)
{
    uint64_t beside = mem_entry_beside(mem_shape_of(sh), e);
    sh->beside_bytes -= beside;
    if (mem_entry_fields(e) & (MEM_HAS_OBJECT | MEM_HAS_BLOCK)) {
        mem_entry_set_retired(e, doomed->first);
        doomed->first = mem_region_position(sh->index.region, e);
    } else {
        mem_slot_give(&sh->slabs, e);
    }
}

void mem_bury(mem_shard *sh, mem_doomed *doomed)
{
    mem_cache *cache = sh->cache;
    for (uint32_t at = doomed->first; at;) {
        mem_entry *e = mem_region_at(&cache->region, at);
        at = mem_entry_next(e);
        mem_entry_empty(&cache->shape, &cache->large, e);
    }
    mem_lock(sh);
    while (doomed->first) {
        mem_entry *e = mem_region_at(&cache->region, doomed->first);
        doomed->first = mem_entry_next(e);
        mem_slot_give(&sh->slabs, e);
    }
    has_room(sh, 0); /* what was given back is only kept if there is */
    mem_mutex_unlock(&sh->lock);
}

/* What was retired, and the heads of its pages, may be far, or with another processor: all of it
 * comes near while the readers are surveyed. */
static void prefetch_retired(const mem_shard *sh)
{
    for (uint32_t i = 0; i < sh->retired_count; i++) {
        const mem_entry *e = mem_region_at(sh->index.region, sh->retired[i]);
        __builtin_prefetch(e, 1);
        __builtin_prefetch(mem_page_of(&sh->slabs, e));
    }
}

/* The survey is made. */
static void free_unless_lent(mem_shard *sh, uint32_t at, mem_doomed *doomed)
{
    mem_entry *e = mem_region_at(sh->index.region, at);
    if (mem_lender_lends(&sh->cache->lender, e)) {
        mem_entry_set_retired(e, sh->lent);
        sh->lent = at;
        sh->lent_count++;
        sh->lent_bytes += mem_shard_charge(sh, e);
    } else {
        mem_shard_discard(sh, e, doomed);
    }
}

void mem_shard_reclaim(mem_shard *sh, mem_doomed *doomed)
{
    uint32_t lent = sh->lent, retired = sh->retired_count;
    if (!lent && !retired) {
        return;
    }
    prefetch_retired(sh);
    sh->lent = sh->lent_count = sh->retired_count = 0;
    sh->lent_bytes = 0;
    mem_lender_survey(&sh->cache->lender);
    while (lent) {
        uint32_t at = lent;
        lent = mem_entry_next(mem_region_at(sh->index.region, at));
        free_unless_lent(sh, at, doomed);
    }
    for (uint32_t i = 0; i < retired; i++) {
        free_unless_lent(sh, sh->retired[i], doomed);
    }
    mem_lender_done(&sh->cache->lender);
}

/* A survey interrupts the other processors, so there should be more to gain by it when there are
 * other threads; but memory that is used again at once is still near. */
static bool is_time_to_reclaim(const mem_shard *sh)
{
    return sh->retired_count % MEM_BATCH == 0 &&
           (sh->retired_count == MEM_RETIRED_MOST || !mem_lender_interrupts(&sh->cache->lender));
}

static void retire(mem_shard *sh, mem_entry *e, mem_doomed *doomed)
{
    mem_index_remove(&sh->index, e);
    mem_entry_set_retired(e, 0);
    sh->retired[sh->retired_count++] = mem_region_position(sh->index.region, e);
    bool is_large = mem_entry_fields(e) & MEM_HAS_BLOCK;
    if (is_large || is_time_to_reclaim(sh)) {
        mem_shard_reclaim(sh, doomed);
    }
}

void mem_shard_drop(mem_shard *sh, mem_entry *e, int why, mem_doomed *doomed)
{
    if (sh->policy) {
        sh->policy->on_remove(sh->policy_shard, mem_entry_node(mem_shape_of(sh), e), why);
    }
    retire(sh, e, doomed);
}

/* ---- making room */

/* What will be needed when the next victim goes comes near until then. */
static void look_ahead(const mem_shard *sh)
{
    const mst_node *next =
        sh->policy->likely_victim ? sh->policy->likely_victim(sh->policy_shard) : NULL;
    if (next) {
        const mem_entry *e = mem_node_entry(mem_shape_of(sh), (mst_node *) (uintptr_t) next);
        mem_index_prefetch_line(&sh->index, e->hash);
        __builtin_prefetch(mem_page_of(&sh->slabs, e), 1);
    }
}

static bool evict_one(mem_shard *sh, mem_doomed *doomed)
{
    mst_node *victim = sh->policy ? sh->policy->evict(sh->policy_shard) : NULL;
    if (victim) {
        sh->counters.evictions++;
        retire(sh, mem_node_entry(mem_shape_of(sh), victim), doomed);
        look_ahead(sh);
    }
    return victim;
}

/* A few at once; those that are not lent are free then. False: nothing has changed. */
static bool evict_some(mem_shard *sh, mem_doomed *doomed)
{
    uint64_t n = sh->index.count / MEM_BATCH;
    n = n < 1 ? 1 : n > MEM_BATCH ? MEM_BATCH : n;
    uint32_t evicted = 0, kept = sh->retired_count + sh->lent_count;
    while (evicted < n && evict_one(sh, doomed)) {
        evicted++;
    }
    mem_shard_reclaim(sh, doomed);
    return evicted || sh->lent_count < kept;
}

/* Of the oldest pages with slots of other sizes, the one with the least in it. */
static mem_page *page_to_empty(const mem_shard *sh, uint32_t class)
{
    mem_page *best = NULL;
    int seen = 0;
    for (mem_page *p = sh->slabs.oldest; p && seen < CANDIDATES; p = p->prev) {
        if (p->class != class) {
            best = !best || p->live < best->live ? p : best;
            seen++;
        }
    }
    return best;
}

/* Evict everything in a page; false: it is not empty then, since something in it is lent or about
 * to be freed. */
static bool empty_this(mem_shard *sh, mem_page *p, mem_doomed *doomed)
{
    mem_slabs_settle(&sh->slabs);
    for (uint32_t i = 0; i < p->fresh && !sh->slabs.empty; i++) {
        mem_entry *e = mem_page_slot(p, i);
        if (mem_life_state(mem_life_of(e)) == MEM_LINKED) {
            sh->counters.displaced++;
            mem_shard_drop(sh, e, MST_GONE_ROOM, doomed);
        }
    }
    if (!sh->slabs.empty) {
        mem_shard_reclaim(sh, doomed);
        mem_slabs_settle(&sh->slabs);
    }
    return sh->slabs.empty;
}

/* Of a page that has slots of another class; if there is none, or nothing may be evicted: false. */
static bool empty_page(mem_shard *sh, uint32_t class, mem_doomed *doomed)
{
    for (int i = 0; sh->policy && i < CANDIDATES; i++) {
        mem_page *p = page_to_empty(sh, class);
        if (!p || empty_this(sh, p, doomed)) {
            return p;
        }
        mem_slabs_renew(&sh->slabs, p); /* try others before this one again */
    }
    return false;
}

static bool has_slot(const mem_shard *sh, uint32_t class)
{
    return mem_slot_is_there(&sh->slabs, class) || sh->slabs.empty;
}

/* More pages are not to be had. */
static bool free_slot(mem_shard *sh, uint32_t class, mem_doomed *doomed)
{
    return (evict_some(sh, doomed) && has_slot(sh, class)) || empty_page(sh, class, doomed);
}

/* More is not to be had otherwise: false. */
static bool make_fit(mem_shard *sh, uint64_t more, mem_doomed *doomed)
{
    mem_slabs_trim(&sh->slabs);
    return has_room(sh, more) || evict_some(sh, doomed) || empty_page(sh, MEM_CLASSES, doomed);
}

/* Could it ever fit? */
static bool is_possible(mem_shard *sh, uint64_t slot_size, uint64_t beside, mem_doomed *doomed)
{
    uint64_t page = sh->slabs.region->page_size;
    uint64_t index = sh->index.bytes - sh->index.block_bytes;
    for (int i = 0; i < 2; i++) {
        uint64_t rest = base_bytes(sh) + mem_shard_spare(sh) + sh->lent_bytes +
                        ((index + page - 1) & ~(page - 1));
        if (slot_size <= mem_slot_most(&sh->slabs) && rest + page + beside <= sh->max_bytes) {
            return true;
        }
        mem_shard_reclaim(sh, doomed); /* what was lent may have come back */
        mem_large_trim(&sh->cache->large);
    }
    return false;
}

bool mem_shard_set_aside(mem_shard *sh, uint64_t bytes, uint64_t *aside, mem_doomed *doomed)
{
    bool more = is_possible(sh, 0, bytes, doomed);
    if (!more) {
        return false;
    }
    while (more && !fits(sh, bytes)) {
        more = make_fit(sh, bytes, doomed);
    }
    *aside = more ? bytes : 0;
    sh->beside_bytes += *aside;
    return true;
}

void *mem_shard_room(mem_shard *sh, uint64_t slot_size, uint64_t beside, mem_doomed *doomed)
{
    uint64_t page = sh->slabs.region->page_size;
    uint32_t class = mem_slot_class(slot_size);
    if (!is_possible(sh, slot_size, beside, doomed)) {
        return NULL;
    }
    for (;;) {
        bool more = true;
        if (sh->max_entries && sh->index.count >= sh->max_entries) {
            more = evict_one(sh, doomed);
        } else if (!fits(sh, beside)) {
            more = make_fit(sh, beside, doomed);
        } else if (!has_slot(sh, class)) {
            more = (has_room(sh, beside + page) && mem_slabs_grow(&sh->slabs)) ||
                   free_slot(sh, class, doomed);
        } else {
            void *slot = mem_slot_take(&sh->slabs, class);
            if (slot) {
                return slot;
            }
            mem_slabs_cut(&sh->slabs, class);
        }
        if (!more) {
            return NULL;
        }
    }
}

/* Without room the index has some slots left. */
void mem_shard_grow_index(mem_shard *sh, uint64_t hash, mem_doomed *doomed)
{
    if (!mem_index_is_full(&sh->index, hash)) {
        return;
    }
    uint64_t page = sh->slabs.region->page_size, more = mem_index_growth(&sh->index, hash);
    if (mem_index_needs_page(&sh->index) && !sh->slabs.empty &&
        !(has_room(sh, more + page) && mem_slabs_grow(&sh->slabs)) &&
        !empty_page(sh, MEM_CLASSES, doomed)) {
        return;
    }
    while (!fits(sh, more)) {
        if (!evict_some(sh, doomed) || !empty_page(sh, MEM_CLASSES, doomed)) {
            return;
        }
        mem_slabs_trim(&sh->slabs);
    }
    mem_index_grow(&sh->index, hash);
}

static uint64_t used_now(mem_shard *sh)
{
    mem_lock(sh);
    uint64_t used = mem_shard_used(sh);
    mem_mutex_unlock(&sh->lock);
    return used;
}

/* A page, or a few entries: so that nobody waits long for the lock. False: nothing has changed. */
static bool shrink_step(mem_shard *sh, uint64_t *freed)
{
    mem_doomed doomed = {0};
    mem_lock(sh);
    uint64_t before = mem_shard_used(sh);
    bool is_beside = sh->beside_bytes > mem_slabs_bytes(&sh->slabs);
    bool changed = sh->slabs.empty || (!is_beside && empty_page(sh, MEM_CLASSES, &doomed)) ||
                   evict_some(sh, &doomed);
    mem_slabs_trim(&sh->slabs);
    mem_unlock(sh, &doomed);
    mem_large_trim(&sh->cache->large);
    uint64_t after = used_now(sh); /* others may have stored something meanwhile */
    *freed += after < before ? before - after : 0;
    return changed;
}

uint64_t mem_shard_shrink(mem_shard *sh, uint64_t bytes)
{
    uint64_t freed = 0;
    while (freed < bytes && shrink_step(sh, &freed)) {
    }
    return freed;
}
