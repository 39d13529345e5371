/* shard.h - a part of the cache with its own lock, index, pages, policy state and share of
 * max_bytes.
 *
 *   shard.c   life of the cache, clearing
 *   room.c    what is charged, making room, removing, giving memory back
 *   lookup.c  plain hits without the lock
 *   read.c    GET and EXISTS under it, one and many
 *   write.c   SET, DEL, TOUCH, CLEAR
 *   expire.c  when an entry ends, and the sweep for those that have
 *   lock.h    the lock
 *   loan.h    how readers hold entries without it
 *
 * The policy is called with the lock held (hits of shared mode without); objects are released, and
 * blocks freed, without it.
 */
#ifndef MEM_SHARD_H
#define MEM_SHARD_H

#include "index.h"
#include "loan.h"
#include "lock.h"

/* Figures of a shard, as `memstache stat` shows them, summed over the shards. */
#define MEM_COUNTER_MAP(XX)                                                                        \
    XX(misses)      /* GETs not answered, those of expired entries among them */                   \
    XX(stores)      /* SETs that were stored */                                                    \
    XX(evictions)   /* entries that the policy gave up to make room */                             \
    XX(displaced)   /* entries removed because others needed just their memory */                  \
    XX(expirations) /* entries removed because their time was over */                              \
    XX(refused)     /* SETs not stored: not admitted, or no room could be made */                  \
    XX(too_big)     /* SETs of values that no shard could hold */                                  \
    XX(no_memory)   /* SETs that failed because there was no memory */

typedef struct mem_counters {
#define MEM_COUNTER_FIELD(name) uint64_t name;
    MEM_COUNTER_MAP(MEM_COUNTER_FIELD)
#undef MEM_COUNTER_FIELD
} mem_counters;

enum { MEM_BATCH = 32 /* entries */, MEM_RETIRED_MOST = 4 * MEM_BATCH };

typedef struct mem_shard {
    _Alignas(64) const mst_eviction_ops *policy; /* NULL: no eviction */
    void *policy_shard;
    struct mem_cache *cache;
    mem_index index;
    _Alignas(64) mem_mutex lock;
    mem_slabs slabs;
    uint64_t max_bytes, max_entries; /* its share; no entries bound: 0 */
    uint64_t fixed_bytes;            /* what the shard itself takes */
    uint64_t beside_bytes;           /* charge of what entries have beside their slots */
    uint64_t most_bytes;             /* the largest charge of an entry that could ever be stored */
    uint32_t retired_count, lent_count;
    /* Positions of entries that went since the last survey of readers; the first one in a list of
     * those that were lent then, 0 for none; bytes of these. */
    uint32_t retired[MEM_RETIRED_MOST];
    uint32_t lent;
    uint64_t lent_bytes;
    mem_counters counters;
} mem_shard;

typedef struct mem_cache {
    mem_lender lender; /* first: the cache ends with it */
    const mst_host *host;
    mst_evictor evictor;
    mem_shape shape;
    mem_region region;
    mem_large large;
    void (*on_hit)(void *policy_shard, mst_node *); /* of the policy; NULL: it has none, or says
                                                       what it does with the next two */
    uint32_t reads_at, reads_max;                   /* as in mst_eviction_ops, within an entry */
    uint32_t shard_count;                           /* power of two */
    uint32_t shard_mask, shard_bits;                /* that choose one */
    mem_shard *shards;
    /* Of the index of each shard: lookups need no more of it. */
    _Atomic(mem_directory *) directory[];
} mem_cache;

/* Retired entries with something beside their slots, which is given back without the lock. */
typedef struct mem_doomed {
    uint32_t first;
} mem_doomed;

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

static inline uint32_t mem_cache_shard_index(const mem_cache *cache, uint64_t hash)
{
    return (uint32_t) (hash >> 40) & cache->shard_mask;
}

static inline mem_shard *mem_cache_shard(const mem_cache *cache, uint64_t hash)
{
    return &cache->shards[mem_cache_shard_index(cache, hash)];
}

static inline void mem_lock(mem_shard *sh)
{
    mem_mutex_lock(&sh->lock);
}

/* Free what doomed entries have, then their slots. Not under the lock. */
void mem_bury(mem_shard *, mem_doomed *);

/* Unlock, then free what was removed. */
static inline void mem_unlock(mem_shard *sh, mem_doomed *doomed)
{
    mem_mutex_unlock(&sh->lock);
    if (doomed->first) {
        mem_bury(sh, doomed);
    }
}

static inline const mem_shape *mem_shape_of(const mem_shard *sh)
{
    return sh->index.shape;
}

/* Everything from here on: [shard-lock] unless it says otherwise. */

/* What counts against max_bytes, and what has to be left, since it is taken without asking. */
uint64_t mem_shard_used(const mem_shard *);
uint64_t mem_shard_spare(const mem_shard *);
/* Take a linked entry out, and tell the policy (MST_GONE_*). */
void mem_shard_drop(mem_shard *, mem_entry *, int why, mem_doomed *);
/* Give back the slots of all retired entries that are not lent. */
void mem_shard_reclaim(mem_shard *, mem_doomed *);
/* Free one that is neither linked nor lent, now or once it was buried. */
void mem_shard_discard(mem_shard *, mem_entry *, mem_doomed *);
/* A slot for an entry of that size with so much beside it, evicting others; NULL: not possible now.
 * Evicts nothing when that would not be enough. */
void *mem_shard_room(mem_shard *, uint64_t slot_size, uint64_t beside, mem_doomed *);
/* Charge so many bytes for a block to come, evicting others; *aside says how many it were: none, if
 * that was not enough. False: they cannot fit. */
bool mem_shard_set_aside(mem_shard *, uint64_t bytes, uint64_t *aside, mem_doomed *);
/* [any-thread] Evict until the shard takes `bytes` less, or nothing is left; how many less it was.
 */
uint64_t mem_shard_shrink(mem_shard *, uint64_t bytes);
/* Split the segment of the hash if it is time to, and there is room. */
void mem_shard_grow_index(mem_shard *, uint64_t hash, mem_doomed *);
/* What the entry is charged. */
uint64_t mem_shard_charge(const mem_shard *, const mem_entry *);
/* Drop the entries of one segment that belong to the space, or all of them (NULL). Advances *at;
 * false when there is no further segment. */
bool mem_shard_clear_step(mem_shard *, const mst_space *, uint32_t *at, mem_doomed *);

/* ---- lookup.c */
/* The key's line is wanted soon. */
void mem_expect(const mem_cache *, uint64_t hash);
mst_status mem_lookup(mem_cache *, const mst_lookup *, mst_result *);
void mem_lookup_many(mem_cache *, const mst_lookup *, mst_result *, size_t n);

/* ---- read.c, write.c: take the lock themselves, set op->status */
void mem_get(mem_cache *, mst_op *);
void mem_get_many(mem_cache *, mst_op *const *ops, size_t n);
mst_status mem_lookup_locked(mem_cache *, const mst_lookup *, mst_result *);
void mem_exists(mem_cache *, mst_op *);
void mem_set(mem_cache *, mst_op *);
void mem_del(mem_cache *, mst_op *);
void mem_touch(mem_cache *, mst_op *);
void mem_clear(mem_cache *, mst_op *);

/* ---- expire.c */
/* The first moment at which an entry read at `now_ms` is gone; 0 never. */
uint64_t mem_end_of(uint64_t limit_ms, uint64_t window_ms, uint64_t now_ms);
static inline uint64_t mem_entry_end_ms(const mem_shape *s, const mem_entry *e)
{
    return mem_time_out(s, mem_life_end(mem_life_of(e)));
}
static inline bool mem_entry_is_over(const mem_shape *s, const mem_entry *e, uint64_t now_ms)
{
    return mem_life_is_over(mem_life_of(e), mem_time_in(s, now_ms));
}
/* The entry was read. */
void mem_entry_renew(const mem_shape *, mem_entry *, uint64_t now_ms);
/* Drop an entry whose time is over. */
void mem_shard_expire(mem_shard *, mem_entry *, mem_doomed *);
/* Find; an entry whose time is over is dropped and not found. */
mem_entry *mem_shard_find(mem_shard *, const mst_op *, mem_doomed *);
/* A few steps of the hand: part of every write. */
void mem_shard_sweep(mem_shard *, uint64_t now_ms, mem_doomed *);

#endif
