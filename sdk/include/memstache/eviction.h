/* eviction.h - a policy keeps its per-entry state in bytes that the provider reserves inside the
 * entry. It never sees a key, never looks one up, and its state dies with the entry.
 *
 * The provider promises: a node is zeroed before on_insert(); it does not move while tracked;
 * exactly one of on_remove() or a return from evict() ends its tracking, and no hit follows, except
 * one of MST_HIT_SHARED that was under way: the node's memory is still there then;
 * a node may appear twice in one on_hit_many().
 * The policy promises: no blocking, no call into the host, no allocation after shard_init();
 * evict() in O(1) amortised; evicting n times after n inserts returns each node exactly once.
 */
#ifndef MEMSTACHE_EVICTION_H
#define MEMSTACHE_EVICTION_H

#include "plugin.h"

typedef struct mst_node mst_node; /* never defined: cast to your own struct */

/* About one entry; valid during the call only. */
typedef struct mst_entry_info {
    uint32_t struct_size;
    uint32_t cost;       /* the caller's hint: how dear it is to load again; 0 = none */
    uint64_t hash;       /* 64-bit seeded hash of the key */
    uint64_t bytes;      /* what the entry is charged, overheads included */
    uint64_t expires_ms; /* on host->now_ms(); 0 = never */
} mst_entry_info;

typedef struct mst_shard_info {
    uint32_t struct_size, shard_index, shard_count;
    uint64_t max_bytes, max_entries; /* this shard's share; 0 = unlimited */
    uint64_t seed;                   /* differs per shard; for policies that draw lots */
    /* Every node of the shard lies at node_base + ((uint64_t) position << node_unit), with a
     * position from 1 to UINT32_MAX: policies may keep those instead of pointers, in half the room.
     */
    void *node_base;
    uint32_t node_unit;
} mst_shard_info;

enum {                        /* exactly one of the first three */
       MST_HIT_NONE = 1,      /* on_hit is NULL (FIFO) */
       MST_HIT_SHARED = 2,    /* on_hit touches only *node, with relaxed atomics; callers may hold a
                                 read lock or only a pin */
       MST_HIT_EXCLUSIVE = 3, /* on_hit needs the shard lock */
       MST_HIT_MODE = 3,      /* mask of the three above */
       MST_HIT_LOSSY = 0x10   /* hits may be batched, delayed or dropped */
};

/* Why an entry goes, other than by evict(). ROOM: the provider needs the very memory that it is in,
 * for an entry of another size. */
enum { MST_GONE_DELETED = 1, MST_GONE_EXPIRED, MST_GONE_REPLACED, MST_GONE_CLEARED, MST_GONE_ROOM };

enum { MST_NODE_SIZE_MAX = 64, MST_NODE_ALIGN_MAX = 16 };

typedef struct mst_eviction_ops {
    uint32_t struct_size;
    uint32_t node_size, node_align; /* at most 64 and 16 */
    uint32_t shard_size;            /* zeroed, 64-byte aligned, allocated by the provider */
    uint32_t hit_mode;              /* MST_HIT_* */

    /* [main] or [loop] Optional; may allocate through the instance's host. */
    mst_status (*shard_init)(void *self, void *shard, const mst_shard_info *);
    void (*shard_fini)(void *self, void *shard); /* optional; also after a failed shard_init */

    /* All [shard-lock] unless hit_mode says otherwise. */
    void (*on_insert)(void *shard, mst_node *, const mst_entry_info *);
    void (*on_hit)(void *shard, mst_node *);
    void (*on_hit_many)(void *shard, mst_node *const *, size_t n);      /* optional */
    void (*on_update)(void *shard, mst_node *, const mst_entry_info *); /* optional */
    void (*on_remove)(void *shard, mst_node *, int why);
    /* Pick one victim, forget it, return it; NULL when nothing is tracked. */
    mst_node *(*evict)(void *shard);
    /* Admission: 0 refuses the candidate, which is then not stored. Optional. */
    int (*admit)(void *shard, const mst_entry_info *candidate);
    /* Ghosts and sketches: a key that was asked for and is not here. Optional. */
    void (*on_miss)(void *shard, uint64_t hash);
    /* Bytes that shard_init() allocated; the provider counts them against its bound. Optional:
     * none. */
    uint64_t (*footprint)(const void *shard);
    /* What evict() is likely to return next, or NULL: a hint, for a provider that brings its memory
     * near in advance. Optional. */
    const mst_node *(*likely_victim)(const void *shard);
    /* With MST_HIT_SHARED, where on_hit() does no more than to count: it adds one to the byte of
     * the node at reads_at, unless that is reads_max already. A provider may do this itself then,
     * since the call costs a hit of the near cache a twentieth. 0: it is to be called. */
    uint32_t reads_at, reads_max;
} mst_eviction_ops;

/* A policy as a provider gets it: the ops are complete (absent optional ones are NULL). */
typedef struct mst_evictor {
    const mst_eviction_ops *ops;
    void *self;
} mst_evictor;

#endif
