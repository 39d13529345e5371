/* shard.h - a part of the cache with its own lock, index, policy state and share of max_bytes.
 *
 *   shard.c   life of the cache, what is charged, making room, removing
 *   read.c    GET and EXISTS, one and many
 *   write.c   SET, DEL, TOUCH, CLEAR
 *   expire.c  when an entry ends, and the sweep for those that have
 *   lock.h    the lock
 *
 * The policy is called with the lock held; entries are allocated and freed, and objects released,
 * without it.
 */
#ifndef MEM_SHARD_H
#define MEM_SHARD_H

#include "index.h"
#include "lock.h"

/* Figures of a shard, as `memstache stat` shows them, summed over the shards. */
#define MEM_COUNTER_MAP(XX)                                                                        \
    XX(hits)        /* GETs answered */                                                            \
    XX(misses)      /* GETs not answered, those of expired entries among them */                   \
    XX(stores)      /* SETs that were stored */                                                    \
    XX(evictions)   /* entries that the policy gave up to make room */                             \
    XX(expirations) /* entries removed because their time was over */                              \
    XX(refused)     /* SETs not stored: not admitted, or no room could be made */                  \
    XX(too_big)     /* SETs of values that no shard could hold */                                  \
    XX(no_memory)   /* SETs that failed because there was no memory */

typedef struct mem_counters {
#define MEM_COUNTER_FIELD(name) uint64_t name;
    MEM_COUNTER_MAP(MEM_COUNTER_FIELD)
#undef MEM_COUNTER_FIELD
} mem_counters;

typedef struct mem_shard {
    _Alignas(64) mem_mutex lock;
    const mst_eviction_ops *policy; /* NULL: no eviction */
    void *policy_shard;
    uint64_t entry_bytes; /* charge of the linked entries */
    mem_index index;
    uint64_t max_bytes, max_entries; /* its share; no entries bound: 0 */
    uint64_t fixed_bytes;            /* what the shard itself takes */
    uint64_t most_bytes;             /* the largest charge of an entry that could ever be stored */
    mem_counters counters;
    _Alignas(64) mem_pool pool; /* outlives the shard's content: see entry.h */
} mem_shard;

typedef struct mem_cache {
    mem_home home; /* first: the block is freed by it */
    mst_evictor evictor;
    uint32_t shard_count; /* power of two */
    uint32_t shard_shift; /* 64 - log2(shard_count) */
    mem_shard shards[];
} mem_cache;

typedef struct mem_limits {
    uint64_t max_bytes, max_entries;
    uint32_t shards;
} mem_limits;

/* How many shards suit these bounds on this machine. */
uint32_t mem_shards_for(uint64_t max_bytes, uint64_t max_entries, uint32_t processors);

/* `evictor` may be NULL. MST_ENOMEM, MST_EINVAL when a share is too small for the shard itself, or
 * the error of the policy. */
mst_status mem_cache_new(mem_cache **, const mst_host *, const mem_limits *, const mst_evictor *);
/* [any-thread] Evict until the cache takes `bytes` less, or nothing is left to evict; how many less
 * it takes now. */
uint64_t mem_cache_shrink(mem_cache *, uint64_t bytes);
/* Drop everything that is not pinned. What is pinned stays valid until it is released. */
void mem_cache_stop(mem_cache *);

static inline mem_shard *mem_cache_shard(mem_cache *cache, uint64_t hash)
{
    return &cache->shards[hash >> 1 >> (cache->shard_shift - 1)]; /* a shift of 64 is undefined */
}

static inline void mem_lock(mem_shard *sh)
{
    mem_mutex_lock(&sh->lock);
}

/* Unlock, then free what was removed. */
static inline void mem_unlock(mem_shard *sh, mem_doomed *doomed)
{
    mem_mutex_unlock(&sh->lock);
    if (doomed->first) {
        mem_bury(&sh->pool, doomed);
    }
}

/* Everything from here on: [shard-lock] unless it says otherwise. */

/* What counts against max_bytes. */
uint64_t mem_shard_used(const mem_shard *);
/* Take a linked entry out, and tell the policy (MST_GONE_*). */
void mem_shard_drop(mem_shard *, mem_entry *, int why, mem_doomed *);
/* Evict until `bytes` more fit. Evicts nothing when that would not be enough. */
bool mem_shard_make_room(mem_shard *, uint64_t bytes, mem_doomed *);
/* Drop the entries of one segment that belong to the space, or all of them (NULL). Advances *at;
 * false when there is no further segment. */
bool mem_shard_clear_step(mem_shard *, const mst_space *, uint32_t *at, mem_doomed *);

/* ---- read.c, write.c: take the lock themselves, set op->status */
void mem_get(mem_cache *, mst_op *);
void mem_get_many(mem_cache *, mst_op *const *ops, size_t n);
mst_status mem_lookup(mem_cache *, mst_lookup *);
void mem_lookup_many(mem_cache *, mst_lookup *, size_t n);
void mem_exists(mem_cache *, mst_op *);
void mem_set(mem_cache *, mst_op *);
void mem_del(mem_cache *, mst_op *);
void mem_touch(mem_cache *, mst_op *);
void mem_clear(mem_cache *, mst_op *);

/* ---- expire.c */
/* The first moment at which an entry read at `now_ms` is gone; 0 never. */
uint64_t mem_life_end(uint64_t limit_ms, uint64_t window_ms, uint64_t now_ms);
static inline bool mem_life_over(uint64_t end_ms, uint64_t now_ms)
{
    return end_ms && end_ms <= now_ms;
}
static inline uint64_t mem_entry_end(const mem_entry *e)
{
    return atomic_load_explicit(&e->expires_ms, memory_order_relaxed);
}
/* The entry was read. */
void mem_entry_renew(mem_entry *, uint32_t node_room, uint64_t now_ms);
/* Drop an entry whose time is over. */
void mem_shard_expire(mem_shard *, mem_entry *, mem_doomed *);
/* Find; an entry whose time is over is dropped and not found. */
mem_entry *mem_shard_find(mem_shard *, const mst_op *, mem_doomed *);
/* A few steps of the hand: part of every write. */
void mem_shard_sweep(mem_shard *, uint64_t now_ms, mem_doomed *);

#endif
